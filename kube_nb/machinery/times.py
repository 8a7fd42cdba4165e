"""Timestamps: RFC 3339 as metav1.Time (whole seconds) and metav1.MicroTime write it, UTC throughout."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
)


@lru_cache(maxsize=16384)
def parse(text: str) -> datetime:
    """The moment, in UTC; parts of a microsecond are cut off. ValueError with Go's text if it is not RFC 3339."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(_cannot_parse(text))
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
    except ValueError:
        raise ValueError(_cannot_parse(text)) from None
    if match[3]:
        moment += timedelta(microseconds=int(match[3][:6].ljust(6, "0")))
    if match[4]:
        offset = timedelta(hours=int(match[5]), minutes=int(match[6]))
        moment += -offset if match[4] == "+" else offset
    return moment


def _cannot_parse(text: str) -> str:
    layout = "2006-01-02T15:04:05Z07:00"
    return f'parsing time "{text}" as "{layout}": cannot parse "{text}" as "{layout}"'


def format(moment: datetime) -> str:
    """metav1.Time: ``2026-01-01T00:00:05Z``."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def format_micro(moment: datetime) -> str:
    """metav1.MicroTime: ``2026-01-01T00:00:05.000000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def from_unix(seconds: int, nanoseconds: int = 0) -> datetime:
    """The moment so long after 1970, in UTC."""
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=nanoseconds // 1000)


def seconds_since(text: str, now: datetime) -> float:
    """How long ago a timestamp was, in seconds; below zero if it is still to come."""
    return (now - parse(text)).total_seconds()


def after(text: str, seconds: float) -> datetime:
    """The moment so many seconds after a timestamp."""
    return parse(text) + timedelta(seconds=seconds)
