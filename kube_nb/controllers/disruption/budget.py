"""The arithmetic of a PodDisruptionBudget. Models pkg/controller/disruption/disruption.go."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from kube_nb.controllers.pods import state
from kube_nb.machinery import objects, times
from kube_nb.machinery.types import Obj

#: An eviction that did not lead to a deletion within this time is forgotten.
DELETION_TIMEOUT_S = 120
DISRUPTION_ALLOWED = "DisruptionAllowed"


def wants_scale(pdb: Obj) -> bool:
    """Whether the budget depends on how many pods there should be, not only on a fixed number."""
    spec = pdb["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def desired_healthy(pdb: Obj, expected: int) -> int:
    """How many pods must stay healthy of so many expected; percentages are rounded up.

    ::
        maxUnavailable 25 % of 10 -> 7;  minAvailable 50 % of 5 -> 3
    """
    spec = pdb["spec"]
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - _scaled(spec["maxUnavailable"], expected))
    return _scaled(spec.get("minAvailable") or 0, expected)


def _scaled(value: int | str, total: int) -> int:
    return value if isinstance(value, int) else math.ceil(int(value.rstrip("%")) * total / 100)


def split_disrupted(pdb: Obj, pods: Sequence[Obj], now: datetime) -> tuple[dict[str, str], list[Obj], float | None]:
    """(status.disruptedPods that still count, pods whose deletion never came, seconds until the next runs out)."""
    noted: Mapping[str, str] = (pdb.get("status") or {}).get("disruptedPods") or {}
    kept: dict[str, str] = {}
    late: list[Obj] = []
    waits: list[float] = []
    for pod in pods:
        moment = noted.get(objects.name(pod))
        if moment is None or objects.is_deleting(pod):
            continue
        left_s = DELETION_TIMEOUT_S - times.seconds_since(moment, now)
        if left_s < 0:
            late.append(pod)
        else:
            kept[objects.name(pod)] = moment
            waits.append(left_s)
    return kept, late, min(waits, default=None)


def healthy(pods: Sequence[Obj], disrupted: Mapping[str, str]) -> int:
    """Ready pods that nobody has begun to take away."""
    staying = [pod for pod in pods if not objects.is_deleting(pod) and objects.name(pod) not in disrupted]
    return len([pod for pod in staying if state.is_ready(pod)])


def status(pdb: Obj, current: int, desired: int, expected: int, disrupted: Mapping[str, str], now: str) -> Obj:
    """The whole status."""
    allowed = max(0, current - desired) if expected > 0 else 0
    found: Obj = {
        "currentHealthy": current,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": objects.generation(pdb),
    }
    if disrupted:
        found["disruptedPods"] = dict(disrupted)
    row = {"type": DISRUPTION_ALLOWED, "reason": "SufficientPods" if allowed else "InsufficientPods", "message": ""}
    return with_condition(pdb, found, {**row, "status": "True" if allowed else "False"}, now)


def with_condition(pdb: Obj, found: Obj, row: Obj, now: str) -> Obj:
    row = {**row, "observedGeneration": objects.generation(pdb)}
    before = (pdb.get("status") or {}).get("conditions")
    return {**found, "conditions": objects.set_condition(before, row, now)}
