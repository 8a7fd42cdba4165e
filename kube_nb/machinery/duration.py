"""Durations as people read them (kubectl's AGE) and as Go writes them (``1m30s``).

Models apimachinery pkg/util/duration and Go's time.ParseDuration and Duration.String. Seconds are floats; Go's limit of
an int64 of nanoseconds is kept.
"""

import re

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human(seconds: float) -> str:
    """Two or three significant figures: ``45s``, ``3m5s``, ``5d21h``, ``2y30d``; ``<invalid>`` if below -1 s."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 2 * _MINUTE:
        return f"{max(total, 0)}s"
    if total < 10 * _MINUTE:
        return _pair(total // _MINUTE, "m", total % _MINUTE, "s")
    if total < 3 * _HOUR:
        return f"{total // _MINUTE}m"
    if total < 8 * _HOUR:
        return _pair(total // _HOUR, "h", total // _MINUTE % 60, "m")
    if total < 2 * _DAY:
        return f"{total // _HOUR}h"
    if total < 8 * _DAY:
        return _pair(total // _DAY, "d", total // _HOUR % 24, "h")
    if total < 2 * _YEAR:
        return f"{total // _DAY}d"
    if total < 8 * _YEAR:
        return _pair(total // _YEAR, "y", total // _DAY % 365, "d")
    return f"{total // _YEAR}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def short_human(seconds: float) -> str:
    """One figure: ``3m``, ``5d``."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    for limit, size, unit in ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "m"), (_DAY, _HOUR, "h"), (_YEAR, _DAY, "d")):
        if total < limit:
            return f"{max(total, 0) // size}{unit}"
    return f"{total // _YEAR}y"


_NANOS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def parse(text: str) -> float:
    """Seconds of a Go duration: ``1m30s``, ``1.5h``, ``300ms``, ``-2s``, ``0``. ValueError with Go's text."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    if not rest:
        raise ValueError(f'time: invalid duration "{text}"')
    nanos = 0
    while rest:
        match = _PART.match(rest)
        if match is None or not (match[1] or match[2]):
            raise ValueError(f'time: invalid duration "{text}"')
        nanos += _part_nanos(text, match)
        rest = rest[match.end() :]
    if nanos > 2**63 - 1:
        raise ValueError(f'time: invalid duration "{text}"')
    return (-nanos if text[0] == "-" else nanos) / 10**9


def _part_nanos(text: str, match: re.Match[str]) -> int:
    whole, fraction, unit = match[1] or "0", match[2] or "", match[3]
    if not unit:
        raise ValueError(f'time: missing unit in duration "{text}"')
    if unit not in _NANOS:
        raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
    nanos: int = int(whole + fraction) * _NANOS[unit] // 10 ** len(fraction)
    return nanos


def format(seconds: float) -> str:
    """``1m30s``, ``1h0m0s``, ``1.5s``, ``250ms``, ``0s``."""
    nanos = round(seconds * 10**9)
    if nanos < 0:
        return "-" + format(-seconds)
    if nanos == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if nanos < size * 1000:
            return _decimal(nanos, size) + unit
    minutes, rest = divmod(nanos, 60 * 10**9)
    text = _decimal(rest, 10**9) + "s"
    if minutes:
        text = f"{minutes % 60}m{text}"
    return f"{minutes // 60}h{text}" if minutes >= 60 else text


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = str(size + rest)[1:].rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
