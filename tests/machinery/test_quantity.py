import re
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.machinery import quantity


@pytest.mark.parametrize(
    ("wire", "text", "milli"),
    [
        ("0", "0", 0),
        ("1", "1", 1000),
        (3, "3", 3000),
        (0.5, "500m", 500),
        ("0.5", "500m", 500),
        ("1.5", "1500m", 1500),
        ("1.500", "1.500", 1500),
        ("100m", "100m", 100),
        ("1000m", "1", 1000),
        ("0.1m", "100u", 1),
        ("1.5Gi", "1536Mi", 1536 * 2**20 * 1000),
        ("128Mi", "128Mi", 2**27 * 1000),
        ("1024Ki", "1Mi", 2**20 * 1000),
        ("512Ki", "512Ki", 2**19 * 1000),
        ("1e3", "1e3", 10**6),
        ("1E3", "1E3", 10**6),
        ("12000e3", "12e6", 12 * 10**9),
        ("0.5Ki", "512", 512_000),
        ("0.0001Ki", "102400u", 103),
        ("-1", "-1", -1000),
        ("-0.5m", "-500u", -1),
        ("5G", "5G", 5 * 10**12),
        ("1000k", "1M", 10**9),
        ("1n", "1n", 1),
        ("0.1n", "1n", 1),
        ("+2", "+2", 2000),
        ("9Ei", "9223372036854775807", (2**63 - 1) * 1000),
    ],
)
def test_quantities_print_and_round_as_upstream(wire, text, milli):
    parsed = quantity.parse(wire)
    assert (str(parsed), parsed.milli_value()) == (text, milli)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("1x", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("1 Gi", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("1.1.1", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"),
        ("1mi", "unable to parse quantity's suffix"),
        ("1K", "unable to parse quantity's suffix"),
        ("1e", "unable to parse quantity's suffix"),
        ("m", "unable to parse numeric part of quantity"),
    ],
)
def test_a_wrong_quantity_is_refused_in_upstreams_words(text, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        quantity.parse(text)


SUFFIXES = {
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(1000),
    "M": Fraction(10**6),
    "Ki": Fraction(1024),
    "Mi": Fraction(2**20),
}
amounts = st.tuples(st.integers(0, 10**9), st.sampled_from(sorted(SUFFIXES)))


def exact(amount):
    return amount[0] * SUFFIXES[amount[1]]


def written(amount):
    return quantity.parse(f"{amount[0]}{amount[1]}")


@given(amounts, amounts)
def test_order_and_arithmetic_are_those_of_exact_fractions(first, second):
    a, b = written(first), written(second)
    assert (a < b, a == b) == (exact(first) < exact(second), exact(first) == exact(second))
    assert (a + b).milli_value() == ceil((exact(first) + exact(second)) * 1000)
    assert Fraction((a - b).nanos, 10**9) == exact(first) - exact(second)


@given(amounts)
def test_the_canonical_text_loses_nothing_and_is_stable(amount):
    parsed = written(amount)
    again = quantity.parse(str(quantity.Quantity(parsed.nanos, parsed.format)))
    assert again == parsed
    assert str(again) == str(quantity.Quantity(parsed.nanos, parsed.format))


def test_a_sum_takes_the_format_of_its_first_part_that_is_not_zero():
    assert str(quantity.ZERO + quantity.parse("1Gi")) == "1Gi"
    assert str(quantity.parse("1Gi") + quantity.parse("1G")) == "2073741824"


def test_fast_helpers_take_the_wire_form():
    assert quantity.milli("250m") == 250
    assert quantity.value("1.5Ki") == 1536
    assert quantity.format(1500, scale=-3) == "1500m"
    assert quantity.format(2**30, quantity.BINARY_SI) == "1Gi"
