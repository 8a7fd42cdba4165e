"""``expr``: arithmetic, comparisons and string functions. Models busybox's coreutils/expr.c."""

import operator
import re
from collections.abc import Callable

from kube_nb.cri.process import Main, Process


class _Refused(Exception):
    """The text with which the program ends, status 2."""


def _divided(a: int, b: int, remainder: bool) -> int:
    """As C divides: towards zero."""
    if not b:
        raise _Refused("division by zero")
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a - quotient * b if remainder else quotient


def _number(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise _Refused("non-numeric argument")
    return int(text)


def _arithmetic(compute: Callable[[int, int], int]) -> Callable[[str, str], str]:
    return lambda a, b: str(compute(_number(a), _number(b)))


def _comparison(holds: Callable[[object, object], bool]) -> Callable[[str, str], str]:
    """By number if both are numbers, else by text."""

    def compare(a: str, b: str) -> str:
        try:
            return str(int(holds(_number(a), _number(b))))
        except _Refused:
            return str(int(holds(a, b)))

    return compare


def _is_true(value: str) -> bool:
    return value not in ("", "0")


def _matched(text: str, pattern: str) -> str:
    """What the first group matched at the beginning, or how many characters matched."""
    translated = re.sub(r"(\\?)([(){}|+?])", lambda found: found[2] if found[1] else "\\" + found[2], pattern)
    found = re.match(translated, text)
    if found is None:
        return "" if "\\(" in pattern else "0"
    return (found[1] or "") if found.re.groups else str(found.end())


#: What binds loosest comes first.
_LEVELS: tuple[dict[str, Callable[[str, str], str]], ...] = (
    {"|": lambda a, b: a if _is_true(a) else b if _is_true(b) else "0"},
    {"&": lambda a, b: a if _is_true(a) and _is_true(b) else "0"},
    {
        "=": _comparison(operator.eq),
        "==": _comparison(operator.eq),
        "!=": _comparison(operator.ne),
        "<": _comparison(operator.lt),  # type: ignore[arg-type]
        "<=": _comparison(operator.le),  # type: ignore[arg-type]
        ">": _comparison(operator.gt),  # type: ignore[arg-type]
        ">=": _comparison(operator.ge),  # type: ignore[arg-type]
    },
    {"+": _arithmetic(operator.add), "-": _arithmetic(operator.sub)},
    {
        "*": _arithmetic(operator.mul),
        "/": _arithmetic(lambda a, b: _divided(a, b, False)),
        "%": _arithmetic(lambda a, b: _divided(a, b, True)),
    },
    {":": _matched},
)


class _Words:
    """The arguments, read from the left."""

    def __init__(self, words: list[str]) -> None:
        self.left = words

    def take(self) -> str:
        if not self.left:
            raise _Refused("syntax error")
        return self.left.pop(0)

    def value(self, level: int = 0) -> str:
        if level == len(_LEVELS):
            return self._atom()
        found = self.value(level + 1)
        while self.left and self.left[0] in _LEVELS[level]:
            found = _LEVELS[level][self.take()](found, self.value(level + 1))
        return found

    def _atom(self) -> str:
        match word := self.take():
            case "(":
                found = self.value()
                if self.take() != ")":
                    raise _Refused("syntax error")
                return found
            case "length":
                return str(len(self._atom()))
            case "index":
                text, wanted = self._atom(), self._atom()
                return str(min((text.index(each) + 1 for each in wanted if each in text), default=0))
            case "substr":
                text, start, count = self._atom(), _number(self._atom()), _number(self._atom())
                return text[start - 1 : start - 1 + count] if start > 0 < count else ""
            case "match":
                return _matched(self._atom(), self._atom())
            case ")":
                raise _Refused("syntax error")
        return word


async def expr(p: Process) -> int:
    """Ends with 0 if the value is neither empty nor 0, with 1 if it is, with 2 for bad words."""
    words = _Words(list(p.argv[1:]))
    try:
        if not words.left:
            raise _Refused("too few arguments")
        value = words.value()
        if words.left:
            raise _Refused("syntax error")
    except _Refused as refused:
        p.complain(f"expr: {refused}")
        return 2
    p.print(value)
    return 0 if _is_true(value) else 1


TOOLS: dict[str, Main] = {"expr": expr}
