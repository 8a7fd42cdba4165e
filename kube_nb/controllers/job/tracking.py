"""Counting each finished pod exactly once, by its finalizer.

Models trackJobStatusAndRemoveFinalizers of pkg/controller/job/job_controller.go.

::
    pod Succeeded, finalizer on            -> its uid into status.uncountedTerminatedPods, status written
    uid written, finalizer on              -> finalizer removed
    uid written, finalizer gone            -> uid out, status.succeeded + 1, written with the next change
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

from kube_nb.controllers.job import failure_policy, indexes
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

FINALIZER = "batch.kubernetes.io/job-tracking"
#: So many uids at most wait in the status at a time.
MAX_UNCOUNTED = 500


def is_tracked(pod: Obj) -> bool:
    return FINALIZER in objects.finalizers(pod)


def replaces_failed_only(job: Obj) -> bool:
    """Whether a pod is replaced only once it has really ended (podReplacementPolicy: Failed)."""
    spec = job["spec"]
    return bool(spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy"))


def has_failed(pod: Obj, job: Obj) -> bool:
    """Failed, or deleted before it could succeed (unless only real failures count)."""
    if state.phase(pod) == state.FAILED:
        return True
    return not replaces_failed_only(job) and objects.is_deleting(pod) and state.phase(pod) != state.SUCCEEDED


class Uncounted(NamedTuple):
    """The uids in status.uncountedTerminatedPods."""

    succeeded: list[str]
    failed: list[str]

    @classmethod
    def of(cls, status: Obj) -> "Uncounted":
        rows = status.get("uncountedTerminatedPods") or {}
        return cls(list(rows.get("succeeded") or ()), list(rows.get("failed") or ()))

    def wire(self) -> Obj:
        return {field: uids for field, uids in (("succeeded", self.succeeded), ("failed", self.failed)) if uids}

    def settle(self, still_tracked: Container[str]) -> tuple["Uncounted", int, int]:
        """(those whose pods still have the finalizer, how many succeeded, how many failed pods are counted now)."""
        left = Uncounted(*([uid for uid in uids if uid in still_tracked] for uids in self))
        return left, len(self.succeeded) - len(left.succeeded), len(self.failed) - len(left.failed)


class Found(NamedTuple):
    """release: pods whose finalizer can go once the status is written. indexes: newly completed ones.
    more: whether others must wait for the next sync."""

    uncounted: Uncounted
    release: list[Obj]
    indexes: list[int]
    more: bool


def collect(
    job: Obj,
    pods: Sequence[Obj],
    uncounted: Uncounted,
    done_indexes: Container[int],
    *,
    finished: str | None,
    held: Container[str] = (),
) -> Found:
    """What to note of pods that are tracked still. held: uids of failed pods that wait for their replacement.

    finished: the type of the condition with which the job ends, None if it goes on; every pod of a failed job that
    has not succeeded counts as failed.
    """
    found = Found(Uncounted(list(uncounted.succeeded), list(uncounted.failed)), [], [], False)
    for pod in pods:
        failed = has_failed(pod, job)
        over = objects.is_deleting(job) or finished is not None or state.phase(pod) == state.SUCCEEDED
        if not over and (not failed or objects.uid(pod) in held):
            continue
        found.release.append(pod)
        _note(job, pod, found, done_indexes, failed or finished not in (None, "SuccessCriteriaMet"))
        if len(found.indexes) + len(found.uncounted.succeeded) + len(found.uncounted.failed) >= MAX_UNCOUNTED:
            return found._replace(more=True)
    return found


def _note(job: Obj, pod: Obj, found: Found, done_indexes: Container[int], failed: bool) -> None:
    uid = objects.uid(pod)
    indexed = indexes.is_indexed(job)
    index = indexes.valid_index(pod, job["spec"].get("completions") or 0) if indexed else None
    if state.phase(pod) == state.SUCCEEDED and uid not in found.uncounted.failed:
        if not indexed and uid not in found.uncounted.succeeded:
            found.uncounted.succeeded.append(uid)
        elif index is not None and index not in done_indexes:
            found.indexes.append(index)
    elif failed and uid not in found.uncounted.failed and (index is not None or not indexed):
        found.uncounted.failed.extend([uid] if failure_policy.judge(job, pod).counts else [])
