"""`JobSync`: one look at one job: what is there, what to do, what to write.

Models syncJob and manageJob of pkg/controller/job/job_controller.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kube_nb.api import resources
from kube_nb.client import Client, EventRecorder, errors
from kube_nb.controllers.job import failure_policy, finished, indexes, per_index, tracking
from kube_nb.controllers.job.backoff import Backoff
from kube_nb.controllers.job.tracking import Uncounted
from kube_nb.controllers.pods import control, ranking, state
from kube_nb.controllers.pods.control import PodControl
from kube_nb.controllers.pods.expectations import Expectations, UidExpectations
from kube_nb.machinery import objects, times
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj


@dataclass
class Tools:
    """What every sync of every job uses. backoffs: per job key."""

    client: Client
    recorder: EventRecorder
    clock: Clock
    control: PodControl
    expectations: Expectations
    releasing: UidExpectations
    backoffs: dict[str, Backoff]


class JobSync:
    """job: as in the cache. pods: all that are the job's. status: what is to be written, built up as the sync goes.

    again_s: when the job must be looked at next, None if only an event can change anything.
    """

    def __init__(self, tools: Tools, job: Obj, pods: Sequence[Obj]) -> None:
        self.tools = tools
        self.job = job
        self.key = objects.key(job)
        self.pods = sorted(pods, key=_by_index)
        self.spec: Obj = job["spec"]
        self.status: Obj = dict(job.get("status") or {})
        self.conditions = list(self.status.get("conditions") or ())
        self.suspended = bool(self.spec.get("suspend"))
        self.satisfied = tools.expectations.satisfied(self.key)
        self.again_s: float | None = None
        self.stamp = tools.clock.timestamp()
        released = tools.releasing.expected(self.key)
        self.tracked = [pod for pod in pods if tracking.is_tracked(pod) and objects.uid(pod) not in released]
        self.tracked.sort(key=_by_index)
        self.active = [pod for pod in self.pods if state.is_active(pod)]
        self.ready = len([pod for pod in self.active if state.is_ready(pod)])
        self.terminating = len([pod for pod in self.pods if state.is_terminating(pod)])
        self._count_finished()

    def _count_finished(self) -> None:
        uncounted = Uncounted.of(self.status)
        counted = (*uncounted.succeeded, *uncounted.failed)
        new = [pod for pod in self.tracked if objects.uid(pod) not in counted]
        if indexes.is_indexed(self.job):
            new = [pod for pod in new if indexes.valid_index(pod, self.completions or 0) is not None]
        succeeded = [pod for pod in new if state.phase(pod) == state.SUCCEEDED]
        failed = [pod for pod in new if tracking.has_failed(pod, self.job)]
        counting = [pod for pod in failed if failure_policy.judge(self.job, pod).counts]
        self.succeeded = (self.status.get("succeeded") or 0) + len(succeeded) + len(uncounted.succeeded)
        self.failed = (self.status.get("failed") or 0) + len(counting) + len(uncounted.failed)
        self.backoff = self.tools.backoffs.get(self.key, Backoff()).after(succeeded, failed)
        self.indexes_before: list[int] = []
        self.indexes: list[int] = []
        if indexes.is_indexed(self.job):
            before = indexes.parse(self.status.get("completedIndexes") or "", self.completions or 0)
            now = (indexes.valid_index(pod, self.completions or 0) for pod in succeeded)
            self.indexes_before = before
            self.indexes = sorted({*before, *(index for index in now if index is not None)})
            self.succeeded = len(self.indexes)
        self.failed_indexes: list[int] = []
        self.held: dict[int, Obj] = {}
        if per_index.applies(self.job):
            self.failed_indexes = per_index.failed(self.job, self.pods, self.indexes)
            done = (*self.indexes, *self.failed_indexes)
            self.held = per_index.held(self.job, self.pods, self.active, done)

    @property
    def completions(self) -> int | None:
        found: int | None = self.spec.get("completions")
        return found

    @property
    def parallelism(self) -> int:
        found = self.spec.get("parallelism")
        return 1 if found is None else int(found)

    # -- the sync --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do one step. Raises the first refusal, after the status is written."""
        changed = False
        if not self.status.get("startTime") and not self.suspended:
            self.status["startTime"] = self.stamp
        ending = self._ending()
        failure: Exception | None = None
        active = len(self.active)
        if ending is not None:
            deleted, failure = await self._delete_active()
            complete = deleted == active and self.satisfied
            active -= deleted
            ending = ending if complete else None
        else:
            managed = self.satisfied and not objects.is_deleting(self.job)
            if managed:
                active, failure = await self._manage()
            if self._is_complete(active):
                ending = self._success("CompletionsReached", "Reached expected number of succeeded pods")
            elif managed:
                changed = self._note_suspension()
        counts = {"active": active, "ready": self.ready, "terminating": self.terminating}
        before = self.job.get("status") or {}
        for field, number in counts.items():
            changed = changed or (before.get(field) or 0) != number or (field not in before and field != "active")
            self.status[field] = number
        await self._track(ending, changed)
        if failure is not None:
            raise failure

    def _ending(self) -> Obj | None:
        """The condition with which the job must end now: SuccessCriteriaMet, FailureTarget or Failed."""
        if (met := finished.true_condition(self.conditions, finished.SUCCESS_CRITERIA_MET)) is not None:
            return met
        if (target := finished.true_condition(self.conditions, finished.FAILURE_TARGET)) is not None:
            return finished.condition(finished.FAILED, target.get("reason", ""), target.get("message", ""), self.stamp)
        if (message := self._policy_failure()) is not None:
            return self._failure("PodFailurePolicy", message)
        limit = self.spec.get("backoffLimit")
        if limit is not None and (self.failed > limit or self._restarts_exceed(limit)):
            return self._failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        if self._is_past_deadline():
            return self._failure("DeadlineExceeded", "Job was active longer than specified deadline")
        if self.failed_indexes and (failure := self._indexes_failed()) is not None:
            return failure
        message = indexes.success_message(self.job, self.indexes) if indexes.is_indexed(self.job) else None
        return None if message is None else self._success("SuccessPolicy", message)

    def _indexes_failed(self) -> Obj | None:
        most = self.spec.get("maxFailedIndexes")
        if most is not None and len(self.failed_indexes) > most:
            message = "Job has exceeded the specified maximal number of failed indexes"
            return self._failure("MaxFailedIndexesExceeded", message)
        if len(self.failed_indexes) + len(self.indexes) >= (self.completions or 0):
            return self._failure("FailedIndexes", "Job has failed indexes")
        return None

    def _failure(self, reason: str, message: str) -> Obj:
        return finished.condition(finished.FAILURE_TARGET, reason, message, self.stamp)

    def _success(self, reason: str, message: str) -> Obj:
        return finished.condition(finished.SUCCESS_CRITERIA_MET, reason, message, self.stamp)

    def _policy_failure(self) -> str | None:
        if not self.spec.get("podFailurePolicy"):
            return None
        verdicts = (failure_policy.judge(self.job, pod) for pod in self.pods if tracking.has_failed(pod, self.job))
        return next((verdict.fail_job for verdict in verdicts if verdict.fail_job is not None), None)

    def _restarts_exceed(self, limit: int) -> bool:
        """With restartPolicy OnFailure it is containers, not pods, that fail."""
        if self.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return False
        restarts = 0
        for pod in self.pods:
            if state.phase(pod) in (state.RUNNING, state.PENDING):
                status = state.status_of(pod)
                for field in ("initContainerStatuses", "containerStatuses"):
                    restarts += sum(row.get("restartCount") or 0 for row in status.get(field) or ())
        return restarts > 0 if limit == 0 else restarts >= limit

    def _is_past_deadline(self) -> bool:
        limit_s = self.spec.get("activeDeadlineSeconds")
        started = self.status.get("startTime")
        if limit_s is None or started is None or self.suspended:
            return False
        left_s = (times.after(started, limit_s) - self.tools.clock.now()).total_seconds()
        if left_s > 0:
            self.again_s = left_s
        return left_s <= 0

    def _is_complete(self, active: int) -> bool:
        wanted = 1 if self.completions is None else self.completions
        return self.succeeded >= wanted and active == 0

    def _note_suspension(self) -> bool:
        reason, message = ("JobSuspended", "Job suspended") if self.suspended else ("JobResumed", "Job resumed")
        row = finished.condition(finished.SUSPENDED, reason, message, self.stamp, "True" if self.suspended else "False")
        self.conditions, changed = finished.ensured(self.conditions, row)
        if changed:
            self.tools.recorder.event(self.job, "Normal", "Suspended" if self.suspended else "Resumed", message)
            if not self.suspended:
                self.status["startTime"] = self.stamp
        return changed

    # -- pods ------------------------------------------------------------------------------------------------------

    async def _delete_active(self) -> tuple[int, Exception | None]:
        """Delete what still runs of a job that ends; the finalizers keep the pods countable."""
        return await self._delete(self.active, expect=False)

    async def _delete(self, pods: Sequence[Obj], *, expect: bool) -> tuple[int, Exception | None]:
        """(how many are being deleted now, the first refusal). expect: pods that are not to be counted lose their
        finalizer first, and their disappearance is awaited."""
        tools, done, failure = self.tools, 0, None
        if expect:
            tools.expectations.expect_deletions(self.key, map(objects.uid, pods))
        for pod in pods:
            try:
                if expect and tracking.is_tracked(pod):
                    await release(tools.client, pod)
                await tools.control.delete(pod, self.job)
            except ApiError as error:
                tools.expectations.deletion_observed(self.key, objects.uid(pod))
                if not errors.is_not_found(error):
                    failure = failure or error
                    continue
            done += 1
            self.ready -= state.is_ready(pod)
        self.terminating += done
        return done, failure

    async def _manage(self) -> tuple[int, Exception | None]:
        """Make or delete pods; (how many are active then, the first refusal)."""
        active = len(self.active)
        wanted = 0 if self.suspended else self._wanted(active)
        doomed = self._surplus(max(0, active - wanted))[: control.BURST]
        if doomed:
            deleted, failure = await self._delete(doomed, expect=True)
            return active - deleted, failure
        missing = wanted - active
        if tracking.replaces_failed_only(self.job):
            missing -= self.terminating
        if missing <= 0:
            return active, None
        if not per_index.applies(self.job) and self._waits(self.backoff.remaining_s(self.tools.clock.now())):
            return active, None
        return await self._create(active, min(missing, control.BURST))

    def _waits(self, wait_s: float) -> bool:
        """Whether pods have to wait; if so, the job is looked at again then."""
        if wait_s > 0:
            self.again_s = wait_s if self.again_s is None else min(wait_s, self.again_s)
        return wait_s > 0

    def _wanted(self, active: int) -> int:
        if self.completions is None:
            return active if self.succeeded else self.parallelism
        return max(0, min(self.completions - self.succeeded, self.parallelism))

    def _surplus(self, least: int) -> list[Obj]:
        if self.suspended:
            return list(self.active)
        doomed: list[Obj] = []
        left = list(self.active)
        if indexes.is_indexed(self.job):
            doomed, left = indexes.surplus(self.active, self.completions or 0)
        if len(doomed) < least:
            in_order = ranking.in_deletion_order(left, {}, self.tools.clock.now())
            doomed += in_order[: least - len(doomed)]
        return doomed

    async def _create(self, active: int, count: int) -> tuple[int, Exception | None]:
        pods = self._new_pods(count)
        self.tools.expectations.expect_creations(self.key, len(pods))
        waiting = iter(pods)
        done, failure = await control.slow_start(len(pods), lambda: self.tools.control.create(next(waiting), self.job))
        self.tools.expectations.creation_observed(self.key, len(pods) - done)
        if failure is not None and control.is_namespace_terminating(failure):
            failure = None
        return active + done, failure

    def _new_pods(self, count: int) -> list[Obj]:
        finalizers = (tracking.FINALIZER,)
        if not indexes.is_indexed(self.job):
            return [control.pod_from_template(self.spec["template"], self.job, finalizers=finalizers)] * count
        now = self.tools.clock.now()
        pending = [(per_index.remaining_s(self.held.get(index), now), index) for index in self._pending(count)]
        if pending and min(pending)[0] > 0:
            self._waits(min(pending)[0])
        return [self._pod_of(index) for wait_s, index in pending if wait_s <= 0]

    def _pending(self, count: int) -> list[int]:
        """The lowest indexes that have neither ended nor a pod."""
        busy = self.active
        if tracking.replaces_failed_only(self.job):
            busy = [*busy, *(pod for pod in self.pods if state.is_terminating(pod))]
        taken = [index for pod in busy if (index := indexes.index_of(pod)) is not None]
        return indexes.first_pending([*self.indexes, *self.failed_indexes, *taken], count, self.completions or 0)

    def _pod_of(self, index: int) -> Obj:
        annotations = {indexes.INDEX: str(index)}
        if per_index.applies(self.job):
            annotations |= per_index.counts(self.job, self.held.get(index))
        return control.pod_from_template(
            self.spec["template"],
            self.job,
            generate_name=indexes.generate_name(objects.name(self.job), index),
            labels={indexes.INDEX: str(index)},
            annotations=annotations,
            finalizers=(tracking.FINALIZER,),
            spec=indexes.spec_with_index(self.job, index),
        )

    # -- status ----------------------------------------------------------------------------------------------------

    async def _track(self, ending: Obj | None, changed: bool) -> None:
        """Count finished pods, let them go, end the job once all are counted and gone."""
        tracked = {objects.uid(pod) for pod in self.tracked}
        changed = self._settle(tracked) or changed
        before = Uncounted.of(self.status)
        kind = None if ending is None else ending["type"]
        held = [objects.uid(pod) for pod in self.held.values()]
        found = tracking.collect(self.job, self.tracked, before, self.indexes_before, finished=kind, held=held)
        changed = changed or found.uncounted != before
        self.status["uncountedTerminatedPods"] = found.uncounted.wire()
        changed = self._note_indexes(found.indexes) or changed
        ending, noted = self._announce(ending)
        if changed or noted:
            await self._write()
            self.tools.backoffs[self.key] = self.backoff
        released = await self._release(found.release)
        changed = self._settle(tracked.difference(released))
        if ending is not None and not found.more and self._end(ending):
            await self._write()
            self._say_finished(ending)
        elif changed:
            await self._write()

    def _settle(self, tracked: set[str]) -> bool:
        """Turn uids whose pods have lost their finalizer into numbers."""
        left, succeeded, failed = Uncounted.of(self.status).settle(tracked)
        self.status["uncountedTerminatedPods"] = left.wire()
        for field, number in (("succeeded", succeeded), ("failed", failed)):
            if number:
                self.status[field] = (self.status.get(field) or 0) + number
        return bool(succeeded or failed)

    def _note_indexes(self, new: list[int]) -> bool:
        if not indexes.is_indexed(self.job):
            return False
        done = [*self.indexes_before, *new]
        text = indexes.format(done)
        changed = text != (self.status.get("completedIndexes") or "")
        if text:
            self.status["completedIndexes"] = text
        if done:
            self.status["succeeded"] = len(done)
        if per_index.applies(self.job):
            failed = indexes.format(self.failed_indexes)
            changed = changed or failed != self.status.get("failedIndexes")
            self.status["failedIndexes"] = failed
        return changed

    def _announce(self, ending: Obj | None) -> tuple[Obj | None, bool]:
        """(the final condition, whether the one that announces it is new): SuccessCriteriaMet comes before Complete,
        FailureTarget before Failed, so that nobody takes the job for finished while pods are still being let go."""
        if ending is None or ending["type"] == finished.FAILED:
            return ending, False
        success = ending["type"] == finished.SUCCESS_CRITERIA_MET
        noted = finished.true_condition(self.conditions, ending["type"]) is None
        if noted:
            self.conditions.append(ending)
        final = finished.COMPLETE if success else finished.FAILED
        return finished.condition(final, ending.get("reason", ""), ending.get("message", ""), self.stamp), noted

    async def _release(self, pods: Sequence[Obj]) -> list[str]:
        """Take the finalizer off; the uids of those that are without it now."""
        tools = self.tools
        tools.releasing.expect(self.key, map(objects.uid, pods))
        done, failure = [], None
        for pod in pods:
            try:
                await release(tools.client, pod)
            except ApiError as error:
                tools.releasing.observed(self.key, objects.uid(pod))
                if not errors.is_not_found(error):
                    failure = failure or error
                    continue
            done.append(objects.uid(pod))
        if failure is not None:
            raise failure
        return done

    def _end(self, ending: Obj) -> bool:
        """Set the final condition, unless a pod is still to be counted or still on its way out."""
        if self.status["uncountedTerminatedPods"] or self.terminating:
            return False
        self.conditions, _ = finished.ensured(self.conditions, ending)
        if ending["type"] == finished.COMPLETE:
            self.status["completionTime"] = self.stamp
        return True

    def _say_finished(self, ending: Obj) -> None:
        if ending["type"] == finished.COMPLETE:
            self.tools.recorder.event(self.job, "Normal", "Completed", "Job completed")
        else:
            reason, message = ending.get("reason", ""), ending.get("message", "")
            self.tools.recorder.event(self.job, "Warning", reason, message)

    async def _write(self) -> None:
        status = {**self.status}
        for field in ("active", "succeeded", "failed"):
            if not status.get(field):
                status.pop(field, None)
        if self.conditions:
            status["conditions"] = list(self.conditions)
        written = objects.with_status(self.job, status)
        self.job = await self.tools.client.update_status(resources.JOBS, written)


def _by_index(pod: Obj) -> tuple[int, str]:
    index = indexes.index_of(pod)
    return (-1 if index is None else index, objects.name(pod))


async def release(client: Client, pod: Obj) -> None:
    """Take the tracking finalizer off a pod."""
    metadata = {"$deleteFromPrimitiveList/finalizers": [tracking.FINALIZER]}
    patch = {"metadata": metadata}
    await client.patch(resources.PODS, objects.name(pod), patch, objects.namespace(pod), type="strategic")
