"""Structural schemas as CEL sees them: the type of each part, and values with their formats read.

Models apiserver pkg/cel/common/{schemas,values}.go and pkg/cel/escaping.go. Differs: lists of type set and map compare
and add as plain lists.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from kube_nb.machinery import cel
from kube_nb.machinery.cel.libraries.standard import duration, timestamp
from kube_nb.machinery.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    optional_of,
)
from kube_nb.machinery.types import Json

_WORDS = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
_SCALARS = {"string": STRING, "integer": INT, "number": DOUBLE, "boolean": BOOL}
_FORMATS = {"date-time": TIMESTAMP, "date": TIMESTAMP, "duration": DURATION, "byte": BYTES}
_METADATA = Type("ObjectMeta", (), {"name": STRING, "generateName": STRING})


def escaped(name: str) -> str:
    """A field's name as an expression writes it: ``my-field`` -> ``my__dash__field``."""
    if name in _WORDS:
        return f"__{name}__"
    name = name.replace("__", "__underscores__")
    return name.replace(".", "__dot__").replace("-", "__dash__").replace("/", "__slash__")


def type_of(raw: Mapping[str, Any], *, root: bool = False) -> Type:
    """The type of a schema; root: of a whole object, whose name may be looked at."""
    if raw.get("x-kubernetes-int-or-string"):
        return DYN
    kind = raw.get("type")
    if kind == "array":
        return list_of(type_of(raw.get("items") or {}))
    if kind == "object":
        return _of_object(raw, root=root or bool(raw.get("x-kubernetes-embedded-resource")))
    if kind == "string" and raw.get("format") in _FORMATS:
        return _FORMATS[raw["format"]]
    return _SCALARS.get(str(kind), DYN)


def _of_object(raw: Mapping[str, Any], *, root: bool) -> Type:
    extra, properties = raw.get("additionalProperties"), raw.get("properties") or {}
    if extra and not properties:
        return map_of(STRING, type_of(extra) if isinstance(extra, dict) else DYN)
    if raw.get("x-kubernetes-preserve-unknown-fields") and not properties and not root:
        return DYN
    fields: dict[str, Type] = {}
    for name, part in properties.items():
        fields[escaped(name)] = fields[name] = type_of(part)
    if root:
        fields |= {"apiVersion": STRING, "kind": STRING, "metadata": _METADATA}
    return Type("object", (), fields)


def value_of(raw: Mapping[str, Any], value: Json) -> Any:
    """A value with times, durations, bytes and numbers as CEL has them; shared with the given one where nothing is."""
    kind = raw.get("type")
    if value is None or raw.get("x-kubernetes-int-or-string"):
        return value
    if kind == "number" and type(value) is int:
        return float(value)
    if kind == "string" and isinstance(value, str) and raw.get("format") in _FORMATS:
        return _read(raw["format"], value)
    if kind == "array" and isinstance(value, list):
        return [value_of(raw.get("items") or {}, item) for item in value]
    if kind == "object" and isinstance(value, dict):
        properties, extra = raw.get("properties") or {}, raw.get("additionalProperties")
        extra = extra if isinstance(extra, dict) else {}
        return {name: value_of(properties.get(name, extra), item) for name, item in value.items()}
    return value


def _read(format: str, text: str) -> Any:
    """The value; the text itself if it is not of the format, which the schema's own validation tells."""
    try:
        if format == "duration":
            return duration(text)
        if format == "byte":
            return base64.b64decode(text, validate=True)
        return timestamp(text if format == "date-time" else f"{text}T00:00:00Z")
    except (cel.EvalError, binascii.Error, ValueError):
        return text


#: Environments by the identity of their schemas, which are kept with them, so that no other takes their place.
_known: dict[tuple[int, bool, bool], tuple[Mapping[str, Any], cel.Environment]] = {}
_KEPT = 1024


def environment(raw: Mapping[str, Any], *, root: bool, optional_old: bool = False) -> cel.Environment:
    """The names that a rule at this place of a schema may use; made once for each schema."""
    key = (id(raw), root, optional_old)
    if key not in _known:
        if len(_known) >= _KEPT:
            _known.clear()
        found = type_of(raw, root=root)
        _known[key] = raw, cel.Environment({"self": found, "oldSelf": optional_of(found) if optional_old else found})
    return _known[key][1]
