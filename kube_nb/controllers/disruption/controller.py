"""`DisruptionController`. Models pkg/controller/disruption/disruption.go."""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context, run_all
from kube_nb.controllers.disruption import budget
from kube_nb.controllers.disruption.scale import NoScale, Scales
from kube_nb.controllers.nodes.disruption import DISRUPTION_TARGET
from kube_nb.controllers.pods import state
from kube_nb.machinery import clock, labels, objects, times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "disruption-controller"
COMPONENT = "controllermanager"
#: A pod that was to be disrupted and still is there is told that it is not any more.
STALE_S = 120
_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the "
    "status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these "
    'pods please set ".spec.minAvailable" field of the PDB to an integer value.'
)


class DisruptionController:
    """A key is a budget's ``namespace/name``; the second queue's keys are pods."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(COMPONENT)
        self._budgets = indices.by_selector(context.informer(resources.POD_DISRUPTION_BUDGETS))
        self._pods = indices.by_labels(context.informer(resources.PODS))
        self._scales = Scales(context)
        workers = context.options.workers
        self._controller = Controller(NAME, self.reconcile, workers=workers, clock=context.clock)
        self._stale = Controller(NAME, self._clear_stale, workers=workers, clock=context.clock)
        self._controller.watch(self._budgets)
        self._pods.add_handler(self._pod_seen, self._pod_changed, self._tell)

    async def run(self) -> None:
        await self._budgets.wait_synced()
        await self._pods.wait_synced()
        await self._scales.wait_synced()
        await run_all(self._controller, self._stale)

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _tell(self, pod: Obj) -> None:
        for found in indices.selecting(self._budgets, pod, _selects):
            self._controller.enqueue(found)

    def _pod_seen(self, pod: Obj) -> None:
        self._tell(pod)
        if _is_target(pod):
            with clock.periodic():
                self._stale.enqueue_after(pod, self._stale_in_s(pod))

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        if objects.labels(old) != objects.labels(new):
            self._tell(old)
        self._pod_seen(new)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> float | None:
        pdb = self._budgets.get_key(key)
        if pdb is None:
            return None
        pods = self._selected(pdb)
        if not pods:
            self._recorder.event(pdb, "Normal", "NoPods", "No matching pods found")
        try:
            expected = await self._expected(pdb, pods)
        except NoScale as error:
            message = f"Failed to calculate the number of expected pods: {error}"
            self._recorder.event(pdb, "Warning", "CalculateExpectedPodCountFailed", message)
            await self._fail_safe(pdb, str(error))
            return None
        disrupted, late, next_s = budget.split_disrupted(pdb, pods, self._clock.now())
        for pod in late:
            message = f"Pod was expected by PDB {key} to be deleted but it wasn't"
            self._recorder.event(pod, "Warning", "NotDeleted", message)
        current, desired = budget.healthy(pods, disrupted), budget.desired_healthy(pdb, expected)
        stamp = self._clock.timestamp()
        await self._write(pdb, budget.status(pdb, current, desired, expected, disrupted, stamp))
        return next_s

    def _selected(self, pdb: Obj) -> list[Obj]:
        selector = labels.from_label_selector(pdb["spec"].get("selector"))
        found = indices.selected(self._pods, objects.namespace(pdb), indices.exact_labels(pdb))
        return sorted((pod for pod in found if selector.matches(objects.labels(pod))), key=objects.name)

    async def _expected(self, pdb: Obj, pods: list[Obj]) -> int:
        if not budget.wants_scale(pdb):
            return len(pods)
        expected, unmanaged = await self._scales.expected(pods)
        if unmanaged:
            selector = labels.from_label_selector(pdb["spec"].get("selector"))
            self._recorder.event(pdb, "Warning", "UnmanagedPods", _UNMANAGED.format(selector=selector))
        return expected

    async def _fail_safe(self, pdb: Obj, message: str) -> None:
        """No evictions while the numbers are not known."""
        row = {"type": budget.DISRUPTION_ALLOWED, "status": "False", "reason": "SyncFailed", "message": message}
        zeros = {"currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
        before = {**zeros, **(pdb.get("status") or {}), "disruptionsAllowed": 0}
        await self._write(pdb, budget.with_condition(pdb, before, row, self._clock.timestamp()))

    async def _write(self, pdb: Obj, status: Obj) -> None:
        if status != pdb.get("status"):
            await self._client.update_status(resources.POD_DISRUPTION_BUDGETS, objects.with_status(pdb, status))

    # -- stale conditions ------------------------------------------------------------------------------------------

    def _stale_in_s(self, pod: Obj) -> float:
        row = objects.get_condition(pod, DISRUPTION_TARGET)
        assert row is not None
        return STALE_S - times.seconds_since(row["lastTransitionTime"], self._clock.now())

    async def _clear_stale(self, key: str) -> None:
        pod = self._pods.get_key(key)
        if pod is None or not _is_target(pod):
            return
        if (left_s := self._stale_in_s(pod)) > 0:
            with clock.periodic():
                self._stale.enqueue_after(pod, left_s)
            return
        stamp = self._clock.timestamp()
        row = {"type": DISRUPTION_TARGET, "status": "False", "lastTransitionTime": stamp}
        patch = {"metadata": {"uid": objects.uid(pod)}, "status": {"conditions": [row]}}
        name, namespace = objects.name(pod), objects.namespace(pod)
        try:
            await self._client.patch(resources.PODS, name, patch, namespace, type="strategic", subresource="status")
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


def _is_target(pod: Obj) -> bool:
    """Whether the pod was to be disrupted, and nothing has come of it yet."""
    if objects.is_deleting(pod) or state.is_terminal(pod):
        return False
    return objects.is_condition_true(pod, DISRUPTION_TARGET)


def _selects(pdb: Obj, pod: Obj) -> bool:
    selector = labels.from_label_selector((pdb.get("spec") or {}).get("selector"))
    return selector.matches(objects.labels(pod))
