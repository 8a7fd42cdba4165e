"""`DaemonSetController`. Models pkg/controller/daemon/daemon_controller.go. Differs: failed pods are replaced with a
delay of 1 s to 15 min that is not reduced again while the node stays."""

from collections.abc import Mapping, Sequence

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import history, indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.daemonset import placement, updating
from kube_nb.controllers.pods import control, state
from kube_nb.controllers.pods.control import PodControl
from kube_nb.controllers.pods.expectations import Expectations
from kube_nb.controllers.pods.ownership import Claims
from kube_nb.controllers.pods.watching import OwnedPods, owner_key
from kube_nb.machinery import labels, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

NAME = "daemonset-controller"
KIND = "DaemonSet"
_FIRST_BACKOFF_S, _CAP_BACKOFF_S = 1.0, 900.0


class DaemonSetController:
    """A key is ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._sets = indices.by_selector(context.informer(resources.DAEMON_SETS))
        self._pods = indices.by_controller(context.informer(resources.PODS))
        self._nodes = context.informer(resources.NODES)
        self._revisions = indices.by_controller(context.informer(resources.CONTROLLER_REVISIONS))
        self._control = PodControl(context.client, self._recorder)
        self._expectations = Expectations(context.clock)
        #: (set's uid, node) -> (delay, when it is over): nodes whose pod fails again and again.
        self._backoffs: dict[tuple[str, str], tuple[float, float]] = {}
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._sets.add_handler(self._controller.enqueue, lambda old, new: self._controller.enqueue(new), self._gone)
        OwnedPods(KIND, self._sets, self._pods, self._expectations, self._controller, _selects)
        self._nodes.add_handler(self._node_seen, self._node_changed, self._node_seen)
        self._revisions.add_handler(self._revision_seen, lambda old, new: self._revision_seen(new), self._revision_seen)

    async def run(self) -> None:
        for informer in (self._sets, self._pods, self._nodes, self._revisions):
            await informer.wait_synced()
        await self._controller.run()

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _gone(self, daemon_set: Obj) -> None:
        self._expectations.forget(objects.key(daemon_set))
        uid = objects.uid(daemon_set)
        self._backoffs = {key: value for key, value in self._backoffs.items() if key[0] != uid}

    def _revision_seen(self, revision: Obj) -> None:
        if key := owner_key(self._sets, KIND, revision):
            self._controller.enqueue(key)

    def _node_seen(self, node: Obj) -> None:
        for daemon_set in self._sets.list():
            if placement.judge(node, _template_spec(daemon_set)).stay:
                self._controller.enqueue(daemon_set)

    def _node_changed(self, old: Obj, new: Obj) -> None:
        if objects.labels(old) == objects.labels(new) and old.get("spec") == new.get("spec"):
            return
        for daemon_set in self._sets.list():
            spec = _template_spec(daemon_set)
            if placement.judge(old, spec) != placement.judge(new, spec):
                self._controller.enqueue(daemon_set)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> float | None:
        daemon_set = self._sets.get_key(key)
        if daemon_set is None:
            self._expectations.forget(key)
            return None
        if objects.is_deleting(daemon_set):
            return None
        if not daemon_set["spec"].get("selector"):
            message = "This daemon set is selecting all pods. A non-empty selector is required."
            self._recorder.event(daemon_set, "Warning", "SelectingAll", message)
            return None
        sync = _Sync(await self._revision(daemon_set), await self._pods_by_node(daemon_set))
        failure: Exception | None = None
        satisfied = self._expectations.satisfied(key)
        if satisfied:
            failure = await self._manage(daemon_set, sync)
            if failure is None and self._expectations.satisfied(key) and updating.is_rolling(daemon_set):
                failure = await self._roll(daemon_set, sync)
            await self._clean_up(daemon_set, sync)
        next_s = await self._write_status(daemon_set, sync, observed=satisfied)
        if failure is not None:
            raise failure
        waits = [wait_s for wait_s in (next_s, sync.again_s) if wait_s is not None]
        return min(waits, default=None)

    async def _revision(self, daemon_set: Obj) -> tuple[Obj, list[Obj]]:
        found = await self._claim(daemon_set, resources.CONTROLLER_REVISIONS)
        collisions = (daemon_set.get("status") or {}).get("collisionCount") or 0
        try:
            return await history.current(self._client, daemon_set, found, collisions)
        except history.HashCollision:
            status = {**(daemon_set.get("status") or {}), "collisionCount": collisions + 1}
            await self._client.update_status(resources.DAEMON_SETS, objects.with_status(daemon_set, status))
            raise

    async def _claim(self, daemon_set: Obj, gvr: GVR) -> list[Obj]:
        informer = self._pods if gvr == resources.PODS else self._revisions
        candidates = informer.by_index(indices.CONTROLLER, objects.uid(daemon_set))
        candidates += informer.by_index(indices.CONTROLLER, indices.orphans_of(objects.namespace(daemon_set)))
        selector = labels.from_label_selector(daemon_set["spec"]["selector"])
        return await Claims(self._client, daemon_set, resources.DAEMON_SETS, selector, gvr).claim(candidates)

    async def _pods_by_node(self, daemon_set: Obj) -> dict[str, list[Obj]]:
        found: dict[str, list[Obj]] = {}
        for pod in sorted(await self._claim(daemon_set, resources.PODS), key=objects.name):
            if node := placement.target_node(pod):
                found.setdefault(node, []).append(pod)
        return found

    # -- pods ------------------------------------------------------------------------------------------------------

    async def _manage(self, daemon_set: Obj, sync: "_Sync") -> Exception | None:
        """One pod on every node that should have one, none where it must not be."""
        create: list[str] = []
        delete: list[Obj] = []
        spec = _template_spec(daemon_set)
        nodes = sorted(self._nodes.list(), key=objects.name)
        for node in nodes:
            name = objects.name(node)
            verdict = placement.judge(node, spec)
            present = sync.pods.get(name, [])
            if verdict.run and not present:
                create.append(name)
            elif verdict.stay:
                delete += self._to_delete(daemon_set, sync, name, present)
            else:
                delete += [pod for pod in present if not objects.is_deleting(pod)]
        known = {objects.name(node) for node in nodes}
        for name, pods in sync.pods.items():
            if name not in known:
                delete += [pod for pod in pods if not state.spec_of(pod).get("nodeName")]
        return await self._sync_nodes(daemon_set, create, delete, sync.hash)

    def _to_delete(self, daemon_set: Obj, sync: "_Sync", node: str, present: Sequence[Obj]) -> list[Obj]:
        running, doomed = [], []
        for pod in present:
            if objects.is_deleting(pod):
                continue
            if not state.is_terminal(pod):
                running.append(pod)
            elif self._may_replace(daemon_set, sync, node, pod):
                doomed.append(pod)
        return doomed + updating.surplus(daemon_set, running, sync.hash, self._clock.now())

    def _may_replace(self, daemon_set: Obj, sync: "_Sync", node: str, pod: Obj) -> bool:
        """Whether an ended pod is deleted now; a failed one not before its node's delay is over."""
        what = f"daemon pod {objects.namespace(pod)}/{objects.name(pod)} on node {node}, will try to"
        if state.phase(pod) == state.SUCCEEDED:
            message = f"Found succeeded {what} delete it"
            self._recorder.event(daemon_set, "Normal", "SucceededDaemonPod", message)
            return True
        key, now_s = (objects.uid(daemon_set), node), self._clock.time()
        delay_s, over_s = self._backoffs.get(key, (0.0, 0.0))
        if now_s < over_s:
            wait_s = over_s - now_s
            sync.again_s = wait_s if sync.again_s is None else min(wait_s, sync.again_s)
            return False
        delay_s = min(2 * delay_s or _FIRST_BACKOFF_S, _CAP_BACKOFF_S)
        self._backoffs[key] = (delay_s, now_s + delay_s)
        self._recorder.event(daemon_set, "Warning", "FailedDaemonPod", f"Found failed {what} kill it")
        return True

    async def _roll(self, daemon_set: Obj, sync: "_Sync") -> Exception | None:
        spec, now = _template_spec(daemon_set), self._clock.now()
        wanted = [node for node in self._nodes.list() if placement.judge(node, spec).run]
        names = sorted(map(objects.name, wanted))
        pods = {name: sync.pods.get(name, []) for name in names}
        surge, unavailable = updating.limits(daemon_set, len(names))
        if not surge:
            doomed = updating.replace(daemon_set, pods, sync.hash, unavailable, now)
            return await self._sync_nodes(daemon_set, [], doomed, sync.hash)
        found = updating.surging(daemon_set, pods, sync.hash, surge, now)
        return await self._sync_nodes(daemon_set, found.create, found.delete, sync.hash)

    async def _sync_nodes(self, daemon_set: Obj, nodes: list[str], doomed: list[Obj], hash: str) -> Exception | None:
        """Make pods for these nodes, delete those pods; the first refusal."""
        key, nodes, doomed = objects.key(daemon_set), nodes[: control.BURST], doomed[: control.BURST]
        if not nodes and not doomed:
            return None
        self._expectations.expect(key, len(nodes), map(objects.uid, doomed))
        waiting = iter([self._pod(daemon_set, node, hash) for node in nodes])
        done, failure = await control.slow_start(len(nodes), lambda: self._control.create(next(waiting), daemon_set))
        self._expectations.creation_observed(key, len(nodes) - done)
        if failure is not None and control.is_namespace_terminating(failure):
            return None
        for pod in doomed:
            try:
                await self._control.delete(pod, daemon_set)
            except ApiError as error:
                self._expectations.deletion_observed(key, objects.uid(pod))
                if not errors.is_not_found(error):
                    failure = failure or error
        return failure

    def _pod(self, daemon_set: Obj, node: str, hash: str) -> Obj:
        template = daemon_set["spec"]["template"]
        spec = placement.pod_spec(template["spec"], node)
        return control.pod_from_template(template, daemon_set, labels=placement.pod_labels(daemon_set, hash), spec=spec)

    async def _clean_up(self, daemon_set: Obj, sync: "_Sync") -> None:
        limit = daemon_set["spec"].get("revisionHistoryLimit")
        in_use = {history.hash_label(pod) for pods in sync.pods.values() for pod in pods}
        idle = [revision for revision in sync.old_revisions if history.hash_label(revision) not in in_use]
        await history.clean_up(self._client, idle, 10 if limit is None else limit)

    # -- status ----------------------------------------------------------------------------------------------------

    async def _write_status(self, daemon_set: Obj, sync: "_Sync", *, observed: bool) -> float | None:
        """Write the status if it changed; seconds until a pod becomes available by itself."""
        before = daemon_set.get("status") or {}
        status, next_s = self._counts(daemon_set, sync)
        status["observedGeneration"] = objects.generation(daemon_set) if observed else before.get("observedGeneration")
        status["collisionCount"] = before.get("collisionCount")
        always = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
        status = {field: value for field, value in status.items() if value or field in always}
        if "conditions" in before:
            status["conditions"] = before["conditions"]
        if status != before:
            await self._client.update_status(resources.DAEMON_SETS, objects.with_status(daemon_set, status))
        return next_s

    def _counts(self, daemon_set: Obj, sync: "_Sync") -> tuple[Obj, float | None]:
        spec, now = _template_spec(daemon_set), self._clock.now()
        counts = dict.fromkeys(_COUNTS, 0)
        waits = []
        for node in self._nodes.list():
            run = placement.judge(node, spec).run
            pods = sorted(sync.pods.get(objects.name(node), ()), key=updating.by_age)
            counts["desiredNumberScheduled"] += run
            if not run or not pods:
                counts["numberMisscheduled"] += bool(pods)
                continue
            in_s = state.available_in_s(pods[0], updating.min_ready_s(daemon_set), now)
            counts["currentNumberScheduled"] += 1
            counts["numberReady"] += state.is_ready(pods[0])
            counts["numberAvailable"] += in_s == 0
            counts["updatedNumberScheduled"] += history.hash_label(pods[0]) == sync.hash
            if in_s:
                waits.append(in_s)
        counts["numberUnavailable"] = counts["desiredNumberScheduled"] - counts["numberAvailable"]
        return {**counts}, min(waits, default=None)


_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


class _Sync:
    """What one reconcile knows. hash: of the current revision. again_s: when a failed pod may be replaced."""

    def __init__(self, revisions: tuple[Obj, list[Obj]], pods: Mapping[str, list[Obj]]) -> None:
        current, self.old_revisions = revisions
        self.hash = history.hash_label(current)
        self.pods = pods
        self.again_s: float | None = None


def _template_spec(daemon_set: Obj) -> Obj:
    spec: Obj = daemon_set["spec"]["template"]["spec"]
    return spec


def _selects(daemon_set: Obj, pod: Obj) -> bool:
    selector = (daemon_set.get("spec") or {}).get("selector") or None
    return labels.from_label_selector(selector).matches(objects.labels(pod))
