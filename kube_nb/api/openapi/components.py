"""Definitions as they stand in published OpenAPI documents: without the nulls, enums and wrappers of our source.

v2: references point to ``#/definitions/``. v3: to ``#/components/schemas/``, and one with a description is wrapped in
``allOf``, for OpenAPI 3.0 ignores whatever stands beside a ``$ref``.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kube_nb.api.definitions import Definitions
from kube_nb.machinery.types import Json, Obj

_SOURCE_PREFIX = "#/$defs/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


@dataclass(frozen=True)
class Dialect:
    """What differs between OpenAPI v2 and v3. prefix: of references."""

    version: int
    prefix: str

    def reference(self, name: str) -> Obj:
        return {"$ref": self.prefix + name}

    def scalars(self) -> Mapping[str, Obj]:
        """Definitions that are written differently in each version."""
        if self.version == 2:
            return {_QUANTITY: {"type": "string"}, _INT_OR_STRING: {"type": "string", "format": "int-or-string"}}
        return {
            _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
            _INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
        }


V2 = Dialect(2, "#/definitions/")
V3 = Dialect(3, "#/components/schemas/")


@functools.cache
def definition(definitions: Definitions, name: str, dialect: Dialect) -> Obj:
    """One definition in a dialect; made once, never changed."""
    scalar = dialect.scalars().get(name)
    source = definitions.schemas[name]
    if scalar is not None:
        return {**({"description": source["description"]} if "description" in source else {}), **scalar}
    return _schema(source, dialect, at_root=True)


def _schema(source: Mapping[str, Any], dialect: Dialect, *, at_root: bool = False) -> Obj:
    if "$ref" in source:
        return _reference(source, dialect)
    schema: Obj = {}
    for key, value in source.items():
        if key == "type":
            schema[key] = _type(value)
        elif key == "properties":
            schema[key] = {name: _property(name, field, dialect, at_root) for name, field in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            schema[key] = _schema(value, dialect)
        else:
            schema[key] = value
    return schema


def _property(name: str, source: Mapping[str, Any], dialect: Dialect, at_root: bool) -> Obj:
    """A field; the enums that our source adds to apiVersion and kind are not upstream's."""
    if at_root and name in ("apiVersion", "kind") and "enum" in source:
        source = {key: value for key, value in source.items() if key != "enum"}
    return _schema(source, dialect)


def _type(value: Json) -> Json:
    if not isinstance(value, list):
        return value
    return next(name for name in value if name != "null")


def _reference(source: Mapping[str, Any], dialect: Dialect) -> Obj:
    reference = dialect.reference(source["$ref"].removeprefix(_SOURCE_PREFIX))
    rest = {key: value for key, value in source.items() if key != "$ref"}
    if not rest:
        return reference
    return {**rest, **reference} if dialect.version == 2 else {**rest, "allOf": [reference]}


def closure(definitions: Definitions, names: Iterable[str]) -> list[str]:
    """The given definitions and all that they refer to, sorted."""
    found: dict[str, None] = {}
    waiting = [name for name in names if name in definitions.schemas]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting.extend(_references(definitions, name))
    return sorted(found)


@functools.cache
def _references(definitions: Definitions, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_within(definitions.schemas[name])))


def _within(source: Json) -> Iterable[str]:
    if isinstance(source, list):
        for item in source:
            yield from _within(item)
    elif isinstance(source, dict):
        reference = source.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_SOURCE_PREFIX)
        for value in source.values():
            yield from _within(value)
