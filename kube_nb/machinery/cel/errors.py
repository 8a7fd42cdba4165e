"""What can be wrong with an expression, and how it is told: in the words and with the pointer of cel-go."""

from collections.abc import Sequence


class CelError(Exception):
    """The root of both."""


class CompileError(CelError):
    """An expression that is none, or whose parts do not fit. faults: (offset, message) each."""

    def __init__(self, source: str, faults: Sequence[tuple[int, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(pointed(source, at, message) for at, message in faults))


class EvalError(CelError):
    """An expression without a value: ``no such key: x``."""


class CostExceeded(EvalError):
    """An expression that takes too long. Nothing catches it on the way."""


def pointed(source: str, at: int, message: str) -> str:
    """Models common.Error.ToDisplayString.

    ERROR: <input>:1:7: undefined field 'x'
     | object.x
     | ......^
    """
    start = source.rfind("\n", 0, at) + 1
    end = source.find("\n", at)
    line = source[start : len(source) if end < 0 else end]
    column = at - start
    head = f"ERROR: <input>:{source.count(chr(10), 0, at) + 1}:{column + 1}: {message}"
    return f"{head}\n | {line}\n | {'.' * column}^"
