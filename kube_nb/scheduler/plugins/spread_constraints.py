"""Topology spread constraints as a pod has them: its own, or the defaults that its Service or controller brings.

Models plugins/podtopologyspread/common.go and plugins/helper/spread.go.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.counts import MatchKey
from kube_nb.scheduler.framework.interface import Bools
from kube_nb.scheduler.framework.runtime import Lister
from kube_nb.scheduler.node_info import HOSTNAME, ZONE, NodeInfo
from kube_nb.scheduler.plugins.node_selection import required_of
from kube_nb.scheduler.plugins.tolerations import KEEPS_AWAY, first_untolerated
from kube_nb.scheduler.pod_info import PodInfo

HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"

SYSTEM_DEFAULTS: Sequence[Obj] = (
    {"topologyKey": HOSTNAME, "whenUnsatisfiable": SOFT, "maxSkew": 3},
    {"topologyKey": ZONE, "whenUnsatisfiable": SOFT, "maxSkew": 5},
)


class Constraint(NamedTuple):
    """One constraint. honors_affinity, honors_taints: whether nodes that the pod cannot use for these do not count.

    counted: the selector by which placed pods count: an empty one counts nobody, as upstream.
    """

    key: str
    max_skew: int
    min_domains: int
    selector: labels.Selector
    honors_affinity: bool
    honors_taints: bool

    @property
    def counted(self) -> labels.Selector:
        return labels.NOTHING if self.selector.everything else self.selector

    def counts(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether this node's pods count."""
        shape = pod.shape
        if self.honors_affinity and not required_of(shape.node_selector, shape.node_affinity).matches(node):
            return False
        return not self.honors_taints or first_untolerated(node.taints, shape.tolerations, KEEPS_AWAY) is None

    def counting(self, pod: PodInfo, columns: Columns) -> Bools:
        """The same for all rows."""
        shape = pod.shape
        found = np.ones(len(columns.nodes), dtype=np.bool_)
        if self.honors_affinity and (shape.node_selector or shape.node_affinity):
            found &= required_of(shape.node_selector, shape.node_affinity).matching(columns)
        if self.honors_taints:
            ids, sets = columns.taint_sets()
            found &= np.array([first_untolerated(each, shape.tolerations, KEEPS_AWAY) is None for each in sets])[ids]
        return found

    def match_key(self, pod: PodInfo) -> MatchKey:
        """The count of the pods that are spread: of the pod's namespace, and not on their way out."""
        return MatchKey(frozenset((pod.namespace,)), self.counted, True)

    def matches(self, pod: PodInfo, other: PodInfo) -> bool:
        return other.namespace == pod.namespace and self.counted.matches(other.labels) and not other.terminating


def own_constraints(pod: PodInfo, action: str) -> list[Constraint]:
    return [_constraint(row, pod, None) for row in pod.shape.spread if row.get("whenUnsatisfiable") == action]


def _constraint(row: Obj, pod: PodInfo, selector: labels.Selector | None) -> Constraint:
    if selector is None:
        selector = labels.from_label_selector(row.get("labelSelector"))
        more = [
            labels.Requirement(key, labels.IN, (pod.labels[key],))
            for key in row.get("matchLabelKeys") or ()
            if key in pod.labels and pod.labels[key] not in _values(selector, key)
        ]
        if more and not selector.nothing:
            selector = labels.Selector([*selector.requirements, *more])
    return Constraint(
        row["topologyKey"],
        int(row["maxSkew"]),
        int(row.get("minDomains") or 1),
        selector,
        (row.get("nodeAffinityPolicy") or "Honor") == "Honor",
        (row.get("nodeTaintsPolicy") or "Ignore") == "Honor",
    )


def _values(selector: labels.Selector, key: str) -> tuple[str, ...]:
    found = [each for each in selector.requirements if each.key == key and each.operator == labels.IN]
    return found[0].values if len(found) == 1 and len(found[0].values) == 1 else ()


def default_constraints(pod: PodInfo, rows: Sequence[Obj], action: str, lister: Lister) -> list[Constraint]:
    """The defaults, with the selector of the pod's Services and controller; none without such."""
    wanted = [row for row in rows if row["whenUnsatisfiable"] == action]
    if not wanted:
        return []
    selector = default_selector(pod, lister)
    return [_constraint(row, pod, selector) for row in wanted] if selector.requirements else []


def may_have_selector(pod: PodInfo, lister: Lister) -> bool:
    """False where `default_selector` is empty for sure: cheap to ask for every pod."""
    return bool(pod.obj["metadata"].get("ownerReferences")) or bool(lister.list("services", pod.namespace))


def default_selector(pod: PodInfo, lister: Lister) -> labels.Selector:
    """Models helper.DefaultSelector: Services' selectors merged, and that of the controlling RC, RS or StatefulSet."""
    pairs: dict[str, str] = {}
    for service in lister.services_with(pod.namespace, pod.labels):
        wanted: Mapping[str, str] = service["spec"]["selector"]
        if all(pod.labels.get(key) == value for key, value in wanted.items()):
            pairs |= wanted
    owner = objects.owner(pod.obj)
    kind = owner["kind"] if owner is not None else ""
    more: list[Any] = []
    if owner is not None and kind == "ReplicationController":
        found = lister.get("replicationcontrollers", pod.namespace, owner["name"])
        pairs |= ((found or {}).get("spec") or {}).get("selector") or {}
    elif owner is not None and kind in ("ReplicaSet", "StatefulSet"):
        found = lister.get(f"{kind.lower()}s", pod.namespace, owner["name"])
        if found is not None:
            more = list(labels.from_label_selector(found["spec"].get("selector")).requirements)
    return labels.Selector([*labels.from_map(pairs).requirements, *more])
