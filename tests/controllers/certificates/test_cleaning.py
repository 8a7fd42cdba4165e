"""When a certificate signing request is not needed any more."""

import pytest

from kube_nb.controllers.certificates.cleaning import is_over
from kube_nb.machinery import times
from kube_nb.machinery.types import Obj

NOW = times.parse("2026-01-02T12:00:00Z")
HOUR_AGO, LATELY = "2026-01-02T10:59:00Z", "2026-01-02T11:30:00Z"


def condition(type: str, since: str) -> Obj:
    return {"type": type, "status": "True", "lastUpdateTime": since}


@pytest.mark.parametrize(
    ("created", "status", "over"),
    [
        pytest.param("2026-01-01T11:59:00Z", {}, True, id="nobody decided for a day"),
        pytest.param("2026-01-01T12:01:00Z", {}, False, id="nobody decided yet"),
        pytest.param(HOUR_AGO, {"conditions": [condition("Denied", HOUR_AGO)]}, True, id="denied for an hour"),
        pytest.param(HOUR_AGO, {"conditions": [condition("Denied", LATELY)]}, False, id="denied lately"),
        pytest.param(HOUR_AGO, {"conditions": [condition("Failed", HOUR_AGO)]}, True, id="failed for an hour"),
        pytest.param(
            HOUR_AGO, {"conditions": [condition("Approved", HOUR_AGO)], "certificate": "eA=="}, True, id="issued"
        ),
        pytest.param(HOUR_AGO, {"conditions": [condition("Approved", HOUR_AGO)]}, False, id="approved, not issued"),
    ],
)
def test_a_request_goes(created: str, status: Obj, over: bool) -> None:
    request = {"metadata": {"name": "a", "creationTimestamp": created}, "status": status}
    assert is_over(request, NOW) is over
