"""`CronJobController`: watches cron jobs and their jobs. Models pkg/controller/cronjob/cronjob_controllerv2.go."""

from kube_nb.api import resources
from kube_nb.client import Controller
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.cronjob import due
from kube_nb.controllers.cronjob.syncing import CronJobSync, Tools, timetable_of
from kube_nb.machinery import clock, objects
from kube_nb.machinery.types import Obj

NAME = "cronjob-controller"


class CronJobController:
    """A key is ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._clock = context.clock
        self._tools = Tools(context.client, context.recorder(NAME))
        self._cron_jobs = context.informer(resources.CRON_JOBS)
        self._jobs = indices.by_controller(context.informer(resources.JOBS))
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._cron_jobs.add_handler(self._controller.enqueue, self._changed, self._controller.enqueue)
        self._controller.watch(self._jobs, self._cron_job_of)

    async def run(self) -> None:
        await self._cron_jobs.wait_synced()
        await self._jobs.wait_synced()
        await self._controller.run()

    def _changed(self, old: Obj, new: Obj) -> None:
        """A new schedule counts from now on; every other change is looked at at once."""
        if all(old["spec"].get(field) == new["spec"].get(field) for field in ("schedule", "timeZone")):
            self._controller.enqueue(new)
        elif (again_s := due.wait_s(new, self._clock.now(), timetable_of(new))) is not None:
            self._look_again(objects.key(new), again_s)

    def _look_again(self, key: str, again_s: float) -> None:
        with clock.periodic():  # a cluster settles though its cron jobs go on
            self._controller.enqueue_after(key, again_s)

    def _cron_job_of(self, job: Obj) -> list[str]:
        reference = objects.owner(job)
        if reference is None or reference["kind"] != "CronJob":
            return []
        return [f"{objects.namespace(job)}/{reference['name']}"]

    async def reconcile(self, key: str) -> None:
        cron_job = self._cron_jobs.get_key(key)
        if cron_job is None:
            return
        jobs = self._jobs.by_index(indices.CONTROLLER, objects.uid(cron_job))
        sync = CronJobSync(self._tools, cron_job, jobs, self._clock.now())
        await sync.run()
        if sync.again_s is not None:
            self._look_again(key, sync.again_s)
