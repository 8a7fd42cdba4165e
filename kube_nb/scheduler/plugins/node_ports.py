"""Two pods cannot listen on the same port of a node."""

from collections.abc import Iterable, Mapping

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import ASSIGNED_POD, NODE, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import SKIP, Status, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

_ANY = "0.0.0.0"


def conflicts(wanted: Iterable[tuple[str, str, int]], used: Mapping[tuple[str, str, int], int]) -> bool:
    """Whether one of the wanted (address, protocol, port) is taken; 0.0.0.0 stands for every address."""
    if not used:
        return False
    for address, protocol, port in wanted:
        for other_address, other_protocol, other_port in used:
            same_address = address == other_address or _ANY in (address, other_address)
            if port == other_port and protocol == other_protocol and same_address:
                return True
    return False


class NodePorts:
    """Models plugins/nodeports/node_ports.go."""

    name = "NodePorts"
    scope = Scope.ROW

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        return None if pod.shape.host_ports else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if conflicts(pod.shape.host_ports, node.ports):
            return unschedulable("node(s) didn't have free ports for the requested pod ports")
        return None

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        wanted, nodes = pod.shape.host_ports, columns.nodes
        taken = (bool(nodes[row].ports) and conflicts(wanted, nodes[row].ports) for row in rows.tolist())
        return np.fromiter(taken, dtype=np.int64, count=len(rows))

    def events_to_register(self) -> Iterable[Registration]:
        def frees_a_port(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            containers = ((old or {}).get("spec") or {}).get("containers") or ()
            freed = {int(port.get("hostPort") or 0) for each in containers for port in each.get("ports") or ()}
            return any(port in freed for _, _, port in pod.shape.host_ports)

        yield Registration(ClusterEvent(ASSIGNED_POD, Action.DELETE), frees_a_port)
        yield Registration(ClusterEvent(NODE, Action.ADD))
