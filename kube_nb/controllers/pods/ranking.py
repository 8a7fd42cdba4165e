"""Which pods go first when there are too many. Models ActivePodsWithRanks of pkg/controller/controller_utils.go."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cmp_to_key

from kube_nb.controllers.pods import state
from kube_nb.machinery import objects, times
from kube_nb.machinery.types import Obj

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {state.PENDING: 0, state.UNKNOWN: 1, state.RUNNING: 2}


def in_deletion_order(pods: Sequence[Obj], ranks: Mapping[str, int], now: datetime) -> list[Obj]:
    """The pods, those to delete first in front.

    ranks: pod uid -> how many related pods are active on the same node. In the order of what decides:

    1. without a node before assigned;
    2. Pending before Unknown before Running;
    3. not ready before ready;
    4. lower deletion cost (the annotation) first;
    5. more related pods on the same node first;
    6. ready more recently first, by order of magnitude, then by uid;
    7. more restarts first;
    8. created more recently first, likewise.
    """

    def compare(one: Obj, other: Obj) -> int:
        for difference in _DIFFERENCES:
            if found := difference(one, other, ranks, now):
                return found
        return 0

    return sorted(pods, key=cmp_to_key(compare))


def _unassigned(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    return bool(state.spec_of(one).get("nodeName")) - bool(state.spec_of(other).get("nodeName"))


def _phase(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    return _PHASES.get(state.phase(one), 0) - _PHASES.get(state.phase(other), 0)


def _not_ready(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    return state.is_ready(one) - state.is_ready(other)


def _cost(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    return deletion_cost(one) - deletion_cost(other)


def deletion_cost(pod: Obj) -> int:
    """A value that is not a 32-bit integer counts as 0."""
    text = objects.annotations(pod).get(DELETION_COST, "0")
    try:
        cost = int(text)
    except ValueError:
        return 0
    return cost if -(2**31) <= cost < 2**31 else 0


def _doubled_up(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    return ranks.get(objects.uid(other), 0) - ranks.get(objects.uid(one), 0)


def _ready_later(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    if not (state.is_ready(one) and state.is_ready(other)):
        return 0
    return _younger(state.ready_since(one), state.ready_since(other), one, other, now)


def _restarts(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    return state.restart_count(other) - state.restart_count(one)


def _created_later(one: Obj, other: Obj, ranks: Mapping[str, int], now: datetime) -> int:
    first, second = (times.parse(objects.creation_timestamp(pod)) for pod in (one, other))
    return _younger(first, second, one, other, now)


def _younger(first: datetime | None, second: datetime | None, one: Obj, other: Obj, now: datetime) -> int:
    """Below 0 if `first` is later than `second` by an order of magnitude (base 2) of their age, else by uid."""
    if first == second:
        return 0
    if first is None or second is None:
        return -1 if first is None else 1
    difference = _magnitude(first, now) - _magnitude(second, now)
    if difference:
        return difference
    return -1 if objects.uid(one) < objects.uid(other) else 1


def _magnitude(moment: datetime, now: datetime) -> int:
    age_ns = (now - moment).total_seconds() * 1e9
    return int(math.log2(age_ns)) if age_ns > 0 else -1


_DIFFERENCES: tuple[Callable[[Obj, Obj, Mapping[str, int], datetime], int], ...] = (
    _unassigned,
    _phase,
    _not_ready,
    _cost,
    _doubled_up,
    _ready_later,
    _restarts,
    _created_later,
)
