"""`DeploymentController`: watches Deployments, ReplicaSets and pods, and chooses what to do.

Models pkg/controller/deployment/deployment_controller.go.
"""

from kube_nb.api import resources
from kube_nb.client import Controller
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.deployment import progress, recreate, rolling, scaling
from kube_nb.controllers.deployment.rollout import Rollout
from kube_nb.controllers.pods.ownership import Claims
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj

NAME = "deployment-controller"
#: A Deployment that fails so often in a row is left alone until something changes.
MAX_RETRIES = 15


class DeploymentController:
    """A key is ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._deployments = indices.by_selector(context.informer(resources.DEPLOYMENTS))
        self._replica_sets = indices.by_controller(context.informer(resources.REPLICA_SETS))
        self._pods = indices.by_controller(context.informer(resources.PODS))
        self._controller = Controller(
            NAME, self.reconcile, workers=context.options.workers, clock=context.clock, max_retries=MAX_RETRIES
        )
        self._controller.watch(self._deployments)
        self._replica_sets.add_handler(self._replica_set_added, self._replica_set_changed, self._replica_set_gone)
        self._pods.add_handler(on_delete=self._pod_gone)

    async def run(self) -> None:
        for informer in (self._deployments, self._replica_sets, self._pods):
            await informer.wait_synced()
        await self._controller.run()

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _owner_of(self, replica_set: Obj) -> Obj | None:
        reference = objects.owner(replica_set)
        if reference is None or reference["kind"] != "Deployment":
            return None
        found = self._deployments.get(objects.namespace(replica_set), reference["name"])
        return found if found is not None and objects.uid(found) == reference["uid"] else None

    def _replica_set_added(self, replica_set: Obj) -> None:
        if objects.is_deleting(replica_set):
            self._replica_set_gone(replica_set)
        elif objects.owner(replica_set) is None:
            self._enqueue_selecting(replica_set)
        else:
            self._enqueue_owner(replica_set)

    def _replica_set_changed(self, old: Obj, new: Obj) -> None:
        before, now = objects.owner(old), objects.owner(new)
        if before is not None and before != now:
            self._enqueue_owner(old)
        if now is not None:
            self._enqueue_owner(new)
        elif before is not None or objects.labels(old) != objects.labels(new):
            self._enqueue_selecting(new)

    def _replica_set_gone(self, replica_set: Obj) -> None:
        self._enqueue_owner(replica_set)

    def _enqueue_owner(self, replica_set: Obj) -> None:
        if (deployment := self._owner_of(replica_set)) is not None:
            self._controller.enqueue(deployment)

    def _enqueue_selecting(self, replica_set: Obj) -> None:
        for deployment in indices.selecting(self._deployments, replica_set, _selects):
            self._controller.enqueue(deployment)

    def _pod_gone(self, pod: Obj) -> None:
        """Recreate waits for the last old pod."""
        reference = objects.owner(pod)
        if reference is None or reference["kind"] != "ReplicaSet":
            return
        replica_set = self._replica_sets.get(objects.namespace(pod), reference["name"])
        deployment = None if replica_set is None else self._owner_of(replica_set)
        if deployment is None or (deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
            return
        siblings = self._replica_sets.by_index(indices.CONTROLLER, objects.uid(deployment))
        if not any(self._pods.by_index(indices.CONTROLLER, objects.uid(sibling)) for sibling in siblings):
            self._controller.enqueue(deployment)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> float | None:
        deployment = self._deployments.get_key(key)
        if deployment is None:
            return None
        if not deployment["spec"].get("selector"):
            await self._refuse_to_select_all(deployment)
            return None
        replica_sets = await self._claimed(deployment)
        rollout = Rollout(self._client, self._recorder, self._clock, deployment, replica_sets)
        if objects.is_deleting(deployment):
            await rollout.sync_revision(create=False)
            return await rollout.finish(rolling_out=False)
        _note_pause(rollout)
        if deployment["spec"].get("paused") or scaling.is_scaling_event(deployment, replica_sets):
            return await scaling.sync(rollout)
        if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            return await recreate.recreate(rollout, self._pods)
        return await rolling.roll(rollout)

    async def _claimed(self, deployment: Obj) -> list[Obj]:
        candidates = self._replica_sets.by_index(indices.CONTROLLER, objects.uid(deployment))
        candidates += self._replica_sets.by_index(indices.CONTROLLER, indices.orphans_of(objects.namespace(deployment)))
        selector = labels.from_label_selector(deployment["spec"]["selector"])
        claims = Claims(self._client, deployment, resources.DEPLOYMENTS, selector, resources.REPLICA_SETS)
        return await claims.claim(candidates)

    async def _refuse_to_select_all(self, deployment: Obj) -> None:
        message = "This deployment is selecting all pods. A non-empty selector is required."
        self._recorder.event(deployment, "Warning", "SelectingAll", message)
        status = progress.status_of(deployment)
        if status.get("observedGeneration", 0) < objects.generation(deployment):
            status = {**status, "observedGeneration": objects.generation(deployment)}
            await self._client.update_status(resources.DEPLOYMENTS, objects.with_status(deployment, status))


def _selects(deployment: Obj, replica_set: Obj) -> bool:
    selector = labels.from_label_selector((deployment.get("spec") or {}).get("selector") or None)
    return selector.matches(objects.labels(replica_set))


def _note_pause(rollout: Rollout) -> None:
    """Pausing and resuming show as Progressing=Unknown, so that the pause does not count against the deadline.

    Models checkPausedConditions."""
    current = objects.find_condition(rollout.conditions, progress.PROGRESSING)
    reason = None if current is None else current.get("reason")
    if reason == progress.TIMED_OUT:
        return
    paused = bool(rollout.deployment["spec"].get("paused"))
    if paused and reason != progress.PAUSED:
        rollout.note_progress(progress.PAUSED, "Deployment is paused", "Unknown")
    elif not paused and reason == progress.PAUSED:
        rollout.note_progress(progress.RESUMED, "Deployment is resumed", "Unknown")
