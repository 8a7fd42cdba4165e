"""Pods with scheduling gates stay out of the queue until all gates are removed."""

from collections.abc import Iterable

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.framework.events import UNSCHEDULED_POD, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.status import Status, unresolvable
from kube_nb.scheduler.pod_info import PodInfo


class SchedulingGates:
    """Models plugins/schedulinggates/scheduling_gates.go."""

    name = "SchedulingGates"

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        gates = pod.spec.get("schedulingGates")
        if not gates:
            return None
        names = " ".join(gate["name"] for gate in gates)
        return unresolvable(f"waiting for scheduling gates: [{names}]")

    def events_to_register(self) -> Iterable[Registration]:
        def own_gates_gone(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            return new is not None and new["metadata"].get("uid") == pod.uid

        yield Registration(ClusterEvent(UNSCHEDULED_POD, Action.UPDATE_POD_GATES_ELIMINATED), own_gates_gone)
