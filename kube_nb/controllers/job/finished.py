"""The conditions with which jobs end, and when pods did. Models pkg/controller/job/util and backoff_utils.go."""

from collections.abc import Sequence
from datetime import datetime

from kube_nb.controllers.pods import state
from kube_nb.machinery import objects, times
from kube_nb.machinery.types import Obj

COMPLETE, FAILED = "Complete", "Failed"
SUCCESS_CRITERIA_MET, FAILURE_TARGET, SUSPENDED = "SuccessCriteriaMet", "FailureTarget", "Suspended"


def condition(type: str, reason: str, message: str, now: str, status: str = "True") -> Obj:
    row = {"type": type, "status": status, "lastProbeTime": now, "lastTransitionTime": now}
    if reason:
        row["reason"] = reason
    if message:
        row["message"] = message
    return row


def true_condition(conditions: Sequence[Obj], type: str) -> Obj | None:
    row = objects.find_condition(conditions, type)
    return row if row is not None and row["status"] == "True" else None


def conditions_of(job: Obj) -> list[Obj]:
    return (job.get("status") or {}).get("conditions") or []


def is_finished(job: Obj) -> bool:
    return finish(job) is not None


def finish(job: Obj) -> Obj | None:
    """The condition that says that the job is over."""
    rows = conditions_of(job)
    return true_condition(rows, COMPLETE) or true_condition(rows, FAILED)


def ensured(conditions: Sequence[Obj], row: Obj) -> tuple[list[Obj], bool]:
    """(the conditions with this row, whether that changed them); a new row that says False is not added."""
    rows = list(conditions)
    for number, present in enumerate(rows):
        if present["type"] == row["type"]:
            same = all(present.get(field) == row.get(field) for field in ("status", "reason", "message"))
            if not same:
                rows[number] = row
            return rows, not same
    if row["status"] == "False":
        return rows, False
    return [*rows, row], True


def pod_finished_at(pod: Obj) -> datetime:
    """When the last container ended; else since when it is not ready; else when its deletion began."""
    if (ended := _containers_ended(pod)) is not None:
        return ended
    ready = state.ready_condition(pod)
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return times.parse(ready["lastTransitionTime"])
    metadata = objects.metadata(pod)
    if metadata.get("deletionTimestamp"):
        return times.after(metadata["deletionTimestamp"], -(metadata.get("deletionGracePeriodSeconds") or 0))
    return times.parse(objects.creation_timestamp(pod))


def _containers_ended(pod: Obj) -> datetime | None:
    moments = []
    for status in state.status_of(pod).get("containerStatuses") or ():
        ended = ((status.get("state") or {}).get("terminated") or {}).get("finishedAt")
        if not ended:
            return None
        moments.append(times.parse(ended))
    return max(moments, default=None)
