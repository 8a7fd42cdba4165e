import gc
from collections.abc import Iterator

import pytest

from kube_nb.machinery.collector import THRESHOLDS, collecting_rarely


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_thresholds_are_raised_for_the_outermost_body_only() -> None:
    gc.set_threshold(700, 10, 10)
    with collecting_rarely():
        with collecting_rarely():
            assert gc.get_threshold() == THRESHOLDS
        assert gc.get_threshold() == THRESHOLDS
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("first", [0, 1_000_000], ids=["off", "rarer"])
def test_what_the_user_chose_stays(first: int) -> None:
    gc.set_threshold(first, 10, 10)
    with collecting_rarely():
        assert gc.get_threshold()[0] == first
    assert gc.get_threshold()[0] == first


def test_thresholds_that_the_body_sets_stay() -> None:
    with collecting_rarely():
        gc.set_threshold(900, 10, 10)
    assert gc.get_threshold() == (900, 10, 10)
