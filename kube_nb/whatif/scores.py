"""Score plugins of the policies: how good a node is, on columns; the plain form looks at one row.

GPU scores after the openb simulator's plugins (hkust-adsl/kubernetes-scheduler-simulator, pkg/simulator/plugin), with
its maxima: 128 cores and 8 GPUs. Worst fit, best fit and hybrid after Borg (EuroSys 2015, section 3.2), whose constants
are not public: ours are stated at each.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kube_nb.machinery.refusals import BadArgument
from kube_nb.scheduler import requests
from kube_nb.scheduler.columns import Columns, Floats
from kube_nb.scheduler.framework.interface import MAX_SCORE, CycleState, Ints, Scope
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.whatif.gpu import WHOLE, Devices, asked

MAX_CPU_MILLI, MAX_GPU_MILLI = 128_000, 8_000


class RowScore:
    """A score that depends on the node and its own pods; subclasses give `score_columns`."""

    name = "RowScore"
    scope = Scope.ROW
    columns_only = True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return int(self.score_columns(state, pod, self.columns, np.array([node.row], dtype=np.int64))[0])

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        raise NotImplementedError


class Flat(RowScore):
    """All nodes alike: the tie rule decides (first fit, random)."""

    name = "Flat"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        return np.zeros(len(rows), dtype=np.int64)


class Formula(RowScore):
    """A user's own: function(pod, free, capacity) -> scores. free and capacity: {resource: column}, before the pod."""

    name = "Formula"

    def __init__(self, columns: Columns, function: Callable[[Mapping[str, int], Any, Any], Any]) -> None:
        super().__init__(columns)
        self._function = function

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        gathered = columns.gather(rows, pod)
        capacity = {name: gathered.capacity[2 + row] for row, name in enumerate(columns.resources)}
        free = {name: capacity[name] - gathered.load[2 + row] for row, name in enumerate(columns.resources)}
        found = np.asarray(self._function(pod.requests, free, capacity), dtype=np.float64)
        if found.shape != (len(rows),) or not np.isfinite(found).all():
            raise BadArgument(f"a policy's function must answer {len(rows)} finite scores")
        if np.abs(found).max(initial=0) > 9e12:
            raise BadArgument("a policy's scores must lie between -9e12 and 9e12: divide them, by the capacity say")
        scaled: Ints = np.floor(found * 1_000_000).astype(np.int64)
        return scaled

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        low, high = int(scores.min()), int(scores.max())
        if low == high:
            return np.zeros(len(scores), dtype=np.int64)
        scaled: Ints = ((scores - low) / (high - low) * 1_000_000).astype(np.int64)
        return scaled


def min_max(scores: Ints, top: int = MAX_SCORE) -> Ints:
    """0..top, truncated; all alike becomes 0."""
    low, high = int(scores.min()), int(scores.max())
    if low == high:
        return np.zeros(len(scores), dtype=np.int64)
    scaled: Ints = (scores - low) * top // (high - low)
    return scaled


# -- cpu and memory ----------------------------------------------------------------------------------------------------


def _shares(pod: PodInfo, columns: Columns, rows: Ints) -> Floats:
    """Used shares of cpu and memory with the pod."""
    gathered = columns.gather(rows, pod)
    shares: Floats = gathered.wanted[2:4] / np.maximum(gathered.capacity[2:4], 1)
    return shares


class WorstFit(RowScore):
    """Borg's first policy, a variant of E-PVM: the marginal cost of the pod under an exponential price per resource.

    price of a resource at share u: base^u, base 1 + 1/e (our choice; Borg's is not public). Lower cost is better."""

    name = "WorstFit"
    base = 1.3679

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        gathered = columns.gather(rows, pod)
        capacity = np.maximum(gathered.capacity[2:4], 1)
        cost = (self.base ** (gathered.wanted[2:4] / capacity) - self.base ** (gathered.load[2:4] / capacity)).sum(0)
        found: Ints = np.floor(-cost * 1e9).astype(np.int64)
        return found

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        return min_max(scores, 1_000_000)


class BestFit(RowScore):
    """Fill machines as tightly as possible: the sum of the shares left after placement, least first."""

    name = "BestFit"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        found: Ints = np.floor(_shares(pod, columns, rows).sum(axis=0) * 1e6).astype(np.int64)
        return found


class Hybrid(RowScore):
    """Best fit that avoids stranding: what is left of one resource while another runs out counts against the node.

    score = used - stranding, stranding = |share of cpu left - share of memory left| (our choice; Borg's is not public).
    """

    name = "Hybrid"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        shares = _shares(pod, columns, rows)
        found: Ints = np.floor((shares.sum(axis=0) - np.abs(shares[0] - shares[1]) + 1) * 1e6).astype(np.int64)
        return found


# -- with GPUs ---------------------------------------------------------------------------------------------------------


class GpuScore(RowScore):
    """A score that knows the devices."""

    def __init__(self, columns: Columns, devices: Devices) -> None:
        super().__init__(columns)
        self.devices = devices

    def cpu_left(self, rows: Ints) -> Floats:
        columns = self.columns
        row = columns.resource_row(requests.CPU)
        left: Floats = columns.capacity[row].take(rows) - columns.load[row].take(rows)
        return left


class GpuBestFit(GpuScore):
    """int(100 (1 - cpu left / 2*128000 - gpu left / 2*8000)) after placement, then min-max."""

    name = "GpuBestFit"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        self.devices.sync()
        number, milli = asked(pod)
        cpu = (self.cpu_left(rows) - pod.requests.get(requests.CPU, 0)) / MAX_CPU_MILLI
        gpu = (self.devices.total[rows] - number * milli) / MAX_GPU_MILLI
        return (MAX_SCORE * (1 - 0.5 * cpu - 0.5 * gpu)).astype(np.int64)

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        return min_max(scores)


class GpuDotProduct(GpuScore):
    """int(100 (1 - (cpu left * cpu asked / 128000^2 + gpu left * gpu asked / 8000^2) / 2)); Tetris' alignment."""

    name = "GpuDotProduct"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        self.devices.sync()
        number, milli = asked(pod)
        cpu = self.cpu_left(rows) * (pod.requests.get(requests.CPU, 0) / MAX_CPU_MILLI**2)
        gpu = self.devices.total[rows] * (number * milli / MAX_GPU_MILLI**2)
        return (MAX_SCORE * (1 - 0.5 * (cpu + gpu))).astype(np.int64)


class GpuPacking(GpuScore):
    """Shared GPUs first, then free GPUs of a used node, then a free node."""

    name = "GpuPacking"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        devices = self.devices
        devices.sync()
        number, milli = asked(pod)
        if not number:
            return np.zeros(len(rows), dtype=np.int64)
        count = devices.present[rows].sum(axis=1)
        free = devices.free[rows]
        if milli == WHOLE:
            opened = np.full(len(rows), number)
            tightest = np.zeros(len(rows), dtype=np.int64)
        else:
            left = devices.left[rows]
            tightest = np.where(left >= milli, left, 2 * WHOLE).min(axis=1)
            opened = (tightest == WHOLE).astype(np.int64)
        found = np.where(opened > 0, np.maximum(50 - opened, 33), np.maximum(100 - tightest * 100 // WHOLE // 10, 50))
        return np.where(free == count, np.maximum(33 - free, free), found)


class GpuClustering(GpuScore):
    """Pods that ask for the same number of GPUs go together."""

    name = "GpuClustering"

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        devices = self.devices
        devices.sync()
        number, milli = asked(pod)
        if not number:
            return np.zeros(len(rows), dtype=np.int64)
        kind = number if milli == WHOLE else 0
        kinds = [devices.kinds[row] for row in rows.tolist()]
        bonus = [(75 if len(each) == 1 else 50) if kind in each else (0 if each else 25) for each in kinds]
        fill = 25 * (MAX_GPU_MILLI - devices.total[rows]) // MAX_GPU_MILLI
        found: Ints = fill + np.array(bonus, dtype=np.int64)
        return found
