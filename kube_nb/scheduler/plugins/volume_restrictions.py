"""Disks that can be mounted once only, and claims that one pod in the cluster may use (ReadWriteOncePod)."""

from collections.abc import Iterable

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import ASSIGNED_POD, NODE, PVC, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.volumes import claim_names
from kube_nb.scheduler.pod_info import PodInfo

REASON_DISK = "node(s) had no available disk"
REASON_ONCE = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"

_KEY = "VolumeRestrictions"
_DISKS = ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi")


def collide(one: Obj, other: Obj) -> bool:
    """Whether two volumes cannot be mounted on one node. Models isVolumeConflict."""
    for kind, name in (("gcePersistentDisk", "pdName"), ("awsElasticBlockStore", "volumeID"), ("iscsi", "iqn")):
        a, b = one.get(kind), other.get(kind)
        if a and b and a.get(name) == b.get(name):
            both_read_only = bool(a.get("readOnly")) and bool(b.get("readOnly"))
            if kind == "awsElasticBlockStore" or not both_read_only:
                return True
    a, b = one.get("rbd"), other.get("rbd")
    if a and b:
        same = (a.get("pool") or "rbd", a.get("image")) == (b.get("pool") or "rbd", b.get("image"))
        shared = set(a.get("monitors") or ()) & set(b.get("monitors") or ())
        return bool(same and shared and not (a.get("readOnly") and b.get("readOnly")))
    return False


class VolumeRestrictions:
    """Models plugins/volumerestrictions/volume_restrictions.go."""

    name = "VolumeRestrictions"
    scope = Scope.CLUSTER
    applies_by_shape = True

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        return bool(pod.shape.volumes)

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        once = []
        for name, ephemeral in claim_names(pod):
            claim = self._handle.lister.get("persistentvolumeclaims", pod.namespace, name)
            if claim is None and not ephemeral:
                return unresolvable(f'persistentvolumeclaim "{name}" not found')
            if claim is not None and "ReadWriteOncePod" in ((claim.get("spec") or {}).get("accessModes") or ()):
                once.append(name)
        disks = [volume for volume in pod.shape.volumes if any(kind in volume for kind in _DISKS)]
        if not once and not disks:
            return SKIP
        state[_KEY] = (frozenset(once), disks)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        once, disks = state[_KEY]
        for other in node.pods.values():
            if disks and any(collide(mine, its) for mine in disks for its in other.shape.volumes):
                return unschedulable(REASON_DISK)
        if once and any(self._uses(other, pod, once) for other in node.pods.values()):
            return unschedulable(REASON_ONCE)
        return None

    def _uses(self, other: PodInfo, pod: PodInfo, once: frozenset[str]) -> bool:
        if other.namespace != pod.namespace or not other.shape.volumes:
            return False
        return any(name in once for name, _ in claim_names(other))

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        codes = np.zeros(len(rows), dtype=np.int64)
        for place, row in enumerate(rows.tolist()):
            status = self.filter(state, pod, columns.nodes[row]) if columns.nodes[row].pods else None
            if status is not None:
                codes[place] = 1 if status.reasons == (REASON_DISK,) else 2
        return codes

    def events_to_register(self) -> Iterable[Registration]:
        yield Registration(ClusterEvent(ASSIGNED_POD, Action.DELETE))
        yield Registration(ClusterEvent(NODE, Action.ADD))
        yield Registration(ClusterEvent(PVC, Action.ADD | Action.UPDATE))
