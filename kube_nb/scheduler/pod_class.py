"""What is known of all nodes for pods of one shape: who refuses them and how they score; kept from pod to pod.

An equivalence class: pods alike share it, and after a pod was placed only the rows that changed are looked at again.
It holds the filters and scores that depend on the shape, the node and the node's own pods; those that depend on more
are run by the cycle for every pod.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Framework
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.pod_info import PodInfo

#: Up to how many changed rows the plain forms are used.
FEW = 6


class PodClass:
    """refused: rows that some filter refuses, `verdict` the number of the status in `refusals` (0: accepted).

    scores: raw and, without a normalize, final scores, a row per plugin of `scored`; total: their weighted sum without
    the plugins of `varying`, whose scores are normalized over each pod's feasible nodes.
    """

    def __init__(self, framework: Framework, pod: PodInfo, columns: Columns) -> None:
        size = len(columns.nodes)
        self._pod = pod
        self._columns = columns
        self._framework = framework
        self._marks = (columns.epoch, columns.nodes_version, columns.images_version)
        self._cursor = columns.cursor()
        self.state = CycleState(skipped=set[str]())
        self.names: frozenset[str] | None = None
        self.failure: Status | None = None
        self.refusals: list[Status] = [Status(Code.SUCCESS)]
        self._numbers: dict[tuple[str, int], int] = {}
        self.verdict: npt.NDArray[np.int16] = np.zeros(size, dtype=np.int16)
        self.refused: npt.NDArray[np.bool_] = np.zeros(size, dtype=np.bool_)
        self._row_filters: list[Any] = []
        self.scored: list[str] = []
        self.weights: list[int] = []
        self._row_scores: list[tuple[int, Any, int]] = []
        self.varying: list[tuple[int, Any, int]] = []
        #: {plugin: its one normalized score}, where the raw scores are 0 everywhere.
        self.constants: dict[str, Ints] = {}
        everything = np.arange(size, dtype=np.int64)
        self._filter_all(everything)
        self._score_all(everything)
        self._update(everything)

    @property
    def current(self) -> bool:
        """Whether the nodes themselves are still those that it was made from."""
        columns = self._columns
        return self._marks == (columns.epoch, columns.nodes_version, columns.images_version)

    def sync(self) -> bool:
        """Catch up with the placed and removed pods; False if that cannot be told any more."""
        columns = self._columns
        changed = columns.changed_since(self._cursor)
        if changed is None:
            return False
        if changed:
            self._cursor = columns.cursor()
            if len(changed) <= self._few:
                self._update_few(changed)
            else:
                self._update(np.array(changed, dtype=np.int64))
        return True

    # -- filters ---------------------------------------------------------------------------------------------------

    def _filter_all(self, rows: Ints) -> None:
        skipped: set[str] = self.state["skipped"]
        for plugin in self._framework.kept_filters:
            if hasattr(plugin, "pre_filter"):
                answer = plugin.pre_filter(self.state, self._pod, self._columns)
                if isinstance(answer, frozenset):
                    self.names = answer if self.names is None else self.names & answer
                elif answer is not None and answer.code is Code.SKIP:
                    skipped.add(plugin.name)
                elif answer is not None:
                    self.failure = self.failure or answer.by(plugin.name)
                    skipped.add(plugin.name)
            if plugin.name not in skipped:
                if plugin.scope is Scope.ROW:
                    self._row_filters.append(plugin)
                else:
                    self._refuse(plugin, rows, self.verdict)
        self._any_row_refused = False
        self._node_verdict = self.verdict.copy()
        self._any_node_refused = bool(self.verdict.any())

    def _refuse(self, plugin: Any, rows: Ints, verdict: npt.NDArray[np.int16]) -> None:
        """Enter this plugin's refusals of `rows` where no earlier plugin refused."""
        codes = plugin.filter_columns(self.state, self._pod, self._columns, rows)
        if codes.any():
            self._enter(plugin, rows, codes, verdict)

    def _enter(self, plugin: Any, rows: Ints, codes: Ints, verdict: npt.NDArray[np.int16]) -> None:
        for code in dict.fromkeys(codes[codes != 0].tolist()):
            hits = codes == code
            number = self._numbers.get((plugin.name, code))
            if number is None:
                number = self._numbers[plugin.name, code] = len(self.refusals)
                self.refusals.append(self._status(plugin, int(rows[hits.argmax()])))
            verdict[hits & (verdict == 0)] = number

    def _status(self, plugin: Any, row: int) -> Status:
        status = plugin.filter(self.state, self._pod, self._columns.nodes[row])
        if status is None:
            raise AssertionError(f"{plugin.name} refuses {self._columns.names[row]} by columns only")
        found: Status = status.by(plugin.name)
        return found

    # -- scores ----------------------------------------------------------------------------------------------------

    def _score_all(self, rows: Ints) -> None:
        kept = []
        for plugin in self._framework.kept_scores:
            if hasattr(plugin, "pre_score"):
                answer = plugin.pre_score(self.state, self._pod, self._columns, rows)
                if answer is not None and answer.code is Code.SKIP:
                    continue
            kept.append(plugin)
        self.scored = [plugin.name for plugin in kept]
        self.weights = [self._framework.weight(plugin) for plugin in kept]
        wide = any(getattr(plugin, "columns_only", False) for plugin in kept)
        self.scores: npt.NDArray[np.signedinteger[Any]] = np.zeros(
            (len(kept), len(rows)), dtype=np.int64 if wide else np.int32
        )
        self._base: Ints = np.zeros(len(rows), dtype=np.int64)
        for number, plugin in enumerate(kept):
            weight = self._framework.weight(plugin)
            normalizes = hasattr(plugin, "normalize")
            if plugin.scope is Scope.ROW:
                (self.varying if normalizes else self._row_scores).append((number, plugin, weight))
                continue
            raw = plugin.score_columns(self.state, self._pod, self._columns, rows)
            self.scores[number] = raw
            if not normalizes:
                self._base += weight * raw
            elif raw.any():
                self.varying.append((number, plugin, weight))
            else:
                flat = plugin.normalize(self.state, self._pod, np.zeros(1, dtype=np.int64))
                self.constants[plugin.name] = flat
                self._base += weight * int(flat[0])
        self._varying_rows = [entry for entry in self.varying if entry[1].scope is Scope.ROW]
        self.total: Ints = self._base.copy()
        used = [*self._row_filters, *kept]
        self._few = 0 if any(getattr(plugin, "columns_only", False) for plugin in used) else FEW

    # -- rows ------------------------------------------------------------------------------------------------------

    def _update(self, rows: Ints) -> None:
        if self._row_filters:
            self._filter_rows(rows)
        elif self._any_node_refused and len(rows) == len(self.refused):
            self.refused = self.verdict != 0
        state, pod, columns = self.state, self._pod, self._columns
        if self._row_scores:
            total = self._base.take(rows)
            for number, plugin, weight in self._row_scores:
                raw = plugin.score_columns(state, pod, columns, rows)
                self.scores[number, rows] = raw
                total += raw if weight == 1 else weight * raw
            self.total[rows] = total
        for number, plugin, _ in self._varying_rows:
            self.scores[number, rows] = plugin.score_columns(state, pod, columns, rows)

    def _update_few(self, rows: list[int]) -> None:
        """The same by the plain forms, which cost less for a few rows."""
        state, pod = self.state, self._pod
        for row in rows:
            node = self._columns.nodes[row]
            number = self._node_verdict[row] if self._any_node_refused else 0
            for plugin in self._row_filters if not number else ():
                status = plugin.filter(state, pod, node)
                if status is not None:
                    number = self._number(plugin, row, status)
                    break
            if number or self._any_row_refused:
                self._any_row_refused = True
                self.verdict[row] = number
                self.refused[row] = number != 0
            total = int(self._base[row])
            for place, plugin, weight in self._row_scores:
                raw = plugin.score(state, pod, node)
                self.scores[place, row] = raw
                total += weight * raw
            self.total[row] = total
            for place, plugin, _ in self._varying_rows:
                self.scores[place, row] = plugin.score(state, pod, node)

    def _number(self, plugin: Any, row: int, status: Status) -> int:
        """The status's number in `refusals`."""
        rows = np.array([row], dtype=np.int64)
        code = int(plugin.filter_columns(self.state, self._pod, self._columns, rows)[0])
        number = self._numbers.get((plugin.name, code))
        if number is None:
            number = self._numbers[plugin.name, code] = len(self.refusals)
            self.refusals.append(status.by(plugin.name))
        return number

    def _filter_rows(self, rows: Ints) -> None:
        verdict = None
        for plugin in self._row_filters:
            codes = plugin.filter_columns(self.state, self._pod, self._columns, rows)
            if codes.any():
                if verdict is None:
                    verdict = self._node_verdict.take(rows)
                self._enter(plugin, rows, codes, verdict)
        if verdict is None and not self._any_row_refused:
            if self._any_node_refused and len(rows) == len(self.refused):
                self.refused = self.verdict != 0
            return
        self._any_row_refused = True
        if verdict is None:
            verdict = self._node_verdict.take(rows)
        self.verdict[rows] = verdict
        self.refused[rows] = verdict != 0
