"""Which moment of a cron job's schedule is due, and how long it is until the next one.

Models pkg/controller/cronjob/utils.go (mostRecentScheduleTime and what reads it).
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from kube_nb.controllers.cronjob.schedule import Timetable
from kube_nb.machinery import objects, times
from kube_nb.machinery.types import Obj

#: The controller looks so long after a moment, lest it come too early.
DELTA = timedelta(milliseconds=100)
#: More missed moments than this are worth a warning.
MANY = 100


class Invalid(Exception):
    """The schedule makes no sense, though it can be read."""


class Recent(NamedTuple):
    """earliest: since when we count; latest: the last moment that passed since, None if none did; missed: about how
    many did."""

    earliest: datetime
    latest: datetime | None
    missed: int


def most_recent(cron_job: Obj, now: datetime, timetable: Timetable, *, in_deadline: bool) -> Recent:
    """in_deadline: leave out what is too old for spec.startingDeadlineSeconds."""
    last = (cron_job.get("status") or {}).get("lastScheduleTime")
    earliest = times.parse(last or objects.creation_timestamp(cron_job))
    deadline_s = cron_job["spec"].get("startingDeadlineSeconds")
    if in_deadline and deadline_s is not None:
        earliest = max(earliest, now - timedelta(seconds=deadline_s))
    first = timetable.after(earliest)
    second = None if first is None else timetable.after(first)
    if first is None or second is None:
        raise Invalid("time difference between two schedules is less than 1 second")
    if now < first:
        return Recent(earliest, None, 0)
    if now < second:
        return Recent(earliest, first, 0)
    return _of_many(earliest, first, second, now, timetable)


def _of_many(earliest: datetime, first: datetime, second: datetime, now: datetime, timetable: Timetable) -> Recent:
    """The schedule is taken for a regular one to come near now, and walked from there."""
    step = second - first
    missed = (now - first) // step + 1
    latest = None
    moment = timetable.after(first + (missed - 2) * step)
    while moment is not None and moment <= now:
        latest, moment = moment, timetable.after(moment)
    return Recent(earliest, latest, missed)


def wait_s(cron_job: Obj, now: datetime, timetable: Timetable) -> float | None:
    """Seconds until the cron job is to be looked at again. Models nextScheduleTimeDuration."""
    try:
        earliest, latest, missed = most_recent(cron_job, now, timetable, in_deadline=False)
    except Invalid:
        earliest, latest, missed = now, None, 0
    following = timetable.after(latest or (now if missed else earliest))
    return None if following is None else (following + DELTA - now).total_seconds()
