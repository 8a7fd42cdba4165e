"""JSON patch (RFC 6902) as evanphx/json-patch v4, which Kubernetes uses, understands it.

That is: a negative index counts from the end, and "replace" of a missing key of an object adds it.
"""

import re
from collections.abc import Callable, Sequence

from kube_nb.machinery.patch.types import PatchError, same
from kube_nb.machinery.types import Json

#: Upstream refuses longer patches with 413; the caller checks.
MAX_OPERATIONS = 10_000

_MISSING = "missing value"
_INVALID_INDEX = "invalid index referenced"


def apply(document: Json, operations: Sequence[Json]) -> Json:
    """The document after all operations. PatchError, with nothing done, if one does not apply."""
    if not isinstance(operations, list | tuple):
        raise PatchError(f"json: cannot unmarshal {_json_kind(operations)} into Go value of type jsonpatch.Patch")
    for operation in operations:
        if not isinstance(operation, dict):
            kind = _json_kind(operation)
            raise PatchError(f"json: cannot unmarshal {kind} into Go value of type jsonpatch.Operation")
        op = operation.get("op", "unknown")
        if op not in _OPERATIONS:
            raise PatchError(f"Unexpected kind: {op}")
        document = _OPERATIONS[op](document, operation)
    return document


def _json_kind(value: Json) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "bool"}
    return kinds.get(type(value), "number")


def _add(document: Json, operation: Json) -> Json:
    path = _text(operation, "path", f"add operation failed to decode path: {_MISSING}")
    missing = f'add operation does not apply: doc is missing path: "{path}": {_MISSING}'
    return _edit(document, path, missing, f"error in add for path: '{path}'", _adder(operation.get("value")))


def _remove(document: Json, operation: Json) -> Json:
    path = _text(operation, "path", f"remove operation failed to decode path: {_MISSING}")
    missing = f'remove operation does not apply: doc is missing path: "{path}": {_MISSING}'
    return _edit(document, path, missing, f"error in remove for path: '{path}'", _without)


def _replace(document: Json, operation: Json) -> Json:
    path = _text(operation, "path", _no_path("replace"))
    value = operation.get("value")
    if path == "":
        if not isinstance(value, dict | list):
            raise PatchError("replace operation value must be object or array: %!w(<nil>)")
        return value
    missing = f"replace operation does not apply: doc is missing path: {path}: {_MISSING}"

    def put(container: Json, key: str) -> Json:
        if isinstance(container, dict):
            return {**container, key: value}
        try:
            index = _index(container, key)
        except PatchError:
            raise PatchError(f"replace operation does not apply: doc is missing key: {path}: {_MISSING}") from None
        return [*container[:index], value, *container[index + 1 :]]

    return _edit(document, path, missing, "", put)


def _move(document: Json, operation: Json) -> Json:
    source = _text(operation, "from", _no_from("move"))
    missing = f"move operation does not apply: doc is missing from path: {source}: {_MISSING}"
    key = _keys(source)[-1]
    value = _get(document, source, missing, f"error in move for path: '{key}'")
    document = _edit(document, source, missing, f"error in move for path: '{key}'", _without)
    path = _text(operation, "path", _no_path("move"))
    missing = f"move operation does not apply: doc is missing destination path: {path}: {_MISSING}"
    return _edit(document, path, missing, f"error in move for path: '{path}'", _adder(value))


def _copy(document: Json, operation: Json) -> Json:
    source = _text(operation, "from", _no_from("copy"))
    missing = f"copy operation does not apply: doc is missing from path: {source}: {_MISSING}"
    value = _get(document, source, missing, f"error in copy for from: '{source}'")
    path = _text(operation, "path", f"copy operation failed to decode path: {_MISSING}")
    missing = f"copy operation does not apply: doc is missing destination path: {path}: {_MISSING}"
    return _edit(document, path, missing, "error while adding value during copy", _adder(value))


def _test(document: Json, operation: Json) -> Json:
    path = _text(operation, "path", _no_path("test"))
    value = document
    if path != "":
        missing = f"test operation does not apply: is missing path: {path}: {_MISSING}"
        value = _get(document, path, missing, f"error in test for path: '{path}'")
    if not same(value, operation.get("value")):
        raise PatchError(f"testing value {path} failed: test failed")
    return document


_OPERATIONS: dict[str, Callable[[Json, Json], Json]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _no_path(op: str) -> str:
    return f"{op} operation failed to decode path: operation missing path field: {_MISSING}"


def _no_from(op: str) -> str:
    return f"{op} operation failed to decode from: operation, missing from field: {_MISSING}"


def _text(operation: Json, field: str, fault: str) -> str:
    value = operation.get(field)
    if not isinstance(value, str):
        raise PatchError(fault)
    return value


def _keys(pointer: str) -> list[str]:
    """The decoded keys of a pointer: ``/metadata/labels/a~1b`` -> ``["metadata", "labels", "a/b"]``."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]] or [""]


def _edit(document: Json, pointer: str, missing: str, wrong: str, change: Callable[[Json, str], Json]) -> Json:
    """A copy of the document in which the container of `pointer` is what `change(container, last key)` returns.

    missing: the fault if there is no container; wrong: put before what `change` itself finds at fault.
    """
    if "/" not in pointer:
        raise PatchError(missing)

    def descend(container: Json, keys: list[str]) -> Json:
        if not isinstance(container, dict | list):
            raise PatchError(missing)
        if len(keys) == 1:
            return _faulted(wrong, change, container, keys[0])
        child = _child(container, keys[0], missing)
        changed = descend(child, keys[1:])
        if isinstance(container, dict):
            return {**container, keys[0]: changed}
        index = _index(container, keys[0])
        return [*container[:index], changed, *container[index + 1 :]]

    return descend(document, _keys(pointer))


def _faulted(wrong: str, change: Callable[[Json, str], Json], container: Json, key: str) -> Json:
    try:
        return change(container, key)
    except PatchError as error:
        raise PatchError(f"{wrong}: {error}" if wrong else str(error)) from None


def _child(container: Json, key: str, missing: str) -> Json:
    if isinstance(container, dict):
        return container.get(key)
    try:
        return container[_index(container, key)]
    except PatchError:
        raise PatchError(missing) from None


def _get(document: Json, pointer: str, missing: str, wrong: str) -> Json:
    """The value at a pointer; an object's missing key counts as null, as upstream."""
    if "/" not in pointer:
        raise PatchError(missing)
    *path, last = _keys(pointer)
    for key in path:
        if not isinstance(document, dict | list):
            raise PatchError(missing)
        document = _child(document, key, missing)
    if isinstance(document, dict):
        return document.get(last)
    if not isinstance(document, list):
        raise PatchError(missing)
    return _faulted(wrong, lambda container, key: container[_index(container, key)], document, last)


def _number(key: str, size: int) -> int:
    """An index into `size` places, counted from the end if negative."""
    if not re.fullmatch("[+-]?[0-9]{1,9}", key):
        raise PatchError(f'strconv.Atoi: parsing "{key}": invalid syntax')
    index = int(key)
    if not -size <= index < size:
        raise PatchError(f"Unable to access invalid index: {index}: {_INVALID_INDEX}")
    return index + size if index < 0 else index


def _index(container: list[Json], key: str) -> int:
    return _number(key, len(container))


def _adder(value: Json) -> Callable[[Json, str], Json]:
    def add(container: Json, key: str) -> Json:
        if isinstance(container, dict):
            return {**container, key: value}
        if key == "-":
            return [*container, value]
        try:
            index = _number(key, len(container) + 1)
        except PatchError as error:
            if "Atoi" in str(error):
                raise PatchError(f"value was not a proper array index: '{key}': {error}") from None
            raise
        return [*container[:index], value, *container[index:]]

    return add


def _without(container: Json, key: str) -> Json:
    if isinstance(container, dict):
        if key not in container:
            raise PatchError(f"Unable to remove nonexistent key: {key}: {_MISSING}")
        return {name: value for name, value in container.items() if name != key}
    index = _index(container, key)
    return [*container[:index], *container[index + 1 :]]
