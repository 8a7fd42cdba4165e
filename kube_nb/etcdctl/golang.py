"""Values as Go prints them and reads them: ``%q``, JSON, hexadecimal, base-16 lease ids, byte sizes."""

import base64
import json
from typing import Any

from kube_nb.etcdctl.result import CommandError, Exit

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_MAX_INT64 = 2**63 - 1


def quote(text: bytes | str) -> str:
    r"""``%q``: in double quotes, with escapes for what cannot be printed; bytes that are no UTF-8 as ``\x..``."""
    raw = text if isinstance(text, str) else text.decode(errors="surrogateescape")
    return '"' + "".join(map(_quoted, raw)) + '"'


def _quoted(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def text(raw: bytes) -> str:
    """Bytes as a terminal shows them."""
    return raw.decode(errors="replace")


def hexadecimal(raw: bytes) -> str:
    r"""``\x61\x62``"""
    return "".join(f"\\x{byte:02x}" for byte in raw)


def to_json(value: Any) -> str:
    """encoding/json's form: no spaces, ``<``, ``>`` and ``&`` escaped, bytes in base 64."""
    plain = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_base64)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _base64(raw: object) -> str:
    assert isinstance(raw, bytes)
    return base64.b64encode(raw).decode()


def parse_int(digits: str, base: int = 10) -> int:
    """strconv.ParseInt; ValueError in its words."""
    stripped = digits[1:] if digits[:1] in ("+", "-") else digits
    try:
        if "_" in digits or not stripped or not stripped.isalnum():
            raise ValueError
        value = int(digits, base)
    except ValueError:
        raise ValueError(f"strconv.ParseInt: parsing {quote(digits)}: invalid syntax") from None
    if not -_MAX_INT64 - 1 <= value <= _MAX_INT64:
        raise ValueError(f"strconv.ParseInt: parsing {quote(digits)}: value out of range")
    return value


def parse_uint(digits: str, base: int) -> int:
    """strconv.ParseUint of 64 bits; ValueError in its words."""
    try:
        if "_" in digits or not digits.isalnum():
            raise ValueError
        value = int(digits, base)
    except ValueError:
        raise ValueError(f"strconv.ParseUint: parsing {quote(digits)}: invalid syntax") from None
    if value >= 2**64:
        raise ValueError(f"strconv.ParseUint: parsing {quote(digits)}: value out of range")
    return value


def parse_lease(digits: str) -> int:
    """A lease id as etcdctl takes it: hexadecimal."""
    try:
        return parse_int(digits, 16)
    except ValueError as error:
        raise CommandError(f"bad lease ID arg ({error}), expecting ID in Hex", Exit.BAD_ARGS) from None


def lease(id: int) -> str:
    """``%016x``"""
    return f"{id:016x}" if id >= 0 else f"-{-id:015x}"


def size(count_bytes: int) -> str:
    """humanize.Bytes: ``20 kB``, ``1.5 MB``."""
    if count_bytes < 10:
        return f"{count_bytes} B"
    value, unit = float(count_bytes), 0
    while value >= 1000 and unit < 6:
        value, unit = value / 1000, unit + 1
    value = int(value * 10 + 0.5) / 10
    return f"{value:.0f} {_UNITS[unit]}" if value >= 10 else f"{value:.1f} {_UNITS[unit]}"


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
