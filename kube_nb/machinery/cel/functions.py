"""The table of functions: every one with the signatures that it has and what it does.

One table serves the checker, which picks by declared types, and evaluation, which picks by the values' types.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from kube_nb.machinery.cel.errors import EvalError
from kube_nb.machinery.cel.types import Signature, Type, signature
from kube_nb.machinery.cel.values import Message, Optional, TypeValue, Uint

Implementation = Callable[..., Any]


class Overload(NamedTuple):
    signature: Signature
    run: Implementation


#: The types of values by the names of types; an opaque type's class names its own in CEL_TYPE.
_CLASSES: dict[str, type] = {
    "bool": bool,
    "int": int,
    "uint": Uint,
    "double": float,
    "string": str,
    "bytes": bytes,
    "null": type(None),
    "list": list,
    "timestamp": datetime,
    "duration": timedelta,
    "optional_type": Optional,
    "type": TypeValue,
}


def _takes(wanted: Type, given: type) -> bool:
    if wanted.is_parameter or wanted.name == "dyn":
        return True
    if wanted.name == "map":
        return issubclass(given, dict)
    if wanted.name in _CLASSES:
        return given is _CLASSES[wanted.name]
    return getattr(given, "CEL_TYPE", "") == wanted.name or (given is Message and "." not in wanted.name)


class Function:
    """All overloads of one name; which of them runs is looked up once for each combination of types."""

    __slots__ = ("_chosen", "name", "overloads")

    def __init__(self, name: str) -> None:
        self.name = name
        self.overloads: list[Overload] = []
        self._chosen: dict[tuple[Any, ...], Implementation | None] = {}

    def candidates(self, member: bool, count: int) -> list[Overload]:
        return [row for row in self.overloads if row.signature.member == member and len(row.signature.params) == count]

    def call(self, member: bool, args: Sequence[Any]) -> Any:
        """EvalError if no overload takes these values."""
        key = (member, *map(type, args))
        try:
            run = self._chosen[key]
        except KeyError:
            run = self._chosen[key] = self._choose(member, key[1:])
        if run is None:
            raise EvalError("no such overload")
        return run(*args)

    def _choose(self, member: bool, given: Sequence[Any]) -> Implementation | None:
        for row in self.candidates(member, len(given)):
            if all(map(_takes, row.signature.params, given)):
                return row.run
        return None


#: Every function by its name.
FUNCTIONS: dict[str, Function] = {}


def overload(name: str, *signatures: str) -> Callable[[Implementation], Implementation]:
    """Put a function into the table under each of its signatures."""

    def register(run: Implementation) -> Implementation:
        for text in signatures:
            FUNCTIONS.setdefault(name, Function(name)).overloads.append(Overload(signature(text), run))
        return run

    return register
