"""`NodeLifecycleController`: notices nodes that fall silent, taints them, and tells their pods' readers.

Every 5 s each node is looked at: no new heartbeat and no renewed lease for 50 s makes its conditions Unknown. Taints
NoSchedule follow the conditions at once; NoExecute taints of nodes that are not ready or unreachable come at the
zone's rate, and `eviction` acts on them. Pods of such nodes are marked not ready.
Models pkg/controller/nodelifecycle/node_lifecycle_controller.go. Differs: a taint's rate is kept to the second of the
token, upstream looks every 100 ms.
"""

import logging

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context, run_all
from kube_nb.controllers.nodes import health, taints, zones
from kube_nb.controllers.nodes.health import Sign
from kube_nb.controllers.nodes.zones import Zone
from kube_nb.controllers.pods import state
from kube_nb.machinery import cause, clock, objects, times
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)
NAME = "node-lifecycle-controller"
COMPONENT = "node-controller"
LEASE_NAMESPACE = "kube-node-lease"
#: label kept equal -> label it follows. Models labelReconcileInfo.
_LABELS = {"beta.kubernetes.io/os": "kubernetes.io/os", "beta.kubernetes.io/arch": "kubernetes.io/arch"}


class NodeLifecycleController:
    """Keys are node names (taints and labels), ``mark NODE`` (its pods) and ``zone ZONE`` (NoExecute taints)."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._options = context.options
        self._recorder = context.recorder(COMPONENT)
        self._nodes = context.informer(resources.NODES)
        self._pods = indices.by_node(context.informer(resources.PODS))
        self._leases = context.informers.informer(resources.LEASES, namespace=LEASE_NAMESPACE)
        workers = context.options.workers
        self._controller = Controller(NAME, self.reconcile, workers=workers, clock=context.clock)
        self._pods_controller = Controller(NAME, self._mark_pods, workers=workers, clock=context.clock)
        self._zones_controller = Controller(NAME, self._taint_zone, clock=context.clock)
        self._signs: dict[str, Sign] = {}
        self._zones: dict[str, Zone] = {}
        self._zone_of: dict[str, str] = {}
        self._all_disrupted = False
        self._nodes.add_handler(self._controller.enqueue, lambda old, new: self._controller.enqueue(new), self._gone)
        self._pods.add_handler(self._pod_added, self._pod_changed)

    async def run(self) -> None:
        for informer in (self._nodes, self._pods, self._leases):
            await informer.wait_synced()
        await run_all(self._controller, self._pods_controller, self._zones_controller, _Monitor(self))

    def _gone(self, node: Obj) -> None:
        name = objects.name(node)
        self._signs.pop(name, None)
        zone = self._zones.get(self._zone_of.pop(name, ""))
        if zone is not None:
            zone.waiting.pop(name, None)
        self._say(node, "RemovingNode", f"Removing Node {name} from Controller")

    def _say(self, node: Obj, reason: str, message: str) -> None:
        self._recorder.event(node, "Normal", reason, f"Node {objects.name(node)} event: {message}")

    def _pod_added(self, pod: Obj) -> None:
        self._consider_pod(pod)

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        if state.spec_of(old).get("nodeName") != state.spec_of(new).get("nodeName"):
            self._consider_pod(new)

    def _consider_pod(self, pod: Obj) -> None:
        """A pod that turns up on a node that is not ready is not ready either."""
        name = state.spec_of(pod).get("nodeName")
        node = self._nodes.get(None, name) if name else None
        if node is not None and state.is_ready(pod) and health.ready_status(node) != "True":
            self._pods_controller.enqueue(objects.name(node))

    # -- taints and labels -----------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        """NoSchedule taints as the conditions say; labels that follow others."""
        node = self._nodes.get_key(key)
        if node is None:
            return
        rows = taints.with_no_schedule(node, self._clock.timestamp())
        labels = _followed(node)
        if rows == list(taints.of(node)) and not labels:
            return
        patch = taints.patch(node, rows)
        if labels:
            patch["metadata"]["labels"] = labels
        await self._patch_node(key, patch)

    async def _patch_node(self, name: str, patch: Obj) -> None:
        try:
            await self._client.patch(resources.NODES, name, patch)
        except ApiError as error:
            if not errors.is_not_found(error):
                raise

    async def _taint_zone(self, name: str) -> float | None:
        """Taint the next node of the zone that waits for it; seconds until the one after."""
        zone = self._zones.get(name)
        if zone is None:
            return None
        node_name = zone.take(self._clock.time())
        node = self._nodes.get(None, node_name) if node_name else None
        if node is not None and node_name is not None:
            try:
                await self._taint(node)
            except ApiError:
                zone.waiting[node_name] = None
                raise
        return zone.next_s()

    async def _taint(self, node: Obj) -> None:
        """Exactly one of the two NoExecute taints, none for a node that is ready again."""
        status = health.ready_status(node)
        add = {"False": [taints.NOT_READY], "Unknown": [taints.UNREACHABLE]}.get(status, [])
        remove = [key for key in (taints.NOT_READY, taints.UNREACHABLE) if key not in add]
        rows = taints.swapped(node, add, remove, self._clock.timestamp())
        if rows != list(taints.of(node)):
            await self._patch_node(objects.name(node), taints.patch(node, rows))

    # -- the monitor -----------------------------------------------------------------------------------------------

    async def monitor_forever(self) -> None:
        """Look at every node, every 5 s; what a round could not write the next one tries again."""
        cause.current.set(Cause(NAME))
        while True:
            try:
                await self.look_at_all()
            except (ApiError, errors.Unreachable) as error:
                _log.debug("a round of the node monitor failed", extra={"error": str(error)})
            await clock.periodic_sleep(self._options.node_monitor_period_s)

    async def look_at_all(self) -> None:
        ready: dict[str, list[bool]] = {}
        for node in sorted(self._nodes.list(), key=objects.name):
            name = objects.name(node)
            try:
                node = await self._look_at(node)
            except ApiError as error:
                _log.debug("a node could not be updated", extra={"node": name, "error": str(error)})
                continue
            zone = self._zone_of[name] = zones.zone_of(node)
            if zone not in self._zones:
                self._zones[zone] = Zone(self._options.node_eviction_rate, filled_s=self._clock.time())
            ready.setdefault(zone, []).append(health.ready_status(node) == "True")
            await self._plan_taints(node, zone)
        await self._weigh_zones(ready)

    async def _look_at(self, node: Obj) -> Obj:
        """Notice signs of life; a node silent for too long gets its conditions set. The node as it is then."""
        name = objects.name(node)
        now_s = self._clock.time()
        before = self._signs.get(name)
        if before is None:
            self._say(node, "RegisteredNode", f"Registered Node {name} in Controller")
        lease = self._leases.get(LEASE_NAMESPACE, name)
        sign = self._signs[name] = health.noticed(before, node, lease, now_s)
        never = objects.find_condition(health.conditions(node), health.READY) is None
        since_s = sign.seen_s
        if never and renewed_never(sign):
            since_s = now_s - times.seconds_since(objects.creation_timestamp(node), self._clock.now())
        grace_s = self._options.node_startup_grace_period_s if never else self._options.node_monitor_grace_period_s
        if now_s <= since_s + grace_s:
            return node
        rows = health.silenced(node, self._clock.timestamp())
        if rows == health.conditions(node):
            return node
        return await self._silence(node, rows)

    async def _silence(self, node: Obj, rows: list[Obj]) -> Obj:
        was_ready = health.ready_status(node) == "True"
        status = {**(node.get("status") or {}), "conditions": rows}
        updated = await self._client.update_status(resources.NODES, objects.with_status(node, status))
        sign = self._signs[objects.name(node)]
        sign.ready = objects.find_condition(rows, health.READY)
        sign.since_s = self._clock.time()
        if was_ready:
            self._tell_not_ready(updated)
        return updated

    def _tell_not_ready(self, node: Obj) -> None:
        name = objects.name(node)
        text = f"Node {name} status is now: NodeNotReady"
        self._recorder.event(node, "Normal", "NodeNotReady", text)
        self._pods_controller.enqueue(name)

    async def _plan_taints(self, node: Obj, zone_name: str) -> None:
        """Have a node that is not ready tainted at the zone's rate, free one that is ready at once."""
        name, status, zone = objects.name(node), health.ready_status(node), self._zones[zone_name]
        key = {"False": taints.NOT_READY, "Unknown": taints.UNREACHABLE}.get(status)
        if key is None:
            zone.waiting.pop(name, None)
            if any(taints.has(node, each, taints.NO_EXECUTE) for each in (taints.NOT_READY, taints.UNREACHABLE)):
                await self._try_taint(node)
            return
        other = taints.UNREACHABLE if key == taints.NOT_READY else taints.NOT_READY
        if taints.has(node, other, taints.NO_EXECUTE):
            await self._try_taint(node)  # it is tainted already: only the reason changes
        elif not taints.has(node, key, taints.NO_EXECUTE) and not self._all_disrupted:
            zone.waiting.setdefault(name)
        if self._signs[name].ready is not None and status == "False":
            self._pods_controller.enqueue(name)

    async def _try_taint(self, node: Obj) -> None:
        try:
            await self._taint(node)
        except ApiError as error:
            if not errors.is_conflict(error):
                raise

    async def _weigh_zones(self, ready: dict[str, list[bool]]) -> None:
        """Rates by the state of each zone; nobody is evicted while no zone works."""
        now_s, threshold = self._clock.time(), self._options.unhealthy_zone_threshold
        states = {zone: zones.state_of(flags, threshold) for zone, flags in ready.items()}
        disrupted = zones.all_disrupted(states)
        if disrupted and not self._all_disrupted:
            await self._spare_all()
        self._all_disrupted = disrupted
        for name, found in states.items():
            zone = self._zones[name]
            zone.state = found
            zone.set_rate(0.0 if disrupted else zones.rate(found, len(ready[name]), self._options), now_s)
            if zone.waiting and not disrupted:
                self._zones_controller.enqueue(name)

    async def _spare_all(self) -> None:
        for zone in self._zones.values():
            zone.waiting.clear()
        for node in sorted(self._nodes.list(), key=objects.name):
            rows = taints.swapped(node, (), (taints.NOT_READY, taints.UNREACHABLE), self._clock.timestamp())
            if rows != list(taints.of(node)):
                await self._patch_node(objects.name(node), taints.patch(node, rows))

    # -- pods ------------------------------------------------------------------------------------------------------

    async def _mark_pods(self, name: str) -> None:
        """Pods of a node that is not ready are not ready. Models controllerutil.MarkPodsNotReady."""
        node = self._nodes.get(None, name)
        if node is None or health.ready_status(node) == "True":
            return
        for pod in self._pods.by_index(indices.NODE, name):
            row = state.ready_condition(pod)
            if row is None or row["status"] != "True":
                continue
            change = {**row, "status": "False", "lastTransitionTime": self._clock.timestamp()}
            status = state.status_of(pod)
            rows = objects.set_condition(status.get("conditions"), change, self._clock.timestamp())
            try:
                updated = objects.with_status(pod, {**status, "conditions": rows})
                await self._client.update_status(resources.PODS, updated)
            except ApiError as error:
                if errors.is_not_found(error):
                    continue
                raise
            self._recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")


def renewed_never(sign: Sign) -> bool:
    """Whether the node has neither posted its status nor renewed its lease yet."""
    return sign.ready is None and sign.renewed is None


def _followed(node: Obj) -> dict[str, str]:
    """Labels to be set because the ones that they follow differ."""
    labels = objects.labels(node)
    pairs = ((follower, labels.get(leader)) for follower, leader in _LABELS.items())
    return {follower: value for follower, value in pairs if value is not None and labels.get(follower) != value}


class _Monitor:
    """The controller's periodic part, as something to run beside its workers."""

    def __init__(self, controller: NodeLifecycleController) -> None:
        self._controller = controller

    async def run(self) -> None:
        await self._controller.monitor_forever()
