"""Decoders: what Go's JSON decoder and encoder do to a value on its way into the server and out again.

A decoder is a function ``(value, unknown) -> value``. It hands back the very value it was given if nothing changes, a
changed copy otherwise, `DROP` for what Go would leave out when it writes (null, and empty where the field is
omitempty), and raises `Mismatch` for what Go cannot read. Fields that the type does not have are dropped and noted.
Decoders know their place in the object only when something is wrong, so the usual case pays nothing for it.

Models sigs.k8s.io/json and the UnmarshalJSON methods of apimachinery's types.
"""

import base64
import binascii
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kube_nb.machinery import duration, quantity, times
from kube_nb.machinery.types import Json

#: Collects the names of dropped fields: not their paths, which are worked out only if somebody asks.
Unknown: TypeAlias = list[str]
Decoder: TypeAlias = Callable[[Json, Unknown], Json]


class Drop:
    """The type of `DROP`."""

    def __repr__(self) -> str:
        return "DROP"


DROP = Drop()
_STRINGS = {str}


class Mismatch(Exception):
    """A value of the wrong type. Grows its path on the way out, as errorContext does in Go's decoder.

    struct: the innermost Go struct around the value; path: the fields from the object's root.
    """

    def __init__(self, found: Json, go_type: str) -> None:
        super().__init__(found, go_type)
        self.found = found
        self.go_type = go_type
        self.struct = ""
        self.path: list[str] = []

    def __str__(self) -> str:
        head = f"json: cannot unmarshal {json_type(self.found, self.go_type)} into Go "
        if not self.struct:
            return f"{head}value of type {self.go_type}"
        return f"{head}struct field {self.struct}.{'.'.join(reversed(self.path))} of type {self.go_type}"


class Unreadable(Exception):
    """An UnmarshalJSON method's own complaint; Go prints it without a path."""


def json_type(value: Json, go_type: str = "") -> str:
    """What Go calls a JSON value: number, string, bool, array, object; with the digits if a Go integer was wanted."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return f"number {value}" if go_type.startswith("int") else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def string(value: Json, unknown: Unknown) -> Json:
    """A string field that Go leaves out when it is empty."""
    if value.__class__ is str:
        return value or DROP
    raise Mismatch(value, "string")


def named_string(go_type: str, keep_empty: bool) -> Decoder:
    """A string field of a type of its own, or one that stays when it is empty."""

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not str:
            raise Mismatch(value, go_type)
        return value if value or keep_empty else DROP

    return decode


def boolean(keep_false: bool) -> Decoder:
    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not bool:
            raise Mismatch(value, "bool")
        return value if value or keep_false else DROP

    return decode


def integer(bits: int, keep_zero: bool) -> Decoder:
    limit = 1 << (bits - 1)
    go_type = f"int{bits}"

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not int or not -limit <= value < limit:
            raise Mismatch(value, go_type)
        return value if value or keep_zero else DROP

    return decode


def number(value: Json, unknown: Unknown) -> Json:
    if value.__class__ is int or value.__class__ is float:
        return value
    raise Mismatch(value, "float64")


def anything(value: Json, unknown: Unknown) -> Json:
    """RawExtension, FieldsV1, apiextensions JSON: kept as they come."""
    return value


def int_or_string(value: Json, unknown: Unknown) -> Json:
    if value.__class__ is str or (value.__class__ is int and -(1 << 31) <= value < 1 << 31):
        return value
    raise Unreadable(str(Mismatch(value, "int32")))


@functools.lru_cache(maxsize=4096)
def _canonical_quantity(text: str) -> str:
    return str(quantity.parse(text))


def resource_quantity(value: Json, unknown: Unknown) -> Json:
    """``"1000m"`` -> ``"1"``, ``0.5`` -> ``"500m"``, ``"1024Mi"`` -> ``"1Gi"``: quantities come back canonical."""
    try:
        canonical = _canonical_quantity(value if value.__class__ is str else _raw(value))
    except ValueError as error:
        raise Unreadable(str(error)) from None
    return value if value == canonical else canonical


def _raw(value: Json) -> str:
    """A value that is no string as its JSON would read; only numbers parse as quantities."""
    return repr(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _moment(value: Json, formatted: Callable[[Any], str]) -> Json:
    if value.__class__ is not str:
        raise Unreadable(f"json: cannot unmarshal {json_type(value)} into Go value of type string")
    try:
        return formatted(times.parse(value))
    except ValueError as error:
        raise Unreadable(str(error)) from None


def time(value: Json, unknown: Unknown) -> Json:
    """metav1.Time: whole seconds in UTC."""
    if value.__class__ is str and len(value) == 20 and value in _known_times:
        return value
    text = _moment(value, times.format)
    if len(_known_times) > 4096:
        _known_times.clear()
    _known_times.add(text)
    return value if value == text else text


#: Timestamps seen in canonical form; most of a cluster's objects carry the same few.
_known_times: set[str] = set()


def micro_time(value: Json, unknown: Unknown) -> Json:
    """metav1.MicroTime: microseconds in UTC."""
    text = _moment(value, times.format_micro)
    return value if value == text else text


def go_duration(value: Json, unknown: Unknown) -> Json:
    """metav1.Duration: ``"1m30s"``."""
    if value.__class__ is not str:
        raise Unreadable(f"json: cannot unmarshal {json_type(value)} into Go value of type string")
    try:
        return duration.format(duration.parse(value))
    except ValueError as error:
        raise Unreadable(str(error)) from None


def base64_bytes(keep_empty: bool) -> Decoder:
    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not str:
            raise Mismatch(value, "[]uint8")
        if "\n" in value or "\r" in value:
            value = value.replace("\n", "").replace("\r", "")
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Unreadable(f"illegal base64 data at input byte {_first_bad_byte(value)}") from None
        return value if value or keep_empty else DROP

    return decode


_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def _first_bad_byte(text: str) -> int:
    """Where Go's base64 decoder gives up."""
    body = text.rstrip("=") if len(text) % 4 == 0 else text
    bad = next((index for index, letter in enumerate(body) if letter not in _BASE64), None)
    return len(text) // 4 * 4 if bad is None else bad


def array(element: Decoder, go_type: str, zero: Json, keep_empty: bool) -> Decoder:
    """A list. zero: what Go puts in the place of a null among the items."""

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not list:
            raise Mismatch(value, go_type)
        if not value:
            return value if keep_empty else DROP
        out = None
        for index, item in enumerate(value):
            new = zero if item is None else element(item, unknown)
            if new is not item:
                out = list(value) if out is None else out
                out[index] = _kept(new, item)
        return value if out is None else out

    return decode


def string_array(keep_empty: bool) -> Decoder:
    """A list of strings, checked in one go when all of them are strings."""
    slow = array(named_string("string", True), "[]string", "", keep_empty)

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is list and set(map(type, value)) == _STRINGS:
            return value
        return slow(value, unknown)

    return decode


def mapping(element: Decoder, go_type: str, zero: Json, keep_empty: bool) -> Decoder:
    """A map with strings as keys."""

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not dict:
            raise Mismatch(value, go_type)
        if not value:
            return value if keep_empty else DROP
        out = None
        for key, item in value.items():
            new = zero if item is None else element(item, unknown)
            if new is not item:
                out = dict(value) if out is None else out
                out[key] = _kept(new, item)
        return value if out is None else out

    return decode


def _kept(new: Json, item: Json) -> Json:
    """Items of lists and maps are never left out: an empty one stays."""
    return item if new is DROP else new


def string_mapping(go_type: str, keep_empty: bool) -> Decoder:
    """Labels, annotations and the like."""
    slow = mapping(named_string("string", True), go_type, "", keep_empty)

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is dict and set(map(type, value.values())) == _STRINGS:
            return value
        return slow(value, unknown)

    return decode


def struct(name: str, go_type: str, fields: Mapping[str, Decoder]) -> Decoder:
    """A Go struct: known fields decoded, others dropped and noted. `fields` may be filled in later (recursion)."""

    def decode(value: Json, unknown: Unknown) -> Json:
        if value.__class__ is not dict:
            raise Mismatch(value, go_type)
        out = None
        key = ""
        find = fields.get
        try:
            for key, item in value.items():
                field = find(key)
                if field is string and item.__class__ is str and item:
                    continue
                if field is None:
                    unknown.append(key)
                    new: Json = DROP
                elif item is None:
                    new = DROP
                else:
                    new = field(item, unknown)
                    if new is item:
                        continue
                out = dict(value) if out is None else out
                if new is DROP:
                    del out[key]
                else:
                    out[key] = new
        except Mismatch as mismatch:
            mismatch.struct = mismatch.struct or name
            mismatch.path.append(key)
            raise
        return value if out is None else out

    return decode
