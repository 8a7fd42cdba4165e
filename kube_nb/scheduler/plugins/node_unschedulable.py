"""Cordoned nodes take no pods, except those that tolerate it."""

from collections.abc import Iterable

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import NODE, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import Status, unresolvable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.tolerations import NO_SCHEDULE, tolerated
from kube_nb.scheduler.pod_info import PodInfo

UNSCHEDULABLE_TAINT: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": NO_SCHEDULE}


class NodeUnschedulable:
    """Models plugins/nodeunschedulable/node_unschedulable.go."""

    name = "NodeUnschedulable"
    scope = Scope.NODE

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if node.unschedulable and not tolerated(pod.shape.tolerations, UNSCHEDULABLE_TAINT):
            return unresolvable("node(s) were unschedulable")
        return None

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        if tolerated(pod.shape.tolerations, UNSCHEDULABLE_TAINT):
            return np.zeros(len(rows), dtype=np.int64)
        nodes = columns.nodes
        return np.fromiter((nodes[row].unschedulable for row in rows.tolist()), dtype=np.int64, count=len(rows))

    def events_to_register(self) -> Iterable[Registration]:
        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_TAINT))
