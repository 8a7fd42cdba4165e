"""Operators, conversions, sizes, strings' tests, times: what the language itself defines.

Models cel-go common/stdlib.
"""

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from kube_nb.machinery.cel import values
from kube_nb.machinery.cel.errors import EvalError
from kube_nb.machinery.cel.functions import overload
from kube_nb.machinery.cel.types import NAMED
from kube_nb.machinery.cel.values import TypeValue, Uint, in_range, unsigned

# -- equality and order ------------------------------------------------------------------------------------------------

overload("_==_", "(A, A) -> bool")(values.equal)
overload("_!=_", "(A, A) -> bool")(lambda left, right: not values.equal(left, right))

_ORDERED = ("int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration")
_COMPARED = [f"({one}, {one}) -> bool" for one in _ORDERED] + [
    f"({one}, {other}) -> bool" for one in _ORDERED[:3] for other in _ORDERED[:3] if one != other
]
overload("_<_", *_COMPARED)(lambda left, right: left < right)
overload("_<=_", *_COMPARED)(lambda left, right: left <= right)
overload("_>_", *_COMPARED)(lambda left, right: left > right)
overload("_>=_", *_COMPARED)(lambda left, right: left >= right)

# -- logic: the checker's rows; evaluation treats them by itself -------------------------------------------------------


def _unreachable(*args: Any) -> Any:
    raise AssertionError("evaluation treats this operator by itself")


overload("_&&_", "(bool, bool) -> bool")(_unreachable)
overload("_||_", "(bool, bool) -> bool")(_unreachable)
overload("_?_:_", "(bool, A, A) -> A")(_unreachable)
overload("@not_strictly_false", "(bool) -> bool")(_unreachable)
overload(
    "_[_]",
    "(list(A), int) -> A",
    "(map(A, B), A) -> B",
    "(optional(list(A)), int) -> optional(A)",
    "(optional(map(A, B)), A) -> optional(B)",
)(_unreachable)
overload(
    "_[?_]",
    "(list(A), int) -> optional(A)",
    "(map(A, B), A) -> optional(B)",
    "(optional(list(A)), int) -> optional(A)",
    "(optional(map(A, B)), A) -> optional(B)",
)(_unreachable)
overload("!_", "(bool) -> bool")(lambda value: not value)


@overload("@in", "(A, list(A)) -> bool", "(A, map(A, B)) -> bool")
def _in(value: Any, held: Any) -> bool:
    if isinstance(held, list):
        return values.contains(held, value)
    if type(value) is str:
        return value in held
    return any(values.equal(key, value) for key in held)


# -- arithmetic --------------------------------------------------------------------------------------------------------

overload("_+_", "(int, int) -> int")(lambda left, right: in_range(left + right))
overload("_+_", "(uint, uint) -> uint")(lambda left, right: unsigned(int(left) + int(right)))
overload("_+_", "(double, double) -> double", "(string, string) -> string", "(bytes, bytes) -> bytes")(
    lambda left, right: left + right
)
overload("_+_", "(list(A), list(A)) -> list(A)")(lambda left, right: [*left, *right])
overload("_-_", "(int, int) -> int")(lambda left, right: in_range(left - right))
overload("_-_", "(uint, uint) -> uint")(lambda left, right: unsigned(int(left) - int(right)))
overload("_-_", "(double, double) -> double")(lambda left, right: left - right)
overload("_*_", "(int, int) -> int")(lambda left, right: in_range(left * right))
overload("_*_", "(uint, uint) -> uint")(lambda left, right: unsigned(int(left) * int(right)))
overload("_*_", "(double, double) -> double")(lambda left, right: left * right)
overload("-_", "(int) -> int")(lambda value: in_range(-value))
overload("-_", "(double) -> double")(lambda value: -value)


def _quotient(left: int, right: int) -> int:
    """Towards zero."""
    if right == 0:
        raise EvalError("division by zero")
    found = abs(int(left)) // abs(int(right))
    return found if (left < 0) == (right < 0) else -found


def _rest(left: int, right: int) -> int:
    if right == 0:
        raise EvalError("modulus by zero")
    return int(left) - int(right) * _quotient(left, right)


overload("_/_", "(int, int) -> int")(lambda left, right: in_range(_quotient(left, right)))
overload("_/_", "(uint, uint) -> uint")(lambda left, right: Uint(_quotient(left, right)))
overload("_%_", "(int, int) -> int")(_rest)
overload("_%_", "(uint, uint) -> uint")(lambda left, right: Uint(_rest(left, right)))


@overload("_/_", "(double, double) -> double")
def _divided(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


@overload("_+_", "(timestamp, duration) -> timestamp", "(duration, timestamp) -> timestamp")
def _later(left: Any, right: Any) -> Any:
    return _moved(left, right) if isinstance(left, datetime) else _moved(right, left)


def _moved(when: datetime, by: timedelta) -> datetime:
    try:
        return when + by
    except OverflowError:
        raise EvalError("timestamp overflow") from None


overload("_+_", "(duration, duration) -> duration")(lambda left, right: left + right)
overload("_-_", "(duration, duration) -> duration", "(timestamp, timestamp) -> duration")(
    lambda left, right: left - right
)
overload("_-_", "(timestamp, duration) -> timestamp")(lambda left, right: _moved(left, -right))

# -- conversions -------------------------------------------------------------------------------------------------------

overload("dyn", "(A) -> dyn")(lambda value: value)
overload("type", "(A) -> type")(lambda value: TypeValue(values.type_name(value)))
overload("size", "(string) -> int", "string.() -> int", "(bytes) -> int", "bytes.() -> int")(len)
overload("size", "(list(A)) -> int", "list(A).() -> int", "(map(A, B)) -> int", "map(A, B).() -> int")(len)
overload("bool", "(bool) -> bool")(lambda value: value)


@overload("bool", "(string) -> bool")
def _bool(text: str) -> bool:
    known = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True)
    known |= dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False)
    if text not in known:
        raise EvalError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return known[text]


def _whole(value: float) -> int:
    if not math.isfinite(value):
        raise EvalError("integer overflow")
    return int(value)


overload("int", "(int) -> int", "(uint) -> int")(lambda value: in_range(int(value)))
overload("int", "(double) -> int")(lambda value: in_range(_whole(value)))
overload("int", "(timestamp) -> int")(lambda value: int(value.timestamp() // 1))
overload("int", "(duration) -> int")(lambda value: value // timedelta(microseconds=1) * 1000)
overload("uint", "(uint) -> uint", "(int) -> uint")(lambda value: unsigned(int(value)))
overload("uint", "(double) -> uint")(lambda value: unsigned(_whole(value)))
overload("double", "(double) -> double", "(int) -> double", "(uint) -> double")(float)

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


@overload("int", "(string) -> int")
def _int(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise EvalError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if len(text) > 20 or not values.INT_LEAST <= int(text) <= values.INT_MOST:
        raise EvalError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


@overload("uint", "(string) -> uint")
def _uint(text: str) -> Uint:
    if not text.isascii() or not text.isdigit():
        raise EvalError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if len(text) > 20 or int(text) > values.UINT_MOST:
        raise EvalError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return Uint(int(text))


@overload("double", "(string) -> double")
def _double(text: str) -> float:
    try:
        if "_" in text or text != text.strip():
            raise ValueError
        return float(text)
    except ValueError:
        raise EvalError(f'strconv.ParseFloat: parsing "{text}": invalid syntax') from None


overload("string", "(string) -> string")(lambda value: value)
overload("string", "(int) -> string", "(uint) -> string")(lambda value: str(int(value)))
overload("string", "(bool) -> string")(lambda value: "true" if value else "false")


@overload("string", "(double) -> string")
def double_text(value: float) -> str:
    """As Go's strconv with 'g' and the least digits."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


@overload("string", "(bytes) -> string")
def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EvalError("invalid UTF-8 in bytes, cannot convert to string") from None


overload("bytes", "(string) -> bytes")(lambda value: value.encode("utf-8", "surrogatepass"))
overload("bytes", "(bytes) -> bytes")(lambda value: value)

# -- strings -----------------------------------------------------------------------------------------------------------

overload("contains", "string.(string) -> bool")(lambda text, part: part in text)
overload("startsWith", "string.(string) -> bool")(lambda text, part: text.startswith(part))
overload("endsWith", "string.(string) -> bool")(lambda text, part: text.endswith(part))


@overload("matches", "string.(string) -> bool", "(string, string) -> bool")
def _matches(text: str, pattern: str) -> bool:
    return compiled(pattern).search(text) is not None


def compiled(pattern: str) -> Any:
    """A regular expression of RE2."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise EvalError(f"error parsing regexp: {why}") from None


# -- times -------------------------------------------------------------------------------------------------------------

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|s|us|µs|μs|ns)", re.ASCII)
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_STAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
overload("duration", "(duration) -> duration")(lambda value: value)
overload("duration", "(int) -> duration")(lambda nanos: timedelta(microseconds=nanos / 1000))
overload("timestamp", "(timestamp) -> timestamp")(lambda value: value)


@overload("duration", "(string) -> duration")
def duration(text: str) -> timedelta:
    """``1h2m3.5s``."""
    sign, body = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if body == "0":
        return timedelta(0)
    if not body or _DURATION.sub("", body):
        raise EvalError(f'time: invalid duration "{text}"')
    try:
        return sign * timedelta(seconds=sum(float(amount) * _UNITS_S[unit] for amount, unit in _DURATION.findall(body)))
    except OverflowError:
        raise EvalError(f'time: invalid duration "{text}"') from None


@overload("timestamp", "(string) -> timestamp")
def timestamp(text: str) -> datetime:
    """RFC 3339."""
    found = _STAMP.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
        micros = int(float(found.group(7) or 0) * 1_000_000)
        return datetime(year, month, day, hour, minute, second, micros, _zone(found.group(8))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise EvalError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse') from None


@overload("timestamp", "(int) -> timestamp")
def _of_seconds(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise EvalError("timestamp overflow") from None


def _zone(text: str) -> tzinfo:
    if text in ("Z", "z", "UTC", ""):
        return UTC
    found = re.fullmatch(r"([+-]?)([0-9]{1,2}):([0-9]{2})", text, re.ASCII)
    if found is not None:
        offset = timedelta(hours=int(found.group(2)), minutes=int(found.group(3)))
        return timezone(-offset if found.group(1) == "-" else offset)
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise EvalError(f"unknown time zone {text}") from None


@overload("string", "(timestamp) -> string")
def stamp_text(value: datetime) -> str:
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction + "Z"


@overload("string", "(duration) -> string")
def duration_text(value: timedelta) -> str:
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    return (
        f"{sign}{micros // 1_000_000}" + (f".{micros % 1_000_000:06d}".rstrip("0") if micros % 1_000_000 else "") + "s"
    )


_PARTS: dict[str, Any] = {
    "getFullYear": lambda when: when.year,
    "getMonth": lambda when: when.month - 1,
    "getDate": lambda when: when.day,
    "getDayOfMonth": lambda when: when.day - 1,
    "getDayOfWeek": lambda when: when.isoweekday() % 7,
    "getDayOfYear": lambda when: when.timetuple().tm_yday - 1,
    "getHours": lambda when: when.hour,
    "getMinutes": lambda when: when.minute,
    "getSeconds": lambda when: when.second,
    "getMilliseconds": lambda when: when.microsecond // 1000,
}


def _register_part(name: str, read: Any) -> None:
    overload(name, "timestamp.() -> int")(lambda when: read(when.astimezone(UTC)))
    overload(name, "timestamp.(string) -> int")(lambda when, zone: read(when.astimezone(_zone(zone))))


for _name, _read in _PARTS.items():
    _register_part(_name, _read)

overload("getHours", "duration.() -> int")(lambda value: _quotient(value // timedelta(microseconds=1), 3_600_000_000))
overload("getMinutes", "duration.() -> int")(lambda value: _quotient(value // timedelta(microseconds=1), 60_000_000))
overload("getSeconds", "duration.() -> int")(lambda value: _quotient(value // timedelta(microseconds=1), 1_000_000))
overload("getMilliseconds", "duration.() -> int")(lambda value: _quotient(value // timedelta(microseconds=1), 1000))

#: The names of types that have a dot.
TYPE_NAMES = frozenset(name for name in NAMED if "." in name)
