"""Strings: cutting, joining, replacing, formatting, regular expressions, base64.

Models cel-go ext/strings.go, ext/formatting.go, ext/encoders.go and apiserver pkg/cel/library/regex.go.
"""

import base64
import binascii
import math
from datetime import datetime, timedelta
from typing import Any

from kube_nb.machinery.cel import values
from kube_nb.machinery.cel.errors import EvalError
from kube_nb.machinery.cel.functions import overload
from kube_nb.machinery.cel.libraries.standard import compiled, double_text, duration_text, stamp_text
from kube_nb.machinery.cel.values import TypeValue, Uint

_SPACE = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_UPPER = {ord(char): char.upper() for char in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {ord(char): char.lower() for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _within(text: str, index: int) -> None:
    if not 0 <= index <= len(text):
        raise EvalError(f"index out of range: {index}")


@overload("charAt", "string.(int) -> string")
def _char_at(text: str, index: int) -> str:
    _within(text, index)
    return text[index : index + 1]


@overload("indexOf", "string.(string) -> int", "string.(string, int) -> int")
def _index_of(text: str, part: str, start: int = 0) -> int:
    _within(text, start)
    return text.find(part, start)


@overload("lastIndexOf", "string.(string) -> int")
def _last_index_of(text: str, part: str) -> int:
    return text.rfind(part)


@overload("lastIndexOf", "string.(string, int) -> int")
def _last_index_before(text: str, part: str, end: int) -> int:
    _within(text, end)
    return text.rfind(part, 0, end + len(part))


@overload("substring", "string.(int) -> string", "string.(int, int) -> string")
def _substring(text: str, start: int, end: int | None = None) -> str:
    _within(text, start)
    if end is None:
        return text[start:]
    _within(text, end)
    if start > end:
        raise EvalError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


overload("lowerAscii", "string.() -> string")(lambda text: text.translate(_LOWER))
overload("upperAscii", "string.() -> string")(lambda text: text.translate(_UPPER))
overload("trim", "string.() -> string")(lambda text: text.strip(_SPACE))
overload("reverse", "string.() -> string")(lambda text: text[::-1])
overload("replace", "string.(string, string) -> string")(lambda text, old, new: text.replace(old, new))
overload("replace", "string.(string, string, int) -> string")(
    lambda text, old, new, count: text.replace(old, new, max(count, -1))
)


@overload("split", "string.(string) -> list(string)", "string.(string, int) -> list(string)")
def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        parts = list(text)
        return parts if limit < 0 or len(parts) <= limit else [*parts[: limit - 1], "".join(parts[limit - 1 :])]
    return text.split(separator, limit - 1 if limit > 0 else -1)


@overload("join", "list(string).() -> string", "list(string).(string) -> string")
def _join(parts: list[Any], separator: str = "") -> str:
    if not all(isinstance(part, str) for part in parts):
        raise EvalError("no such overload")
    return separator.join(parts)


@overload("strings.quote", "(string) -> string")
def _quote(text: str) -> str:
    escaped = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    escaped |= {"\\": "\\\\", '"': '\\"'}
    return '"' + "".join(escaped.get(char, char) for char in text) + '"'


# -- regular expressions -----------------------------------------------------------------------------------------------


@overload("find", "string.(string) -> string")
def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return "" if found is None else str(found.group())


@overload("findAll", "string.(string) -> list(string)", "string.(string, int) -> list(string)")
def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [str(match.group()) for match in compiled(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


# -- base64 ------------------------------------------------------------------------------------------------------------

overload("base64.encode", "(bytes) -> string")(lambda value: base64.b64encode(value).decode())


@overload("base64.decode", "(string) -> bytes")
def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise EvalError("illegal base64 data") from None


# -- format ------------------------------------------------------------------------------------------------------------


@overload("format", "string.(list(dyn)) -> string")
def _format(template: str, args: list[Any]) -> str:
    """``'%s has %d'.format(['a', 2])``."""
    pieces: list[str] = []
    index, used = 0, 0
    while index < len(template):
        char = template[index]
        index += 1
        if char != "%":
            pieces.append(char)
            continue
        if template[index : index + 1] == "%":
            pieces.append("%")
            index += 1
            continue
        precision, index = _precision(template, index)
        if index >= len(template):
            raise EvalError("could not parse formatting clause: unexpected end of string")
        if used >= len(args):
            raise EvalError(f"index {used} out of range")
        pieces.append(_clause(template[index], args[used], precision))
        index, used = index + 1, used + 1
    return "".join(pieces)


def _precision(template: str, index: int) -> tuple[int, int]:
    if template[index : index + 1] != ".":
        return 6, index
    end = index + 1
    while end < len(template) and template[end].isdigit() and end - index < 5:
        end += 1
    return int(template[index + 1 : end] or 0), end


def _clause(verb: str, value: Any, precision: int) -> str:
    kind = type(value)
    if verb == "s":
        return shown(value)
    if verb == "d" and kind in (int, Uint):
        return str(int(value))
    if verb in "df" and kind is float and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if verb == "f" and kind in (int, Uint, float):
        return f"{float(value):.{min(precision, 300)}f}"
    if verb == "e" and kind in (int, Uint, float):
        return f"{float(value):.{min(precision, 300)}e}"
    if verb == "b" and kind in (int, Uint, bool):
        return f"{int(value):b}"
    if verb == "o" and kind in (int, Uint):
        return f"{int(value):o}"
    if verb in "xX" and kind in (int, Uint, str, bytes):
        found = f"{int(value):x}" if kind in (int, Uint) else (value.encode() if kind is str else value).hex()
        return found.upper() if verb == "X" else found
    if verb not in "sdfeboxX":
        raise EvalError(f"could not parse formatting clause: unrecognized formatting clause: {verb}")
    raise EvalError(f"error during formatting: no formatting function for %{verb} and {values.type_name(value)}")


def shown(value: Any) -> str:
    """What ``%s`` makes of a value."""
    kind = type(value)
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind in (int, Uint):
        return str(int(value))
    if kind is float:
        return str(double_text(value))
    if kind is bytes:
        return str(value.decode("utf-8", "replace"))
    if kind is datetime:
        return str(stamp_text(value))
    if kind is timedelta:
        return str(duration_text(value))
    if kind is TypeValue:
        return str(value.name)
    if kind is list:
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, dict):
        rows = sorted((shown(key), shown(item)) for key, item in value.items())
        return "{" + ", ".join(f"{key}: {item}" for key, item in rows) + "}"
    raise EvalError(
        f"error during formatting: string clause can only be used on known types, was given {values.type_name(value)}"
    )
