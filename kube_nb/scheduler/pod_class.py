"""What is known of all nodes for pods of one shape: who refuses them and how they score; kept from pod to pod.

An equivalence class: pods alike share it, and after a pod was placed only the rows that changed are looked at again
(`pod_classes` says when). It holds the filters and scores that depend on the shape, the node and the node's own pods;
those that depend on more are run by the cycle for every pod.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Framework
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.pod_info import PodInfo, PodShape

#: Up to how many changed rows the plain forms are used.
FEW = 6

#: Codes of a column filter from here on are not looked up in a table.
LARGE_CODE = 4096


class PodClass:
    """refused: rows that some filter refuses, `verdict` the number of the status in `refusals` (0: accepted).

    Raw scores are kept in lines: `row_raw` has those that change with the node's pods, `node_raw`, numbered on, those
    that do not; `lines` has the number for each plugin of `scored`, -1 if its raw scores are 0 everywhere. total: the
    weighted sum of the final scores without the plugins of `varying` (line, plugin, weight), whose scores are
    normalized over each pod's feasible nodes.
    """

    def __init__(self, framework: Framework, pod: PodInfo, columns: Columns) -> None:
        size = len(columns.nodes)
        self._pod = pod
        self._columns = columns
        self._framework = framework
        self.layout = columns.layout
        self.cursor = columns.cursor()
        self.state = CycleState(skipped=set[str]())
        #: What must run for every pod alike, without what has nothing to say about any of this shape.
        self.late_tests = [
            (plugin, applies)
            for plugin, applies in framework.late_tests
            if applies is None or not getattr(plugin, "applies_by_shape", False) or applies(pod, columns)
        ]
        self.names: frozenset[str] | None = None
        self.failure: Status | None = None
        self.refusals: list[Status] = [Status(Code.SUCCESS)]
        self._numbers: dict[tuple[str, int], int] = {}
        self._tables: dict[str, npt.NDArray[np.int16]] = {}
        self.verdict: npt.NDArray[np.int16] = np.zeros(size, dtype=np.int16)
        self.refused: npt.NDArray[np.bool_] = np.zeros(size, dtype=np.bool_)
        self.row_filters: list[Any] = []
        self.scored: list[str] = []
        self.weights: list[int] = []
        self.lines: list[int] = []
        self.row_scores: list[tuple[int, Any, int]] = []
        #: Where `PodClasses` keeps `row_raw` and `total` among those of other classes; -1: here alone.
        self.slot = -1
        #: When a pod last used it, for `PodClasses`.
        self.used = 0
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
        return self.layout == self._columns.layout

    @property
    def shape(self) -> PodShape:
        return self._pod.shape

    @property
    def accepts_all(self) -> bool:
        """No node was refused so far."""
        return not (self._any_node_refused or self._any_row_refused)

    @property
    def refuses_rows(self) -> bool:
        """A filter that looks at the node's pods refused some node so far."""
        return self._any_row_refused

    @property
    def varies_by_row(self) -> bool:
        """Some score that changes with the node's pods is normalized."""
        return bool(self._varying_rows)

    def raw(self, index: "slice | Ints") -> npt.NDArray[np.signedinteger[Any]]:
        """A copy of all lines at some rows."""
        if len(self.node_raw):
            return np.concatenate((self.row_raw[:, index], self.node_raw[:, index]))
        part = self.row_raw[:, index]
        return part.copy() if isinstance(index, slice) else part

    def line(self, number: int) -> npt.NDArray[np.signedinteger[Any]]:
        """All rows of one line."""
        rows = len(self.row_raw)
        found: npt.NDArray[np.signedinteger[Any]]
        found = self.row_raw[number] if number < rows else self.node_raw[number - rows]
        return found

    def sync(self, changed: list[int]) -> None:
        """Catch up with these rows, all that changed since `cursor`."""
        self.cursor = self._columns.cursor()
        if len(changed) <= self._few:
            self._update_few(changed)
        else:
            self._update(np.array(changed, dtype=np.int64))

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
                    self.row_filters.append(plugin)
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
        """Codes become numbers of statuses by a table per plugin, which learns each code at its first row."""
        table, most = self._tables.get(plugin.name), int(codes.max())
        if most >= LARGE_CODE:
            numbers = np.zeros(len(codes), dtype=np.int16)
            for code in dict.fromkeys(codes[codes != 0].tolist()):
                numbers[codes == code] = self._learned(plugin, code, rows, codes)
        else:
            if table is None or most >= len(table):
                table = self._tables[plugin.name] = self._wider(table, most + 1)
            numbers = table.take(codes)
            if (numbers < 0).any():
                for code in dict.fromkeys(codes[numbers < 0].tolist()):
                    table[code] = self._learned(plugin, code, rows, codes)
                numbers = table.take(codes)
        np.copyto(verdict, numbers, where=verdict == 0)

    def _learned(self, plugin: Any, code: int, rows: Ints, codes: Ints) -> int:
        known = self._numbers.get((plugin.name, code))
        if known is not None:
            return known
        return self._numbered(plugin, code, self._status(plugin, int(rows[(codes == code).argmax()])))

    def _wider(self, table: npt.NDArray[np.int16] | None, size: int) -> npt.NDArray[np.int16]:
        wider = np.full(size, -1, dtype=np.int16)
        wider[0] = 0
        if table is not None:
            wider[: len(table)] = table
        return wider

    def _numbered(self, plugin: Any, code: int, status: Status) -> int:
        """The number in `refusals` of what this code of this plugin stands for."""
        number = self._numbers.get((plugin.name, code))
        if number is None:
            number = self._numbers[plugin.name, code] = len(self.refusals)
            self.refusals.append(status)
        return number

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
        self.base: Ints = np.zeros(len(rows), dtype=np.int64)
        self._node_scores(kept, rows, sum(plugin.scope is Scope.ROW for plugin in kept))
        self._varying_rows = [entry for entry in self.varying if entry[1].scope is Scope.ROW]
        self.total: Ints = self.base.copy()
        used = [*self.row_filters, *kept]
        self._few = 0 if any(getattr(plugin, "columns_only", False) for plugin in used) else FEW

    def _node_scores(self, kept: list[Any], rows: Ints, row_lines: int) -> None:
        """Number the lines, and fill those that depend on the nodes alone."""
        wide = any(getattr(plugin, "columns_only", False) for plugin in kept)
        dtype: Any = np.int64 if wide else np.int32
        # Every attempt that is explained copies some of it: what is not normalized is at most 100, and kept small.
        final = not any(plugin.scope is Scope.ROW and hasattr(plugin, "normalize") for plugin in kept)
        row_dtype: Any = np.int16 if final and not wide else dtype
        self.row_raw: npt.NDArray[np.signedinteger[Any]] = np.zeros((row_lines, len(rows)), dtype=row_dtype)
        by_node: list[Ints] = []
        next_row = 0
        for plugin, weight in zip(kept, self.weights, strict=True):
            normalizes = hasattr(plugin, "normalize")
            if plugin.scope is Scope.ROW:
                (self.varying if normalizes else self.row_scores).append((next_row, plugin, weight))
                self.lines.append(next_row)
                next_row += 1
                continue
            raw = plugin.score_columns(self.state, self._pod, self._columns, rows)
            if raw.any():
                self.lines.append(row_lines + len(by_node))
                by_node.append(raw)
                if normalizes:
                    self.varying.append((self.lines[-1], plugin, weight))
                else:
                    self.base += weight * raw
                continue
            self.lines.append(-1)
            if normalizes:
                flat = plugin.normalize(self.state, self._pod, np.zeros(1, dtype=np.int64))
                self.constants[plugin.name] = flat
                self.base += weight * int(flat[0])
        self.node_raw: npt.NDArray[np.signedinteger[Any]]
        self.node_raw = np.array(by_node, dtype=dtype).reshape(len(by_node), len(rows))

    # -- rows ------------------------------------------------------------------------------------------------------

    def _update(self, rows: Ints) -> None:
        if self.row_filters:
            self._filter_rows(rows)
        elif self._any_node_refused and len(rows) == len(self.refused):
            self.refused = self.verdict != 0
        state, pod, columns = self.state, self._pod, self._columns
        if self.row_scores:
            total = self.base.take(rows)
            for number, plugin, weight in self.row_scores:
                raw = plugin.score_columns(state, pod, columns, rows)
                self.row_raw[number, rows] = raw
                total += raw if weight == 1 else weight * raw
            self.total[rows] = total
        for number, plugin, _ in self._varying_rows:
            self.row_raw[number, rows] = plugin.score_columns(state, pod, columns, rows)

    def _update_few(self, rows: list[int]) -> None:
        """The same by the plain forms, which cost less for a few rows."""
        state, pod = self.state, self._pod
        for row in rows:
            node = self._columns.nodes[row]
            number = self._node_verdict[row] if self._any_node_refused else 0
            for plugin in self.row_filters if not number else ():
                status = plugin.filter(state, pod, node)
                if status is not None:
                    number = self._number(plugin, row, status)
                    break
            if number or self._any_row_refused:
                self._any_row_refused = True
                self.verdict[row] = number
                self.refused[row] = number != 0
            total = int(self.base[row])
            for place, plugin, weight in self.row_scores:
                raw = plugin.score(state, pod, node)
                self.row_raw[place, row] = raw
                total += weight * raw
            self.total[row] = total
            for place, plugin, _ in self._varying_rows:
                self.row_raw[place, row] = plugin.score(state, pod, node)

    def _number(self, plugin: Any, row: int, status: Status) -> int:
        """The status's number in `refusals`."""
        rows = np.array([row], dtype=np.int64)
        code = int(plugin.filter_columns(self.state, self._pod, self._columns, rows)[0])
        return self._numbered(plugin, code, status.by(plugin.name))

    def _filter_rows(self, rows: Ints) -> None:
        verdict = None
        for plugin in self.row_filters:
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
