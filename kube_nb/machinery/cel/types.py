"""The types of expressions, and when one fits where another is wanted.

A type is a name with parameters: ``list(int)``, ``map(string, dyn)``. A single capital stands for any type, the same
throughout one signature. Models cel-go common/types/types.go and checker/types.go.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Names as signatures write them, and as cel-go declares them.
_FULL = {
    "optional": "optional_type",
    "quantity": "kubernetes.Quantity",
    "url": "kubernetes.URL",
    "ip": "net.IP",
    "cidr": "net.CIDR",
    "semver": "kubernetes.Semver",
    "format": "kubernetes.NamedFormat",
    "authorizer": "kubernetes.authorization.Authorizer",
    "path_check": "kubernetes.authorization.PathCheck",
    "group_check": "kubernetes.authorization.GroupCheck",
    "resource_check": "kubernetes.authorization.ResourceCheck",
    "decision": "kubernetes.authorization.Decision",
}
_PART = re.compile(r"\s*([\w.]+|[(),])")


@dataclass(frozen=True)
class Type:
    """name: as it is shown; args: of list, map, optional and type; fields: of an object, None for anything else."""

    name: str
    args: "tuple[Type, ...]" = ()
    fields: "Mapping[str, Type] | None" = field(default=None, compare=False, hash=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})" if self.args else self.name

    @property
    def is_parameter(self) -> bool:
        return len(self.name) == 1 and self.name.isupper()


DYN, BOOL, INT, UINT, DOUBLE = Type("dyn"), Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL, TIMESTAMP, DURATION = (
    Type("string"),
    Type("bytes"),
    Type("null"),
    Type("timestamp"),
    Type("duration"),
)
#: What the types that can be named in an expression are called there.
NAMED: Mapping[str, Type] = {
    **{each.name: each for each in (BOOL, INT, UINT, DOUBLE, STRING, BYTES)},
    "null_type": NULL,
    "list": Type("list", (DYN,)),
    "map": Type("map", (DYN, DYN)),
    "type": Type("type"),
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
    "optional_type": Type("optional_type", (DYN,)),
    **{name: Type(name) for name in _FULL.values() if "." in name},
}


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("optional_type", (value,))


@dataclass(frozen=True)
class Signature:
    """``string.(int) -> string`` or ``(A, A) -> bool``; the receiver counts as the first parameter."""

    member: bool
    params: tuple[Type, ...]
    result: Type


@functools.cache
def signature(text: str) -> Signature:
    given, _, result = text.partition(" -> ")
    receiver, member, rest = given.partition(".(") if not given.startswith("(") else ("", "", given[1:])
    params = [_type(part) for part in _split(rest.rstrip()[:-1])]
    if member:
        params.insert(0, _type(receiver))
    return Signature(bool(member), tuple(params), _type(result))


def _type(text: str) -> Type:
    name, _, args = text.strip().partition("(")
    return Type(_FULL.get(name, name), tuple(_type(part) for part in _split(args[:-1])) if args else ())


def _split(text: str) -> list[str]:
    """At the commas outside of brackets."""
    parts, depth, last = [], 0, 0
    for index, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and not depth:
            parts.append(text[last:index])
            last = index + 1
    return [*parts, text[last:]] if text.strip() else []


Bindings = dict[str, Type]


def fits(wanted: Type, given: Type, bound: Bindings) -> bool:
    """Whether a value of one type may stand where the other is wanted; binds the wanted one's parameters."""
    if wanted.is_parameter:
        known = bound.get(wanted.name)
        if known is None or (known == DYN or fits(given, known, {})):
            if known is None or known != DYN:
                bound[wanted.name] = given
            return True
        return fits(known, given, {})
    if wanted == DYN or given == DYN:
        return True
    if given == NULL:
        return wanted == NULL or "." in wanted.name or wanted in (TIMESTAMP, DURATION) or wanted.fields is not None
    if wanted.name == "type":
        return given.name == "type"
    if wanted.name != given.name or len(wanted.args) != len(given.args):
        return False
    return all(fits(part, other, bound) for part, other in zip(wanted.args, given.args, strict=True))


def filled(type: Type, bound: Bindings) -> Type:
    """The type with its parameters replaced; what nothing has bound is dyn."""
    if type.is_parameter:
        return bound.get(type.name, DYN)
    return Type(type.name, tuple(filled(part, bound) for part in type.args), type.fields) if type.args else type


def joined(known: Type | None, more: Type) -> Type | None:
    """The type of a list that has items of both; None if there is none."""
    if known is None or known == more:
        return more
    if fits(known, more, {}):
        return DYN if DYN in (known, more) else known
    return more if fits(more, known, {}) else None
