"""The moments of a cron schedule. Models github.com/robfig/cron/v3 (spec.go, constantdelay.go)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from kube_nb.api.validation.cron import Schedule

#: A schedule with no moment in so many years has none.
_YEARS = 5


@dataclass(frozen=True)
class Timetable:
    """A schedule read in a time zone."""

    schedule: Schedule
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """The first moment of the schedule after this one, in UTC; None if there is none, as for 31 February."""
        if self.schedule.every_s:
            return moment.replace(microsecond=0) + timedelta(seconds=self.schedule.every_s)
        found = _Search(self.schedule, moment.replace(microsecond=0) + timedelta(seconds=1), self.zone).run()
        return None if found is None else found.astimezone(UTC)


class _Search:
    """Walks from a moment to the first that fits: to the month, in it to the day, the hour, the minute.

    Where a part rolls over (from December to January, from the 31st to the 1st) the search starts again from the month.
    """

    def __init__(self, schedule: Schedule, start: datetime, zone: ZoneInfo) -> None:
        self._schedule = schedule
        self._zone = zone
        self._at = start.astimezone(zone)

    def run(self) -> datetime | None:
        last = self._at.year + _YEARS
        while self._at.year <= last:
            if self._month() and self._day() and self._hour() and self._minute() and self._second():
                return self._at
        return None

    def _month(self) -> bool:
        while self._at.month not in self._schedule.months:
            year, month = divmod(self._at.year * 12 + self._at.month, 12)
            self._at = self._local(datetime(year, month + 1, 1))
            if self._at.month == 1:
                return False
        return True

    def _day(self) -> bool:
        while not self._day_fits():
            self._at = self._local(datetime.combine(self._at.date() + timedelta(days=1), datetime.min.time()))
            if self._at.hour:  # midnight was skipped, or came twice, as the clocks changed
                hours = 24 - self._at.hour if self._at.hour > 12 else -self._at.hour
                self._at = self._later(timedelta(hours=hours))
            if self._at.day == 1:
                return False
        return True

    def _day_fits(self) -> bool:
        """Either of day and weekday is enough, unless one of them was a star."""
        schedule = self._schedule
        by_day = self._at.day in schedule.days
        by_weekday = self._at.isoweekday() % 7 in schedule.weekdays
        if schedule.any_day or schedule.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def _hour(self) -> bool:
        while self._at.hour not in self._schedule.hours:
            self._at = self._later(timedelta(hours=1, minutes=-self._at.minute, seconds=-self._at.second))
            if self._at.hour == 0:
                return False
        return True

    def _minute(self) -> bool:
        while self._at.minute not in self._schedule.minutes:
            self._at = self._later(timedelta(seconds=60 - self._at.second))
            if self._at.minute == 0:
                return False
        return True

    def _second(self) -> bool:
        if self._at.second:
            self._at = self._later(timedelta(seconds=60 - self._at.second))
            return False
        return True

    def _later(self, span: timedelta) -> datetime:
        return (self._at.astimezone(UTC) + span).astimezone(self._zone)

    def _local(self, wall: datetime) -> datetime:
        """The moment when clocks show this; where they never do, as Go's time.Date chooses."""
        as_utc = wall.replace(tzinfo=UTC)
        offset = self._offset(as_utc)
        return (as_utc - self._offset(as_utc - offset)).astimezone(self._zone)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._zone).utcoffset() or timedelta()
