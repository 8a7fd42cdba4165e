"""What changed between two objects, as three sets of fields.

The order of the tests is the point: equal parts are skipped by identity or by one comparison in C before the schema is
asked for anything, so the cost is that of what changed.

Models structured-merge-diff typed/compare.go.
"""

from functools import lru_cache
from typing import NamedTuple

from kube_nb.machinery.managed import elements, sets
from kube_nb.machinery.managed.elements import SELF
from kube_nb.machinery.managed.sets import EMPTY, LEAF, Fields
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Json, Obj

#: Fields that Go always has (structs by value, lists without omitempty): that they appear is no change of their own.
ALWAYS_THERE = frozenset(
    (
        *("metadata", "spec", "status", "template", "jobTemplate", "strategy", "updateStrategy", "containers"),
        *("resources", "loadBalancer", "daemonEndpoints", "nodeInfo", "source"),
    )
)

#: What nobody owns. Models stripmeta.go.
_UNOWNED = frozenset(("apiVersion", "kind"))
_UNOWNED_METADATA = frozenset(
    (
        *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"),
        *("selfLink", "clusterName"),
    )
)
UNOWNED: Fields = {
    **{f"f:{name}": {} for name in _UNOWNED},
    "f:metadata": {SELF: {}, **{f"f:{name}": {} for name in _UNOWNED_METADATA}},
}

_CONTAINERS = (dict, list)

_NONE: frozenset[str] = frozenset()
_MISSING = object()


class Comparison(NamedTuple):
    """No field is in two of the sets. modified: in both objects, but different."""

    modified: Fields
    added: Fields
    removed: Fields

    @property
    def same(self) -> bool:
        return not (self.modified or self.added or self.removed)

    @property
    def written(self) -> Fields:
        return sets.union(self.modified, self.added)

    def without(self, ignored: Fields) -> "Comparison":
        """Without these fields and everything below them."""
        return Comparison(*(sets.without(fields, ignored) for fields in self)) if ignored else self


NO_CHANGE = Comparison(EMPTY, EMPTY, EMPTY)


def compare(old: Obj, new: Obj, schema: TypeSchema | None, *, custom: bool = False) -> Comparison:
    """How `new` differs from `old`; fields that nobody can own are left out.

    schema: the type of both. custom: it is a CRD's, of which no field is always there.
    """
    always = _NONE if custom else ALWAYS_THERE
    if not old:
        return Comparison(EMPTY, _appeared(new, schema, always), EMPTY)
    changes = _Changes(always)
    for key, value in new.items():
        before = old.get(key, _MISSING)
        if key == "metadata":
            _compare_metadata(before, value, _field(schema, key), changes)
        elif before is not value and key not in _UNOWNED:
            _compare_value(key, before, value, schema, changes)
    for key, value in old.items():
        if key not in new and key not in _UNOWNED and key != "metadata":
            _compare_value(key, value, _MISSING, schema, changes)
    return changes.result()


def _appeared(new: Obj, schema: TypeSchema | None, always: frozenset[str]) -> Fields:
    """What a new object has, in one pass: a creation compares with nothing."""
    found = _fields_of(new, schema, always, _UNOWNED)
    metadata = new.get("metadata")
    if isinstance(metadata, dict):
        found["f:metadata"] = _fields_of(metadata, _field(schema, "metadata"), always, _UNOWNED_METADATA)
        if not found["f:metadata"]:
            del found["f:metadata"]
    return dict(sorted(found.items()))


def _fields_of(new: Obj, schema: TypeSchema | None, always: frozenset[str], skipped: frozenset[str] = _NONE) -> Fields:
    """The fields of something that does not count as new itself, in order."""
    found: Fields = {}
    named = always if schema is not None and schema.kind == "object" else _NONE
    for key, value in new.items():
        if key in skipped:
            continue
        if not value or not isinstance(value, _CONTAINERS):
            found[elements.of_field(key)] = LEAF
        elif key in named:
            node = _below_of(value, _field(schema, key), always)
            if node is not None:
                found[elements.of_field(key)] = node
        else:
            found[elements.of_field(key)] = everything(value, _field(schema, key))
    return dict(sorted(found.items())) if len(found) > 1 else found


def _below_of(value: Json, schema: TypeSchema | None, always: frozenset[str]) -> Fields | None:
    """The node of a container that is always there; None if nothing in it has a name."""
    if is_granular_map(value, None, schema):
        return _fields_of(value, schema, always) or None
    if schema is None or not is_granular_list(value, None, schema):
        return sets.node(True, _below(value, schema))
    inner = _Changes(always)
    _compare_items([], value, schema, inner)
    return sets.node(False, inner.added)


def _compare_metadata(old: Json, new: Json, schema: TypeSchema | None, changes: "_Changes") -> None:
    if old is new or not isinstance(new, dict):
        return
    inner = _Changes(changes.always)
    _compare_fields(old if isinstance(old, dict) else {}, new, schema, inner, _UNOWNED_METADATA)
    changes.put("f:metadata", inner)


class _Changes:
    """The three sets of one level while they are collected."""

    __slots__ = ("added", "always", "modified", "removed")

    def __init__(self, always: frozenset[str]) -> None:
        self.always = always
        self.modified: Fields = {}
        self.added: Fields = {}
        self.removed: Fields = {}

    def put(self, element: str, inner: "_Changes") -> None:
        """Hang what was found below an element under it."""
        for fields, found in (
            (self.modified, inner.modified),
            (self.added, inner.added),
            (self.removed, inner.removed),
        ):
            if found:
                fields[element] = sets.node(False, found)

    def result(self) -> Comparison:
        found = (self.modified, self.added, self.removed)
        return Comparison(*(sets.node(False, fields) or EMPTY for fields in found))


def _field(schema: TypeSchema | None, key: str) -> TypeSchema | None:
    """The type of an object's field or a map's value; None, which stands for "any", if it is not known."""
    if schema is None:
        return None
    return schema.field(key) if schema.kind == "object" else schema.element()


def _compare_fields(
    old: Obj, new: Obj, schema: TypeSchema | None, changes: _Changes, skipped: frozenset[str] = _NONE
) -> None:
    for key, value in new.items():
        if key not in skipped and (before := old.get(key, _MISSING)) is not value:
            _compare_value(key, before, value, schema, changes)
    for key, value in old.items():
        if key not in new and key not in skipped:
            _compare_value(key, value, _MISSING, schema, changes)


def _compare_value(key: str, old: Json, new: Json, schema: TypeSchema | None, changes: _Changes) -> None:
    """Compare the values of one field or key of a map; _MISSING is none."""
    if old is new or old == new:
        return
    if key in changes.always and schema is not None and schema.kind == "object":
        old, new = _present(old, new), _present(new, old)
    _compare_nodes(elements.of_field(key), old, new, _field(schema, key), changes)


def _present(value: Json, other: Json) -> Json:
    if value is _MISSING and isinstance(other, _CONTAINERS):
        return type(other)()
    return value


def _compare_nodes(element: str, old: Json, new: Json, schema: TypeSchema | None, changes: _Changes) -> None:
    """Compare two values that differ, of which one may be _MISSING."""
    if old is _MISSING:
        changes.added[element] = everything(new, schema)
    elif new is _MISSING:
        changes.removed[element] = everything(old, schema)
    elif not isinstance(old, _CONTAINERS) and not isinstance(new, _CONTAINERS):
        changes.modified[element] = LEAF
    else:
        _compare_containers(element, old, new, schema, changes)


def _compare_containers(element: str, old: Json, new: Json, schema: TypeSchema | None, changes: _Changes) -> None:
    inner = _Changes(changes.always)
    if is_granular_map(old, new, schema):
        _compare_fields(old or {}, new or {}, schema, inner)
    elif schema is not None and is_granular_list(old, new, schema):
        _compare_items(old or [], new or [], schema, inner)
    else:
        changes.modified[element] = LEAF
        inner.removed, inner.added = _below(old, schema), _below(new, schema)
    changes.put(element, inner)


def is_granular_map(first: Json, second: Json, schema: TypeSchema | None) -> bool:
    """Whether two values of this type are compared and merged field by field; null counts as an empty map."""
    if not (isinstance(first, dict) and (second is None or isinstance(second, dict))) and not (
        first is None and isinstance(second, dict)
    ):
        return False
    if not first and not second:
        return False
    return schema is None or (schema.kind in ("object", "map", "any") and schema.map_type != "atomic")


def is_granular_list(first: Json, second: Json, schema: TypeSchema) -> bool:
    """Whether two values of this type are compared and merged item by item; null counts as an empty list."""
    if schema.kind != "list" or schema.list_type not in ("map", "set") or not (first or second):
        return False
    return all(value is None or isinstance(value, list) for value in (first, second))


def _compare_items(old: list[Json], new: list[Json], schema: TypeSchema, changes: _Changes) -> None:
    before, after = indexed(old, schema), indexed(new, schema)
    item_type = schema.element()
    for element, items in after.items():
        others = before.get(element, [])
        if len(items) == 1 and len(others) <= 1:
            old_item = others[0] if others else _MISSING
            if items[0] is not old_item and items[0] != old_item:
                _compare_nodes(element, old_item, items[0], item_type, changes)
        elif len(items) > 1 and len(others) > 1:
            if items != others:
                changes.modified[element] = LEAF
        elif len(others) > 1:
            changes.removed[element] = LEAF
            changes.added[element] = _below(items[0], item_type)
        else:
            changes.added[element] = LEAF
            if others:
                changes.removed[element] = _below(others[0], item_type)
    for element, items in before.items():
        if element not in after:
            changes.removed[element] = everything(items[0], item_type) if len(items) == 1 else {}


def _below(item: Json, schema: TypeSchema | None) -> Fields:
    return {element: child for element, child in everything(item, schema).items() if element != SELF}


def indexed(items: list[Json], schema: TypeSchema) -> dict[str, list[Json]]:
    """The items of an associative list by their path elements; what cannot be identified is left out."""
    found: dict[str, list[Json]] = {}
    for item in items:
        try:
            found.setdefault(elements.of_item(schema, item), []).append(item)
        except elements.Unidentified:
            continue
    return found


def everything(value: Json, schema: TypeSchema | None) -> Fields:
    """The node of something that appeared or disappeared as a whole: itself and all below it."""
    if not value or not isinstance(value, _CONTAINERS):
        return LEAF
    children: Fields = {}
    if isinstance(value, dict):
        if not is_granular_map(value, None, schema):
            return LEAF
        for item in value.values():
            if item and isinstance(item, _CONTAINERS):
                break
        else:
            return _with_leaves(tuple(value))
        for key, item in value.items():
            leaf = not item or not isinstance(item, _CONTAINERS)
            children[elements.of_field(key)] = LEAF if leaf else everything(item, _field(schema, key))
    elif schema is not None and is_granular_list(value, None, schema):
        item_type = schema.element()
        for element, items in indexed(value, schema).items():
            children[element] = everything(items[0], item_type) if len(items) == 1 else {}
    return sets.node(True, children) or LEAF


@lru_cache(maxsize=4096)
def _with_leaves(keys: tuple[str, ...]) -> Fields:
    """The node of an object with these fields and nothing below them; one for all that have the same."""
    return sets.node(True, {elements.of_field(key): LEAF for key in keys}) or LEAF
