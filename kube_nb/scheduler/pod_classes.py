"""When the equivalence classes look again at the nodes that changed: as late as may be, and those in use together.

A cycle looks at a window of the ring, the next cycle at the nodes behind it. So a placement matters to nobody until the
window comes round to its node; by then many nodes have changed, and one array operation scores all of them for all
shapes in use. Only plugins that decide by amounts can be done so (`interface.Gathering`); others go class by class.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import Ints
from kube_nb.scheduler.framework.runtime import Framework
from kube_nb.scheduler.pod_class import FEW, PodClass
from kube_nb.scheduler.pod_info import PodInfo

#: How many shapes' classes are kept.
CLASSES = 512

#: How many of them are brought up to date together, and within how many pods each must have been used.
SLOTS = 32
LATELY = 64

#: A class that is further behind catches up alone.
FAR_BEHIND = 256


class PodClasses:
    """score_cache, equivalence_classes: keep what is known from shape to shape, and for pods alike at all."""

    def __init__(self, columns: Columns, *, score_cache: bool = True, equivalence_classes: bool = True) -> None:
        self._columns = columns
        self._score_cache = score_cache
        self._equivalence_classes = equivalence_classes
        self._known: dict[tuple[str, int], PodClass] = {}
        self._groups: dict[tuple[int, ...], Group] = {}
        self._turn = 0

    def clear(self) -> None:
        self._known.clear()
        self._groups.clear()

    def of(self, framework: Framework, pod: PodInfo) -> PodClass:
        """The class of the pod's shape; its rows may be behind until `catch_up`."""
        if not self._equivalence_classes:
            return PodClass(framework, pod, self._columns)
        self._turn += 1
        key = (framework.scheduler_name, pod.shape.number)
        kept = self._known.get(key)
        if kept is None or not kept.current or not self._columns.remembers(kept.cursor):
            self._make_room(key)
            kept = self._known[key] = PodClass(framework, pod, self._columns)
            self._join(kept)
        kept.used = self._turn
        return kept

    def _make_room(self, key: tuple[str, int]) -> None:
        if not self._score_cache:
            self.clear()
        if (old := self._known.pop(key, None)) is not None:
            self._leave(old)
        elif len(self._known) >= CLASSES:
            self._leave(self._known.pop(next(iter(self._known))))

    def _join(self, kept: PodClass) -> None:
        """Put it among those that can be done together with it."""
        plugins = [*kept.row_filters, *(plugin for _, plugin, _ in kept.row_scores)]
        if not plugins or kept.varies_by_row or not all(getattr(each, "gathers", False) for each in plugins):
            return
        key = (len(kept.total), *(id(plugin) for plugin in plugins))
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) > 4:  # laid out anew, or other plugins: those of before are not used any more
                self._groups.clear()
            group = self._groups[key] = Group(self._columns, kept)
        group.join(kept)

    def _leave(self, kept: PodClass) -> None:
        for group in self._groups.values():
            group.leave(kept)

    def catch_up(self, kept: PodClass, start: int = 0, wanted: int | None = None) -> None:
        """Bring a class up to date; with `wanted` at least for the window of wanted + 1 rows from `start`."""
        columns = self._columns
        changed = columns.changed_since(kept.cursor)
        if not changed:
            return
        assert changed is not None  # `of` saw to it
        if wanted is not None and len(changed) < LATELY and kept.accepts_all:
            size = len(columns.nodes)
            for row in changed:
                if (row - start) % size <= wanted:
                    break
            else:
                return
        if kept.slot >= 0 and columns.cursor() - kept.cursor < FAR_BEHIND:
            for group in self._groups.values():
                if group.holds(kept) and group.catch_up(kept, changed, self._turn):
                    return
        kept.sync(changed)


class Group:
    """Up to `SLOTS` classes with the same row plugins; their lines and totals lie side by side."""

    def __init__(self, columns: Columns, like: PodClass) -> None:
        self._columns = columns
        self._filters: Sequence[Any] = like.row_filters
        self._scores = like.row_scores
        lines, size = like.row_raw.shape
        self._raw: npt.NDArray[np.signedinteger[Any]] = np.zeros((SLOTS, lines, size), dtype=like.row_raw.dtype)
        self._total: Ints = np.zeros((SLOTS, size), dtype=np.int64)
        self._base: Ints = np.zeros((SLOTS, size), dtype=np.int64)
        self._held: dict[int, PodClass] = {}
        #: Those that caught up together last, their slots and vectors, and the resources of these.
        self._last: list[PodClass] = []
        self._slots: Ints = np.zeros((0, 1), dtype=np.int64)
        self._vectors: npt.NDArray[np.float64] = np.zeros((0, 0))
        self._resources: Sequence[str] = ()

    def holds(self, kept: PodClass) -> bool:
        return self._held.get(kept.slot) is kept

    def join(self, kept: PodClass) -> None:
        if len(self._held) == SLOTS:
            self.leave(min(self._held.values(), key=lambda each: each.used))
        slot = next(number for number in range(SLOTS) if number not in self._held)
        self._raw[slot], self._total[slot], self._base[slot] = kept.row_raw, kept.total, kept.base
        kept.row_raw, kept.total, kept.slot = self._raw[slot], self._total[slot], slot
        self._held[slot] = kept

    def leave(self, kept: PodClass) -> None:
        """It goes on alone, with a copy."""
        if self.holds(kept):
            del self._held[kept.slot]
            kept.row_raw, kept.total, kept.slot = kept.row_raw.copy(), kept.total.copy(), -1

    def catch_up(self, kept: PodClass, changed: list[int], turn: int) -> bool:
        """Bring all that were used lately up to date. False if it is not worth it, or some node refuses some."""
        if kept.refuses_rows:
            return False
        columns = self._columns
        since, behind, layout = turn - LATELY, columns.cursor() - FAR_BEHIND, columns.layout
        lately = [
            each
            for each in self._held.values()
            if each.used > since and each.cursor > behind and each.layout == layout and not each.refuses_rows
        ]
        if len(changed) * len(lately) <= FEW:
            return False
        changed = columns.changed_since(min(each.cursor for each in lately)) or changed
        rows = np.array(changed, dtype=np.int64)
        slots = self._lay_out(lately)
        gathered = columns.gather_many(rows, self._vectors)
        fits = np.ones(len(lately), dtype=np.bool_)
        for plugin in self._filters:
            fits &= plugin.accepts_gathered(gathered).reshape(len(lately), -1).all(axis=1)
        total = self._base[slots, rows]
        for line, plugin, weight in self._scores:
            raw = plugin.score_gathered(columns, gathered).reshape(total.shape)
            self._raw[slots, line, rows] = raw
            total += raw if weight == 1 else weight * raw
        self._total[slots, rows] = total
        for each, fitting in zip(lately, fits.tolist(), strict=True):
            if fitting:
                each.cursor = columns.cursor()
        return bool(fits[lately.index(kept)])

    def _lay_out(self, lately: list[PodClass]) -> Ints:
        """The slots, a line each; they and the vectors are kept, as mostly the same classes are in use again."""
        columns = self._columns
        if lately != self._last or self._resources is not columns.resources:
            self._last = lately
            self._vectors = columns.vectors([each.shape for each in lately])
            self._slots = np.array([each.slot for each in lately])[:, None]
            self._resources = columns.resources
        return self._slots
