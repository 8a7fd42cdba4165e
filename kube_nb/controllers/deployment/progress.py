"""A Deployment's status: counts, conditions, and whether it still moves.

Models pkg/controller/deployment/progress.go and calculateStatus of sync.go. Functions of conditions return new lists.
"""

from collections.abc import Sequence
from datetime import datetime

from kube_nb.controllers.deployment import surge
from kube_nb.machinery import objects, times
from kube_nb.machinery.types import Obj

AVAILABLE, PROGRESSING, REPLICA_FAILURE = "Available", "Progressing", "ReplicaFailure"
REPLICA_SET_UPDATED = "ReplicaSetUpdated"
FAILED_CREATE = "ReplicaSetCreateError"
NEW_REPLICA_SET = "NewReplicaSetCreated"
FOUND_NEW = "FoundNewReplicaSet"
NEW_AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"
MINIMUM_AVAILABLE = "MinimumReplicasAvailable"
MINIMUM_UNAVAILABLE = "MinimumReplicasUnavailable"
_NO_DEADLINE = 2**31 - 1


def status_of(obj: Obj) -> Obj:
    return obj.get("status") or {}


def condition(type: str, status: str, reason: str, message: str, now: str) -> Obj:
    return {
        "type": type,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def with_condition(conditions: Sequence[Obj], new: Obj) -> list[Obj]:
    """`new` at the end instead of its type's row, unless that says the same already. Models SetDeploymentCondition."""
    current = objects.find_condition(conditions, new["type"])
    if current is not None and current["status"] == new["status"]:
        if current.get("reason") == new.get("reason"):
            return list(conditions)
        new = {**new, "lastTransitionTime": current["lastTransitionTime"]}
    return [*without_condition(conditions, new["type"]), new]


def without_condition(conditions: Sequence[Obj], type: str) -> list[Obj]:
    return [row for row in conditions if row["type"] != type]


def deadline_s(deployment: Obj) -> int | None:
    """spec.progressDeadlineSeconds; None if it is without."""
    found = deployment["spec"].get("progressDeadlineSeconds")
    return None if found is None or found == _NO_DEADLINE else int(found)


# -- counts --------------------------------------------------------------------------------------------------------


def total(replica_sets: Sequence[Obj], field: str) -> int:
    """The sum of a field of their status."""
    return sum(status_of(replica_set).get(field) or 0 for replica_set in replica_sets)


def counts(deployment: Obj, new: Obj | None, old: Sequence[Obj]) -> Obj:
    """The numbers of a Deployment's status; zeros are left out, as everywhere in status."""
    both = [*old, new] if new is not None else list(old)
    available = total(both, "availableReplicas")
    terminating = [rs for rs in both if "terminatingReplicas" in status_of(rs)]
    numbers = {
        "observedGeneration": objects.generation(deployment),
        "replicas": total(both, "replicas"),
        "updatedReplicas": total([new], "replicas") if new is not None else 0,
        "readyReplicas": total(both, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(map(surge.replicas, both)) - available),
    }
    found = {field: number for field, number in numbers.items() if number}
    if terminating:
        found["terminatingReplicas"] = total(terminating, "terminatingReplicas")
    if (collisions := status_of(deployment).get("collisionCount")) is not None:
        found["collisionCount"] = collisions
    return found


def availability(deployment: Obj, status: Obj, now: str) -> Obj:
    """The Available condition that the counts ask for."""
    least = surge.replicas(deployment) - surge.max_unavailable(deployment)
    if status.get("availableReplicas", 0) >= least:
        return condition(AVAILABLE, "True", MINIMUM_AVAILABLE, "Deployment has minimum availability.", now)
    message = "Deployment does not have minimum availability."
    return condition(AVAILABLE, "False", MINIMUM_UNAVAILABLE, message, now)


# -- progress ------------------------------------------------------------------------------------------------------


def is_complete(deployment: Obj, status: Obj) -> bool:
    """All pods are of the newest template and available, and nothing else is left."""
    wanted = surge.replicas(deployment)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    observed: int = status.get("observedGeneration", 0)
    return all(status.get(field, 0) == wanted for field in fields) and observed >= objects.generation(deployment)


def is_progressing(deployment: Obj, status: Obj) -> bool:
    """Whether the counts moved in the right direction since the status that the Deployment has."""
    before = status_of(deployment)

    def gained(field: str) -> bool:
        return bool(status.get(field, 0) > before.get(field, 0))

    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    old_now = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    shrunk = old_now < old_before
    return shrunk or gained("updatedReplicas") or gained("readyReplicas") or gained("availableReplicas")


def has_timed_out(deployment: Obj, conditions: Sequence[Obj], now: datetime) -> bool:
    """Whether the last sign of progress is longer ago than the deadline."""
    limit_s = deadline_s(deployment)
    current = objects.find_condition(conditions, PROGRESSING)
    if limit_s is None or current is None or current.get("reason") == NEW_AVAILABLE:
        return False
    if current.get("reason") == TIMED_OUT:
        return True
    return times.after(current["lastUpdateTime"], limit_s) < now


def next_check_s(deployment: Obj, status: Obj, conditions: Sequence[Obj], now: datetime) -> float | None:
    """Seconds until a rollout that does not move must be looked at again. Models requeueStuckDeployment."""
    limit_s = deadline_s(deployment)
    current = objects.find_condition(conditions, PROGRESSING)
    if limit_s is None or current is None or current.get("reason") == TIMED_OUT or is_complete(deployment, status):
        return None
    left_s = (times.after(current["lastUpdateTime"], limit_s) - now).total_seconds()
    return max(0.0, left_s) + 1


def rollout_conditions(
    deployment: Obj, status: Obj, conditions: Sequence[Obj], new: Obj | None, now: datetime
) -> list[Obj]:
    """The conditions with what a rollout's progress says. Models syncRolloutStatus."""
    if deadline_s(deployment) is None:
        return without_condition(conditions, PROGRESSING)
    current = objects.find_condition(conditions, PROGRESSING)
    finished = current is not None and current.get("reason") == NEW_AVAILABLE
    if finished and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return list(conditions)
    name = objects.name(deployment if new is None else new)
    subject = f'Deployment "{name}"' if new is None else f'ReplicaSet "{name}"'
    stamp = times.format(now)
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return with_condition(conditions, condition(PROGRESSING, "True", NEW_AVAILABLE, message, stamp))
    if is_progressing(deployment, status):
        row = condition(PROGRESSING, "True", REPLICA_SET_UPDATED, f"{subject} is progressing.", stamp)
        if current is not None and current["status"] == "True":
            row["lastTransitionTime"] = current["lastTransitionTime"]
        return [*without_condition(conditions, PROGRESSING), row]
    if has_timed_out(deployment, conditions, now):
        message = f"{subject} has timed out progressing."
        return with_condition(conditions, condition(PROGRESSING, "False", TIMED_OUT, message, stamp))
    return list(conditions)


def failures(conditions: Sequence[Obj], new: Obj | None, old: Sequence[Obj]) -> list[Obj]:
    """The conditions with the first ReplicaFailure of the ReplicaSets, the newest one's before the others'."""
    for replica_set in (*([new] if new is not None else ()), *old):
        found = objects.get_condition(replica_set, REPLICA_FAILURE)
        if found is not None:
            return with_condition(conditions, {**found, "lastUpdateTime": found["lastTransitionTime"]})
    return without_condition(conditions, REPLICA_FAILURE)
