"""Nodes whose resources would be used in equal shares score higher.

Up to 1.35 the score is the balance with the pod; from 1.36 on it is how much the pod improves the balance: 75 leaves it
unchanged. The formula is the served version's.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kube_nb.scheduler.columns import Columns, Gathered
from kube_nb.scheduler.framework.interface import MAX_SCORE, CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import SKIP, Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.resource_scores import Floats, ResourceWeights, Row, Table
from kube_nb.scheduler.pod_info import PodInfo


def balance(rows: Sequence[Row]) -> int:
    """(1 - standard deviation of the used shares) * 100, truncated."""
    if len(rows) == 2:
        (used, capacity, _), (other, other_capacity, _) = rows
        deviation = abs((min(1.0, used / capacity) - min(1.0, other / other_capacity)) / 2)
        return int((1 - deviation) * MAX_SCORE)
    shares = [min(1.0, used / capacity) for used, capacity, _ in rows]
    if len(shares) > 2:
        mean = sum(shares) / len(shares)
        deviation = math.sqrt(sum((share - mean) * (share - mean) for share in shares) / len(shares))
    else:
        deviation = 0.0
    return int((1 - deviation) * MAX_SCORE)


def balance_columns(table: Table) -> Floats:
    shares = table.requested / table.divisor
    np.minimum(shares, 1, out=shares)
    if table.complete and len(shares) == 2:
        return _balance_of_two(shares[0], shares[1])
    return _balance_of_many(shares, table.capacity > 0)


def balance_both(table: Table, other: Table) -> tuple[Floats, Floats]:
    """The balance of two tables over the same capacity, at once where that is simple."""
    if not table.complete or len(table.requested) != 2:
        return balance_columns(table), balance_columns(other)
    size = table.requested.shape[1]
    shares = np.empty((2, 2 * size))
    np.divide(table.requested, table.divisor, out=shares[:, :size])
    np.divide(other.requested, table.divisor, out=shares[:, size:])
    np.minimum(shares, 1, out=shares)
    both = _balance_of_two(shares[0], shares[1])
    return both[:size], both[size:]


def _balance_of_two(first: Floats, second: Floats) -> Floats:
    """Overwrites `first`."""
    first -= second
    np.abs(first, out=first)
    first *= 0.5
    np.subtract(1, first, out=first)
    first *= MAX_SCORE
    np.floor(first, out=first)
    return first


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
        self.gathers = self._weights.plain

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
        table = self._weights.of_columns(pod, columns, rows, non_zero=False)
        if not self._improvement:
            return self._score(table, table)
        return self._score(table, self._weights.of_columns(pod, columns, rows, non_zero=False, with_pod=False))

    def score_gathered(self, columns: Columns, gathered: Gathered) -> Ints:
        table = self._weights.of_gathered(columns, gathered, non_zero=False)
        return self._score(table, self._weights.of_gathered(columns, gathered, non_zero=False, with_pod=False))

    def _score(self, table: Table, without: Table) -> Ints:
        if not self._improvement:
            after = balance_columns(table)
        else:
            after, before = balance_both(table, without)
            after -= before
            after += 50
            after *= 0.5
            np.floor(after, out=after)
            after += 50
        found: Ints = after.astype(np.int64)
        return found
