"""GPUs that pods share: a filter and the devices' columns.

A node has up to 8 GPUs of 1000 milli each; a pod asks for a part of one (less than 1000) or for whole ones, as the
resource ``alibabacloud.com/gpu-milli`` in its requests, and for a model by node affinity. The devices a pod got are
kept here, so a profile with `GpuShare` must reserve before it assumes and give back before it forgets.
After the openb trace's simulator (hkust-adsl/kubernetes-scheduler-simulator, pkg/simulator/plugin/open_gpu_share.go).
"""

import random
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.status import Status, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

RESOURCE = "alibabacloud.com/gpu-milli"
MODEL = "alibabacloud.com/gpu-card-model"
WHOLE = 1000
MAX_GPUS = 8


def asked(pod: PodInfo) -> tuple[int, int]:
    """(number of GPUs, milli of each): (1, 460), (4, 1000), (0, 0)."""
    milli = pod.shape.requests.get(RESOURCE, 0)
    if milli < WHOLE:
        return (1, milli) if milli else (0, 0)
    return milli // WHOLE, WHOLE


class Devices:
    """left: milli per row and GPU, 0 where there is none. free: whole GPUs left per row. kinds: rows use for each kind
    of pod ("share", or the number of whole GPUs)."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._epoch = -1
        self.left: Ints = np.zeros((0, MAX_GPUS), dtype=np.int64)
        self.present: npt.NDArray[np.bool_] = np.zeros((0, MAX_GPUS), dtype=np.bool_)
        self.total: Ints = np.zeros(0, dtype=np.int64)
        self.free: Ints = np.zeros(0, dtype=np.int64)
        self.kinds: dict[int, dict[int, int]] = {}
        self.given: dict[str, tuple[str, tuple[int, ...], int]] = {}
        self.listeners: list[Callable[[int], None]] = []

    def row(self, node_name: str) -> int:
        return self._columns.row(node_name)

    def sync(self) -> None:
        """Lay the rows out anew when the nodes changed; what is given stays given."""
        columns = self._columns
        if self._epoch == columns.epoch:
            return
        self._epoch = columns.epoch
        size = len(columns.nodes)
        counts = np.array([node.allocatable.get(RESOURCE, 0) // WHOLE for node in columns.nodes], dtype=np.int64)
        self.present = np.arange(MAX_GPUS)[None, :] < counts[:, None]
        self.left = self.present.astype(np.int64) * WHOLE
        self.kinds = {row: {} for row in range(size)}
        for name, gpus, milli in self.given.values():
            if (row := columns.row(name)) >= 0:
                self.left[row, list(gpus)] -= milli
                self._kind(row, gpus, milli, 1)
        self.total = self.left.sum(axis=1)
        self.free = (self.left == WHOLE).sum(axis=1)

    def give(self, pod: PodInfo, node_name: str, gpus: tuple[int, ...]) -> None:
        milli = asked(pod)[1]
        self.given[pod.key] = (node_name, gpus, milli)
        self._change(node_name, gpus, milli, 1)

    def take_back(self, pod: PodInfo) -> None:
        if pod.key in self.given:
            node_name, gpus, milli = self.given.pop(pod.key)
            self._change(node_name, gpus, milli, -1)

    def _change(self, node_name: str, gpus: tuple[int, ...], milli: int, sign: int) -> None:
        row = self._columns.row(node_name)
        if row < 0:
            return
        left = self.left[row]
        for gpu in gpus:
            left[gpu] -= sign * milli
        self.total[row] = left.sum()
        self.free[row] = (left == WHOLE).sum()
        self._kind(row, gpus, milli, sign)
        for listener in self.listeners:
            listener(row)

    def _kind(self, row: int, gpus: tuple[int, ...], milli: int, sign: int) -> None:
        kind = len(gpus) if milli == WHOLE else 0
        count = self.kinds[row].get(kind, 0) + sign
        if count:
            self.kinds[row][kind] = count
        else:
            self.kinds[row].pop(kind, None)

    def fits(self, pod: PodInfo, rows: Ints) -> npt.NDArray[np.bool_]:
        number, milli = asked(pod)
        if not number:
            return np.ones(len(rows), dtype=np.bool_)
        found: npt.NDArray[np.bool_]
        found = self.free[rows] >= number if milli == WHOLE else self.left[rows].max(axis=1) >= milli
        return found

    def whole(self, row: int, number: int) -> tuple[int, ...]:
        """The free GPUs with the lowest numbers."""
        return tuple((self.left[row] == WHOLE).nonzero()[0][:number].tolist())

    def tightest(self, row: int, milli: int) -> tuple[int, ...]:
        """The GPU that the part fits most tightly."""
        left = self.left[row]
        fitting = (left >= milli).nonzero()[0]
        return (int(fitting[left[fitting].argmin()]),)


#: (devices, pod, row) -> which GPU gets a part of one.
Chooser = Callable[[Devices, PodInfo, int], tuple[int, ...]]


def tightest_fit(devices: Devices, pod: PodInfo, row: int) -> tuple[int, ...]:
    return devices.tightest(row, asked(pod)[1])


def any_fit(stream: random.Random) -> Chooser:
    def choose(devices: Devices, pod: PodInfo, row: int) -> tuple[int, ...]:
        return (stream.choice((devices.left[row] >= asked(pod)[1]).nonzero()[0].tolist()),)

    return choose


class GpuShare:
    """Filter and Reserve for shared GPUs."""

    name = "GpuShare"
    scope = Scope.ROW
    columns_only = True

    def __init__(self, devices: Devices, choose: Chooser = tightest_fit) -> None:
        self.devices = devices
        self.choose = choose

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        self.devices.sync()
        if self.devices.fits(pod, np.array([node.row]))[0]:
            return None
        return unschedulable("node(s) had no GPU with enough left")

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        self.devices.sync()
        refused: Ints = (~self.devices.fits(pod, rows)).astype(np.int64)
        return refused

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status | None:
        self.devices.sync()
        number, milli = asked(pod)
        if number:
            row = self.devices.row(node_name)
            whole = milli == WHOLE
            gpus = self.devices.whole(row, number) if whole else self.choose(self.devices, pod, row)
            self.devices.give(pod, node_name, gpus)
        return None

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        self.devices.take_back(pod)
