"""ReplicaSets and ReplicationControllers: keep so many pods that match a selector.

`controller` watches and reconciles, `status` says what is there, `kinds` holds in what the two differ. Models
pkg/controller/replicaset and pkg/controller/replication, which likewise share one implementation.
"""

from kube_nb.controllers.replicas.controller import ReplicaController
from kube_nb.controllers.replicas.kinds import REPLICA_SET, REPLICATION_CONTROLLER

__all__ = ["REPLICATION_CONTROLLER", "REPLICA_SET", "ReplicaController"]
