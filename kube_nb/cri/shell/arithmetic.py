"""``$((...))``: integer arithmetic by precedence climbing, on names, decimal, octal and hexadecimal numbers."""

import re
from collections.abc import Callable, Mapping

_TOKEN = re.compile(r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>&|^!~()?:=])")
_LEVELS: dict[str, int] = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11,
}  # fmt: skip
#: Results wrap as a 64-bit register does.
_BITS = 64


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise ValueError("divide by zero")
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a or b)),
    "&&": lambda a, b: int(bool(a and b)),
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "&": lambda a, b: a & b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
    "<<": lambda a, b: a << (b % _BITS),
    ">>": lambda a, b: a >> (b % _BITS),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
    "**": lambda a, b: pow(a, min(max(b, 0), _BITS)),
}


def _wrap(value: int) -> int:
    return (value + (1 << 63)) % (1 << _BITS) - (1 << 63)


def evaluate(expression: str, variables: Mapping[str, str], assign: Callable[[str, str], None]) -> int:
    """The value of an expression whose ``$`` parts are expanded. Raises ValueError in the shell's words."""
    tokens = _TOKEN.findall(expression)
    if "".join(tokens) != re.sub(r"\s", "", expression):
        raise ValueError("arithmetic syntax error")
    if not tokens:
        return 0
    evaluator = _Evaluator(tokens, variables, assign)
    value = evaluator.ternary()
    if evaluator.index != len(tokens):
        raise ValueError("arithmetic syntax error")
    return value


class _Evaluator:
    def __init__(self, tokens: list[str], variables: Mapping[str, str], assign: Callable[[str, str], None]) -> None:
        self.tokens = tokens
        self.index = 0
        self.variables = variables
        self.assign = assign

    def next(self) -> str:
        return self.tokens[self.index] if self.index < len(self.tokens) else ""

    def take(self, token: str) -> bool:
        if self.next() == token:
            self.index += 1
            return True
        return False

    def ternary(self) -> int:
        value = self.binary(1)
        if not self.take("?"):
            return value
        yes = self.ternary()
        if not self.take(":"):
            raise ValueError("arithmetic syntax error")
        no = self.ternary()
        return yes if value else no

    def binary(self, level: int) -> int:
        value = self.unary()
        while _LEVELS.get(self.next(), 0) >= level:
            operator = self.next()
            self.index += 1
            value = _wrap(_OPERATIONS[operator](value, self.binary(_LEVELS[operator] + 1)))
        return value

    def unary(self) -> int:
        for sign, apply in (("-", lambda v: -v), ("+", lambda v: v), ("!", lambda v: int(not v)), ("~", lambda v: ~v)):
            if self.take(sign):
                return _wrap(apply(self.unary()))
        if self.take("("):
            value = self.ternary()
            if not self.take(")"):
                raise ValueError("arithmetic syntax error")
            return value
        token = self.next()
        if not token or not (token[0].isalnum() or token[0] == "_"):
            raise ValueError("arithmetic syntax error")
        self.index += 1
        if token[0].isdigit():
            return _number(token)
        if self.next() == "=":
            self.index += 1
            value = self.ternary()
            self.assign(token, str(value))
            return value
        return _number(self.variables.get(token, "") or "0")


def _number(text: str) -> int:
    try:
        if text[:2].lower() == "0x":
            return _wrap(int(text, 16))
        return _wrap(int(text, 8) if text.startswith("0") and len(text) > 1 else int(text))
    except ValueError:
        raise ValueError("arithmetic syntax error") from None
