"""The status of a ReplicaSet from its pods. Models pkg/controller/replicaset/replica_set_utils.go."""

from collections.abc import Sequence
from datetime import datetime

from kube_nb.controllers.pods import state
from kube_nb.controllers.pods.facts import Facts
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

REPLICA_FAILURE = "ReplicaFailure"


def counts(replica_set: Obj, active: Sequence[Facts], now: datetime) -> tuple[Obj, float | None]:
    """(the replica counts, seconds until the next ready pod counts as available; None if none will).

    ::
        2 active pods, one ready -> {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 1, ...}
    """
    spec = replica_set["spec"]
    min_ready_s = spec.get("minReadySeconds") or 0
    wanted = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    labelled = ready = available = 0
    next_s: float | None = None
    for facts in active:
        labelled += facts.labels.items() >= wanted.items()
        if not facts.ready:
            continue
        ready += 1
        in_s = state.available_in_s(facts.pod, min_ready_s, now) if min_ready_s else 0
        if in_s == 0:
            available += 1
        elif in_s is not None:
            next_s = in_s if next_s is None else min(next_s, in_s)
    found = {"fullyLabeledReplicas": labelled, "readyReplicas": ready, "availableReplicas": available}
    return {"replicas": len(active), **{field: number for field, number in found.items() if number}}, next_s


def conditions(replica_set: Obj, active: int, failure: Exception | None, timestamp: str) -> list[Obj]:
    """ReplicaFailure comes with a failed creation or deletion and goes with the next success."""
    rows: list[Obj] = (replica_set.get("status") or {}).get("conditions") or []
    present = objects.find_condition(rows, REPLICA_FAILURE)
    if (failure is None) == (present is None):
        return rows
    others = [row for row in rows if row is not present]
    if failure is None:
        return others
    return [
        *others,
        {
            "type": REPLICA_FAILURE,
            "status": "True",
            "lastTransitionTime": timestamp,
            "reason": "FailedCreate" if active < (replica_set["spec"].get("replicas") or 0) else "FailedDelete",
            "message": str(failure),
        },
    ]
