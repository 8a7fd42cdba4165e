"""A pod that names its node goes there or nowhere."""

from collections.abc import Iterable

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import NODE, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import Status, unresolvable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo


class NodeName:
    """Models plugins/nodename/node_name.go."""

    name = "NodeName"
    scope = Scope.NODE

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        wanted = pod.shape.node_name
        if not wanted or wanted == node.name:
            return None
        return unresolvable("node(s) didn't match the requested node name")

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        wanted = pod.shape.node_name
        if not wanted:
            return np.zeros(len(rows), dtype=np.int64)
        elsewhere: Ints = (rows != columns.row(wanted)).astype(np.int64)
        return elsewhere

    def events_to_register(self) -> Iterable[Registration]:
        def is_it(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            return new is not None and new["metadata"]["name"] == pod.shape.node_name

        yield Registration(ClusterEvent(NODE, Action.ADD), is_it)
