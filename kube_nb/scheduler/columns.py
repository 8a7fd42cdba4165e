"""The snapshot: all nodes as numpy columns, in the order in which they are looked at.

Row i of every column is node `names[i]`. The columns are kept up to date row by row: a placed or removed pod touches
one row, and `changed_since` tells the keepers of derived columns which rows those were. When a node comes, goes or
changes its zone the order is laid out anew (`epoch` counts that), lazily, before the next use. `ring` is the rows twice
in a row, so that every start has a slice.

The matrix `load` has a row per quantity: 0 and 1 are the non-zero requests of cpu and memory (what scores look at),
2 and up the requests of `resources`; `capacity` has the same rows, `divisor` too but with 1 for 0, and `complete` says
for each row whether every node has some of it. Numbers are float64: exact up to 2^53.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.scheduler.counts import AffinityTerms, MatchCounts
from kube_nb.scheduler.framework.interface import Ints
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.node_tree import NodeTree
from kube_nb.scheduler.pod_info import PodInfo, PodShape

Floats = npt.NDArray[np.float64]

#: Rows of `load` before those of `resources`.
NON_ZERO_ROWS = 2

_CORE = (requests.CPU, requests.MEMORY, requests.EPHEMERAL_STORAGE, requests.PODS)


class Gathered(NamedTuple):
    """Some rows of the matrices; wanted: the load with one more pod of this shape (None: of several, rows for each)."""

    rows: Ints
    shape: PodShape | None
    cursor: int
    load: Floats
    wanted: Floats
    capacity: Floats
    divisor: Floats


class Columns:
    """All nodes and the pods on them. Nothing but this class changes a `NodeInfo`."""

    def __init__(self) -> None:
        self.nodes: list[NodeInfo] = []
        self.names: tuple[str, ...] = ()
        self.resources: tuple[str, ...] = _CORE
        self.capacity: npt.NDArray[np.float64] = np.zeros((NON_ZERO_ROWS + len(_CORE), 0))
        self.load: npt.NDArray[np.float64] = np.zeros((NON_ZERO_ROWS + len(_CORE), 0))
        self.ring: Ints = np.zeros(0, dtype=np.int64)
        self.epoch = 0
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self._infos: dict[str, NodeInfo] = {}
        self._orphans: dict[str, dict[str, PodInfo]] = {}
        self._tree = NodeTree()
        self._stale = False
        self._changed: list[int] = []
        self._dropped = 0
        self._domains: dict[str, tuple[Ints, tuple[str, ...]]] = {}
        self._taint_sets: tuple[Ints, list[Sequence[Obj]]] | None = None
        self._gathered: Gathered | None = None
        self.divisor = self.capacity
        self.complete: list[bool] = []
        self.nodes_version = 0
        self.images_version = 0
        self.counts = MatchCounts()
        self.terms = AffinityTerms()

    # -- reading -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._infos)

    def node(self, name: str) -> NodeInfo | None:
        return self._infos.get(name)

    def bound_pods(self) -> list[PodInfo]:
        """Every pod on every known node."""
        return [pod for info in self._infos.values() for pod in info.pods.values()]

    def row(self, name: str) -> int:
        """-1 if there is no such node."""
        info = self._infos.get(name)
        return info.row if info is not None else -1

    def resource_row(self, resource: str) -> int:
        """The row of `load` and `capacity` that holds this resource, -1 if no node and no pod has named it."""
        try:
            return NON_ZERO_ROWS + self.resources.index(resource)
        except ValueError:
            return -1

    @property
    def layout(self) -> tuple[int, int, int]:
        """Another one whenever the nodes themselves change, not only the pods on them."""
        return self.epoch, self.nodes_version, self.images_version

    def cursor(self) -> int:
        """A mark for `changed_since`."""
        return self._dropped + len(self._changed)

    def remembers(self, cursor: int) -> bool:
        """Whether `changed_since` can still tell."""
        return cursor >= self._dropped

    def changed_since(self, cursor: int) -> list[int] | None:
        """Rows that changed after the mark, each once, in order; None if the mark is too old to tell."""
        start = cursor - self._dropped
        if start < 0:
            return None
        rows = self._changed[start:]
        return list(dict.fromkeys(rows)) if len(rows) > 1 else rows

    def domains(self, key: str) -> tuple[Ints, tuple[str, ...]]:
        """The values of a node label: (number of the value for each row, -1 without the label; the values)."""
        found = self._domains.get(key)
        if found is None:
            numbers: dict[str, int] = {}
            ids = np.empty(len(self.nodes), dtype=np.int64)
            for row, node in enumerate(self.nodes):
                value = node.labels.get(key)
                ids[row] = -1 if value is None else numbers.setdefault(value, len(numbers))
            found = self._domains[key] = ids, tuple(numbers)
        return found

    def taint_sets(self) -> tuple[Ints, list[Sequence[Obj]]]:
        """Which taints each row has: (number of the set for each row; the different sets)."""
        if self._taint_sets is None:
            numbers: dict[str, int] = {}
            sets: list[Sequence[Obj]] = []
            ids = np.empty(len(self.nodes), dtype=np.int64)
            for row, node in enumerate(self.nodes):
                number = numbers.setdefault(repr(node.taints) if node.taints else "", len(sets))
                if number == len(sets):
                    sets.append(node.taints)
                ids[row] = number
            self._taint_sets = ids, sets
        return self._taint_sets

    def gather(self, rows: Ints, pod: PodInfo) -> Gathered:
        """The matrices' columns of these rows, and the load as it would be with the pod; the last answer is kept."""
        last = self._gathered
        if last is not None and last.rows is rows and last.shape is pod.shape and last.cursor == self.cursor():
            return last
        vector = self.vector(pod)
        load = self.load.take(rows, axis=1)
        wanted = load + vector[:, None]
        capacity = self.capacity.take(rows, axis=1)
        divisor = capacity if all(self.complete[:4]) else self.divisor.take(rows, axis=1)
        self._gathered = last = Gathered(rows, pod.shape, self.cursor(), load, wanted, capacity, divisor)
        return last

    def gather_many(self, rows: Ints, vectors: npt.NDArray[np.float64]) -> Gathered:
        """The same for several shapes: the columns are (shape 0, all rows), (shape 1, all rows), ...

        vectors: of the shapes, a column each (`vectors`).
        """
        load, capacity = self.load.take(rows, axis=1), self.capacity.take(rows, axis=1)
        lines, shapes = vectors.shape
        wanted = (load[:, None, :] + vectors[:, :, None]).reshape(lines, -1)
        loads, capacities = _repeated(load, shapes), _repeated(capacity, shapes)
        divisor = capacities if all(self.complete[:4]) else _repeated(self.divisor.take(rows, axis=1), shapes)
        return Gathered(rows, None, self.cursor(), loads, wanted, capacities, divisor)

    def vectors(self, shapes: Sequence[PodShape]) -> npt.NDArray[np.float64]:
        """What a pod of each shape adds to `load`, a column each."""
        return np.stack([self._vector(shape) for shape in shapes], axis=1)

    def vector(self, pod: PodInfo) -> npt.NDArray[np.float64]:
        """What the pod adds to `load`."""
        return self._vector(pod.shape)

    def _vector(self, shape: PodShape) -> npt.NDArray[np.float64]:
        try:
            return shape.vectors[self.resources]
        except KeyError:
            self._grow(shape.requests)
            return shape.vector(self.resources)

    # -- nodes ---------------------------------------------------------------------------------------------------

    def add_node(self, obj: Obj) -> None:
        """Pods that were bound to it before it was known are on it at once."""
        info = NodeInfo(obj)
        if info.name in self._infos:
            self.update_node(obj)
            return
        self._infos[info.name] = info
        self._tree.add(info.name, info.zone)
        self._stale = True
        for pod in self._orphans.pop(info.name, {}).values():
            info.add_pod(pod)

    def update_node(self, obj: Obj, *, keep_order: bool = False) -> None:
        """keep_order: even a node in another zone stays in its row (for a trial that is taken back)."""
        info = self._infos[obj["metadata"]["name"]]
        images, labels = info.image_sizes, info.labels
        rest = (info.taints, info.unschedulable, info.allocatable)
        info.set_object(obj)
        if info.image_sizes != images:
            self.images_version += 1
        if labels == info.labels and rest == (info.taints, info.unschedulable, info.allocatable):
            return
        moved = not keep_order and self._tree.update(info.name, info.zone)
        if moved or self._stale:
            self._stale = True
            return
        if labels != info.labels:
            self._domains.clear()
        self._taint_sets = None
        self.nodes_version += 1
        self._grow(info.allocatable)
        self._set_capacity(info)
        self.complete = [bool(row.all()) for row in self.capacity > 0]
        self._touch(info.row)

    def remove_node(self, name: str) -> None:
        info = self._infos.pop(name)
        self._tree.remove(name)
        self._stale = True
        if info.pods:
            self._orphans[name] = dict(info.pods)

    def refresh(self) -> None:
        """Lay the rows out anew if nodes came or went; called before every use."""
        if not self._stale:
            return
        self._gathered = None
        self._stale = False
        self.nodes = [self._infos[name] for name in self._tree]
        self.names = tuple(node.name for node in self.nodes)
        rows = np.arange(len(self.nodes), dtype=np.int64)
        self.ring = np.concatenate((rows, rows))
        for row, node in enumerate(self.nodes):
            node.row = row
            self._note_resources(node.allocatable)
            self._note_resources(node.requested)
        shape = (NON_ZERO_ROWS + len(self.resources), len(self.nodes))
        self.capacity, self.load, self.divisor = np.zeros(shape), np.zeros(shape), np.ones(shape)
        for node in self.nodes:
            self._set_capacity(node)
            self._set_load(node)
        self.complete = [bool(row.all()) for row in self.capacity > 0]
        self._domains.clear()
        self._taint_sets = None
        self._changed.clear()
        self._dropped = 0
        self.epoch += 1
        self.nodes_version += 1
        self.images_version += 1
        self.counts.lay_out(self.nodes)
        self.terms.lay_out(self.nodes)

    def _set_capacity(self, info: NodeInfo) -> None:
        allocatable = info.allocatable
        head = [allocatable.get(requests.CPU, 0), allocatable.get(requests.MEMORY, 0)]
        column = head + [allocatable.get(name, 0) for name in self.resources]
        self.capacity[:, info.row] = column
        self.divisor[:, info.row] = [amount or 1 for amount in column]

    def _set_load(self, info: NodeInfo) -> None:
        requested = {**info.requested, requests.PODS: len(info.pods)}
        head = [info.non_zero[requests.CPU], info.non_zero[requests.MEMORY]]
        self.load[:, info.row] = head + [requested.get(name, 0) for name in self.resources]

    def _note_resources(self, names: Iterable[str]) -> None:
        new = tuple(name for name in names if name not in self.resources)
        if new:
            self.resources += new

    def _grow(self, names: Iterable[str]) -> None:
        before = len(self.resources)
        self._note_resources(names)
        if more := len(self.resources) - before:
            self._gathered = None
            rows = np.zeros((more, len(self.nodes)))
            self.capacity = np.concatenate((self.capacity, rows))
            self.divisor = np.concatenate((self.divisor, rows + 1))
            self.complete += [False] * more
            self.load = np.concatenate((self.load, rows))

    def _touch(self, row: int) -> None:
        changed = self._changed
        changed.append(row)
        if len(changed) > 65536:
            drop = len(changed) // 2
            del changed[:drop]
            self._dropped += drop

    # -- pods ----------------------------------------------------------------------------------------------------

    def add_pod(self, pod: PodInfo) -> None:
        """Put a pod on the node that it names; an unknown node's pods wait for it."""
        info = self._infos.get(pod.node_name)
        if info is None:
            self._orphans.setdefault(pod.node_name, {})[pod.key] = pod
            return
        info.add_pod(pod)
        if not self._stale:
            self._count(info, pod, 1)

    def remove_pod(self, pod: PodInfo) -> None:
        info = self._infos.get(pod.node_name)
        if info is None:
            waiting = self._orphans.get(pod.node_name)
            if waiting is not None:
                waiting.pop(pod.key, None)
                if not waiting:
                    del self._orphans[pod.node_name]
            return
        info.remove_pod(pod)
        if not self._stale:
            self._count(info, pod, -1)

    def _count(self, info: NodeInfo, pod: PodInfo, sign: int) -> None:
        row = info.row
        vector = self.vector(pod)
        if sign > 0:
            self.load[:, row] += vector
        else:
            self.load[:, row] -= vector
        self._touch(row)
        if self.counts.active:
            self.counts.count(pod, row, sign)
        if pod.shape.has_pod_affinity:
            self.terms.count(pod, row, sign)


def _repeated(columns: npt.NDArray[np.float64], times: int) -> npt.NDArray[np.float64]:
    """All columns once, twice, ... side by side."""
    return columns[:, None, :].repeat(times, axis=1).reshape(len(columns), -1)
