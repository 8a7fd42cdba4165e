"""What a value of a type mentions, and a value with some of it removed.

Models structured-merge-diff typed/tofieldset.go, remove.go and validate.go.
"""

from collections.abc import Iterator

from kube_nb.machinery.managed import elements, sets
from kube_nb.machinery.managed.comparing import indexed, is_granular_list, is_granular_map
from kube_nb.machinery.managed.sets import EMPTY, LEAF, Fields
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Json, Obj


def child(schema: TypeSchema | None, key: str) -> TypeSchema | None:
    """The type of a field or a map's value; None stands for "any"."""
    if schema is None:
        return None
    return schema.field(key) if schema.kind == "object" else schema.element()


def to_set(obj: Obj, schema: TypeSchema | None) -> Fields:
    """The leaves, items and keys of maps that an applied configuration mentions, and so owns."""
    return _mentioned(obj, schema) or EMPTY


def _mentioned(value: Json, schema: TypeSchema | None) -> Fields | None:
    """The node of a value: None if it mentions nothing, ``{}`` if it is a leaf."""
    if isinstance(value, dict) and _granular(schema):
        return _mentioned_fields(value, schema)
    if isinstance(value, list) and schema is not None and schema.kind == "list" and schema.list_type in ("map", "set"):
        return _mentioned_items(value, schema)
    return LEAF


def _granular(schema: TypeSchema | None) -> bool:
    return schema is None or (schema.kind in ("object", "map", "any") and schema.map_type != "atomic")


def _mentioned_fields(value: Obj, schema: TypeSchema | None) -> Fields | None:
    named = schema is not None and schema.kind == "object"
    children: Fields = {}
    for key, item in value.items():
        field = child(schema, key)
        inner = _mentioned(item, field)
        member = item is None or item == {} or not (named and field is not None)
        found = as_member(inner) if member else inner
        if found is not None:
            children[elements.of_field(key)] = found
    return sets.node(False, children)


def _mentioned_items(value: list[Json], schema: TypeSchema) -> Fields | None:
    children: Fields = {}
    item_type = schema.element()
    for element, items in indexed(value, schema).items():
        children[element] = as_member(_mentioned(items[0], item_type)) if len(items) == 1 else {}
    return sets.node(False, children)


def as_member(found: Fields | None) -> Fields:
    """The node, itself a member."""
    if not found:
        return LEAF
    return found if sets.is_member(found) else {elements.SELF: LEAF, **found}


def remove(value: Json, fields: Fields, schema: TypeSchema | None) -> Json:
    """The value without the set's members; what loses all its content becomes None."""
    if not fields or not value:
        return value
    if is_granular_map(value, None, schema):
        return _remove_fields(value, fields, schema)
    if schema is not None and is_granular_list(value, None, schema):
        return _remove_items(value, fields, schema)
    return None if isinstance(value, dict | list) else value


def _remove_fields(value: Obj, fields: Fields, schema: TypeSchema | None) -> Obj | None:
    left: Obj = {}
    for key, item in value.items():
        found = fields.get("f:" + key)
        if found is None:
            left[key] = item
        elif not sets.is_member(found):
            left[key] = remove(item, found, child(schema, key))
    return left or None


def _remove_items(value: list[Json], fields: Fields, schema: TypeSchema) -> list[Json] | None:
    left: list[Json] = []
    item_type = schema.element()
    for item in value:
        try:
            found = fields.get(elements.of_item(schema, item))
        except elements.Unidentified:
            found = None
        if found is None:
            left.append(item)
        elif not sets.is_member(found) and (rest := remove(item, found, item_type)) is not None:
            left.append(rest)
    return left or None


def without_emptied(value: Json, before: Json) -> Json:
    """The value without what `remove` left as None; nulls that were there before stay."""
    if value is before or not isinstance(value, dict) or not isinstance(before, dict):
        return value
    return {
        key: without_emptied(item, before.get(key))
        for key, item in value.items()
        if item is not None or before.get(key) is None
    }


def faults(value: Json, schema: TypeSchema | None, path: str = "") -> Iterator[str]:
    """What makes a configuration unfit to be applied: unknown fields, items without keys or with the same keys."""
    if schema is None or value is None:
        return
    if schema.kind == "object" and isinstance(value, dict):
        for key, item in value.items():
            field = schema.field(key)
            if field is None:
                yield f"{path}.{key}: field not declared in schema"
            else:
                yield from faults(item, field, f"{path}.{key}")
    elif schema.kind == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from faults(item, schema.element(), f"{path}.{key}")
    elif schema.kind == "list" and isinstance(value, list):
        yield from _list_faults(value, schema, path)
    elif schema.kind in ("object", "map"):
        yield f"{path}: expected map, got {_shown(value)}"
    elif schema.kind == "list":
        yield f"{path}: expected list, got {_shown(value)}"


def _shown(value: Json) -> str:
    return "&{" + elements.go_json(value) + "}"


def _list_faults(value: list[Json], schema: TypeSchema, path: str) -> Iterator[str]:
    if schema.list_type not in ("map", "set"):
        for number, item in enumerate(value):
            yield from faults(item, schema.element(), f"{path}[{number}]")
        return
    seen: set[str] = set()
    for number, item in enumerate(value):
        try:
            element = elements.of_item(schema, item)
        except elements.Unidentified as error:
            yield f"{path}: element {number}: {error}"
            continue
        if element in seen:
            yield f"{path}: duplicate entries for key {elements.shown(element)}"
        seen.add(element)
        yield from faults(item, schema.element(), path + elements.shown(element))
