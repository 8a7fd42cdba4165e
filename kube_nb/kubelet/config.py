"""What a kubelet is told about its node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kube_nb.machinery.types import Obj

#: What a node has unless it is said otherwise.
CAPACITY = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi", "pods": "110"}
VERSION = "v1.37.0"


@dataclass(slots=True)
class NodeConfig:
    """allocatable: capacity less what is kept for the system; the capacity itself if empty. dns: the name server's
    address for pods with dnsPolicy ClusterFirst, "" for none.

    register_with_taints: given only when the node is made. serialize_pulls: one image at a time, as upstream's default.
    resumes: pods that ran here by what their objects say, and whom this node's runtime does not know, go on as they
    were (`kubelet.resuming`); else they are started as new ones.
    """

    name: str
    ip: str
    capacity: Mapping[str, str] = field(default_factory=lambda: dict(CAPACITY))
    allocatable: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    register_with_taints: Sequence[Obj] = ()
    pod_cidr: str = ""
    provider_id: str = ""
    dns: str = "10.96.0.10"
    cluster_domain: str = "cluster.local"
    version: str = VERSION
    os_image: str = "Debian GNU/Linux 13 (trixie)"
    kernel: str = "6.12.48-amd64"
    port: int = 10250
    serialize_pulls: bool = True
    service_account_tokens: bool = True
    resumes: bool = False
