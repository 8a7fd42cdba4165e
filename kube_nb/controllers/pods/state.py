"""What state a pod is in. Models pkg/api/v1/pod/util.go."""

from datetime import datetime, timedelta
from typing import Any

from kube_nb.machinery import objects, times
from kube_nb.machinery.types import Obj

PENDING, RUNNING, SUCCEEDED, FAILED, UNKNOWN = "Pending", "Running", "Succeeded", "Failed", "Unknown"
READY = "Ready"


def status_of(pod: Obj) -> Obj:
    return pod.get("status") or {}


def spec_of(pod: Obj) -> Obj:
    return pod.get("spec") or {}


def phase(pod: Obj) -> str:
    return status_of(pod).get("phase") or ""


def is_terminal(pod: Obj) -> bool:
    """Succeeded or Failed: no container will ever run in it again."""
    return phase(pod) in (SUCCEEDED, FAILED)


def is_active(pod: Obj) -> bool:
    """Neither finished nor being deleted."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return (pod.get("status") or {}).get("phase") not in (SUCCEEDED, FAILED)


def is_terminating(pod: Obj) -> bool:
    """Being deleted, and not finished yet."""
    return objects.is_deleting(pod) and not is_terminal(pod)


def ready_condition(pod: Obj) -> Obj | None:
    return objects.get_condition(pod, READY)


def is_ready(pod: Obj) -> bool:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == READY:
            return bool(condition.get("status") == "True")
    return False


def ready_since(pod: Obj) -> datetime | None:
    """When the pod became ready; None if it is not."""
    condition = ready_condition(pod)
    if condition is None or condition.get("status") != "True" or not condition.get("lastTransitionTime"):
        return None
    return times.parse(condition["lastTransitionTime"])


def available_in_s(pod: Obj, min_ready_s: int, now: datetime) -> float | None:
    """Seconds until a ready pod counts as available, 0 if it does already; None if it is not ready.

    ::
        ready at 00:10, minReadySeconds 5, now 00:12 -> 3.0
    """
    if not is_ready(pod):
        return None
    since = ready_since(pod)
    if not min_ready_s or since is None:
        return 0.0 if not min_ready_s else None
    return max(0.0, (since + timedelta(seconds=min_ready_s) - now).total_seconds())


def restart_count(pod: Obj) -> int:
    """The highest of its containers."""
    statuses: list[Any] = status_of(pod).get("containerStatuses") or []
    return max((status.get("restartCount") or 0 for status in statuses), default=0)
