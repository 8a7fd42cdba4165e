"""Indexed jobs whose indexes fail on their own (spec.backoffLimitPerIndex).

How often an index has failed stands on its pods: a failed pod keeps its finalizer until its replacement, which takes
over the count, is there. Models pkg/controller/job/indexed_job_utils.go.
"""

from collections.abc import Container, Sequence
from datetime import datetime

from kube_nb.controllers.job import failure_policy, finished, indexes, tracking
from kube_nb.controllers.job.backoff import Backoff
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"


def applies(job: Obj) -> bool:
    return indexes.is_indexed(job) and job["spec"].get("backoffLimitPerIndex") is not None


def _count(pod: Obj, annotation: str) -> int:
    text = objects.annotations(pod).get(annotation, "")
    return int(text) if text.isdecimal() else 0


def _absolute(pod: Obj) -> int:
    return _count(pod, FAILURES) + _count(pod, IGNORED_FAILURES)


def has_failed_for_good(job: Obj, pod: Obj) -> bool:
    """Whether with this pod its index has failed too often, or a FailIndex rule says so."""
    if not tracking.has_failed(pod, job):
        return False
    verdict = failure_policy.judge(job, pod)
    return verdict.fail_index or (verdict.counts and _count(pod, FAILURES) >= job["spec"]["backoffLimitPerIndex"])


def failed(job: Obj, pods: Sequence[Obj], succeeded: Container[int]) -> list[int]:
    """The indexes that have failed, those noted before among them."""
    completions = job["spec"].get("completions") or 0
    found = indexes.parse((job.get("status") or {}).get("failedIndexes") or "", completions)
    for pod in pods:
        index = indexes.valid_index(pod, completions)
        if index is not None and index not in succeeded and has_failed_for_good(job, pod):
            found.append(index)
    return sorted(dict.fromkeys(found))


def held(job: Obj, pods: Sequence[Obj], active: Sequence[Obj], done: Container[int]) -> dict[int, Obj]:
    """Per index the failed pod that waits for its replacement. done: indexes that need none."""
    completions = job["spec"].get("completions") or 0
    busy = [indexes.index_of(pod) for pod in active]
    found: dict[int, Obj] = {}
    for pod in pods:
        index = indexes.valid_index(pod, completions)
        if index is None or index in done or index in busy or not tracking.has_failed(pod, job):
            continue
        if index not in found or _rank(found[index]) <= _rank(pod):
            found[index] = pod
    return found


def _rank(pod: Obj) -> tuple[int, datetime]:
    return _absolute(pod), finished.pod_finished_at(pod)


def remaining_s(replaced: Obj | None, now: datetime) -> float:
    """Seconds until the replacement of a pod may be made."""
    if replaced is None:
        return 0.0
    return Backoff(_absolute(replaced) + 1, finished.pod_finished_at(replaced)).remaining_s(now)


def counts(job: Obj, replaced: Obj | None) -> dict[str, str]:
    """The annotations of the pod that comes after `replaced`."""
    if replaced is None:
        return {FAILURES: "0"}
    counted = failure_policy.judge(job, replaced).counts
    ignored = _count(replaced, IGNORED_FAILURES) + (not counted)
    found = {FAILURES: str(_count(replaced, FAILURES) + counted)}
    return {**found, IGNORED_FAILURES: str(ignored)} if ignored else found
