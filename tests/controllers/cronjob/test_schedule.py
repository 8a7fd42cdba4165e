"""Moments as robfig/cron's own tests (spec_test.go) have them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from kube_nb.api.validation import cron
from kube_nb.controllers.cronjob.schedule import Timetable


def after(start, schedule, zone="UTC"):
    moment = datetime.fromisoformat(start)
    found = Timetable(cron.parse(schedule), ZoneInfo(zone)).after(moment.astimezone(UTC))
    return None if found is None else found.astimezone(ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("start", "schedule", "following"),
    [
        ("2012-07-09T14:45:00+00:00", "0/15 * * * *", "2012-07-09T15:00:00+00:00"),
        ("2012-07-09T14:59:59.5+00:00", "0/15 * * * *", "2012-07-09T15:00:00+00:00"),
        ("2012-07-09T15:45:00+00:00", "20-35/15 * * * *", "2012-07-09T16:20:00+00:00"),
        ("2012-07-09T23:46:00+00:00", "*/15 * * * *", "2012-07-10T00:00:00+00:00"),
        ("2012-07-09T23:35:00+00:00", "20-35/15 1/2 * * *", "2012-07-10T01:20:00+00:00"),
        ("2012-07-09T23:35:51+00:00", "15/35 10-12 * * *", "2012-07-10T10:15:00+00:00"),
        ("2012-07-09T23:35:00+00:00", "0 0 * feb mon", "2013-02-04T00:00:00+00:00"),
        ("2012-07-09T23:35:00+00:00", "0 0 1 feb mon", "2013-02-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00+00:00", "0 0 */100 * fri", "2012-07-13T00:00:00+00:00"),
        ("2012-12-31T23:59:45+00:00", "* * * * *", "2013-01-01T00:00:00+00:00"),
        ("2012-07-09T23:35:00+00:00", "0 0 29 feb ?", "2016-02-29T00:00:00+00:00"),
        ("2012-07-09T23:35:00+00:00", "0 0 30 feb ?", None),
        ("2012-07-09T14:45:30+00:00", "@hourly", "2012-07-09T15:00:00+00:00"),
        ("2012-07-09T14:45:30+00:00", "@weekly", "2012-07-15T00:00:00+00:00"),
        ("2012-07-09T14:45:30.25+00:00", "@every 1h10s", "2012-07-09T15:45:40+00:00"),
    ],
)
def test_the_next_moment_of_a_schedule(start, schedule, following):
    assert after(start, schedule) == following


@pytest.mark.parametrize(
    ("start", "schedule", "following"),
    [
        # clocks go forward: the hour from 2 to 3 is missing on 11 March 2012
        ("2012-03-11T00:00:00-05:00", "30 2 11 mar ?", "2013-03-11T02:30:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 * * * ?", "2012-03-11T01:00:00-05:00"),
        ("2012-03-11T01:00:00-05:00", "0 * * * ?", "2012-03-11T03:00:00-04:00"),
        ("2012-03-11T00:00:00-05:00", "0 2 * * ?", "2012-03-12T02:00:00-04:00"),
        # clocks go back: the hour from 1 to 2 comes twice on 4 November 2012
        ("2012-11-04T01:45:00-04:00", "30 1 4 11 ?", "2012-11-04T01:30:00-05:00"),
        ("2012-11-04T01:00:00-04:00", "0 * * * ?", "2012-11-04T01:00:00-05:00"),
        ("2012-11-04T00:00:00-04:00", "0 3 * * ?", "2012-11-04T03:00:00-05:00"),
    ],
)
def test_a_schedule_follows_the_clocks_of_its_time_zone(start, schedule, following):
    assert after(start, schedule, "America/New_York") == following


def test_where_midnight_is_skipped_the_day_begins_an_hour_later():
    assert after("2018-10-17T05:00:00-04:00", "0 9 4 11 *", "America/Sao_Paulo") == "2018-11-04T09:00:00-02:00"
