"""Values against a CustomResourceDefinition's schema, in the words of a real server.

Models kube-openapi pkg/validation/validate and apiextensions pkg/apiserver/validation.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from kube_nb.machinery import errors, times
from kube_nb.machinery.errors import FieldError
from kube_nb.machinery.types import Json

Raw: TypeAlias = Mapping[str, Any]
Faults: TypeAlias = Iterator[FieldError]

_TYPES: dict[str, Callable[[Json], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)) or _is_whole(value),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def _is_whole(value: Json) -> bool:
    return isinstance(value, float) and value.is_integer()


def _type_name(value: Json) -> str:
    if value is None:
        return "null"
    return next(name for name in ("object", "array", "string", "boolean", "integer", "number") if _TYPES[name](value))


def validate(schema: Raw, obj: Json) -> list[FieldError]:
    """Field errors of an object, its metadata aside."""
    return [fault for fault in _node(schema, obj, "") if not fault.field.startswith("metadata")]


def _invalid(path: str, value: Json, detail: str) -> FieldError:
    """An error whose detail repeats the path, as the go-openapi library's do."""
    return FieldError(errors.INVALID, path or "<nil>", value, f"{path} in body {detail}")


def _node(schema: Raw, value: Json, path: str) -> Faults:
    if value is None and schema.get("nullable"):
        return
    wrong = _wrong_type(schema, value)
    if wrong is not None:
        actual = _type_name(value)
        yield FieldError(errors.INVALID, path or "<nil>", actual, f'{path} in body must be of type {wrong}: "{actual}"')
        return
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in schema["enum"])
        yield FieldError(errors.NOT_SUPPORTED, path, value, f"supported values: {supported}")
    if isinstance(value, str):
        yield from _string(schema, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(schema, value, path)
    elif isinstance(value, list):
        yield from _list(schema, value, path)
    elif isinstance(value, dict):
        yield from _object(schema, value, path)
    yield from _logic(schema, value, path)


def _wrong_type(schema: Raw, value: Json) -> str | None:
    """The type that was wanted, if the value is of another."""
    if schema.get("x-kubernetes-int-or-string"):
        ok = isinstance(value, str) or _TYPES["integer"](value)
        return None if ok else "integer,string"
    wanted = schema.get("type")
    if not wanted or (value is None and "type" not in schema):
        return None
    return None if _TYPES[wanted](value) else str(wanted)


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text.replace(r"\z", r"\Z"))
    except re.error:
        return None


def _string(schema: Raw, value: str, path: str) -> Faults:
    if len(value) < schema.get("minLength", 0):
        yield _invalid(path, value, f"should be at least {schema['minLength']} chars long")
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield FieldError(errors.TOO_LONG, path, value, f"may not be more than {schema['maxLength']} bytes")
    if "pattern" in schema:
        pattern = _pattern(schema["pattern"])
        if pattern is not None and not pattern.search(value):
            yield _invalid(path, value, f"should match '{schema['pattern']}'")
    check = _FORMATS.get(schema.get("format", ""))
    if check is not None and not check(value):
        yield _invalid(path, value, f'must be of type {schema["format"]}: "{value}"')


def _is_time(value: str) -> bool:
    try:
        times.parse(value)
    except ValueError:
        return False
    return True


_UUID = re.compile(r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$")
_DATE = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_time,
    "date": lambda value: _DATE.match(value) is not None,
    "uuid": lambda value: _UUID.match(value) is not None,
    "email": lambda value: _EMAIL.match(value) is not None,
}


def _number(schema: Raw, value: float, path: str) -> Faults:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        if schema.get("exclusiveMinimum") and value <= low:
            yield _invalid(path, value, f"should be greater than {low}")
        elif value < low:
            yield _invalid(path, value, f"should be greater than or equal to {low}")
    if high is not None:
        if schema.get("exclusiveMaximum") and value >= high:
            yield _invalid(path, value, f"should be less than {high}")
        elif value > high:
            yield _invalid(path, value, f"should be less than or equal to {high}")
    if schema.get("multipleOf") and value % schema["multipleOf"]:
        yield _invalid(path, value, f"should be a multiple of {schema['multipleOf']}")
    if schema.get("format") == "int32" and not -(1 << 31) <= value < 1 << 31:
        yield _invalid(path, value, f'must be of type int32: "{value}"')


def _list(schema: Raw, value: list[Json], path: str) -> Faults:
    if len(value) < schema.get("minItems", 0):
        yield _invalid(path, len(value), f"should have at least {schema['minItems']} items")
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield FieldError(errors.TOO_MANY, path, len(value), f"must have at most {schema['maxItems']} items")
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            yield from _node(items, item, f"{path}[{index}]")
    yield from _unique(schema, value, path)


def _unique(schema: Raw, value: list[Json], path: str) -> Faults:
    """Items of a set, or keys of a map's items, that stand there twice."""
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    seen: list[Json] = []
    for index, item in enumerate(value):
        key = item
        if kind == "map":
            keys = schema.get("x-kubernetes-list-map-keys", ())
            key = {name: item.get(name) for name in keys} if isinstance(item, dict) else item
        if key in seen:
            yield FieldError(errors.DUPLICATE, f"{path}[{index}]", key)
        seen.append(key)


def _object(schema: Raw, value: dict[str, Json], path: str) -> Faults:
    prefix = f"{path}." if path else ""
    for name in schema.get("required", ()):
        if name not in value:
            yield FieldError(errors.REQUIRED, f"{prefix}{name}", "")
    count = len(value)
    if count < schema.get("minProperties", 0):
        yield _invalid(path, value, f"should have at least {schema['minProperties']} properties")
    if "maxProperties" in schema and count > schema["maxProperties"]:
        yield FieldError(errors.TOO_MANY, path, count, f"must have at most {schema['maxProperties']} items")
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        if name in properties:
            yield from _node(properties[name], item, f"{prefix}{name}")
        elif isinstance(others, dict):
            yield from _node(others, item, f"{prefix}{name}")


def _logic(schema: Raw, value: Json, path: str) -> Faults:
    """allOf, anyOf, oneOf, not."""

    def fails(branch: Raw) -> bool:
        return next(_node(branch, value, path), None) is not None

    def fault(detail: str) -> FieldError:
        return FieldError(errors.INVALID, "<nil>", "", f'"{path}" {detail}')

    for branch in schema.get("allOf", ()):
        faults = list(_node(branch, value, path))
        yield from faults
        if faults:
            yield fault("must validate all the schemas (allOf)")
    if schema.get("anyOf") and all(map(fails, schema["anyOf"])):
        yield fault("must validate at least one schema (anyOf)")
    if schema.get("oneOf"):
        passed = sum(not fails(branch) for branch in schema["oneOf"])
        if passed != 1:
            found = "Found none valid" if not passed else f"Found {passed} valid alternatives"
            yield fault(f"must validate one and only one schema (oneOf). {found}")
    if "not" in schema and not fails(schema["not"]):
        yield fault("must not validate the schema (not)")
