"""How many pods per node match a selector, and how many carry an affinity term: kept as columns, pod by pod.

PodTopologySpread and InterPodAffinity ask for the same few selectors again and again; each is counted once over all
pods and from then on updated by every pod that comes or goes. Those not asked for in a long time are forgotten.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np

from kube_nb.machinery import labels
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.framework.interface import Ints
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

#: How many different selectors are counted at a time.
LIMIT = 256


class MatchKey(NamedTuple):
    """namespaces: those whose pods count, None for all; live: pods being deleted do not count."""

    namespaces: frozenset[str] | None
    selector: labels.Selector
    live: bool

    def matches(self, pod: PodInfo) -> bool:
        if self.namespaces is not None and pod.namespace not in self.namespaces:
            return False
        return self.selector.matches(pod.labels) and not (self.live and pod.terminating)


Keys: TypeAlias = tuple[MatchKey, ...]
Label: TypeAlias = tuple[str, str]
_NO_PODS: Mapping[str, tuple[PodInfo, int]] = {}
_NO_COLUMNS: Mapping[Keys, Ints] = {}


class MatchCounts:
    """{MatchKey: pods that match, per row}.

    Hundreds of selectors meet thousands of pods here, so neither is walked over: columns are found by a label that
    their pods must have, pods by each of their labels.
    """

    def __init__(self) -> None:
        self._columns: dict[Keys, Ints] = {}  # the one not asked for longest is the first
        self._by_label: dict[Label | None, dict[Keys, Ints]] = {}
        self._nodes: Sequence[NodeInfo] = ()
        #: {label: {pod's key: (pod, row)}}; made when the first column is.
        self._pods: dict[Label, dict[str, tuple[PodInfo, int]]] = {}

    @property
    def active(self) -> bool:
        return bool(self._columns)

    def lay_out(self, nodes: Sequence[NodeInfo]) -> None:
        self._nodes = nodes
        self._columns.clear()
        self._by_label.clear()
        self._pods.clear()

    def of(self, *keys: MatchKey) -> Ints:
        """Pods per row that match all of the keys. The column is live: do not change it."""
        column = self._columns.pop(keys, None)
        if column is None:
            if not self._columns:
                self._find_pods()
            if len(self._columns) >= LIMIT:
                self._forget(next(iter(self._columns)))
            column = self._counted(keys)
            self._by_label.setdefault(_label_of(keys), {})[keys] = column
        self._columns[keys] = column
        return column

    def _counted(self, keys: Keys) -> Ints:
        column = np.zeros(len(self._nodes), dtype=np.int64)
        label = _label_of(keys)
        if label is not None:
            for pod, row in self._pods.get(label, _NO_PODS).values():
                column[row] += all(key.matches(pod) for key in keys)
            return column
        for row, node in enumerate(self._nodes):
            column[row] = sum(all(key.matches(pod) for key in keys) for pod in node.pods.values())
        return column

    def _find_pods(self) -> None:
        self._pods.clear()
        for row, node in enumerate(self._nodes):
            for pod in node.pods.values():
                for label in pod.labels.items():
                    self._pods.setdefault(label, {})[pod.key] = (pod, row)

    def _forget(self, keys: Keys) -> None:
        del self._columns[keys]
        label = _label_of(keys)
        columns = self._by_label[label]
        del columns[keys]
        if not columns:
            del self._by_label[label]

    def count(self, pod: PodInfo, row: int, sign: int) -> None:
        """A pod came (1) or went (-1); called only while `active`."""
        self._count(None, pod, row, sign)
        for label in pod.labels.items():
            self._count(label, pod, row, sign)
            if sign > 0:
                self._pods.setdefault(label, {})[pod.key] = (pod, row)
            elif (pods := self._pods.get(label)) is not None:
                pods.pop(pod.key, None)
                if not pods:
                    del self._pods[label]

    def _count(self, label: Label | None, pod: PodInfo, row: int, sign: int) -> None:
        for keys, column in self._by_label.get(label, _NO_COLUMNS).items():
            if all(key.matches(pod) for key in keys):
                column[row] += sign


def _label_of(keys: Keys) -> Label | None:
    """A label that every pod that matches has; None if no single value is asked for."""
    for key in keys:
        for requirement in key.selector.requirements:
            value = key.selector.exact(requirement.key)
            if value is not None:
                return requirement.key, value
    return None


class AffinityTerm(NamedTuple):
    """One term of a pod's (anti-)affinity, its own namespace and matchLabelKeys already filled in."""

    selector: labels.Selector
    namespaces: frozenset[str]
    namespace_selector: labels.Selector
    topology_key: str

    def matches(self, pod: PodInfo, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether the pod is one that this term speaks of. namespaces: labels of every namespace."""
        if pod.namespace in self.namespaces:
            return self.selector.matches(pod.labels)
        chosen = self.namespace_selector
        if chosen.nothing or not chosen.matches(namespaces.get(pod.namespace)):
            return False
        return self.selector.matches(pod.labels)

    def match_key(self, namespaces: Mapping[str, Mapping[str, str]]) -> MatchKey:
        """The count of the pods that this term speaks of."""
        selector = self.namespace_selector
        if selector.everything:
            return MatchKey(None, self.selector, False)
        chosen = self.namespaces
        if not selector.nothing:
            chosen = chosen | {name for name, found in namespaces.items() if selector.matches(found)}
        return MatchKey(frozenset(chosen), self.selector, False)


class Weighted(NamedTuple):
    """A preferred term."""

    term: AffinityTerm
    weight: int


Term = TypeVar("Term", AffinityTerm, Weighted)


class PodTerms(NamedTuple):
    """A pod's (anti-)affinity, parsed."""

    required: tuple[AffinityTerm, ...]
    required_anti: tuple[AffinityTerm, ...]
    preferred: tuple[Weighted, ...]
    preferred_anti: tuple[Weighted, ...]


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def affinity_term(row: Obj, pod: PodInfo) -> AffinityTerm:
    """Models framework.newAffinityTerm and the merging of (mis)matchLabelKeys into the selector."""
    selector = labels.from_label_selector(row.get("labelSelector"))
    more = [
        labels.Requirement(key, operator, (pod.labels[key],))
        for field, operator in (("matchLabelKeys", labels.IN), ("mismatchLabelKeys", labels.NOT_IN))
        for key in row.get(field) or ()
        if key in pod.labels
    ]
    if more and not selector.nothing:
        known = {(each.key, each.operator, each.values) for each in selector.requirements}
        more = [each for each in more if (each.key, each.operator, each.values) not in known]
        selector = labels.Selector([*selector.requirements, *more])
    by_namespace = row.get("namespaceSelector")
    named = row.get("namespaces") or ()
    own = (pod.namespace,) if not named and by_namespace is None else ()
    return AffinityTerm(
        selector, frozenset([*named, *own]), labels.from_label_selector(by_namespace), str(row.get("topologyKey") or "")
    )


def pod_terms(pod: PodInfo) -> PodTerms:
    """Parsed once per pod."""
    if pod.terms is None:
        pod.terms = _pod_terms(pod)
    found: PodTerms = pod.terms
    return found


def _pod_terms(pod: PodInfo) -> PodTerms:
    affinity, anti = pod.shape.pod_affinity, pod.shape.pod_anti_affinity

    def required(part: Obj) -> tuple[AffinityTerm, ...]:
        return tuple(affinity_term(row, pod) for row in part.get(_REQUIRED) or ())

    def preferred(part: Obj) -> tuple[Weighted, ...]:
        return tuple(
            Weighted(affinity_term(row["podAffinityTerm"], pod), int(row["weight"]))
            for row in part.get(_PREFERRED) or ()
        )

    return PodTerms(required(affinity), required(anti), preferred(affinity), preferred(anti))


class AffinityTerms:
    """The terms that placed pods carry: {term: pods with it per row}, by kind; `PodTerms`' fields name the kinds."""

    def __init__(self) -> None:
        self._nodes: Sequence[NodeInfo] = ()
        self.required: dict[AffinityTerm, Ints] = {}
        self.required_anti: dict[AffinityTerm, Ints] = {}
        self.preferred: dict[Weighted, Ints] = {}
        self.preferred_anti: dict[Weighted, Ints] = {}

    @property
    def any(self) -> bool:
        return bool(self.required or self.required_anti or self.preferred or self.preferred_anti)

    def lay_out(self, nodes: Sequence[NodeInfo]) -> None:
        self._nodes = nodes
        for kind in (self.required, self.required_anti, self.preferred, self.preferred_anti):
            kind.clear()
        for row, node in enumerate(nodes):
            for pod in node.with_affinity.values():
                self.count(pod, row, 1)

    def count(self, pod: PodInfo, row: int, sign: int) -> None:
        terms = pod_terms(pod)
        self._count(self.required, terms.required, row, sign)
        self._count(self.required_anti, terms.required_anti, row, sign)
        self._count(self.preferred, terms.preferred, row, sign)
        self._count(self.preferred_anti, terms.preferred_anti, row, sign)

    def _count(self, columns: dict[Term, Ints], terms: Sequence[Term], row: int, sign: int) -> None:
        for term in terms:
            column = columns.get(term)
            if column is None:
                column = columns[term] = np.zeros(len(self._nodes), dtype=np.int64)
            column[row] += sign
            if sign < 0 and not column.any():
                del columns[term]
