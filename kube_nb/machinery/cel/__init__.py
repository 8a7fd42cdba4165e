"""CEL, the language of admission policies, of custom resources' rules and of device selectors.

    source -> lexer -> parser (macros written out) -> checker (types) -> evaluation (closures) -> Program

Guarantees: an expression is compiled once per environment; what is wrong with it is a `CompileError` with cel-go's text
and pointer; evaluation takes plain JSON as it is, copies nothing, ends within its budget, and raises nothing but
`EvalError`. Functions are rows of one table (`functions`), filled by the modules of `libraries`; read
`libraries.standard` for how a row looks. Regular expressions are RE2's, which no input makes slow.

Models cel-go and apiserver pkg/cel. Differs: times to the microsecond; no estimate of costs before an expression runs,
and a cost limit that counts calls and loops roughly.
"""

from kube_nb.machinery.cel.environment import BUDGET, Environment, Program, WrongType
from kube_nb.machinery.cel.errors import CelError, CompileError, CostExceeded, EvalError

__all__ = ["BUDGET", "CelError", "CompileError", "CostExceeded", "Environment", "EvalError", "Program", "WrongType"]
