"""Path elements: how FieldsV1 names one step into an object, and how an error message shows it.

    f:<name>   a field of an object or a key of a map          .spec
    k:<json>   the item of a list with these key fields        [name="web"]
    v:<json>   the item of a set with this value               [="finalizer"]
    i:<n>      an index; upstream never writes one             [0]

Models structured-merge-diff fieldpath/serialize-pe.go and element.go.
"""

from functools import lru_cache

import orjson

from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Json

#: Marks a node that is a member of a set itself, besides its children.
SELF = "."


@lru_cache(maxsize=50_000)
def of_field(name: str) -> str:
    """The path element of a field or a key of a map; one string for all objects that have it."""
    return "f:" + name


class Unidentified(Exception):
    """An item of an associative list that cannot be told apart from others."""


def go_json(value: Json) -> str:
    """JSON as Go's encoder writes it: ``<``, ``>`` and ``&`` are escaped."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    if "<" in text or ">" in text or "&" in text:
        text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text


def of_item(schema: TypeSchema, item: Json) -> str:
    """The path element of a list's item; schema: the list's, of type "map" or "set"."""
    if schema.list_type == "map":
        return _of_keys(schema.map_keys, _key_values(schema, item))
    if isinstance(item, dict):
        raise Unidentified("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise Unidentified("not supported: associative list with lists as elements")
    if item is None:
        raise Unidentified("associative list without keys has an element that's an explicit null")
    return _of_value(item, type(item).__name__)


def _key_values(schema: TypeSchema, item: Json) -> tuple[Json, ...]:
    if item is None:
        raise Unidentified("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise Unidentified("associative list with keys may not have non-map elements")
    values = []
    for key in schema.map_keys:
        value = item.get(key)
        if value is None and key not in item:
            value = schema.default_for(key)
            if value is None:
                fault = f'an element that omits key field "{key}" (and doesn\'t have default value)'
                raise Unidentified(f"associative list with keys has {fault}")
        if isinstance(value, dict | list):
            raise Unidentified(f'associative list with keys has an element whose key field "{key}" is not a scalar')
        values.append(value)
    return tuple(values)


@lru_cache(maxsize=16384)
def _of_keys(keys: tuple[str, ...], values: tuple[Json, ...]) -> str:
    return "k:" + go_json(dict(zip(keys, values, strict=True)))


@lru_cache(maxsize=16384)
def _of_value(value: Json, kind: str) -> str:
    """kind: keeps 1 and true apart in the cache."""
    return "v:" + go_json(value)


def shown(element: str) -> str:
    """``k:{"name":"web"}`` -> ``[name="web"]``."""
    kind, content = element[:2], element[2:]
    if kind == "f:":
        return f".{content}"
    if kind == "k:":
        fields = orjson.loads(content)
        return "[" + ",".join(f"{name}={go_json(fields[name])}" for name in sorted(fields)) + "]"
    return f"[={content}]" if kind == "v:" else f"[{content}]"
