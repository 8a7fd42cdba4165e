"""In what ReplicaSets and ReplicationControllers differ for their controller."""

from dataclasses import dataclass

from kube_nb.api import resources
from kube_nb.machinery import labels
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.labels import Selector
from kube_nb.machinery.types import Obj


@dataclass(frozen=True)
class ReplicaKind:
    """actor: the controller's name. counts_terminating: whether status has terminatingReplicas."""

    gvr: GVR
    kind: str
    actor: str
    counts_terminating: bool

    def selector(self, obj: Obj) -> Selector:
        found = (obj.get("spec") or {}).get("selector")
        if self is REPLICATION_CONTROLLER:
            return labels.from_map(found) if found else labels.NOTHING
        return labels.from_label_selector(found)


REPLICA_SET = ReplicaKind(resources.REPLICA_SETS, "ReplicaSet", "replicaset-controller", True)
REPLICATION_CONTROLLER = ReplicaKind(
    resources.REPLICATION_CONTROLLERS, "ReplicationController", "replication-controller", False
)
