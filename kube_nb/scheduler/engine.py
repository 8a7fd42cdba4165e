"""The scheduling cycle: filter, score, select, on the snapshot and without the API; what-if runs the very same.

`Engine.schedule(pod)` answers an `Attempt` and changes nothing but its own position in the ring of nodes; `assume`
puts the pod on a node, `forget` takes it off. Models pkg/scheduler/schedule_one.go with parallelism 1.
Differs: filters that look at the node alone run before those that look at its pods, and these before all others.
"""

import random
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.decisions import Attempt, Decisions
from kube_nb.scheduler.framework.guard import PluginFault
from kube_nb.scheduler.framework.interface import (
    MAX_SCORE,
    CycleState,
    Ints,
)
from kube_nb.scheduler.framework.runtime import Framework, Handle
from kube_nb.scheduler.framework.status import Code, Status, unresolvable
from kube_nb.scheduler.pod_class import PodClass
from kube_nb.scheduler.pod_classes import PodClasses
from kube_nb.scheduler.pod_info import PodInfo, PodShapes
from kube_nb.scheduler.search import Found, Search
from kube_nb.scheduler.selection import TieBreaker, nodes_to_find

#: Up to how many named nodes are looked at one by one.
PINNED = 4


class Engine:
    """One snapshot, several profiles. decisions: attempts worth remembering; explain: keep their arrays.

    score_cache, equivalence_classes: keep what is known of the nodes from shape to shape, and for pods alike at all.
    random_start: begin each cycle at a random node of the ring in place of where the last one ended.
    """

    def __init__(
        self,
        handle: Handle,
        profiles: Mapping[str, Framework],
        *,
        percentage_of_nodes_to_score: int | None = None,
        ties: TieBreaker | None = None,
        explain: bool = True,
        score_cache: bool = True,
        equivalence_classes: bool = True,
        random_start: random.Random | None = None,
    ) -> None:
        self.handle = handle
        handle.engine = self
        self.columns: Columns = handle.columns
        self.profiles = dict(profiles)
        self.percentage_of_nodes_to_score = percentage_of_nodes_to_score
        self.ties = ties or TieBreaker()
        self.explain = explain
        self.last: Attempt | None = None
        self._random_start = random_start
        self.decisions = Decisions()
        self.shapes = PodShapes()
        self.next_start = 0
        self._classes = PodClasses(handle.columns, score_cache=score_cache, equivalence_classes=equivalence_classes)

    # -- pods ------------------------------------------------------------------------------------------------------

    def pod(self, obj: Obj, node_name: str | None = None) -> PodInfo:
        return PodInfo(obj, self.shapes.of(obj.get("spec") or {}), node_name)

    def assume(self, pod: PodInfo, node_name: str) -> PodInfo:
        """The pod is there now; every later cycle counts it."""
        pod.node_name = node_name
        self.columns.add_pod(pod)
        return pod

    def forget(self, placed: PodInfo) -> None:
        self.columns.remove_pod(placed)
        placed.node_name = placed.shape.node_name

    def mark(self) -> tuple[Any, ...]:
        """Where the engine stands, apart from the pods: for `go_back`, after a question that must leave no trace."""
        drawn = self._random_start.getstate() if self._random_start is not None else None
        return self.next_start, self.last, self.ties.state(), drawn

    def go_back(self, mark: tuple[Any, ...]) -> None:
        self.next_start, self.last, ties, drawn = mark
        self.ties.go_back(ties)
        if self._random_start is not None:
            self._random_start.setstate(drawn)

    def replace_profiles(self, profiles: Mapping[str, Framework]) -> None:
        """Go on with other plugins; what was kept for pods alike is dropped."""
        self.profiles = dict(profiles)
        self._classes.clear()

    # -- the cycle -------------------------------------------------------------------------------------------------

    def schedule(self, pod: PodInfo, time_s: float = 0.0) -> Attempt:
        """Find the node for a pod. The attempt's `node` is "" if there is none, its `message` says why."""
        columns = self.columns
        columns.refresh()
        framework = self.framework_of(pod)
        attempt = self.last = Attempt(pod.key, pod.uid, time_s, framework.scheduler_name, columns.names)
        if not columns.nodes:
            attempt.message = "no nodes available to schedule pods"
            return attempt
        try:
            self._schedule(framework, pod, attempt)
        except PluginFault as fault:
            attempt.fault = attempt.message = str(fault)
            attempt.node = ""
        for plugin in framework.guarded:
            if plugin.warnings:
                attempt.warnings += tuple(plugin.warnings)
                plugin.warnings.clear()
        return attempt

    def framework_of(self, pod: PodInfo) -> Framework:
        """A single profile takes every pod. LookupError if there are several and none has the pod's name."""
        profiles = self.profiles
        if len(profiles) == 1:
            return next(iter(profiles.values()))
        try:
            return profiles[pod.scheduler_name]
        except KeyError:
            known = ", ".join(profiles)
            raise LookupError(f"{pod.key}: no profile {pod.scheduler_name!r}, there are {known}") from None

    def state_for(self, pod: PodInfo) -> tuple[CycleState, Status | None, frozenset[str] | None]:
        """A state for the plain filters, on which every PreFilter has run: (state, a refusal, the only candidates)."""
        self.columns.refresh()
        state = CycleState()
        refusal, names = self.framework_of(pod).pre_filter(state, pod, self.columns)
        return state, refusal, names

    def _schedule(self, framework: Framework, pod: PodInfo, attempt: Attempt) -> None:
        columns = self.columns
        if pod.shape.pinned and not framework.filtering_extenders and self._schedule_pinned(framework, pod, attempt):
            return
        kept = self._classes.of(framework, pod)
        if self._random_start is not None:
            self.next_start = self._random_start.randrange(len(columns.nodes))
        start = attempt.start = self.next_start % len(columns.nodes)
        search = Search(columns, self.handle.nominator, framework, self._classes, kept, pod)
        found = search.run(start, self._wanted(framework))
        self._note(attempt, kept, found, search)
        self.next_start = (start + found.processed) % len(columns.nodes)
        attempt.state = search.state_if_any
        rows = found.rows
        if len(rows) > 1:
            self._select(framework, kept, pod, found, attempt, search)
        elif len(rows):
            attempt.node = columns.names[rows[0]]
            attempt.rows = rows

    def _schedule_pinned(self, framework: Framework, pod: PodInfo, attempt: Attempt) -> bool:
        """A pod that names its node needs no look at the others. False if the answer takes more than filters."""
        state, refusal, names = self.state_for(pod)
        if refusal is not None or names is None or len(names) > PINNED:
            return False
        columns, nominator = self.columns, self.handle.nominator
        feasible, refused = [], {}
        for name in sorted(names):
            node = columns.node(name)
            if node is not None:
                status = framework.filter_with_nominated(state, pod, node, nominator.pods_on(name))
                if status is None:
                    feasible.append(node)
                else:
                    refused[node.row] = status
        if len(feasible) > 1:
            return False
        attempt.start = self.next_start % len(columns.nodes)
        attempt.processed = len(feasible) + len(refused)
        self.next_start = (attempt.start + attempt.processed) % len(columns.nodes)
        attempt.late_refusals, attempt.candidates, attempt.state = refused, names, state
        attempt.absent = unresolvable("node(s) didn't satisfy plugin(s) [NodeAffinity]")
        if feasible:
            attempt.node = feasible[0].name
            attempt.rows = np.array([feasible[0].row], dtype=np.int64)
        return True

    def _wanted(self, framework: Framework) -> Callable[[int], int]:
        """How many feasible nodes are enough, by the number of candidates."""
        if framework.scores_nothing:
            return _one
        percentage = framework.percentage_of_nodes_to_score
        if percentage is None:
            percentage = self.percentage_of_nodes_to_score
        return _to_find(percentage)

    def _note(self, attempt: Attempt, kept: PodClass, found: Found, search: Search) -> None:
        """Keep who was refused; the kept verdicts only if there were any among the nodes looked at."""
        attempt.processed = found.processed
        if found.refusal is not None:
            attempt.pre_filter = found.refusal
        elif not len(found.rows) or (self.explain and found.processed > len(found.rows)):
            attempt.late_refusals = found.late
            attempt.candidates, attempt.absent = found.names, found.absent
            attempt.refusals = search.refusals
            attempt.verdict = kept.verdict.copy() if search.verdict is None else search.verdict

    # -- score -----------------------------------------------------------------------------------------------------

    def _select(
        self, framework: Framework, kept: PodClass, pod: PodInfo, found: Found, attempt: Attempt, search: Search
    ) -> None:
        rows, index = found.rows, found.index
        totals = kept.total[index]  # perhaps a view: not changed below
        normalized: dict[str, Ints] = {}
        for number, plugin, weight in kept.varying:
            scores = plugin.normalize(kept.state, pod, kept.line(number).take(rows).astype(np.int64))
            normalized[plugin.name] = scores
            totals = totals + weight * scores
        late: list[tuple[str, int, Ints]] = []
        for plugin, applies in framework.late_score_tests:
            if applies is not None and not applies(pod, self.columns):
                continue
            if raw := self._late_score(plugin, pod, rows, search):
                weight = framework.weight(plugin)
                final = self._normalized(plugin, search, pod, raw[0])
                late.append((plugin.name, weight, raw[0]))
                normalized[plugin.name] = final
                totals = totals + weight * final
        best, tied = self.ties.best(totals)
        attempt.node = self.columns.names[rows[best]]
        attempt.tied, attempt.tie_rule = tied, self.ties.rule
        if self.explain:
            attempt.rows = rows
            attempt.plugins, attempt.weights, attempt.lines = kept.scored, kept.weights, kept.lines
            attempt.raw = kept.raw(index)
            attempt.normalized = {**kept.constants, **normalized} if normalized else kept.constants
            if late:
                attempt.plugins = [*kept.scored, *(name for name, _, _ in late)]
                attempt.weights = [*kept.weights, *(weight for _, weight, _ in late)]
                lines = len(attempt.raw)
                attempt.lines = [*kept.lines, *range(lines, lines + len(late))]
                attempt.raw = np.vstack((attempt.raw, *(raw for _, _, raw in late)))

    def _late_score(self, plugin: Any, pod: PodInfo, rows: Ints, search: Search) -> tuple[Ints] | None:
        """Raw scores of what must be computed for every pod; None if the plugin has nothing to say."""
        columns = self.columns
        state = search.state
        if hasattr(plugin, "pre_score"):
            answer = plugin.pre_score(state, pod, columns, rows)
            if answer is not None and answer.code is Code.SKIP:
                return None
            if answer is not None and answer.code is not Code.SUCCESS:
                raise PluginFault(f'running PreScore plugin "{plugin.name}": {answer.message}')
        if hasattr(plugin, "score_columns"):
            return (plugin.score_columns(state, pod, columns, rows),)
        scores = [plugin.score(state, pod, columns.nodes[row]) for row in rows.tolist()]
        return (np.array(scores, dtype=np.int64),)

    def _normalized(self, plugin: Any, search: Search, pod: PodInfo, raw: Ints) -> Ints:
        final = plugin.normalize(search.state, pod, raw) if hasattr(plugin, "normalize") else raw
        if len(final) and (final.min() < 0 or final.max() > MAX_SCORE):
            worst = int(final.min()) if final.min() < 0 else int(final.max())
            raise PluginFault(
                f'plugin "{plugin.name}" returns an invalid score {worst}, it should in the range of [0, {MAX_SCORE}] '
                "after normalizing"
            )
        return final


def _one(nodes: int) -> int:
    return 1


@lru_cache
def _to_find(percentage: int | None) -> Callable[[int], int]:
    return lru_cache(partial(nodes_to_find, percentage=percentage))
