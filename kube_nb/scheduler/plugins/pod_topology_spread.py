"""Pods spread over zones, hosts or any other node label: evenly as a must, or as a wish."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import ASSIGNED_POD, NODE, UNSCHEDULED_POD, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import MAX_SCORE, Bools, CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kube_nb.scheduler.node_info import HOSTNAME, NodeInfo
from kube_nb.scheduler.plugins.spread_constraints import (
    HARD,
    SOFT,
    SYSTEM_DEFAULTS,
    Constraint,
    default_constraints,
    may_have_selector,
    own_constraints,
)
from kube_nb.scheduler.pod_info import PodInfo

REASON = "node(s) didn't match pod topology spread constraints"
REASON_LABEL = REASON + " (missing required label)"

_FILTER, _SCORE = "PodTopologySpread/filter", "PodTopologySpread/score"


class _Filter:
    """counts: per constraint {value of the label: pods}; only nodes that count make a value known."""

    def __init__(self, constraints: Sequence[Constraint], counts: "list[dict[str, int]] | None" = None) -> None:
        self.constraints = constraints
        self.counts = counts

    def clone(self) -> "_Filter":
        return _Filter(self.constraints, None if self.counts is None else [dict(each) for each in self.counts])

    def filled(self, pod: PodInfo, columns: Columns) -> "list[dict[str, int]]":
        if self.counts is None:
            self.counts = [{} for _ in self.constraints]
            for node in columns.nodes:
                self._count_node(pod, node)
        return self.counts

    def _count_node(self, pod: PodInfo, node: NodeInfo) -> None:
        if not has_keys(node, self.constraints):
            return
        assert self.counts is not None
        for each, counts in zip(self.constraints, self.counts, strict=True):
            if each.counts(pod, node):
                value = node.labels[each.key]
                counts[value] = counts.get(value, 0) + sum(each.matches(pod, other) for other in node.pods.values())

    def change(self, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: int) -> None:
        if self.counts is None or other.namespace != pod.namespace or not has_keys(node, self.constraints):
            return
        for each, counts in zip(self.constraints, self.counts, strict=True):
            if each.selector.matches(other.labels) and each.counts(pod, node):
                value = node.labels[each.key]
                counts[value] = counts.get(value, 0) + sign


def has_keys(node: NodeInfo, constraints: Iterable[Constraint]) -> bool:
    return all(each.key in node.labels for each in constraints)


class _Score:
    """weights: per constraint log(domains + 2). ignored: rows that lack a label that all must have."""

    def __init__(self, constraints: Sequence[Constraint], needs_all: bool) -> None:
        self.constraints = constraints
        self.needs_all = needs_all
        self.weights: list[float] = []
        self.known: list[Bools] = []
        self.counts: list[dict[str, int]] | None = None
        self.ignored: Bools = np.zeros(0, dtype=np.bool_)
        self.rows: Ints = np.zeros(0, dtype=np.int64)


class PodTopologySpread:
    """Models plugins/podtopologyspread. args: ``defaultConstraints``, ``defaultingType`` (System or List)."""

    name = "PodTopologySpread"
    scope = Scope.CLUSTER

    def __init__(self, args: Mapping[str, Any], handle: Handle) -> None:
        self._system = args.get("defaultingType", "System") == "System"
        self._defaults: Sequence[Obj] = SYSTEM_DEFAULTS if self._system else args.get("defaultConstraints") or ()
        self._handle = handle
        self._hard_defaults = any(row["whenUnsatisfiable"] == HARD for row in self._defaults)
        self._masks: dict[tuple[int, Constraint], Bools] = {}
        self._masks_of = (-1, -1)

    # -- filter ----------------------------------------------------------------------------------------------------

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        return bool(pod.shape.spread) or self._hard_defaults

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        constraints = self._constraints(pod, HARD)
        if not constraints:
            return SKIP
        state[_FILTER] = _Filter(constraints)
        return None

    def _constraints(self, pod: PodInfo, action: str) -> list[Constraint]:
        if pod.shape.spread:
            return own_constraints(pod, action)
        return default_constraints(pod, self._defaults, action, self._handle.lister)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        prepared: _Filter = state[_FILTER]
        for each, counts in zip(prepared.constraints, prepared.filled(pod, self._handle.columns), strict=True):
            value = node.labels.get(each.key)
            if value is None:
                return unresolvable(REASON_LABEL)
            least = min(counts.values()) if len(counts) >= each.min_domains and counts else 0
            if counts.get(value, 0) + each.selector.matches(pod.labels) - least > each.max_skew:
                return unschedulable(REASON)
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        state[_FILTER].filled(pod, self._handle.columns)
        state[_FILTER].change(pod, added, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        state[_FILTER].filled(pod, self._handle.columns)
        state[_FILTER].change(pod, removed, node, -1)

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        constraints = state[_FILTER].constraints
        everywhere = _all_keys(columns, constraints)
        codes = np.zeros(len(rows), dtype=np.int64)
        for each in constraints:
            ids, values = columns.domains(each.key)
            counting = everywhere & self._counting(each, pod, columns)
            sums, known = _by_domain(ids, len(values), counting, columns.counts.of(each.match_key(pod)))
            least = int(sums[known].min()) if known.sum() >= each.min_domains and known.any() else 0
            mine = ids[rows]
            skew = sums[mine] + int(each.selector.matches(pod.labels)) - least
            found = np.where(mine < 0, 2, (skew > each.max_skew).astype(np.int64))
            codes = np.where(codes == 0, found, codes)
        return codes

    def status_of(self, code: int) -> Status:
        return unschedulable(REASON) if code == 1 else unresolvable(REASON_LABEL)

    def _counting(self, each: Constraint, pod: PodInfo, columns: Columns) -> Bools:
        """Which rows count for the constraint; kept while the nodes stay the same."""
        now = (columns.epoch, columns.nodes_version)
        if self._masks_of != now or len(self._masks) > 4096:
            self._masks.clear()
            self._masks_of = now
        mask = self._masks.get((pod.shape.number, each))
        if mask is None:
            mask = self._masks[pod.shape.number, each] = each.counting(pod, columns)
        return mask

    # -- score -----------------------------------------------------------------------------------------------------

    def applies_to_score(self, pod: PodInfo, columns: Columns) -> bool:
        return bool(pod.shape.spread) or (bool(self._defaults) and may_have_selector(pod, self._handle.lister))

    def pre_score(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Status | None:
        constraints = self._constraints(pod, SOFT)
        if not constraints:
            return SKIP
        prepared = state[_SCORE] = _Score(constraints, bool(pod.shape.spread) or not self._system)
        prepared.rows = rows
        ignored = ~_all_keys(columns, constraints) if prepared.needs_all else np.zeros(len(columns.nodes), dtype=bool)
        prepared.ignored = ignored[rows]
        scored = rows[~prepared.ignored]
        for each in constraints:
            size = len(scored) if each.key == HOSTNAME else len(np.unique(columns.domains(each.key)[0][scored]))
            prepared.weights.append(math.log(size + 2))
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        prepared: _Score = state[_SCORE]
        constraints = prepared.constraints
        if prepared.needs_all and not has_keys(node, constraints):
            return 0
        total = 0.0
        for number, each in enumerate(constraints):
            if each.key not in node.labels:
                continue
            if each.key == HOSTNAME:
                count = sum(each.matches(pod, other) for other in node.pods.values())
            else:
                count = self._plain_counts(prepared, pod)[number].get(node.labels[each.key], 0)
            total += count * prepared.weights[number] + (each.max_skew - 1)
        return math.floor(total + 0.5)

    def _plain_counts(self, prepared: _Score, pod: PodInfo) -> "list[dict[str, int]]":
        if prepared.counts is None:
            prepared.counts = [{} for _ in prepared.constraints]
            for node in self._handle.columns.nodes:
                if prepared.needs_all and not has_keys(node, prepared.constraints):
                    continue
                for each, counts in zip(prepared.constraints, prepared.counts, strict=True):
                    if each.counts(pod, node):
                        value = node.labels.get(each.key, "")
                        here = sum(each.matches(pod, other) for other in node.pods.values())
                        counts[value] = counts.get(value, 0) + here
        return prepared.counts

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        prepared: _Score = state[_SCORE]
        total = np.zeros(len(rows))
        everywhere = _all_keys(columns, prepared.constraints) if prepared.needs_all else None
        for each, weight in zip(prepared.constraints, prepared.weights, strict=True):
            ids, values = columns.domains(each.key)
            matched = columns.counts.of(each.match_key(pod))
            mine = ids[rows]
            if each.key == HOSTNAME:
                counts = matched[rows]
            else:
                counting = self._counting(each, pod, columns)
                if everywhere is not None:
                    counting = counting & everywhere
                counts = _by_domain(ids, len(values), counting, matched)[0][mine]
            total += np.where(mine < 0, 0.0, counts * weight + (each.max_skew - 1))
        if prepared.needs_all:
            total[~_all_keys(columns, prepared.constraints)[rows]] = 0
        found: Ints = np.floor(total + 0.5).astype(np.int64)
        return found

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        ignored = state[_SCORE].ignored
        counted = scores[~ignored]
        if not len(counted):
            return np.zeros(len(scores), dtype=np.int64)
        low, high = int(counted.min()), int(counted.max())
        if high == 0:
            return np.where(ignored, 0, MAX_SCORE)
        return np.where(ignored, 0, MAX_SCORE * (high + low - scores) // high)

    def events_to_register(self) -> Iterable[Registration]:
        def is_counted(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            namespace = (new or old or {}).get("metadata", {}).get("namespace")
            if namespace != pod.namespace:
                return False
            constraints = self._constraints(pod, HARD)
            seen = [each["metadata"].get("labels") or {} for each in (old, new) if each is not None]
            return any(each.selector.matches(found) for each in constraints for found in seen)

        pods = Action.ADD | Action.DELETE | Action.UPDATE_POD_LABEL
        yield Registration(ClusterEvent(ASSIGNED_POD, pods), is_counted)
        yield Registration(
            ClusterEvent(NODE, Action.ADD | Action.DELETE | Action.UPDATE_NODE_LABEL | Action.UPDATE_NODE_TAINT)
        )
        yield Registration(ClusterEvent(UNSCHEDULED_POD, Action.UPDATE_POD_LABEL))


def _all_keys(columns: Columns, constraints: Sequence[Constraint]) -> Bools:
    """Rows that have every constraint's label."""
    found = np.ones(len(columns.nodes), dtype=np.bool_)
    for each in constraints:
        found &= columns.domains(each.key)[0] >= 0
    return found


def _by_domain(ids: Ints, size: int, counting: Bools, matched: Ints) -> tuple[Ints, Bools]:
    """(pods per domain, whether any counting row is in it); one entry more, so that -1 reads 0."""
    use = counting & (ids >= 0)
    chosen = ids[use]
    sums = np.bincount(chosen, weights=matched[use], minlength=size + 1).astype(np.int64)
    return sums, np.bincount(chosen, minlength=size + 1) > 0
