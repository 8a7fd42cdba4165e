"""From the API's events to the snapshot and the queue. Models pkg/scheduler/eventhandlers.go.

Pods with a node are in the snapshot (bound, or assumed by our own cycles until the API confirms), pods without one in
the queue; finished pods are in neither.
"""

from kube_nb.api import resources
from kube_nb.client import Informer, InformerFactory, Registration
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.events import (
    ASSIGNED_POD,
    CSI_DRIVER,
    CSI_NODE,
    CSI_STORAGE_CAPACITY,
    NODE,
    PV,
    PVC,
    STORAGE_CLASS,
    Action,
    ClusterEvent,
)
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.queue import SchedulingQueue

_FINISHED = ("Succeeded", "Failed")

POD_ADDED = ClusterEvent(ASSIGNED_POD, Action.ADD, "AssignedPodAdd")
POD_DELETED = ClusterEvent(ASSIGNED_POD, Action.DELETE, "AssignedPodDelete")
NODE_ADDED = ClusterEvent(NODE, Action.ADD, "NodeAdd")

#: What plugins ask about beside pods and nodes: plural name -> resource in events.
_OTHERS = {
    resources.PERSISTENT_VOLUME_CLAIMS: PVC,
    resources.PERSISTENT_VOLUMES: PV,
    resources.STORAGE_CLASSES: STORAGE_CLASS,
    resources.CSI_NODES: CSI_NODE,
    resources.CSI_DRIVERS: CSI_DRIVER,
    resources.CSI_STORAGE_CAPACITIES: CSI_STORAGE_CAPACITY,
}


class EventHandlers:
    """Keeps engine and queue in step with the informers."""

    def __init__(self, engine: Engine, queue: SchedulingQueue, clock: Clock) -> None:
        self._engine = engine
        self._queue = queue
        self._clock = clock
        self._placed: dict[str, PodInfo] = {}
        self._others: dict[str, Obj] = {}
        self._registered: list[tuple[Informer, Registration]] = []

    def register(self, informers: InformerFactory) -> None:
        nodes, pods = informers.informer(resources.NODES), informers.informer(resources.PODS)
        namespaces = informers.informer(resources.NAMESPACES)
        self._registered = [
            (nodes, nodes.add_handler(self.add_node, self.update_node, self.delete_node)),
            (
                namespaces,
                namespaces.add_handler(
                    self._add_namespace, lambda old, new: self._add_namespace(new), self._delete_namespace
                ),
            ),
            (pods, pods.add_handler(self.add_pod, self.update_pod, self.delete_pod)),
        ]
        for gvr, resource in _OTHERS.items():
            informer = informers.informer(gvr)
            added, updated = ClusterEvent(resource, Action.ADD), ClusterEvent(resource, Action.UPDATE)

            def on_add(new: Obj, event: ClusterEvent = added) -> None:
                self._move(event, None, new)

            def on_update(old: Obj, new: Obj, event: ClusterEvent = updated) -> None:
                self._move(event, old, new)

            self._registered.append((informer, informer.add_handler(on_add, on_update)))

    def unregister(self) -> None:
        for informer, registration in self._registered:
            informer.remove_handler(registration)
        self._registered = []

    def _move(self, event: ClusterEvent, old: Obj | None, new: Obj | None) -> None:
        self._queue.move(event, old, new, self._clock.time())

    # -- nodes -----------------------------------------------------------------------------------------------------

    def add_node(self, node: Obj) -> None:
        self._engine.columns.add_node(node)
        self._move(NODE_ADDED, None, node)

    def update_node(self, old: Obj, new: Obj) -> None:
        if action := node_changes(old, new):
            self._engine.columns.update_node(new)
            self._move(ClusterEvent(NODE, action, "NodeUpdate"), old, new)

    def delete_node(self, node: Obj) -> None:
        self._engine.columns.remove_node(objects.name(node))
        self._move(ClusterEvent(NODE, Action.DELETE, "NodeDelete"), node, None)

    def _add_namespace(self, namespace: Obj) -> None:
        self._engine.columns.namespaces[objects.name(namespace)] = objects.labels(namespace)

    def _delete_namespace(self, namespace: Obj) -> None:
        self._engine.columns.namespaces.pop(objects.name(namespace), None)

    # -- pods ------------------------------------------------------------------------------------------------------

    def is_placed(self, key: str) -> bool:
        return key in self._placed

    def placed(self, key: str) -> PodInfo | None:
        return self._placed.get(key)

    def assume(self, pod: PodInfo, node_name: str) -> PodInfo:
        placed = self._placed[pod.key] = self._engine.assume(pod, node_name)
        self._engine.handle.nominator.remove(pod.key)
        return placed

    def forget(self, placed: PodInfo) -> None:
        if self._placed.get(placed.key) is placed:
            del self._placed[placed.key]
            self._engine.forget(placed)
            self._move(POD_DELETED, placed.obj, None)

    def add_pod(self, obj: Obj) -> None:
        if _finished(obj):
            return
        if obj["spec"].get("nodeName"):
            self._add_placed(obj)
        elif (obj["spec"].get("schedulerName") or "default-scheduler") not in self._engine.profiles:
            self._others[objects.key(obj)] = obj
        elif objects.key(obj) not in self._placed:
            pod = self._engine.pod(obj)
            if pod.nominated_node_name:
                self._engine.handle.nominator.add(pod, pod.nominated_node_name)
            self._queue.add(pod, self._clock.time())

    def update_pod(self, old: Obj, new: Obj) -> None:
        key = objects.key(new)
        placed = self._placed.get(key)
        if objects.uid(old) != objects.uid(new):
            self.delete_pod(old)
            self.add_pod(new)
        elif _finished(new):
            self.delete_pod(new)
        elif placed is not None:
            self._update_placed(placed, new)
        elif new["spec"].get("nodeName"):
            self._queue.delete(key)
            self._add_placed(new)
        elif key in self._others:
            self._others[key] = new
        else:
            self._queue.update(self._engine.pod(new), self._clock.time(), old)

    def delete_pod(self, obj: Obj) -> None:
        key = objects.key(obj)
        self._others.pop(key, None)
        self._queue.delete(key)
        self._engine.handle.nominator.remove(key)
        placed = self._placed.pop(key, None)
        if placed is not None:
            self._engine.forget(placed)
            self._move(POD_DELETED, placed.obj, None)

    def adopt_pending(self) -> None:
        """Profiles changed: queue the pods that wait for one that is there now."""
        waiting, self._others = self._others, {}
        for obj in waiting.values():
            self.add_pod(obj)

    def _add_placed(self, obj: Obj) -> None:
        key = objects.key(obj)
        if key in self._placed:
            self._update_placed(self._placed[key], obj)
            return
        self._engine.handle.nominator.remove(key)
        self._placed[key] = self._engine.assume(self._engine.pod(obj), obj["spec"]["nodeName"])
        self._move(POD_ADDED, None, obj)

    def _update_placed(self, placed: PodInfo, new: Obj) -> None:
        """Most updates change only the status, which nobody but preemption looks at."""
        old = placed.obj
        node_name = new["spec"].get("nodeName")
        if not node_name:
            placed.see(new)
            return
        same = placed.node_name == node_name and placed.labels == objects.labels(new)
        same = same and placed.terminating == objects.is_deleting(new) and not _resized(old, new)
        if same:
            placed.see(new)
            return
        self._engine.forget(placed)
        self._placed[placed.key] = self._engine.assume(self._engine.pod(new), node_name)
        if placed.labels != objects.labels(new):
            self._move(ClusterEvent(ASSIGNED_POD, Action.UPDATE_POD_LABEL, "AssignedPodUpdate"), old, new)
        if _resized(old, new):
            self._move(ClusterEvent(ASSIGNED_POD, Action.UPDATE_POD_SCALE_DOWN, "AssignedPodUpdate"), old, new)


def _finished(obj: Obj) -> bool:
    return (obj.get("status") or {}).get("phase") in _FINISHED


def _resized(old: Obj, new: Obj) -> bool:
    before, after = old["spec"], new["spec"]
    if before is after or before.get("containers") is after.get("containers"):
        return False
    return [each.get("resources") for each in before["containers"]] != [
        each.get("resources") for each in after["containers"]
    ]


def node_changes(old: Obj, new: Obj) -> Action:
    """What of a node changed that anybody waits for. Models nodeSchedulingPropertiesChange."""
    action = Action(0)
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if before.get("taints") != after.get("taints") or before.get("unschedulable") != after.get("unschedulable"):
        action |= Action.UPDATE_NODE_TAINT
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        action |= Action.UPDATE_NODE_LABEL
    was, now = old.get("status") or {}, new.get("status") or {}
    if was.get("allocatable") != now.get("allocatable") or was.get("capacity") != now.get("capacity"):
        action |= Action.UPDATE_NODE_ALLOCATABLE
    if was.get("images") != now.get("images"):
        action |= Action.UPDATE_NODE_ANNOTATION
    if _conditions(was) != _conditions(now):
        action |= Action.UPDATE_NODE_CONDITION
    return action


def _conditions(status: Obj) -> list[tuple[str, str]]:
    return [(row.get("type", ""), row.get("status", "")) for row in status.get("conditions") or ()]
