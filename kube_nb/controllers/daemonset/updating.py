"""Which daemon pods must go: extra ones, ended ones, ones of an old revision.

Models podsShouldBeOnNode of daemon_controller.go and rollingUpdate of update.go.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from kube_nb.controllers.history import hash_label
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


class Limits(NamedTuple):
    """How many nodes may have two pods, or none that is available, during an update."""

    surge: int
    unavailable: int


def limits(daemon_set: Obj, desired: int) -> Limits:
    """Percentages of the desired number are rounded up; one of both is at least 1."""
    parameters = (daemon_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    surge = _scaled(parameters.get("maxSurge", 0), desired)
    unavailable = _scaled(parameters.get("maxUnavailable", 1), desired)
    return Limits(surge, unavailable if surge or unavailable else 1)


def _scaled(value: int | str, total: int) -> int:
    return value if isinstance(value, int) else math.ceil(int(value.rstrip("%")) * total / 100)


def allows_surge(daemon_set: Obj) -> bool:
    return is_rolling(daemon_set) and limits(daemon_set, 100).surge > 0


def is_rolling(daemon_set: Obj) -> bool:
    return bool((daemon_set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate")


def min_ready_s(daemon_set: Obj) -> int:
    return int(daemon_set["spec"].get("minReadySeconds") or 0)


def is_available(pod: Obj, daemon_set: Obj, now: datetime) -> bool:
    return state.available_in_s(pod, min_ready_s(daemon_set), now) == 0


def by_age(pod: Obj) -> tuple[bool, str, str]:
    """Bound ones first, then the oldest."""
    return not state.spec_of(pod).get("nodeName"), objects.creation_timestamp(pod), objects.name(pod)


def surplus(daemon_set: Obj, running: Sequence[Obj], hash: str, now: datetime) -> list[Obj]:
    """Of the pods that run on one node, those that are too many.

    With surge an old pod may stay beside a new one until that is available."""
    in_order = sorted(running, key=by_age)
    if not allows_surge(daemon_set):
        return in_order[1:]
    new = [pod for pod in in_order if hash_label(pod) == hash]
    old = [pod for pod in in_order if hash_label(pod) != hash]
    doomed = new[1:] + old[1:]
    if new and old and (not state.is_ready(old[0]) or is_available(new[0], daemon_set, now)):
        doomed.append(old[0])
    return doomed


class Node(NamedTuple):
    """What runs on one node. settled: at most one pod of each; else the next sync sees to it."""

    new: Obj | None
    old: Obj | None
    settled: bool


def _on_node(pods: Sequence[Obj], hash: str) -> Node:
    """The one pod of the current revision and the one of an older; not settled if there are more of either."""
    new = [pod for pod in pods if hash_label(pod) == hash and not objects.is_deleting(pod)]
    old = [pod for pod in pods if hash_label(pod) != hash and not objects.is_deleting(pod)]
    return Node(new[0] if new else None, old[0] if old else None, len(new) <= 1 and len(old) <= 1)


def replace(
    daemon_set: Obj, pods_by_node: Mapping[str, Sequence[Obj]], hash: str, unavailable: int, now: datetime
) -> list[Obj]:
    """Without surge: old pods to delete now; those that are not available anyway, others as the limit allows."""
    missing, broken, candidates = 0, [], []
    for pods in pods_by_node.values():
        node = _on_node(pods, hash)
        if not node.settled or (node.new is None) == (node.old is None):
            missing += 1
        elif node.new is not None:
            missing += not is_available(node.new, daemon_set, now)
        elif node.old is not None and not is_available(node.old, daemon_set, now):
            broken.append(node.old)
            missing += 1
        elif node.old is not None:
            candidates.append(node.old)
    return broken + candidates[: max(0, unavailable - missing)]


class Surge(NamedTuple):
    """create: nodes that get a pod of the new revision beside the old one. delete: old pods that are done."""

    create: list[str]
    delete: list[Obj]


def surging(daemon_set: Obj, pods_by_node: Mapping[str, Sequence[Obj]], hash: str, surge: int, now: datetime) -> Surge:
    """With surge: new pods first, old ones when theirs is available."""
    busy = 0
    must: list[str] = []
    candidates: list[str] = []
    doomed: list[Obj] = []
    for name, pods in pods_by_node.items():
        node = _on_node(pods, hash)
        if not node.settled or (node.old is None and node.new is None):
            busy += not node.settled
        elif node.new is None and node.old is not None:
            (candidates if is_available(node.old, daemon_set, now) else must).append(name)
        elif node.new is not None and node.old is not None:
            if is_available(node.new, daemon_set, now):
                doomed.append(node.old)
            else:
                busy += 1
    return Surge(must + candidates[: max(0, surge - busy)], doomed)
