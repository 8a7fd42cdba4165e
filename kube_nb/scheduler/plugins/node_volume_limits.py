"""A node attaches only so many volumes of a CSI driver: as its CSINode says."""

from collections.abc import Iterable

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import ASSIGNED_POD, CSI_NODE, PVC, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.framework.status import SKIP, Status, unresolvable, unschedulable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.volumes import claims, class_of
from kube_nb.scheduler.pod_info import PodInfo

REASON = "node(s) exceed max volume count"


class NodeVolumeLimits:
    """Models plugins/nodevolumelimits/csi.go. Differs: in-tree volumes count under no CSI driver's name; a
    VolumeAttachment without a pod does not count."""

    name = "NodeVolumeLimits"
    scope = Scope.CLUSTER
    applies_by_shape = True

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def applies(self, pod: PodInfo, columns: Columns) -> bool:
        return bool(pod.shape.volumes)

    def pre_filter(self, state: CycleState, pod: PodInfo, columns: Columns) -> Status | frozenset[str] | None:
        return (
            None if any("persistentVolumeClaim" in each or "ephemeral" in each for each in pod.shape.volumes) else SKIP
        )

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        lister = self._handle.lister
        for claim in claims(pod, lister):
            if claim.obj is None and not claim.ephemeral:
                return unresolvable(f"looking up PVC {pod.namespace}/{claim.name}: not found")
        wanted = self._volumes(pod)
        limits = self._limits(node.name)
        if not wanted or not limits:
            return None
        attached: dict[str, str] = {}
        for other in node.pods.values():
            if other.shape.volumes:
                attached |= self._volumes(other)
        new = {handle: driver for handle, driver in wanted.items() if handle not in attached}
        for driver in sorted(set(new.values())):
            if driver in limits:
                used = sum(each == driver for each in attached.values())
                if used + sum(each == driver for each in new.values()) > limits[driver]:
                    return unschedulable(REASON)
        return None

    def _limits(self, node_name: str) -> dict[str, int]:
        csi_node: Obj = self._handle.lister.get("csinodes", None, node_name) or {}
        drivers = (csi_node.get("spec") or {}).get("drivers") or ()
        return {
            each["name"]: int(each["allocatable"]["count"])
            for each in drivers
            if (each.get("allocatable") or {}).get("count") is not None
        }

    def _volumes(self, pod: PodInfo) -> dict[str, str]:
        """{unique name of the volume: driver}; an unbound claim counts as one of its class's provisioner."""
        found: dict[str, str] = {}
        for claim in claims(pod, self._handle.lister):
            csi = ((claim.volume or {}).get("spec") or {}).get("csi")
            if csi:
                found[f"{csi['driver']}/{csi['volumeHandle']}"] = csi["driver"]
            elif claim.obj is not None and claim.volume is None:
                driver = (class_of(claim, self._handle.lister) or {}).get("provisioner")
                if driver:
                    found[f"{driver}/{pod.namespace}/{claim.name}"] = driver
        return found

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        codes = np.zeros(len(rows), dtype=np.int64)
        for place, row in enumerate(rows.tolist()):
            status = self.filter(state, pod, columns.nodes[row])
            if status is not None:
                codes[place] = 1 if status.reasons == (REASON,) else 2
        return codes

    def events_to_register(self) -> Iterable[Registration]:
        yield Registration(ClusterEvent(CSI_NODE, Action.ADD | Action.UPDATE))
        yield Registration(ClusterEvent(ASSIGNED_POD, Action.DELETE))
        yield Registration(ClusterEvent(PVC, Action.ADD | Action.UPDATE))
