"""Cron schedules: five fields or a descriptor, parsed into sets of minutes, hours, days, months and weekdays.

Models github.com/robfig/cron/v3 ParseStandard, its error texts included.
"""

from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Field(NamedTuple):
    low: int
    high: int
    names: dict[str, int]


_FIELDS = (
    _Field(0, 59, {}),
    _Field(0, 23, {}),
    _Field(1, 31, {}),
    _Field(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field(0, 6, {name: number for number, name in enumerate(_DAYS)}),
)

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Schedule(NamedTuple):
    """When to run. any_day and any_weekday: whether that field was a star, for then only the other one counts.

    every_s: the period of an ``@every`` descriptor, else 0.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    every_s: float = 0.0


def parse(text: str) -> Schedule:
    """ValueError with the cron library's text for a malformed schedule."""
    if not text:
        raise ValueError("empty spec string")
    if text.startswith("@every "):
        return _every(text)
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    sets = [_field(field, bounds) for field, bounds in zip(fields, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = sets
    return Schedule(minutes, hours, days, months, weekdays, _is_star(fields[2]), _is_star(fields[4]))


def _every(text: str) -> Schedule:
    from kube_nb.machinery import duration

    try:
        seconds = duration.parse(text.removeprefix("@every "))
    except ValueError as error:
        raise ValueError(f"failed to parse duration {text}: {error}") from None
    nothing: frozenset[int] = frozenset()
    return Schedule(nothing, nothing, nothing, nothing, nothing, False, False, max(1.0, float(int(seconds))))


def _is_star(field: str) -> bool:
    return any(
        part.partition("/")[0] in ("*", "?") and part.partition("/")[2] in ("", "1") for part in field.split(",")
    )


def _field(text: str, bounds: _Field) -> frozenset[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        found |= _range(part, bounds)
    return frozenset(found)


def _range(text: str, bounds: _Field) -> set[int]:
    head, *steps = text.split("/")
    ends = head.split("-")
    if ends[0] in ("*", "?"):
        start, end = bounds.low, bounds.high
    else:
        start = _number(ends[0], bounds)
        if len(ends) > 2:
            raise ValueError(f"too many hyphens: {text}")
        end = _number(ends[1], bounds) if len(ends) == 2 else start
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    step = _plain(steps[0]) if steps else 1
    if steps and len(ends) == 1:
        end = bounds.high
    _check(text, start, end, step, bounds)
    return set(range(start, end + 1, step))


def _check(text: str, start: int, end: int, step: int, bounds: _Field) -> None:
    if start < bounds.low:
        raise ValueError(f"beginning of range ({start}) below minimum ({bounds.low}): {text}")
    if end > bounds.high:
        raise ValueError(f"end of range ({end}) above maximum ({bounds.high}): {text}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")


def _number(text: str, bounds: _Field) -> int:
    return bounds.names.get(text.lower(), -1) if text.lower() in bounds.names else _plain(text)


def _plain(text: str) -> int:
    if text.lstrip("-").isdigit():
        number = int(text)
        if number < 0:
            raise ValueError(f"negative number ({number}) not allowed: {text}")
        return number
    raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
