"""How full a node would be, as a score from 0 to 100: least, most, or by a shape; on one node and on columns.

All arithmetic is upstream's on int64; the columns are float64, exact while capacity * 100 stays below 2^53.
Models plugins/noderesources/{resource_allocation,least_allocated,most_allocated,requested_to_capacity_ratio}.go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler import requests
from kube_nb.scheduler.columns import Columns, Gathered
from kube_nb.scheduler.framework.interface import MAX_SCORE, Ints
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

Floats = npt.NDArray[np.float64]

#: (requested with the pod, capacity, weight) of one resource.
Row = tuple[int, int, int]

_NATIVE = (requests.CPU, requests.MEMORY, requests.EPHEMERAL_STORAGE)


@dataclass(slots=True)
class Table:
    """The same for many nodes: requested, capacity, divisor are (resources, nodes); complete: no capacity is 0."""

    requested: Floats
    capacity: Floats
    divisor: Floats
    weights: Sequence[int]
    complete: bool


class ResourceWeights:
    """Which resources count, and how much; cpu and memory alike unless told otherwise."""

    def __init__(self, rows: Sequence[Mapping[str, Any]] | None) -> None:
        given = rows or ({"name": requests.CPU}, {"name": requests.MEMORY})
        self.pairs = [(str(row["name"]), int(row.get("weight") or 1)) for row in given]
        self.plain = self.pairs == [(requests.CPU, 1), (requests.MEMORY, 1)]
        self._plain_weights = [weight for _, weight in self.pairs]

    def _counted(self, pod: PodInfo) -> list[tuple[str, int]]:
        """An extended resource that the pod does not ask for drops out."""
        wanted = pod.shape.requests
        return [(name, weight) for name, weight in self.pairs if name in _NATIVE or wanted.get(name)]

    def of_node(self, pod: PodInfo, node: NodeInfo, *, non_zero: bool, with_pod: bool = True) -> list[Row]:
        """A resource that the node does not have drops out."""
        if self.plain:
            return self._of_node(pod, node, non_zero, with_pod)
        rows = []
        for name, weight in self._counted(pod):
            capacity = node.allocatable.get(name, 0)
            filled = non_zero and name in requests.NON_ZERO
            used = (node.non_zero if filled else node.requested).get(name, 0)
            if with_pod:
                used += (pod.shape.non_zero if filled else pod.shape.requests).get(name, 0)
            if capacity:
                rows.append((used, capacity, weight))
        return rows

    def _of_node(self, pod: PodInfo, node: NodeInfo, non_zero: bool, with_pod: bool) -> list[Row]:
        """cpu and memory, alike."""
        allocatable, used = node.allocatable, node.non_zero if non_zero else node.requested
        cpu, memory = allocatable.get(requests.CPU, 0), allocatable.get(requests.MEMORY, 0)
        used_cpu, used_memory = used[requests.CPU], used[requests.MEMORY]
        if with_pod:
            asked = pod.shape.non_zero if non_zero else pod.shape.requests
            used_cpu += asked.get(requests.CPU, 0)
            used_memory += asked.get(requests.MEMORY, 0)
        if cpu and memory:
            return [(used_cpu, cpu, 1), (used_memory, memory, 1)]
        return [row for row in ((used_cpu, cpu, 1), (used_memory, memory, 1)) if row[1]]

    def of_columns(self, pod: PodInfo, columns: Columns, rows: Ints, *, non_zero: bool, with_pod: bool = True) -> Table:
        gathered = columns.gather(rows, pod)
        if self.plain:
            return self.of_gathered(columns, gathered, non_zero=non_zero, with_pod=with_pod)
        load = gathered.wanted if with_pod else gathered.load
        counted = self._counted(pod)
        index = [self._row(columns, name, non_zero) for name, _ in counted]
        requested, capacity = (
            np.array([matrix[row] if row >= 0 else np.zeros(len(rows)) for row in index]).reshape(len(index), len(rows))
            for matrix in (load, gathered.capacity)
        )
        complete = bool(index) and all(row >= 0 and columns.complete[row] for row in index)
        return Table(requested, capacity, np.maximum(capacity, 1), [weight for _, weight in counted], complete)

    def of_gathered(self, columns: Columns, gathered: Gathered, *, non_zero: bool, with_pod: bool = True) -> Table:
        """cpu and memory, alike, whatever the pods' shapes."""
        load = gathered.wanted if with_pod else gathered.load
        part = slice(0, 2) if non_zero else slice(2, 4)
        complete = columns.complete[part.start] and columns.complete[part.start + 1]
        return Table(load[part], gathered.capacity[part], gathered.divisor[part], self._plain_weights, complete)

    def _row(self, columns: Columns, name: str, non_zero: bool) -> int:
        if non_zero and name in requests.NON_ZERO:
            return 0 if name == requests.CPU else 1
        return columns.resource_row(name)


class Strategy(Protocol):
    """Turns how full each resource would be into one score."""

    def score(self, rows: Sequence[Row]) -> int: ...

    def score_columns(self, table: Table) -> Ints: ...


def _weighted_mean(parts: Floats, table: Table) -> Ints:
    """Truncated; resources that a node lacks do not count, a node that lacks all gets 0."""
    if table.complete and len(table.weights) == 2 and table.weights[0] == table.weights[1]:
        mean = parts[0] + parts[1]
        mean *= 0.5
        halves: Ints = mean.astype(np.int64)
        return halves
    weights = np.array(table.weights, dtype=np.float64)[:, None] * (table.capacity > 0)
    total = weights.sum(axis=0)
    found: Ints = ((parts * weights).sum(axis=0) // np.maximum(total, 1)).astype(np.int64)
    return found


class LeastAllocated:
    """The emptier the better."""

    def __init__(self, strategy: Mapping[str, Any]) -> None: ...

    def score(self, rows: Sequence[Row]) -> int:
        total = free = 0
        for used, cap, weight in rows:
            total += weight
            if used < cap:
                free += weight * ((cap - used) * MAX_SCORE // cap)
        return free // total if total else 0

    def score_columns(self, table: Table) -> Ints:
        parts = table.capacity - table.requested
        parts *= MAX_SCORE
        parts /= table.divisor
        np.floor(parts, out=parts)
        np.maximum(parts, 0, out=parts)
        return _weighted_mean(parts, table)


class MostAllocated:
    """The fuller the better."""

    def __init__(self, strategy: Mapping[str, Any]) -> None: ...

    def score(self, rows: Sequence[Row]) -> int:
        total = sum(weight for _, _, weight in rows)
        full = sum(weight * (min(used, cap) * MAX_SCORE // cap) for used, cap, weight in rows)
        return full // total if total else 0

    def score_columns(self, table: Table) -> Ints:
        parts = np.minimum(table.requested, table.capacity)
        parts *= MAX_SCORE
        parts /= table.divisor
        np.floor(parts, out=parts)
        return _weighted_mean(parts, table)


class RequestedToCapacityRatio:
    """By a polyline from utilization (0..100) to score (0..10)."""

    def __init__(self, strategy: Mapping[str, Any]) -> None:
        shape = (strategy.get("requestedToCapacityRatio") or {}).get("shape") or ()
        self._shape = [(int(point["utilization"]), int(point["score"]) * 10) for point in shape]

    def _line(self, utilization: int) -> int:
        """Go's division truncates towards zero, which matters on falling lines."""
        shape = self._shape
        for number, (x, y) in enumerate(shape):
            if utilization <= x:
                if number == 0:
                    return y
                before_x, before_y = shape[number - 1]
                rise = (y - before_y) * (utilization - before_x)
                step = abs(rise) // (x - before_x)
                return before_y + (step if rise >= 0 else -step)
        return shape[-1][1]

    def score(self, rows: Sequence[Row]) -> int:
        total = score = 0
        for used, cap, weight in rows:
            part = self._line(100 if used > cap else used * 100 // cap)
            if part > 0:
                score += part * weight
                total += weight
        return (2 * score + total) // (2 * total) if total else 0

    def score_columns(self, table: Table) -> Ints:
        lookup = np.array([self._line(u) for u in range(101)], dtype=np.int64)
        utilization = np.floor(np.minimum(table.requested, table.capacity) * 100 / table.divisor).astype(np.int64)
        utilization[table.requested > table.capacity] = 100
        parts = lookup[utilization] * (table.capacity > 0)
        weights = np.array(table.weights, dtype=np.int64)[:, None] * (parts > 0)
        total = weights.sum(axis=0)
        score = (parts * weights).sum(axis=0)
        found: Ints = np.where(total > 0, (2 * score + total) // np.maximum(2 * total, 1), 0)
        return found


STRATEGIES: Mapping[str, Any] = {
    "LeastAllocated": LeastAllocated,
    "MostAllocated": MostAllocated,
    "RequestedToCapacityRatio": RequestedToCapacityRatio,
}
