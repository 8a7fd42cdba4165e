from datetime import UTC, datetime

import pytest

from kube_nb.machinery import times

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T14:00:00+02:00", NOON),
        ("2026-01-01T06:30:00-05:30", NOON),
        ("2026-01-01T12:00:00.000250999Z", NOON.replace(microsecond=250)),
        ("2026-01-01T12:00:00.5Z", NOON.replace(microsecond=500_000)),
    ],
)
def test_rfc_3339_parses_to_utc(text, moment):
    assert times.parse(text) == moment


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T12:00:00", "x"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="parsing time"):
        times.parse(text)


def test_timestamps_print_in_seconds_or_microseconds():
    moment = NOON.replace(microsecond=42)
    assert times.format(moment) == "2026-01-01T12:00:00Z"
    assert times.format_micro(moment) == "2026-01-01T12:00:00.000042Z"


def test_ages_count_from_the_timestamp():
    assert times.seconds_since("2026-01-01T11:59:30Z", NOON) == 30
    assert times.after("2026-01-01T11:00:00Z", 3600) == NOON
