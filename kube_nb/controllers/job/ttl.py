"""`TtlAfterFinishedController`: deletes jobs spec.ttlSecondsAfterFinished after their end.

Models pkg/controller/ttlafterfinished.
"""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.controllers.job import finished
from kube_nb.machinery import clock, objects, times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "ttl-after-finished-controller"


class TtlAfterFinishedController:
    """A key is a job's ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._jobs = context.informer(resources.JOBS)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._jobs.add_handler(self._consider, lambda old, new: self._consider(new))

    async def run(self) -> None:
        await self._jobs.wait_synced()
        await self._controller.run()

    def _consider(self, job: Obj) -> None:
        if job["spec"].get("ttlSecondsAfterFinished") is not None and finished.is_finished(job):
            self._controller.enqueue(job)

    async def reconcile(self, key: str) -> None:
        job = self._jobs.get_key(key)
        if job is None or objects.is_deleting(job):
            return
        end, ttl_s = finished.finish(job), job["spec"].get("ttlSecondsAfterFinished")
        if end is None or ttl_s is None:
            return
        left_s = (times.after(end["lastTransitionTime"], ttl_s) - self._clock.now()).total_seconds()
        if left_s > 0:
            with clock.periodic():  # nobody waits for it: a cluster settles with its finished jobs in sight
                self._controller.enqueue_after(key, left_s)
        else:
            await self._delete(job)

    async def _delete(self, job: Obj) -> None:
        try:
            await self._client.delete(
                resources.JOBS,
                objects.name(job),
                objects.namespace(job),
                propagation="Foreground",
                uid=objects.uid(job),
                resource_version=objects.resource_version(job),
            )
        except ApiError as error:
            if not errors.is_not_found(error):
                raise
