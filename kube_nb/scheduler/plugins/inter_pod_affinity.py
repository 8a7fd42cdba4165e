"""Pods near to, or away from, other pods: within a zone, a host or any other node label."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.counts import AffinityTerm, PodTerms, pod_terms
from kube_nb.scheduler.framework.events import ASSIGNED_POD, NODE, UNSCHEDULED_POD, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import MAX_SCORE, CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

REASON_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"
REASON_AFFINITY = "node(s) didn't match pod affinity rules"
REASON_ANTI = "node(s) didn't match pod anti-affinity rules"

_FILTER, _SCORE = "InterPodAffinity/filter", "InterPodAffinity/score"

#: {(label key, value): how many pods}.
Pairs = dict[tuple[str, str], int]


class _Filter:
    """The pod's terms; and, for the plain form, counts per topology pair: of pods with an anti-affinity to this one
    (existing), of pods that match all its affinity terms, and of pods that match an anti-affinity term."""

    def __init__(self, terms: PodTerms, pairs: tuple[Pairs, Pairs, Pairs] | None = None) -> None:
        self.terms = terms
        self.pairs = pairs

    def clone(self) -> "_Filter":
        if self.pairs is None:
            return _Filter(self.terms)
        existing, affinity, anti = self.pairs
        return _Filter(self.terms, (dict(existing), dict(affinity), dict(anti)))

    def filled(self, pod: PodInfo, columns: Columns) -> tuple[Pairs, Pairs, Pairs]:
        if self.pairs is None:
            self.pairs = ({}, {}, {})
            looks = bool(self.terms.required or self.terms.required_anti)
            for node in columns.nodes:
                for other in node.pods.values() if looks else node.with_affinity.values():
                    self.change(pod, other, node, 1, columns.namespaces)
        return self.pairs

    def change(
        self, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: int, namespaces: Mapping[str, Mapping[str, str]]
    ) -> None:
        assert self.pairs is not None
        existing, affinity, anti = self.pairs
        if other.shape.pod_anti_affinity:
            for term in pod_terms(other).required_anti:
                if term.matches(pod, namespaces):
                    _add(existing, node, term, sign)
        required = self.terms.required
        if required and all(term.matches(other, namespaces) for term in required):
            for term in required:
                _add(affinity, node, term, sign)
        for term in self.terms.required_anti:
            if term.matches(other, namespaces):
                _add(anti, node, term, sign)


def _add(pairs: Pairs, node: NodeInfo, term: AffinityTerm, amount: int) -> None:
    value = node.labels.get(term.topology_key)
    if value is not None:
        pair = (term.topology_key, value)
        left = pairs.get(pair, 0) + amount
        if left:
            pairs[pair] = left
        else:
            pairs.pop(pair, None)


class InterPodAffinity:
    """Models plugins/interpodaffinity. args: ``hardPodAffinityWeight``, ``ignorePreferredTermsOfExistingPods``."""

    name = "InterPodAffinity"
    scope = Scope.CLUSTER

    def __init__(self, args: Mapping[str, Any], handle: Handle) -> None:
        self._hard_weight = int(args.get("hardPodAffinityWeight", 1))
        self._ignores_existing = bool(args.get("ignorePreferredTermsOfExistingPods"))
        self._handle = handle

    # -- filter ----------------------------------------------------------------------------------------------------

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        return pod.shape.has_pod_affinity or bool(columns.terms.required_anti)

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        terms = pod_terms(pod)
        namespaces = columns.namespaces
        hit = any(term.matches(pod, namespaces) for term in columns.terms.required_anti)
        if not terms.required and not terms.required_anti and not hit:
            return SKIP
        state[_FILTER] = _Filter(terms)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        prepared: _Filter = state[_FILTER]
        columns = self._handle.columns
        existing, affinity, anti = prepared.filled(pod, columns)
        required = prepared.terms.required
        labels = node.labels
        if any(term.topology_key not in labels for term in required):
            return unresolvable(REASON_AFFINITY)
        missing = any(not affinity.get((term.topology_key, labels[term.topology_key])) for term in required)
        if missing and not (not affinity and all(term.matches(pod, columns.namespaces) for term in required)):
            return unresolvable(REASON_AFFINITY)
        for term in prepared.terms.required_anti:
            value = labels.get(term.topology_key)
            if value is not None and anti.get((term.topology_key, value), 0) > 0:
                return unschedulable(REASON_ANTI)
        if any(existing.get(pair, 0) > 0 for pair in labels.items()):
            return unschedulable(REASON_EXISTING)
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        columns = self._handle.columns
        state[_FILTER].filled(pod, columns)
        state[_FILTER].change(pod, added, node, 1, columns.namespaces)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        columns = self._handle.columns
        state[_FILTER].filled(pod, columns)
        state[_FILTER].change(pod, removed, node, -1, columns.namespaces)

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        terms: PodTerms = state[_FILTER].terms
        codes = self._refused_by_existing(pod, columns)
        for term in terms.required_anti:
            matched = columns.counts.of(term.match_key(columns.namespaces))
            codes[_in_domain(columns, term, matched) > 0] = 2
        if terms.required:
            codes[~self._has_company(terms.required, pod, columns)] = 1
        found: Ints = codes[rows]
        return found

    def status_of(self, code: int) -> Status:
        return (unresolvable(REASON_AFFINITY), unschedulable(REASON_ANTI), unschedulable(REASON_EXISTING))[code - 1]

    def _refused_by_existing(self, pod: PodInfo, columns: Columns) -> Ints:
        codes = np.zeros(len(columns.nodes), dtype=np.int64)
        for term, carriers in columns.terms.required_anti.items():
            if term.matches(pod, columns.namespaces):
                codes[_in_domain(columns, term, carriers) > 0] = 3
        return codes

    def _has_company(self, required: tuple[AffinityTerm, ...], pod: PodInfo, columns: Columns) -> npt.NDArray[np.bool_]:
        """Rows whose domains hold a pod that matches all terms; the first of a group needs nobody but the labels."""
        matched = columns.counts.of(*(term.match_key(columns.namespaces) for term in required))
        labelled = np.ones(len(columns.nodes), dtype=np.bool_)
        together = np.ones(len(columns.nodes), dtype=np.bool_)
        nobody = True
        for term in required:
            ids = columns.domains(term.topology_key)[0]
            labelled &= ids >= 0
            near = _in_domain(columns, term, matched)
            together &= near > 0
            nobody = nobody and not near.any()
        if nobody and all(term.matches(pod, columns.namespaces) for term in required):
            return labelled
        return labelled & together

    # -- score -----------------------------------------------------------------------------------------------------

    def applies_to_score(self, pod: PodInfo, columns: Columns) -> bool:
        wants = pod.shape.prefers_pods
        if self._ignores_existing and not wants:
            return False
        terms = columns.terms
        return wants or bool(terms.required or terms.preferred or terms.preferred_anti)

    def pre_score(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Status | None:
        if not self.applies_to_score(pod, columns):
            return SKIP
        state[_SCORE] = (pod_terms(pod), None)
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        terms, pairs = state[_SCORE]
        if pairs is None:
            pairs = self._plain_pairs(terms, pod)
            state[_SCORE] = (terms, pairs)
        return sum(pairs.get(pair, 0) for pair in node.labels.items())

    def _plain_pairs(self, terms: PodTerms, pod: PodInfo) -> Pairs:
        columns, pairs = self._handle.columns, Pairs()
        namespaces = columns.namespaces
        for node in columns.nodes:
            for other in node.pods.values():
                for term, weight in terms.preferred:
                    if term.matches(other, namespaces):
                        _add(pairs, node, term, weight)
                for term, weight in terms.preferred_anti:
                    if term.matches(other, namespaces):
                        _add(pairs, node, term, -weight)
                theirs = pod_terms(other) if other.shape.has_pod_affinity else _NO_TERMS
                for term in theirs.required if self._hard_weight else ():
                    if term.matches(pod, namespaces):
                        _add(pairs, node, term, self._hard_weight)
                for term, weight in theirs.preferred:
                    if term.matches(pod, namespaces):
                        _add(pairs, node, term, weight)
                for term, weight in theirs.preferred_anti:
                    if term.matches(pod, namespaces):
                        _add(pairs, node, term, -weight)
        return pairs

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        terms: PodTerms = state[_SCORE][0]
        namespaces = columns.namespaces
        total = np.zeros(len(columns.nodes), dtype=np.int64)
        for sign, mine in ((1, terms.preferred), (-1, terms.preferred_anti)):
            for term, weight in mine:
                total += sign * weight * _in_domain(columns, term, columns.counts.of(term.match_key(namespaces)))
        for term, carriers in columns.terms.required.items() if self._hard_weight else ():
            if term.matches(pod, namespaces):
                total += self._hard_weight * _in_domain(columns, term, carriers)
        for sign, theirs in ((1, columns.terms.preferred), (-1, columns.terms.preferred_anti)):
            for (term, weight), carriers in theirs.items():
                if term.matches(pod, namespaces):
                    total += sign * weight * _in_domain(columns, term, carriers)
        found: Ints = total[rows]
        return found

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        low, high = int(scores.min()), int(scores.max())
        if high == low:
            return np.zeros(len(scores), dtype=np.int64)
        scaled: Ints = (MAX_SCORE * ((scores - low) / float(high - low))).astype(np.int64)
        return scaled

    def events_to_register(self) -> Iterable[Registration]:
        def concerns(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            engine = self._handle.engine
            seen = [engine.pod(each) for each in (old, new) if each is not None]
            terms, namespaces = pod_terms(pod), self._handle.columns.namespaces
            mine = [*terms.required, *terms.required_anti]
            if any(term.matches(other, namespaces) for term in mine for other in seen):
                return True
            return any(term.matches(pod, namespaces) for other in seen for term in pod_terms(other).required_anti)

        pods = Action.ADD | Action.DELETE | Action.UPDATE_POD_LABEL
        yield Registration(ClusterEvent(ASSIGNED_POD, pods), concerns)
        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_LABEL))
        yield Registration(ClusterEvent(UNSCHEDULED_POD, Action.UPDATE_POD_LABEL))


_NO_TERMS = PodTerms((), (), (), ())


def _in_domain(columns: Columns, term: AffinityTerm, counts: Ints) -> Ints:
    """For each row how many are counted in its domain of the term's label; 0 without the label."""
    ids, values = columns.domains(term.topology_key)
    there = ids >= 0
    sums = np.bincount(ids[there], weights=counts[there], minlength=len(values) + 1).astype(np.int64)
    found: Ints = sums[ids]
    return found
