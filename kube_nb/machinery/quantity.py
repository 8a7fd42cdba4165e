"""Resource quantities: ``500m``, ``128Mi``, ``1e3``; exact, as integers of nano units.

`milli` and `value` are the hot path of scheduler and kubelet: they take the wire form and are cached.
Models apimachinery pkg/api/resource: same suffixes, same rounding (away from zero), same canonical form.
"""

import re
from functools import lru_cache, total_ordering
from typing import TypeAlias

Wire: TypeAlias = str | int | float

DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT = "DecimalSI", "BinarySI", "DecimalExponent"

_NANO = 10**9
_MAX = 2**63 - 1
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()}

_FORM = re.compile(r"([+-]?)([0-9]*)(\.[0-9]*)?([eEinumkKMGTP]*[-+]?[0-9]*)")
_WRONG_FORM = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_WRONG_NUMBER = "unable to parse numeric part of quantity"
_WRONG_SUFFIX = "unable to parse quantity's suffix"


@total_ordering
class Quantity:
    """An immutable amount. nanos: in units of 10^-9; format: how it was written, which `str` keeps to."""

    __slots__ = ("_text", "format", "nanos")

    def __init__(self, nanos: int, format: str = DECIMAL_SI, text: str | None = None) -> None:
        self.nanos = nanos
        self.format = format
        self._text = text

    def value(self) -> int:
        """In whole units, rounded away from zero."""
        return _away_from_zero(self.nanos, _NANO)

    def milli_value(self) -> int:
        """In thousandths, rounded away from zero."""
        return _away_from_zero(self.nanos, 10**6)

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.nanos, self.format)

    def __mul__(self, factor: int) -> "Quantity":
        return Quantity(self.nanos * factor, self.format)

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nanos == other.nanos

    def __lt__(self, other: "Quantity") -> bool:
        return self.nanos < other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __float__(self) -> float:
        return self.nanos / _NANO

    def __repr__(self) -> str:
        return f"Quantity({self})"

    def __str__(self) -> str:
        if self._text is None:
            self._text = _canonical(self.nanos, self.format)
        return self._text


ZERO = Quantity(0)


def _away_from_zero(nanos: int, unit: int) -> int:
    return -(-nanos // unit) if nanos >= 0 else nanos // unit


def _canonical(nanos: int, format: str) -> str:
    """No fraction, no loss, and the largest suffix that allows it."""
    if nanos == 0:
        return "0"
    if format == BINARY_SI and abs(nanos) >= 1024 * _NANO and nanos % _NANO == 0:
        number, exponent = nanos // _NANO, 0
        while number % 1024 == 0 and exponent < 60:
            number, exponent = number // 1024, exponent + 10
        return f"{number}{_BINARY_SUFFIX.get(exponent, '')}"
    number, exponent = nanos, -9
    while number % 1000 == 0 and (exponent < 18 or format == DECIMAL_EXPONENT):
        number, exponent = number // 1000, exponent + 3
    if format == DECIMAL_EXPONENT:
        return f"{number}e{exponent}" if exponent else str(number)
    return f"{number}{_DECIMAL_SUFFIX[exponent]}"


def parse(quantity: Wire) -> Quantity:
    """The amount of ``"1500m"``, ``"1.5Gi"``, ``3`` or ``0.5``. ValueError with upstream's text.

    Finer than 10^-9 is rounded away from zero; a binary amount is capped at 2^63-1.
    """
    if isinstance(quantity, str):
        return _parse(quantity.strip())
    if isinstance(quantity, float):
        return _parse(str(int(quantity)) if quantity.is_integer() else repr(quantity))
    return _parse(str(quantity))


@lru_cache(maxsize=16384)
def _parse(text: str) -> Quantity:
    match = _FORM.fullmatch(text)
    if match is None or not text or len(text) > 4000:
        raise ValueError(_WRONG_FORM)
    sign, whole, fraction, suffix = match[1], match[2], (match[3] or "")[1:], match[4]
    if not whole and not fraction:
        raise ValueError(_WRONG_FORM if not suffix and not match[3] and not sign else _WRONG_NUMBER)
    base, exponent, format = _suffix(suffix)
    digits = int(whole + fraction)
    if base == 2:
        nanos = _ceil_ratio(digits * 2**exponent * _NANO, 10 ** len(fraction))
        nanos = min(nanos, _MAX * _NANO)
    else:
        power = exponent - len(fraction) + 9
        nanos = digits * 10**power if power >= 0 else _ceil_ratio(digits, 10 ** min(-power, len(str(digits)) + 1))
    if base == 2 and 0 < nanos < _NANO:
        format = DECIMAL_SI
    kept = text if _is_canonical(whole.lstrip("0") or "0", fraction, base, exponent, digits) else None
    return Quantity(-nanos if sign == "-" else nanos, format, kept)


def _suffix(suffix: str) -> tuple[int, int, str]:
    """(base, exponent, format)."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], BINARY_SI
    if re.fullmatch("[eE][+-]?[0-9]{1,4}", suffix):
        return 10, int(suffix[1:]), DECIMAL_EXPONENT
    raise ValueError(_WRONG_SUFFIX)


def _ceil_ratio(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _is_canonical(whole: str, fraction: str, base: int, exponent: int, digits: int) -> bool:
    """Whether upstream's fast path keeps the text as it was written; ``1.500`` stays, ``1.50`` becomes ``1500m``."""
    if base == 2:
        short = not fraction and len(whole) + int(exponent * 0.3) < 15
        return short and digits % 8 != 0
    scale, shifted = exponent - len(fraction), whole + fraction
    return len(shifted) <= 18 and scale >= -9 and scale % 3 == 0 and not shifted.endswith("000") and shifted[0] != "0"


@lru_cache(maxsize=16384)
def milli(quantity: Wire) -> int:
    """Thousandths, rounded away from zero: ``"0.5"`` -> 500."""
    return parse(quantity).milli_value()


@lru_cache(maxsize=16384)
def value(quantity: Wire) -> int:
    """Whole units, rounded away from zero: ``"1Ki"`` -> 1024."""
    return parse(quantity).value()


def format(amount: int, format: str = DECIMAL_SI, *, scale: int = 0) -> str:
    """The canonical text of `amount` * 10^scale: ``format(1500, scale=-3)`` -> ``"1500m"``; scale is -9 or more."""
    return _canonical(amount * 10 ** (9 + scale), format)
