"""Node selector and node affinity: required ones refuse nodes, preferred ones add their weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import NODE, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope, default_normalize
from kube_nb.scheduler.framework.status import SKIP, Status, unresolvable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.node_selection import Required, Term, required_of, terms_of
from kube_nb.scheduler.pod_info import PodInfo

REASON = "node(s) didn't match Pod's node affinity/selector"
REASON_ENFORCED = "node(s) didn't match scheduler-enforced node affinity"
REASON_CONFLICT = "pod affinity terms conflict"

_REQUIRED, _PREFERRED = "NodeAffinity/required", "NodeAffinity/preferred"
_SOFT = "preferredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity:
    """Models plugins/nodeaffinity/node_affinity.go. args: ``addedAffinity``, a NodeAffinity for every pod."""

    name = "NodeAffinity"
    scope = Scope.NODE

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        added = (args or {}).get("addedAffinity") or {}
        self._added = required_of({}, added) if _hard(added) is not None else None
        self._added_soft = _weighted(added)

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        shape = pod.shape
        hard = _hard(shape.node_affinity)
        if hard is None and not shape.node_selector and self._added is None:
            return SKIP
        required = required_of(shape.node_selector, shape.node_affinity)
        state[_REQUIRED] = required
        if not required.terms:
            return None
        names: frozenset[str] = frozenset()
        for term in required.terms:
            found = term.names()
            if found is None:
                return None
            names |= found
        return names or unresolvable(REASON_CONFLICT)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if self._added is not None and not self._added.matches(node):
            return unresolvable(REASON_ENFORCED)
        required: Required = state[_REQUIRED]
        return None if required.matches(node) else unresolvable(REASON)

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        required: Required = state[_REQUIRED]
        codes = np.where(required.matching(columns), 0, 1)
        if self._added is not None:
            codes = np.where(self._added.matching(columns), codes, 2)
        return codes[rows]

    def pre_score(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Status | None:
        weighted = (*self._added_soft, *_weighted(pod.shape.node_affinity))
        if not weighted:
            return SKIP
        state[_PREFERRED] = weighted
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return sum(weight for weight, term in state[_PREFERRED] if term.matches(node))

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        total = np.zeros(len(columns.nodes), dtype=np.int64)
        for weight, term in state[_PREFERRED]:
            total += weight * term.matching(columns)
        found: Ints = total[rows]
        return found

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        return default_normalize(scores)

    def events_to_register(self) -> Iterable[Registration]:
        def matches_now(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            required = required_of(pod.shape.node_selector, pod.shape.node_affinity)
            if new is None or not required.matches(NodeInfo(new)):
                return False
            return old is None or not required.matches(NodeInfo(old))

        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_LABEL), matches_now)


def _hard(node_affinity: Obj) -> Obj | None:
    found: Obj | None = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return found


def _weighted(node_affinity: Obj) -> Sequence[tuple[int, Term]]:
    """(weight, term) of the preferred terms that can count."""
    rows = [row for row in node_affinity.get(_SOFT) or () if row.get("weight")]
    pairs = zip(rows, terms_of(row.get("preference") or {} for row in rows), strict=True)
    return tuple((int(row["weight"]), term) for row, term in pairs if not term.empty)
