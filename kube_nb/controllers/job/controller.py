"""`JobController`: watches jobs and their pods. Models pkg/controller/job/job_controller.go."""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context, run_all
from kube_nb.controllers.job import finished, syncing, tracking
from kube_nb.controllers.job.syncing import JobSync, Tools
from kube_nb.controllers.pods import state
from kube_nb.controllers.pods.control import PodControl
from kube_nb.controllers.pods.expectations import Expectations, UidExpectations
from kube_nb.controllers.pods.ownership import Claims
from kube_nb.controllers.pods.watching import owner_key
from kube_nb.machinery import labels, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "job-controller"
MANAGER = "kubernetes.io/job-controller"
#: Pod events are gathered for so long before the job is looked at.
BATCH_PERIOD_S = 1.0


class JobController:
    """A key is ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        recorder = context.recorder(NAME)
        self._client = context.client
        self._jobs = indices.by_selector(context.informer(resources.JOBS))
        self._pods = indices.by_controller(context.informer(resources.PODS))
        self._expectations = Expectations(context.clock)
        self._releasing = UidExpectations()
        self._tools = Tools(
            context.client,
            recorder,
            context.clock,
            PodControl(context.client, recorder),
            self._expectations,
            self._releasing,
            {},
        )
        workers = context.options.workers
        self._controller = Controller(NAME, self.reconcile, workers=workers, clock=context.clock)
        self._orphans = Controller(NAME, self._release_orphan, workers=workers, clock=context.clock)
        self._jobs.add_handler(self._controller.enqueue, self._job_changed, self._job_gone)
        self._pods.add_handler(self._pod_added, self._pod_changed, self._pod_gone)

    async def run(self) -> None:
        await self._jobs.wait_synced()
        await self._pods.wait_synced()
        await run_all(self._controller, self._orphans)

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _job_changed(self, old: Obj, new: Obj) -> None:
        if objects.generation(old) != objects.generation(new):
            self._controller.enqueue(new)
        else:
            self._controller.enqueue_after(new, BATCH_PERIOD_S)
        if finished.is_finished(new):
            self._release_all(new)

    def _job_gone(self, job: Obj) -> None:
        key = objects.key(job)
        self._expectations.forget(key)
        self._releasing.forget(key)
        self._tools.backoffs.pop(key, None)
        self._release_all(job)

    def _release_all(self, job: Obj) -> None:
        """Pods that nobody will count any more must not be held by our finalizer."""
        for pod in self._pods.by_index(indices.CONTROLLER, objects.uid(job)):
            if tracking.is_tracked(pod):
                self._orphans.enqueue(pod)

    def _job_of(self, pod: Obj) -> str | None:
        return owner_key(self._jobs, "Job", pod)

    def _pod_added(self, pod: Obj) -> None:
        if objects.is_deleting(pod):
            self._pod_gone(pod, still_there=True)
        elif key := self._job_of(pod):
            self._expectations.creation_observed(key)
            self._controller.enqueue_after(key, BATCH_PERIOD_S)
        elif objects.owner(pod) is not None:
            self._check_orphan(pod)
        else:
            self._enqueue_selecting(pod)

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        if objects.is_deleting(new):
            self._pod_gone(new, still_there=True)
            return
        before, now = objects.owner(old), objects.owner(new)
        if before is not None and before != now and (key := self._job_of(old)):
            self._releasing.observed(key, objects.uid(old))
            self._controller.enqueue_after(key, BATCH_PERIOD_S)
        if key := self._job_of(new):
            if tracking.is_tracked(old) and not tracking.is_tracked(new):
                self._releasing.observed(key, objects.uid(new))
            self._controller.enqueue_after(key, BATCH_PERIOD_S)
        elif now is not None:
            self._check_orphan(new)
        elif before is not None or objects.labels(old) != objects.labels(new):
            self._enqueue_selecting(new)

    def _pod_gone(self, pod: Obj, *, still_there: bool = False) -> None:
        key = self._job_of(pod)
        if key is None:
            if still_there:
                self._check_orphan(pod)
            return
        self._expectations.deletion_observed(key, objects.uid(pod))
        if not still_there or not tracking.is_tracked(pod):
            self._releasing.observed(key, objects.uid(pod))
        self._controller.enqueue_after(key, BATCH_PERIOD_S)

    def _check_orphan(self, pod: Obj) -> None:
        reference = objects.owner(pod)
        if reference is not None and reference["kind"] == "Job" and tracking.is_tracked(pod):
            self._orphans.enqueue(pod)

    def _enqueue_selecting(self, pod: Obj) -> None:
        for job in indices.selecting(self._jobs, pod, _selects):
            self._controller.enqueue_after(job, BATCH_PERIOD_S)
        if tracking.is_tracked(pod):
            self._orphans.enqueue(pod)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> float | None:
        job = self._jobs.get_key(key)
        if job is None or job["spec"].get("managedBy", MANAGER) != MANAGER:
            return None
        if finished.is_finished(job):
            self._tools.backoffs.pop(key, None)
            return None
        sync = JobSync(self._tools, job, await self._claimed(job))
        await sync.run()
        return sync.again_s

    async def _claimed(self, job: Obj) -> list[Obj]:
        candidates = self._pods.by_index(indices.CONTROLLER, objects.uid(job))
        orphans = self._pods.by_index(indices.CONTROLLER, indices.orphans_of(objects.namespace(job)))
        candidates += [pod for pod in orphans if state.is_active(pod)]
        selector = labels.from_label_selector(job["spec"].get("selector"))
        finalizers = (tracking.FINALIZER,)
        claims = Claims(self._client, job, resources.JOBS, selector, resources.PODS, finalizers=finalizers)
        return await claims.claim(candidates)

    async def _release_orphan(self, key: str) -> None:
        """Take our finalizer off a pod whose job is gone or over."""
        pod = self._pods.get_key(key)
        if pod is None or not tracking.is_tracked(pod):
            return
        job_key = self._job_of(pod)
        job = None if job_key is None else self._jobs.get_key(job_key)
        if job is not None and not finished.is_finished(job):
            return
        try:
            await syncing.release(self._client, pod)
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


def _selects(job: Obj, pod: Obj) -> bool:
    return labels.from_label_selector((job.get("spec") or {}).get("selector")).matches(objects.labels(pod))
