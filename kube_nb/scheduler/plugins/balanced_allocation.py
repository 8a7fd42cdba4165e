"""Nodes whose resources would be used in equal shares score higher.

Up to 1.35 the score is the balance with the pod; from 1.36 on it is how much the pod improves the balance: 75 leaves it
unchanged. The formula is the served version's.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import MAX_SCORE, CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import SKIP, Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.resource_scores import Floats, ResourceWeights, Row, Table
from kube_nb.scheduler.pod_info import PodInfo


def balance(rows: Sequence[Row]) -> int:
    """(1 - standard deviation of the used shares) * 100, truncated."""
    shares = [min(1.0, used / capacity) for used, capacity, _ in rows]
    if len(shares) == 2:
        deviation = abs((shares[0] - shares[1]) / 2)
    elif len(shares) > 2:
        mean = sum(shares) / len(shares)
        deviation = math.sqrt(sum((share - mean) * (share - mean) for share in shares) / len(shares))
    else:
        deviation = 0.0
    return int((1 - deviation) * MAX_SCORE)


def balance_columns(table: Table) -> Floats:
    shares = table.requested / table.divisor
    np.minimum(shares, 1, out=shares)
    if table.complete and len(shares) == 2:
        deviation = shares[0] - shares[1]
        deviation *= 0.5
        np.abs(deviation, out=deviation)
        np.subtract(1, deviation, out=deviation)
        deviation *= MAX_SCORE
        np.floor(deviation, out=deviation)
        found: Floats = deviation
        return found
    return _balance_of_many(shares, table.capacity > 0)


def _balance_of_many(shares: Floats, present: Any) -> Floats:
    """The general case: nodes may lack resources. Sums run resource by resource, in upstream's order."""
    count = present.sum(axis=0)
    total = np.zeros(shares.shape[1])
    for share, there in zip(shares, present, strict=True):
        total += np.where(there, share, 0)
    mean = total / np.maximum(count, 1)
    squares = np.zeros(shares.shape[1])
    low, high = np.full(shares.shape[1], np.inf), np.full(shares.shape[1], -np.inf)
    for share, there in zip(shares, present, strict=True):
        squares += np.where(there, (share - mean) * (share - mean), 0)
        low, high = np.where(there, np.minimum(low, share), low), np.where(there, np.maximum(high, share), high)
    deviation = np.sqrt(squares / np.maximum(count, 1))
    pairs = count == 2
    deviation[pairs] = (high[pairs] - low[pairs]) / 2
    deviation[count < 2] = 0
    found: Floats = np.floor((1 - deviation) * MAX_SCORE)
    return found


class NodeResourcesBalancedAllocation:
    """Models plugins/noderesources/balanced_allocation.go. args: ``resources``; improvement: the formula since 1.36."""

    name = "NodeResourcesBalancedAllocation"
    scope = Scope.ROW

    def __init__(self, args: Mapping[str, Any] | None = None, *, improvement: bool = True) -> None:
        self._weights = ResourceWeights((args or {}).get("resources"))
        self._improvement = improvement

    def pre_score(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Status | None:
        """A pod that asks for nothing would always fit best on the same node."""
        wanted = pod.shape.requests
        return None if any(wanted.get(name) for name, _ in self._weights.pairs) else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        after = balance(self._weights.of_node(pod, node, non_zero=False))
        if not self._improvement:
            return after
        before = balance(self._weights.of_node(pod, node, non_zero=False, with_pod=False))
        return 50 + (50 + after - before) // 2

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        after = balance_columns(self._weights.of_columns(pod, columns, rows, non_zero=False))
        if self._improvement:
            after -= balance_columns(self._weights.of_columns(pod, columns, rows, non_zero=False, with_pod=False))
            after += 50
            after *= 0.5
            np.floor(after, out=after)
            after += 50
        return after.astype(np.int64)
