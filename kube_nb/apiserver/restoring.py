"""How a server refuses a strategic merge patch whose values have the wrong types.

A patched object is not read from JSON but restored from a map, so the texts differ from those of a body.
Models apimachinery pkg/runtime/converter.go and applyPatchToObject in apiserver endpoints/handlers/patch.go.
"""

import re
from typing import Any

from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

_UNMARSHAL = re.compile(r"json: cannot unmarshal (\w+) into Go (?:struct field \S+|value) of type (\S+)")
#: What JSON calls a value -> (Go's kind, Go's type).
_KINDS = {
    "string": ("string", "string"),
    "number": ("int64", "int64"),
    "bool": ("bool", "bool"),
    "object": ("map", "map[string]interface {}"),
    "array": ("slice", "[]interface {}"),
}
_SIMPLE = re.compile(r"(?:string|bool|u?int\d*|float\d+)")


def refusal(error: errors.ApiError, patch: Obj) -> errors.ApiError:
    """The error as a patch gives it; any other than that of a wrong type stays as it is."""
    found = _UNMARSHAL.search(error.message)
    if found is None:
        return error
    fault = errors.FieldError(errors.INVALID, "patch", _printed(patch), _text(*found.groups()))
    return errors.invalid("", "", "", [fault])


def _text(found: str, wanted: str) -> str:
    kind, type = _KINDS.get(found, (found, found))
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    if _SIMPLE.fullmatch(wanted):
        return f"cannot convert {type} to {wanted}"
    return f"cannot restore struct from: {kind}"


def _printed(value: Any) -> str:
    """As Go's %+v."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_printed(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_printed, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
