"""Bound volumes with zone or region labels keep the pod in their zone."""

from collections.abc import Iterable

import numpy as np

from kube_nb.machinery import labels
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import NODE, PV, PVC, STORAGE_CLASS, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.framework.status import SKIP, Status, unresolvable
from kube_nb.scheduler.node_info import REGION, ZONE, NodeInfo
from kube_nb.scheduler.plugins.node_selection import requirement_matching
from kube_nb.scheduler.plugins.volumes import claims, class_of
from kube_nb.scheduler.pod_info import PodInfo

REASON = "node(s) had no available volume zone"

_BETA = {"failure-domain.beta.kubernetes.io/zone": ZONE, "failure-domain.beta.kubernetes.io/region": REGION}
_KEY = "VolumeZone"


class VolumeZone:
    """Models plugins/volumezone/volume_zone.go. Several zones of one volume are joined by ``__``."""

    name = "VolumeZone"
    scope = Scope.CLUSTER
    applies_by_shape = True

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        return bool(pod.shape.volumes)

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        found: list[labels.Requirement] = []
        for claim in claims(pod, self._handle.lister):
            if claim.obj is None:
                return unresolvable(f'persistentvolumeclaim "{claim.name}" not found')
            if not claim.volume_name:
                kind = class_of(claim, self._handle.lister)
                if kind is not None and kind.get("volumeBindingMode") == "WaitForFirstConsumer":
                    continue
                return unresolvable("PersistentVolume had no name")
            if claim.volume is None:
                return unresolvable(f'persistentvolume "{claim.volume_name}" not found')
            for key, value in (claim.volume["metadata"].get("labels") or {}).items():
                if key in (ZONE, REGION) or key in _BETA:
                    found.append(labels.Requirement(key, labels.IN, value.split("__")))
        if not found:
            return SKIP
        state[_KEY] = found
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """A node without any zone label, as on one machine, has all zones."""
        if not any(key in node.labels for key in (ZONE, REGION, *_BETA)):
            return None
        return None if all(self._matches(each, node) for each in state[_KEY]) else unresolvable(REASON)

    def _matches(self, each: labels.Requirement, node: NodeInfo) -> bool:
        current = _BETA.get(each.key, each.key)
        return each.matches(node.labels) or (current != each.key and node.labels.get(current) in each.values)

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        has_any = np.zeros(len(columns.nodes), dtype=np.bool_)
        for key in (ZONE, REGION, *_BETA):
            has_any |= columns.domains(key)[0] >= 0
        good = np.ones(len(columns.nodes), dtype=np.bool_)
        for each in state[_KEY]:
            matching = requirement_matching(columns, each)
            if each.key in _BETA:
                matching = matching | requirement_matching(
                    columns, labels.Requirement(_BETA[each.key], labels.IN, each.values)
                )
            good &= matching
        codes: Ints = (has_any & ~good).astype(np.int64)[rows]
        return codes

    def events_to_register(self) -> Iterable[Registration]:
        yield Registration(ClusterEvent(STORAGE_CLASS, Action.ADD))
        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_LABEL))
        yield Registration(ClusterEvent(PVC, Action.ADD | Action.UPDATE))
        yield Registration(ClusterEvent(PV, Action.ADD | Action.UPDATE))
