"""The status of a StatefulSet from its pods. Models updateStatus of stateful_set_control.go."""

from collections.abc import Iterable
from datetime import datetime

from kube_nb.controllers.pods import state
from kube_nb.controllers.statefulset import identity
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

_ALWAYS = ("replicas", "availableReplicas", "collisionCount")


def counts(stateful_set: Obj, pods: Iterable[Obj], current: str, update: str, now: datetime) -> dict[str, int]:
    """How many pods there are, are ready, available, and of the current and the update revision.

    A pod that is being deleted is still a replica, but of no revision."""
    found = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas"), 0)
    for pod in pods:
        created = identity.is_created(pod)
        found["replicas"] += created
        found["readyReplicas"] += identity.is_running_and_ready(pod)
        found["availableReplicas"] += identity.is_available(pod, stateful_set, now)
        if created and not objects.is_deleting(pod):
            found["currentReplicas"] += identity.revision_of(pod) == current
            found["updatedReplicas"] += identity.revision_of(pod) == update
    return found


def status_of(stateful_set: Obj, counted: dict[str, int], current: str, update: str, collisions: int) -> Obj:
    """The whole status. A rolling update that is through makes the update revision the current one."""
    done = counted["updatedReplicas"] == counted["replicas"] == counted["readyReplicas"]
    if done and stateful_set["spec"]["updateStrategy"].get("type") == "RollingUpdate":
        counted, current = {**counted, "currentReplicas": counted["updatedReplicas"]}, update
    found: Obj = {
        "observedGeneration": objects.generation(stateful_set),
        **counted,
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": collisions,
    }
    found = {field: value for field, value in found.items() if value or field in _ALWAYS}
    if conditions := (stateful_set.get("status") or {}).get("conditions"):
        found["conditions"] = conditions
    return found


def next_available_s(stateful_set: Obj, pods: Iterable[Obj], now: datetime) -> float | None:
    """Seconds until the next ready pod counts as available by itself; None if none will."""
    min_ready_s = stateful_set["spec"].get("minReadySeconds") or 0
    waits = [wait_s for pod in pods if (wait_s := state.available_in_s(pod, min_ready_s, now))]
    return min(waits, default=None)
