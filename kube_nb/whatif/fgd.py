"""Fragmentation gradient descent: place a pod where it makes the least idle GPU useless for the typical pods.

F(node) = sum over typical pods m of p_m * (idle GPU milli that m cannot use): all of it if m asks for no GPU, for
another model, for more cpu than is left or for more GPUs than fit; else that of the GPUs which have less than m asks.
score = int(100 sigmoid((F - F after) / 1000)); a pod that shares a GPU tries each.
After Weng et al., USENIX ATC '23, and hkust-adsl/kubernetes-scheduler-simulator, pkg/simulator/plugin/fgd_score.go.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler import requests
from kube_nb.scheduler.columns import Columns, Floats
from kube_nb.scheduler.framework.interface import MAX_SCORE, CycleState, Ints
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.whatif.gpu import MODEL, WHOLE, Devices, asked
from kube_nb.whatif.scores import GpuScore


class TypicalPod(NamedTuple):
    """share: how much of all pods; models: those that it can use, () for all."""

    share: float
    cpu_milli: int
    number: int
    milli: int
    models: tuple[str, ...]


def typical_pods(shapes: Sequence[tuple[int, int, int, tuple[str, ...]]], cover: float = 0.95) -> list[TypicalPod]:
    """The most common shapes (cpu, GPUs, milli of each, models) that make up `cover` of all pods, renormalized."""
    counts: dict[tuple[int, int, int, tuple[str, ...]], int] = {}
    for shape in shapes:
        counts[shape] = counts.get(shape, 0) + 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    chosen, reached = [], 0
    for shape, count in ranked:
        chosen.append((shape, count))
        reached += count
        if reached >= cover * len(shapes):
            break
    return [TypicalPod(count / reached, *shape) for shape, count in chosen]


class Fragmentation:
    """For every row and typical pod: how many GPUs fit it (`fitting`) and the milli of those that do not (`unfit`)."""

    def __init__(self, columns: Columns, devices: Devices, typical: Sequence[TypicalPod]) -> None:
        self._columns = columns
        self.devices = devices
        self.share: Floats = np.array([each.share for each in typical])
        self.cpu: Ints = np.array([each.cpu_milli for each in typical], dtype=np.int64)
        self.number: Ints = np.array([each.number for each in typical], dtype=np.int64)
        self.milli: Ints = np.array([each.milli for each in typical], dtype=np.int64)
        self._models = [each.models for each in typical]
        self._epoch = -1
        self._stale: dict[int, None] = {}
        devices.listeners.append(self._note)

    def _note(self, row: int) -> None:
        self._stale[row] = None

    def sync(self) -> None:
        self.devices.sync()
        columns = self._columns
        if self._epoch == columns.epoch:
            if self._stale:
                self._refresh(np.array(list(self._stale), dtype=np.int64))
                self._stale.clear()
            return
        self._epoch = columns.epoch
        size = len(columns.nodes)
        models = [node.labels.get(MODEL, "") for node in columns.nodes]
        self.usable: npt.NDArray[np.bool_] = np.array(
            [[number > 0 and (not wanted or model in wanted) for wanted, number in self._wanted()] for model in models]
        )
        self.fitting: Ints = np.zeros((size, len(self.share)), dtype=np.int64)
        self.unfit: Ints = np.zeros((size, len(self.share)), dtype=np.int64)
        self.first_of_kind: npt.NDArray[np.bool_] = np.zeros((size, self.devices.left.shape[1]), dtype=np.bool_)
        self._stale.clear()
        self._refresh(np.arange(size, dtype=np.int64))

    def _wanted(self) -> list[tuple[tuple[str, ...], int]]:
        return list(zip(self._models, self.number.tolist(), strict=True))

    def _refresh(self, rows: Ints) -> None:
        left = self.devices.left[rows]
        fits = left[:, :, None] >= self.milli
        self.fitting[rows] = fits.sum(axis=1)
        self.unfit[rows] = (left[:, :, None] * ~fits).sum(axis=1)
        same = left[:, :, None] == left[:, None, :]  # row, GPU, GPU
        before = np.tril(np.ones(same.shape[1:], dtype=np.bool_), -1)
        self.first_of_kind[rows] = (left > 0) & ~(same & before).any(axis=2)

    def amount(self, rows: Ints, cpu_left: Floats, fitting: Ints, unfit: Ints, total: Ints) -> Floats:
        """F for states given by arrays; rows: which node's models they have."""
        can = (fitting >= self.number) & (cpu_left[:, None] >= self.cpu) & self.usable[rows]
        found: Floats = np.where(can, unfit, total[:, None]) @ self.share
        return found

    def share_of_idle(self) -> float:
        """F over all nodes, as a share of the idle GPUs."""
        self.sync()
        rows = np.arange(len(self._columns.nodes), dtype=np.int64)
        row = self._columns.resource_row(requests.CPU)
        idle = float(self.devices.total.sum())
        return (
            float(self.now(rows, self._columns.capacity[row] - self._columns.load[row]).sum()) / idle if idle else 0.0
        )

    def now(self, rows: Ints, cpu_left: Floats) -> Floats:
        return self.amount(rows, cpu_left, self.fitting[rows], self.unfit[rows], self.devices.total[rows])


class FragmentationGradient(GpuScore):
    """The score plugin; `choose` is the GPU that it would share."""

    name = "FGD"

    def __init__(self, columns: Columns, devices: Devices, typical: Sequence[TypicalPod]) -> None:
        super().__init__(columns, devices)
        self.fragmentation = Fragmentation(columns, devices, typical)

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        self.fragmentation.sync()
        number, milli = asked(pod)
        if number and milli < WHOLE:
            pairs, _, scores = self._shared(pod, rows)
            found = np.zeros(len(rows), dtype=np.int64)
            np.maximum.at(found, pairs, scores)
            return found
        frag, cpu_left = self.fragmentation, self.cpu_left(rows)
        after = frag.amount(
            rows,
            cpu_left - pod.requests.get(requests.CPU, 0),
            frag.fitting[rows] - number,
            frag.unfit[rows],
            self.devices.total[rows] - number * WHOLE,
        )
        return _score(frag.now(rows, cpu_left) - after)

    def _shared(self, pod: PodInfo, rows: Ints) -> tuple[Ints, Ints, Ints]:
        """(place in rows, GPU, score) for every different GPU that the pod fits."""
        frag, devices = self.fragmentation, self.devices
        milli = asked(pod)[1]
        left = devices.left[rows]
        places, gpus = ((left >= milli) & frag.first_of_kind[rows]).nonzero()
        here = rows[places]
        had = left[places, gpus]
        has = had - milli
        fitted, fits = had[:, None] >= frag.milli, has[:, None] >= frag.milli
        fitting = frag.fitting[here] - fitted + fits
        unfit = frag.unfit[here] - np.where(fitted, 0, had[:, None]) + np.where(fits, 0, has[:, None])
        cpu_left = self.cpu_left(rows)
        before = frag.now(rows, cpu_left)[places]
        cpu_after = cpu_left[places] - pod.requests.get(requests.CPU, 0)
        after = frag.amount(here, cpu_after, fitting, unfit, devices.total[here] - milli)
        return places, gpus, _score(before - after)

    def choose(self, devices: Devices, pod: PodInfo, row: int) -> tuple[int, ...]:
        """The GPU with the best score, the first of equals."""
        self.fragmentation.sync()
        _, gpus, scores = self._shared(pod, np.array([row], dtype=np.int64))
        return (int(gpus[scores.argmax()]),)


def _score(gain: Floats) -> Ints:
    found: Ints = (MAX_SCORE / (1 + np.exp(-gain / 1000))).astype(np.int64)
    return found
