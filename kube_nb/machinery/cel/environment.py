"""`Environment`: what expressions may name; `Program`: one that is ready to run."""

from collections.abc import Mapping, Sequence
from typing import Any

from kube_nb.machinery.cel import evaluation, libraries, parser
from kube_nb.machinery.cel.checker import Checker, Structs, no_structs
from kube_nb.machinery.cel.errors import CelError, CompileError, EvalError
from kube_nb.machinery.cel.types import DYN, NULL, Type

#: What one evaluation may cost. Models PerCallLimit.
BUDGET = 1_000_000
_KEPT = 512
_NULL = "null_type"
_DEEP = "expression recursion limit exceeded"


class Program:
    """A checked expression. type: of its value."""

    __slots__ = ("_run", "source", "type")

    def __init__(self, source: str, type: Type, run: evaluation.Closure) -> None:
        self.source = source
        self.type = type
        self._run = run

    def evaluate(self, variables: Mapping[str, Any], budget: int = BUDGET) -> Any:
        """The value; a variable that is a function is called when it is read. Raises EvalError."""
        try:
            return self._run(evaluation.Run(variables, budget))
        except RecursionError:
            raise EvalError(_DEEP) from None
        except (OverflowError, ValueError, ArithmeticError) as error:
            raise EvalError(str(error)) from None


class Environment:
    """Variables with their types, and the structs that can be made. Programs are kept."""

    def __init__(self, variables: Mapping[str, Type], structs: Structs = no_structs) -> None:
        self.variables = dict(variables)
        self._structs = structs
        self._programs: dict[str, Program] = {}

    def extended(self, variables: Mapping[str, Type]) -> "Environment":
        return Environment({**self.variables, **variables}, self._structs)

    def compile(self, source: str, wanted: Sequence[Type] = (DYN,)) -> Program:
        """The program of an expression; CompileError, also for one whose type is not wanted (dyn: any will do)."""
        program = self._programs.get(source)
        if program is None:
            program = self._compile(source)
            if len(self._programs) >= _KEPT:
                self._programs.clear()
            self._programs[source] = program
        if DYN not in wanted and program.type not in wanted:
            shown = (
                f"{wanted[0]}"
                if len(wanted) == 1
                else f"one of [{' '.join(_NULL if each == NULL else str(each) for each in wanted)}]"
            )
            raise WrongType(f"must evaluate to {shown}")
        return program

    def _compile(self, source: str) -> Program:
        try:
            tree = parser.parse(source, libraries.QUALIFIED)
            checker = Checker(self.variables, self._structs)
            found = checker.check(tree)
            if checker.faults:
                raise CompileError(source, checker.faults)
            return Program(source, found, evaluation.compiled(tree))
        except RecursionError:
            raise CompileError(source, [(0, _DEEP)]) from None


class WrongType(CelError):
    """An expression that is sound, but of another type than is wanted."""
