"""Which nodes a pod fits: what is kept for its shape first, then the filters that look further.

Models findNodesThatFitPod and findNodesThatPassFilters of pkg/scheduler/schedule_one.go with one worker: nodes are
looked at in the ring's order from `start` until one more than `wanted` has passed.
Differs: where a PreFilter names the only nodes worth looking at, they are looked at in the ring's order (upstream: in
no order).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.decisions import nothing
from kube_nb.scheduler.framework.guard import PluginFault
from kube_nb.scheduler.framework.interface import CycleState, Ints
from kube_nb.scheduler.framework.runtime import Framework
from kube_nb.scheduler.framework.status import Code, Status, unresolvable
from kube_nb.scheduler.nominator import Nominator
from kube_nb.scheduler.pod_class import PodClass
from kube_nb.scheduler.pod_classes import PodClasses
from kube_nb.scheduler.pod_info import PodInfo


@dataclass(slots=True)
class Found:
    """The feasible rows in order, how many nodes were looked at, and whom the filters refused that are not kept."""

    rows: Ints
    processed: int
    late: Mapping[int, Status] = field(default_factory=nothing)
    names: frozenset[str] | None = None
    absent: Status | None = None
    refusal: Status | None = None
    contiguous: bool = False

    @property
    def index(self) -> "slice | Ints":
        """`rows` as an index: a slice where they follow one another."""
        rows = self.rows
        return slice(int(rows[0]), int(rows[0]) + len(rows)) if self.contiguous else rows


class Search:
    """The filter half of one cycle. state: what PreFilter and Filter left for the score half."""

    def __init__(
        self,
        columns: Columns,
        nominator: Nominator,
        framework: Framework,
        classes: PodClasses,
        kept: PodClass,
        pod: PodInfo,
    ) -> None:
        self._columns = columns
        self._nominator = nominator
        self._framework = framework
        self._classes = classes
        self._kept = kept
        self._pod = pod
        #: Numbers in `refusals` per row, with those of the column filters that are not kept; None: only the kept ones.
        self.verdict: npt.NDArray[np.int16] | None = None
        self.refusals: list[Status] = kept.refusals
        self._state: CycleState | None = None
        self._active: list[Any] = []
        self._names = kept.names
        self._narrowing = [name for name in ("NodeAffinity",) if kept.names is not None]

    @property
    def state(self) -> CycleState:
        """Shared with the pods alike until something is written to it."""
        if self._state is None:
            self._state = CycleState(self._kept.state)
            self._state["skipped"] = set(self._kept.state["skipped"])
        return self._state

    @property
    def state_if_any(self) -> CycleState | None:
        """What the plugins of this one cycle left; None if none had anything to say."""
        return self._state

    def run(self, start: int, to_find: Callable[[int], int]) -> Found:
        """to_find: number of candidates -> how many feasible ones are enough."""
        found = self._run(start, to_find)
        return self._by_extenders(found) if self._framework.filtering_extenders else found

    def _run(self, start: int, to_find: Callable[[int], int]) -> Found:
        columns, size = self._columns, len(self._columns.nodes)
        if refusal := self._pre_filter():
            return Found(np.zeros(0, dtype=np.int64), size, refusal=refusal)
        if self._names is None and not self._active and not self._nominator:
            wanted = to_find(size)
            self._classes.catch_up(self._kept, start, wanted)
            return self._kept_only(start, size, wanted)
        self._classes.catch_up(self._kept)
        if (row := self._nominated_row()) is not None:
            found = self._by_extenders(self._among(row, 1))
            if len(found.rows):
                found.processed = 0
                return found
        ring = columns.ring[start : start + size]
        if self._names is None and not self._active:
            return self._beside_promised(start, size, to_find(size))
        if self._names is None:
            return self._among(ring, to_find(size))
        inside = np.zeros(size, dtype=np.bool_)
        inside[[columns.row(name) for name in sorted(self._names) if columns.row(name) >= 0]] = True
        candidates = ring[inside[ring]]
        found = self._among(candidates, to_find(len(candidates)))
        found.names = self._names
        found.absent = unresolvable(f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(self._narrowing))}]")
        return found

    # -- PreFilter of what is not kept -----------------------------------------------------------------------------

    def _pre_filter(self) -> Status | None:
        if self._kept.failure is not None:
            return self._kept.failure
        for plugin, applies in self._kept.late_tests:
            if applies is not None and not applies(self._pod, self._columns):
                continue
            prepare = getattr(plugin, "pre_filter", None)
            answer = prepare(self.state, self._pod, self._columns) if prepare is not None else None
            if isinstance(answer, frozenset):
                self._names = answer if self._names is None else self._names & answer
                self._narrowing.append(plugin.name)
            elif answer is not None and answer.code is Code.SKIP:
                self.state["skipped"].add(plugin.name)
                continue
            elif answer is not None and answer.code is Code.ERROR:
                raise PluginFault(f'running PreFilter plugin "{plugin.name}": {answer.message}')
            elif answer is not None and answer.code is not Code.SUCCESS:
                refusal: Status = answer.by(plugin.name)
                return refusal
            if hasattr(plugin, "filter"):
                self._active.append(plugin)
        return None

    # -- Filter ----------------------------------------------------------------------------------------------------

    def _kept_only(self, start: int, size: int, wanted: int) -> Found:
        """Take the first `wanted` of the ring; the feasible one after them has been looked at, but does not count."""
        refused, end = self._kept.refused, start + wanted
        if self._kept.accepts_all or not (refused[start : end + 1].any() if end < size else refused.any()):
            return Found(self._columns.ring[start:end], wanted, contiguous=end <= size)
        accepted = (~refused).nonzero()[0]
        cut = int(accepted.searchsorted(start))
        if cut:
            accepted = np.concatenate((accepted[cut:], accepted[:cut]))
        if len(accepted) <= wanted:
            return Found(accepted, size)
        return Found(accepted[:wanted], int(accepted[wanted] - start) % size)

    def _beside_promised(self, start: int, size: int, wanted: int) -> Found:
        """The same where some nodes are promised to others: as many more are looked at as might drop out for that."""
        found = self._kept_only(start, size, min(size, wanted + len(self._nominator.nodes())))
        late: dict[int, Status] = {}
        alive = self._promised(found.rows, late, wanted)
        if len(alive) <= wanted:
            return replace(found, rows=alive, late=late, contiguous=False)
        processed = int(alive[wanted] - start) % size
        seen = {row: status for row, status in late.items() if (row - start) % size < processed}
        return Found(alive[:wanted], processed, seen)

    def _among(self, candidates: Ints, wanted: int) -> Found:
        late: dict[int, Status] = {}
        alive = candidates[~self._kept.refused[candidates]]
        for plugin in self._active:
            if hasattr(plugin, "filter_columns") and len(alive):
                alive = self._by_columns(plugin, alive)
        plain = [plugin for plugin in self._active if not hasattr(plugin, "filter_columns")]
        if self._nominator:
            alive = self._promised(alive, late, len(alive) if plain else wanted)
        if plain:
            alive = self._one_by_one(plain, alive, late, wanted)
        if len(alive) <= wanted:
            return Found(alive, len(candidates), late)
        processed = int((candidates == alive[wanted]).argmax())
        looked_at = set(candidates[:processed].tolist())
        return Found(alive[:wanted], processed, {row: status for row, status in late.items() if row in looked_at})

    def _by_columns(self, plugin: Any, alive: Ints) -> Ints:
        codes = plugin.filter_columns(self.state, self._pod, self._columns, alive)
        bad = codes != 0
        if not bad.any():
            return alive
        if self.verdict is None:
            self.verdict, self.refusals = self._kept.verdict.copy(), list(self._kept.refusals)
        for code in dict.fromkeys(codes[bad].tolist()):
            hits = alive[codes == code]
            self.verdict[hits] = len(self.refusals)
            self.refusals.append(self._status(plugin, code, int(hits[0])))
        kept: Ints = alive[~bad]
        return kept

    def _status(self, plugin: Any, code: int, row: int) -> Status:
        """What the code stands for: the plugin says so, or its plain form does."""
        if hasattr(plugin, "status_of"):
            told: Status = plugin.status_of(code)
            return told.by(plugin.name)
        return self._plain(plugin, row) or unresolvable(f"refused by {plugin.name}")

    def _plain(self, plugin: Any, row: int) -> Status | None:
        status = plugin.filter(self.state, self._pod, self._columns.nodes[row])
        if status is None or status.code is Code.SUCCESS:
            return None
        if not status.rejected:
            raise PluginFault(f'running Filter plugin "{plugin.name}": {status.message}')
        refusal: Status = status.by(plugin.name)
        return refusal

    def _one_by_one(self, plugins: Sequence[Any], alive: Ints, late: dict[int, Status], wanted: int) -> Ints:
        passed: list[int] = []
        for row in alive.tolist():
            refusal = next((found for plugin in plugins if (found := self._plain(plugin, row))), None)
            if refusal is not None:
                late[row] = refusal
                continue
            passed.append(row)
            if len(passed) > wanted:
                break
        return np.array(passed, dtype=np.int64)

    def _by_extenders(self, found: Found) -> Found:
        """Ask about those that the plugins found; each is asked about what the one before it left."""
        rows, late = found.rows.tolist(), dict(found.late)
        for extender in self._framework.filtering_extenders:
            if not rows or not extender.interested(self._pod):
                continue
            nodes = [self._columns.nodes[row] for row in rows]
            refused = extender.refusals(self._pod, nodes)
            late |= {node.row: refused[node.name] for node in nodes if node.name in refused}
            rows = [node.row for node in nodes if node.name not in refused]
        if len(rows) == len(found.rows):
            return found
        return replace(found, rows=np.array(rows, dtype=np.int64), late=late, contiguous=False)

    # -- nominated pods --------------------------------------------------------------------------------------------

    def _nominated_row(self) -> Ints | None:
        name = self._pod.nominated_node_name or self._nominator.node_of(self._pod.key)
        row = self._columns.row(name) if name else -1
        return np.array([row], dtype=np.int64) if row >= 0 else None

    def _promised(self, alive: Ints, late: dict[int, Status], wanted: int) -> Ints:
        """Nodes promised to pods of no lower priority must hold those too; only as many are asked as can count."""
        columns, pod = self._columns, self._pod
        rows = {}
        for name in self._nominator.nodes():
            pods = [each for each in self._nominator.pods_on(name) if each.priority >= pod.priority]
            if columns.row(name) >= 0 and any(each.uid != pod.uid for each in pods):
                rows[columns.row(name)] = pods
        if not rows:
            return alive
        promised = np.zeros(len(columns.nodes), dtype=np.bool_)
        promised[list(rows)] = True
        left = wanted + 1
        bad: list[int] = []
        places = promised[alive].nonzero()[0].tolist()
        for place in places:
            if place - len(bad) >= left:
                break
            row = int(alive[place])
            refusal = self._framework.filter_with_nominated(self.full_state, pod, columns.nodes[row], rows[row])
            if refusal is not None:
                late[row] = refusal
                bad.append(place)
        return np.delete(alive, bad) if bad else alive

    @property
    def full_state(self) -> CycleState:
        """With every plugin marked as skipped that has nothing to say."""
        state = self.state
        if "full" not in state:
            state["full"] = True
            active = {plugin.name for plugin in self._active}
            state["skipped"] |= {plugin.name for plugin in self._framework.late if plugin.name not in active}
        return state
