"""`CronJobSync`: one look at a cron job and its jobs. Models syncCronJob of pkg/controller/cronjob."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kube_nb.api import resources
from kube_nb.api.validation import cron
from kube_nb.client import Client, EventRecorder, errors
from kube_nb.client.events import NORMAL, WARNING, EventType, reference
from kube_nb.controllers.cronjob import due
from kube_nb.controllers.cronjob.schedule import Timetable
from kube_nb.controllers.job import finished
from kube_nb.controllers.pods.control import is_namespace_terminating
from kube_nb.machinery import objects, times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


@dataclass(frozen=True)
class Tools:
    """What every look needs."""

    client: Client
    recorder: EventRecorder


class CronJobSync:
    """again_s: after how many seconds to look again, None: when something changes."""

    def __init__(self, tools: Tools, cron_job: Obj, jobs: Sequence[Obj], now: datetime) -> None:
        self._tools = tools
        self._cron_job = cron_job
        self._spec: Obj = cron_job["spec"]
        self._jobs = jobs
        self._now = now
        self._before: Obj = cron_job.get("status") or {}
        self._status = dict(self._before)
        self._active: list[Obj] = list(self._before.get("active") or ())
        self.again_s: float | None = None

    async def run(self) -> None:
        await self._clean_up()
        try:
            await self._sync()
        finally:
            await self._write_status()

    async def _sync(self) -> None:
        for job in self._jobs:
            await self._note(job)
        await self._drop_missing()
        if objects.is_deleting(self._cron_job) or (timetable := self._timetable()) is None:
            return
        try:
            recent = due.most_recent(self._cron_job, self._now, timetable, in_deadline=True)
        except due.Invalid as error:
            self._warn("InvalidSchedule", f"invalid schedule: {self._spec['schedule']} : {error}")
            return
        if recent.missed > due.MANY:
            hint = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self._warn("TooManyMissedTimes", f"too many missed start times. {hint}")
        if recent.latest is None or await self._start(recent.latest, timetable):
            self.again_s = due.wait_s({**self._cron_job, "status": self._status}, self._now, timetable)

    # -- what ran --------------------------------------------------------------------------------------------------

    async def _note(self, job: Obj) -> None:
        """A job that ended leaves status.active; one that is not there should be."""
        is_known = any(row["uid"] == objects.uid(job) for row in self._active)
        end = finished.finish(job)
        if end is None:
            if not is_known and not await self._is_active_at_server(job):
                text = f"Saw a job that the controller did not create or forgot: {objects.name(job)}"
                self._warn("UnexpectedJob", text)
            return
        if is_known:
            self._forget(objects.uid(job))
            self._say("SawCompletedJob", f"Saw completed job: {objects.name(job)}, condition: {end['type']}")
        completed = (job.get("status") or {}).get("completionTime")
        if end["type"] == finished.COMPLETE and completed:
            last = self._status.get("lastSuccessfulTime")
            if last is None or times.parse(completed) > times.parse(last):
                self._status["lastSuccessfulTime"] = completed

    async def _is_active_at_server(self, job: Obj) -> bool:
        """Our cache may be behind our own write of the status; then that is what goes on."""
        name, namespace = objects.name(self._cron_job), objects.namespace(self._cron_job)
        fresh = await self._tools.client.get(resources.CRON_JOBS, name, namespace)
        active = (fresh.get("status") or {}).get("active") or []
        if not any(row["uid"] == objects.uid(job) for row in active):
            return False
        self._cron_job = fresh
        self._before = fresh["status"]
        self._status = dict(self._before)
        self._active = list(active)
        return True

    async def _drop_missing(self) -> None:
        present = {objects.uid(job) for job in self._jobs}
        for row in [row for row in self._active if row["uid"] not in present]:
            if await self._job(row) is None:
                self._say("MissingJob", f"Active job went missing: {row['name']}")
                self._forget(row["uid"])

    async def _job(self, row: Obj) -> Obj | None:
        try:
            return await self._tools.client.get(resources.JOBS, row["name"], row["namespace"])
        except ApiError as error:
            if errors.is_not_found(error):
                return None
            raise

    async def _clean_up(self) -> None:
        """Ended jobs beyond the history limits go, the oldest first."""
        ends = {objects.uid(job): finished.finish(job) for job in self._jobs}
        limits = {finished.COMPLETE: "successfulJobsHistoryLimit", finished.FAILED: "failedJobsHistoryLimit"}
        for type, field in limits.items():
            limit = self._spec.get(field)
            ended = [job for job in self._jobs if (end := ends[objects.uid(job)]) is not None and end["type"] == type]
            if limit is not None and len(ended) > limit:
                for job in sorted(ended, key=_by_start)[: len(ended) - limit]:
                    await self._delete(job)

    async def _delete(self, job: Obj) -> bool:
        name, namespace = objects.name(job), objects.namespace(job)
        try:
            await self._tools.client.delete(resources.JOBS, name, namespace, propagation="Background")
        except ApiError as error:
            self._warn("FailedDelete", f"Deleted job: {error}")
            return False
        self._forget(objects.uid(job))
        self._say("SuccessfulDelete", f"Deleted job {name}")
        return True

    # -- what is due -----------------------------------------------------------------------------------------------

    def _timetable(self) -> Timetable | None:
        if self._spec.get("suspend"):
            return None
        return timetable_of(self._cron_job)

    async def _start(self, moment: datetime, timetable: Timetable) -> bool:
        """Start the job of this moment unless something speaks against it; whether to look again by the schedule."""
        name = f"{objects.name(self._cron_job)}-{int(moment.timestamp()) // 60}"
        if self._is_too_late(moment):
            text = moment.strftime("%a, %d %b %Y %H:%M:%S +0000")
            self._warn("MissSchedule", f"Missed scheduled time to start a job: {text}")
            return True
        if self._status.get("lastScheduleTime") == times.format(moment) or self._is_active(name):
            return True
        policy = self._spec.get("concurrencyPolicy")
        if policy == "Forbid" and self._active:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._say("JobAlreadyActive", text)
            return True
        if policy == "Replace":
            await self._replace()
        job = await self._create(_job_of(self._cron_job, name, moment.astimezone(timetable.zone)))
        if job is None:
            return False
        self._active.append(reference(job))
        self._status["lastScheduleTime"] = times.format(moment)
        return True

    def _is_too_late(self, moment: datetime) -> bool:
        deadline_s = self._spec.get("startingDeadlineSeconds")
        return deadline_s is not None and moment + timedelta(seconds=deadline_s) < self._now

    def _is_active(self, name: str) -> bool:
        return any(row["name"] == name for row in self._active)

    async def _replace(self) -> None:
        for row in list(self._active):
            job = await self._job(row)
            if job is None or not await self._delete(job):
                raise RuntimeError(f"could not replace job {row['namespace']}/{row['name']}")

    async def _create(self, job: Obj) -> Obj | None:
        """The created job, or ours of before that status.active lacks; None if there is nothing to add."""
        try:
            created = await self._tools.client.create(resources.JOBS, job)
        except ApiError as error:
            if errors.is_already_exists(error):
                return await self._ours(job)
            if not is_namespace_terminating(error):
                self._warn("FailedCreate", f"Error creating job: {error}")
            raise
        self._say("SuccessfulCreate", f"Created job {objects.name(created)}")
        return created

    async def _ours(self, job: Obj) -> Obj | None:
        found = await self._job(job["metadata"])
        is_ours = found is not None and objects.is_controlled_by(found, self._cron_job)
        return found if is_ours and not self._is_active(objects.name(job)) else None

    # -- what is written -------------------------------------------------------------------------------------------

    def _forget(self, uid: str) -> None:
        self._active = [row for row in self._active if row["uid"] != uid]

    async def _write_status(self) -> None:
        status = {field: value for field, value in self._status.items() if field != "active"}
        if self._active:
            status["active"] = self._active
        if status != self._before:
            await self._tools.client.update_status(resources.CRON_JOBS, objects.with_status(self._cron_job, status))

    def _say(self, reason: str, message: str, type: EventType = NORMAL) -> None:
        self._tools.recorder.event(self._cron_job, type, reason, message)

    def _warn(self, reason: str, message: str) -> None:
        self._say(reason, message, WARNING)


def timetable_of(cron_job: Obj) -> Timetable:
    """Both schedule and time zone were validated as they were written."""
    spec = cron_job["spec"]
    return Timetable(cron.parse(spec["schedule"]), ZoneInfo(spec.get("timeZone") or "UTC"))


def _by_start(job: Obj) -> tuple[bool, str, str]:
    """In the order of their starts, those that have none last."""
    start = (job.get("status") or {}).get("startTime")
    return start is None, start or "", objects.name(job)


def _job_of(cron_job: Obj, name: str, moment: datetime) -> Obj:
    """The job of a moment, which is in the cron job's time zone. Models getJobFromTemplate2."""
    template = cron_job["spec"]["jobTemplate"]
    given = template.get("metadata") or {}
    zone = moment.strftime("%z")
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S") + ("Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}")
    metadata: Obj = {
        "name": name,
        "namespace": objects.namespace(cron_job),
        "annotations": {**(given.get("annotations") or {}), SCHEDULED_AT: stamp},
        "ownerReferences": [objects.owner_reference(cron_job)],
    }
    if labels := given.get("labels"):
        metadata["labels"] = labels
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
