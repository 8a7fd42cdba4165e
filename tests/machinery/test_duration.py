import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.machinery import duration

M, H, D = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (2 * M, "2m"),
        (3 * M + 5, "3m5s"),
        (10 * M + 5, "10m"),
        (179 * M, "179m"),
        (3 * H, "3h"),
        (7 * H + 59 * M, "7h59m"),
        (47 * H, "47h"),
        (2 * D, "2d"),
        (5 * D + 21 * H, "5d21h"),
        (8 * D + H, "8d"),
        (729 * D, "729d"),
        (2 * 365 * D, "2y"),
        (3 * 365 * D + 30 * D, "3y30d"),
        (9 * 365 * D + 30 * D, "9y"),
    ],
)
def test_an_age_reads_as_kubectl_prints_it(seconds, text):
    assert duration.human(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "59s"), (60, "1m"), (3 * D, "3d"), (800 * D, "2y"), (-5, "<invalid>")]
)
def test_a_short_age_has_one_figure(seconds, text):
    assert duration.short_human(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m30s", 90),
        ("1.5h", 5400),
        ("300ms", 0.3),
        ("-2s", -2),
        ("0", 0),
        ("1h0m0.5s", 3600.5),
        (".5s", 0.5),
        ("2us", 2e-6),
    ],
)
def test_go_durations_parse(text, seconds):
    assert duration.parse(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("5", 'time: missing unit in duration "5"'),
        ("5d", 'time: unknown unit "d" in duration "5d"'),
        ("x", 'time: invalid duration "x"'),
        ("9999999h", 'time: invalid duration "9999999h"'),
    ],
)
def test_a_wrong_duration_is_refused_in_gos_words(text, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        duration.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (1.5, "1.5s"),
        (0.25, "250ms"),
        (-5, "-5s"),
        (1e-6, "1µs"),
        (3661.001, "1h1m1.001s"),
    ],
)
def test_go_durations_print(seconds, text):
    assert duration.format(seconds) == text


@given(st.integers(0, 10**12))
def test_what_is_printed_parses_back(micros):
    assert duration.parse(duration.format(micros / 1e6)) == pytest.approx(micros / 1e6, abs=1e-9)
