"""A node must have room for what the pod asks for; how full it gets is a score, by one of three strategies."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.scheduler.columns import NON_ZERO_ROWS, Columns, Gathered
from kube_nb.scheduler.framework.events import ASSIGNED_POD, NODE, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import Bools, CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.resource_scores import STRATEGIES, ResourceWeights, Strategy
from kube_nb.scheduler.pod_info import PodInfo

_WANTED = "NodeResourcesFit/wanted"
_NATIVE = (requests.CPU, requests.MEMORY, requests.EPHEMERAL_STORAGE)


class NodeResourcesFit:
    """Models plugins/noderesources/fit.go, least_allocated.go, most_allocated.go, requested_to_capacity_ratio.go.

    args: ``ignoredResources``, ``ignoredResourceGroups``, ``scoringStrategy`` (type, resources, and the shape of
    requestedToCapacityRatio).
    Differs: no dynamic resources.
    """

    name = "NodeResourcesFit"
    scope = Scope.ROW

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        args = args or {}
        self._ignored = frozenset(args.get("ignoredResources") or ())
        self._ignored_groups = frozenset(args.get("ignoredResourceGroups") or ())
        strategy = args.get("scoringStrategy") or {}
        self._weights = ResourceWeights(strategy.get("resources"))
        self._strategy: Strategy = STRATEGIES[strategy.get("type") or "LeastAllocated"](strategy)
        self.gathers = self._weights.plain

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        order = {name: place for place, name in enumerate(_NATIVE)}
        wanted = [(name, amount) for name, amount in pod.shape.requests.items() if amount and not self._ignores(name)]
        state[_WANTED] = sorted(wanted, key=lambda pair: (order.get(pair[0], 3), pair[0]))
        return None

    def _ignores(self, name: str) -> bool:
        """cpu, memory and ephemeral storage are never ignored."""
        if name in _NATIVE:
            return False
        return name in self._ignored or name.partition("/")[0] in self._ignored_groups

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        allocatable, requested = node.allocatable, node.requested
        if len(node.pods) < allocatable.get(requests.PODS, 0):
            for name, amount in state[_WANTED]:
                if amount > allocatable.get(name, 0) - requested.get(name, 0):
                    break
            else:
                return None
        return self._refusal(state, node)

    def _refusal(self, state: CycleState, node: NodeInfo) -> Status | None:
        reasons, code = [], Code.UNSCHEDULABLE
        allocatable, requested = node.allocatable, node.requested
        if len(node.pods) + 1 > allocatable.get(requests.PODS, 0):
            reasons.append("Too many pods")
        for name, amount in state[_WANTED]:
            capacity = allocatable.get(name, 0)
            if amount > capacity - requested.get(name, 0):
                reasons.append(f"Insufficient {name}")
                if amount > capacity:
                    code = Code.UNSCHEDULABLE_AND_UNRESOLVABLE
        return Status(code, tuple(reasons)) if reasons else None

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        """A code is two bits per resource: too little is left; more than the node ever has."""
        gathered = columns.gather(rows, pod)
        capacity, load = gathered.capacity, gathered.load
        if not (gathered.wanted[NON_ZERO_ROWS:] > capacity[NON_ZERO_ROWS:]).any():
            return np.zeros(len(rows), dtype=np.int64)
        wanted = state[_WANTED]
        index = [columns.resource_row(name) for name, _ in wanted]
        pods = columns.resource_row(requests.PODS)
        codes: Ints = (load[pods] + 1 > capacity[pods]).astype(np.int64)
        for bit, (row, (_, amount)) in enumerate(zip(index, wanted, strict=True)):
            if row < 0:
                codes |= 6 << 2 * bit
                continue
            short = load[row] + amount > capacity[row]
            if short.any():
                codes += short * (2 << 2 * bit)
                codes += (amount > capacity[row]) * (4 << 2 * bit)
        return codes

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return self._strategy.score(self._weights.of_node(pod, node, non_zero=True))

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        return self._strategy.score_columns(self._weights.of_columns(pod, columns, rows, non_zero=True))

    def accepts_gathered(self, gathered: Gathered) -> Bools:
        fits: Bools = gathered.wanted[NON_ZERO_ROWS:] <= gathered.capacity[NON_ZERO_ROWS:]
        found: Bools = np.logical_and.reduce(fits, axis=0)
        return found

    def score_gathered(self, columns: Columns, gathered: Gathered) -> Ints:
        return self._strategy.score_columns(self._weights.of_gathered(columns, gathered, non_zero=True))

    def events_to_register(self) -> Iterable[Registration]:
        def would_hold(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            if new is None:
                return True
            after = NodeInfo(new).allocatable
            if any(amount > after.get(name, 0) for name, amount in pod.shape.requests.items()):
                return False
            before = NodeInfo(old).allocatable if old is not None else {}
            asked = [requests.PODS, *pod.shape.requests]
            return old is None or any(after.get(name, 0) > before.get(name, 0) for name in asked)

        yield Registration(ClusterEvent(ASSIGNED_POD, Action.DELETE | Action.UPDATE_POD_SCALE_DOWN))
        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_ALLOCATABLE), would_hold)
