"""The tree of an expression after parsing: macros are written out, so that few kinds of node are left.

`at` is the offset that an error about the node points to: the operator, the dot, the opening bracket.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: the CEL value itself."""

    at: int
    value: Any


@dataclass(frozen=True, slots=True)
class Ident:
    """A variable or the name of a type."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.field``; test: ``has(operand.field)``."""

    at: int
    operand: "Node"
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """``function(args)`` or ``target.function(args)``; operators are called ``_+_``, ``_[_]``, ``_?_:_``."""

    at: int
    function: str
    target: "Node | None"
    args: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[a, ?b]``; optional: the indices of what counts only if it is there."""

    at: int
    items: "tuple[Node, ...]"
    optional: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MapOf:
    """``{key: value, ?key: value}`` as (key, value, optional)."""

    at: int
    entries: "tuple[tuple[Node, Node, bool], ...]"


@dataclass(frozen=True, slots=True)
class Struct:
    """``Name.part{field: value, ?field: value}`` as (field, value, optional, at)."""

    at: int
    name: str
    fields: "tuple[tuple[str, Node, bool, int], ...]"


@dataclass(frozen=True, slots=True)
class Fold:
    """A loop: what every macro over a list or a map becomes. Models cel-go's ComprehensionExpr.

    variables: the item; or index (key) and item. The accumulator starts as `start`, becomes `step` while `condition`
    holds, and `result` is the value.
    """

    at: int
    range: "Node"
    variables: tuple[str, ...]
    accumulator: str
    start: "Node"
    condition: "Node"
    step: "Node"
    result: "Node"


Node: TypeAlias = Const | Ident | Select | Call | ListOf | MapOf | Struct | Fold
