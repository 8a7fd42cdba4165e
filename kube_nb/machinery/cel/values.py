"""What expressions compute with: values of Python that stand for CEL's types.

null None, bool, int, `Uint`, double float, string str, bytes, list, map dict, timestamp datetime, duration timedelta,
`Optional`, `TypeValue`, `Message`; and the opaque values of the libraries. JSON in wire form is a CEL value as it is.
Differs: times have microseconds, not nanoseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kube_nb.machinery.cel.errors import EvalError

INT_LEAST, INT_MOST, UINT_MOST = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


class Uint(int):
    """An unsigned integer: ``1u``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be missing."""

    value: Any = None
    present: bool = True


NONE = Optional(None, False)


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What ``type(x)`` is."""

    name: str


class Message(dict[str, Any]):
    """A struct: ``Object.spec{replicas: 1}``."""

    __slots__ = ("name",)

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.name = name


_NAMES: dict[type, str] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    datetime: "google.protobuf.Timestamp",
    timedelta: "google.protobuf.Duration",
    Optional: "optional_type",
    TypeValue: "type",
}


def type_name(value: Any) -> str:
    """The name of a value's type, without parameters."""
    found = _NAMES.get(type(value))
    if found is not None:
        return found
    return str(getattr(value, "name" if isinstance(value, Message) else "CEL_TYPE", type(value).__name__))


_NUMBERS = (int, Uint, float)


def equal(left: Any, right: Any) -> bool:
    """CEL's equality: numbers by value whatever their type, everything else only within its type."""
    a, b = type(left), type(right)
    if a in _NUMBERS and b in _NUMBERS:
        return bool(left == right)
    if a is not b:
        return isinstance(left, dict) and isinstance(right, dict) and _equal_maps(left, right)
    if a is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return _equal_maps(left, right)
    if a is Optional:
        return left.present == right.present and equal(left.value, right.value)
    return bool(left == right)


def _equal_maps(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    if len(left) != len(right) or getattr(left, "name", "") != getattr(right, "name", ""):
        return False
    return all(key in right and equal(value, right[key]) for key, value in left.items())


def contains(items: list[Any], value: Any) -> bool:
    return any(equal(item, value) for item in items)


def in_range(number: int) -> int:
    """The number, or an overflow of int."""
    if not INT_LEAST <= number <= INT_MOST:
        raise EvalError("integer overflow")
    return number


def unsigned(number: int) -> Uint:
    if not 0 <= number <= UINT_MOST:
        raise EvalError("unsigned integer overflow")
    return Uint(number)


def key_of(value: Any) -> Any:
    """A value as a map's key: whole doubles find ints."""
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) in (list, Optional) or isinstance(value, dict):
        raise EvalError("unsupported key type")
    return value


def json_of(value: Any) -> Any:
    """A value as JSON; EvalError if it has none. Models cel-go's ConvertToNative of structpb.Value."""
    kind = type(value)
    if kind in (type(None), bool, int, float, str):
        return value
    if kind is Uint:
        return int(value)
    if kind is list:
        return [json_of(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_of(item) for key, item in value.items()}
    if kind is bytes:
        import base64

        return base64.b64encode(value).decode()
    raise EvalError(f"type conversion error from '{type_name(value)}' to JSON")
