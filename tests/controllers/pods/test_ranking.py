from datetime import timedelta

import pytest

from kube_nb.controllers.pods import ranking
from kube_nb.machinery import times
from kube_nb.machinery.clock import EPOCH

NOW = EPOCH + timedelta(hours=1)


def pod(uid, *, node="n", phase="Running", ready=True, ready_at_s=0, restarts=0, created_s=0, cost=None):
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    condition["lastTransitionTime"] = times.format(EPOCH + timedelta(seconds=ready_at_s))
    metadata = {"uid": uid, "name": uid, "creationTimestamp": times.format(EPOCH + timedelta(seconds=created_s))}
    if cost is not None:
        metadata["annotations"] = {ranking.DELETION_COST: cost}
    status = {"phase": phase, "conditions": [condition], "containerStatuses": [{"restartCount": restarts}]}
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}, "status": status}


@pytest.mark.parametrize(
    ("first", "second", "ranks"),
    [
        pytest.param(pod("z", node=None), pod("a", phase="Pending"), {}, id="unassigned before assigned"),
        pytest.param(pod("z", phase="Pending", ready=False), pod("a", ready=False), {}, id="pending before running"),
        pytest.param(pod("z", ready=False), pod("a"), {}, id="not ready before ready"),
        pytest.param(pod("z", cost="-5"), pod("a"), {}, id="lower deletion cost first"),
        pytest.param(pod("z", cost="no number"), pod("a", cost="1"), {}, id="a broken cost counts as none"),
        pytest.param(pod("z"), pod("a"), {"z": 2, "a": 1}, id="doubled up on its node first"),
        pytest.param(pod("z", ready_at_s=3500), pod("a"), {}, id="ready recently before long ago"),
        pytest.param(pod("z", restarts=3), pod("a"), {}, id="more restarts first"),
        pytest.param(pod("z", created_s=3590), pod("a"), {}, id="younger before older"),
        pytest.param(pod("a", created_s=10), pod("b", created_s=20), {}, id="of about one age by uid"),
    ],
)
def test_of_two_pods_the_first_is_deleted(first, second, ranks):
    assert ranking.in_deletion_order([second, first], ranks, NOW)[0] is first
    assert ranking.in_deletion_order([first, second], ranks, NOW)[0] is first
