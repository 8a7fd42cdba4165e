"""Defaults: what the server adds to an object before it checks and stores it.

    defaults.yaml (constants per definition)  +  default_rules.RULES (conditional ones)
        -> one closure per definition, descending only into fields below which a default exists

Models the generated pkg/apis/*/v1/zz_generated.defaults.go: own rules first, then the fields'.
Differs: cluster addresses, node ports, service-account tokens and the like are set by the apiserver's strategies and
admission, as upstream does, not here; fractions of a milli-unit in resource lists are not rounded up.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kube_nb.api import data
from kube_nb.api.default_rules import RULES, Rule
from kube_nb.api.kinds import Kind
from kube_nb.api.schema import Schema, Schemas, of_kind, short_name
from kube_nb.machinery.types import Json, Obj

Defaulter: TypeAlias = Callable[[Json], Json]


def apply(kind: Kind, obj: Obj, old: Obj | None = None) -> Obj:
    """`obj` with every default filled in; `obj` itself if nothing was missing.

    old: the stored object, whose parts are complete; what `obj` shares with it by identity is skipped.
    """
    schema = of_kind(kind)
    if schema is None:
        return obj
    if kind.is_custom:
        return schema.default(obj)
    defaulters = _defaulters(schema.schemas)
    if old is not None and _is_same(obj, old):
        return _with_status(defaulters, schema, obj, old)
    defaulter = defaulters.of(schema.definition)
    return obj if defaulter is None else defaulter(obj)


_ELSEWHERE = frozenset(("apiVersion", "kind", "metadata", "status"))


def _is_same(obj: Obj, old: Obj) -> bool:
    """Whether everything but metadata and status is the stored object's own."""
    own = old.keys() - _ELSEWHERE
    return own == obj.keys() - _ELSEWHERE and all(obj[key] is old[key] for key in own)


def _with_status(defaulters: "_Defaulters", schema: Schema, obj: Obj, old: Obj) -> Obj:
    """`obj`, which differs from the stored object in metadata and status only, with its status's defaults."""
    status, field = obj.get("status"), schema.fields.get("status")
    if status is None or field is None or status is old.get("status"):
        return obj
    defaulter = defaulters.of_field(field)
    new = status if defaulter is None else defaulter(status)
    return obj if new is status else {**obj, "status": new}


@functools.cache
def constants() -> Mapping[str, Mapping[str, Any]]:
    """Definition -> field -> default; the content of defaults.yaml."""
    found: Mapping[str, Mapping[str, Any]] = data.load(data.FOLDER / "defaults.yaml")
    return found


@functools.cache
def _defaulters(schemas: Schemas) -> "_Defaulters":
    return _Defaulters(schemas)


class _Defaulters:
    """The closures of one release, made when a definition is first met."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._made: dict[str, Defaulter | None] = {}

    def of(self, definition: str) -> Defaulter | None:
        """A definition's closure; None if neither it nor anything below it has a default."""
        if definition not in self._made:
            self._made[definition] = None  # a type that contains itself has no defaults in that part of it
            self._made[definition] = self._make(definition)
        return self._made[definition]

    def _make(self, definition: str) -> Defaulter | None:
        schema = self._schemas.of(definition)
        name = short_name(definition)
        own, rules = constants().get(name, {}), tuple(RULES.get(name, ()))
        below = {key: made for key, field in schema.fields.items() if (made := self.of_field(field)) is not None}
        return _struct(own, rules, below) if own or rules or below else None

    def of_field(self, field: Schema) -> Defaulter | None:
        """A field's closure, as `of`."""
        if field.definition:
            return self.of(field.definition)
        element = field.element()
        made = self.of_field(element) if element is not None else None
        if made is None:
            return None
        return _items(made) if field.kind == "list" else _values(made)


def _struct(own: Mapping[str, Any], rules: tuple[Rule, ...], below: Mapping[str, Defaulter]) -> Defaulter:
    fields = own.keys()
    rows = tuple(below.items())

    def default(value: Obj) -> Obj:
        if not value.keys() >= fields:
            value = {**own, **value}
        for rule in rules:
            value = rule(value)
        changed = None
        for key, defaulter in rows:
            item = value.get(key)
            if item is not None and (new := defaulter(item)) is not item:
                changed = {key: new} if changed is None else changed | {key: new}
        return value if changed is None else {**value, **changed}

    return default


def _items(defaulter: Defaulter) -> Defaulter:
    def default(value: list[Json]) -> list[Json]:
        new = [defaulter(item) for item in value]
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new

    return default


def _values(defaulter: Defaulter) -> Defaulter:
    def default(value: Obj) -> Obj:
        new = {key: defaulter(item) for key, item in value.items()}
        return value if all(value[key] is item for key, item in new.items()) else new

    return default
