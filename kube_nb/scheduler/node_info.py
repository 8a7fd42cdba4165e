"""A node as the scheduler sees it: the object's relevant parts, the pods on it and the sum of what they ask for."""

from collections.abc import Mapping, Sequence

from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.scheduler.pod_info import PodInfo

#: The zone of a node, and how much of it decides the order in which nodes are looked at.
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
_OLD_ZONE, _OLD_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"
HOSTNAME = "kubernetes.io/hostname"


class NodeInfo:
    """obj: the node as it came from the API (never changed). requested and non_zero are {resource: int}, cpu in milli.

    pods: those bound or assumed here, by key, in the order of their arrival.
    """

    __slots__ = (
        "_image_sizes",
        "allocatable",
        "labels",
        "name",
        "non_zero",
        "obj",
        "pods",
        "ports",
        "requested",
        "row",
        "taints",
        "unschedulable",
        "with_affinity",
    )

    def __init__(self, obj: Obj) -> None:
        self.pods: dict[str, PodInfo] = {}
        self.requested: dict[str, int] = {requests.CPU: 0, requests.MEMORY: 0}
        self.non_zero: dict[str, int] = {requests.CPU: 0, requests.MEMORY: 0}
        self.ports: dict[tuple[str, str, int], int] = {}
        self.with_affinity: dict[str, PodInfo] = {}
        self.row = -1
        self.set_object(obj)

    def set_object(self, obj: Obj) -> None:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        self.obj = obj
        self.name: str = obj["metadata"]["name"]
        self.labels: Mapping[str, str] = obj["metadata"].get("labels") or {}
        self.taints: Sequence[Obj] = spec.get("taints") or ()
        self.unschedulable = bool(spec.get("unschedulable"))
        self.allocatable = requests.amounts(status.get("allocatable") or status.get("capacity"))
        self._image_sizes: dict[str, int] | None = None

    @property
    def image_sizes(self) -> Mapping[str, int]:
        """{image name: bytes} of what lies on the node."""
        if self._image_sizes is None:
            rows = (self.obj.get("status") or {}).get("images") or ()
            self._image_sizes = {
                name: int(row.get("sizeBytes") or 0) for row in rows for name in row.get("names") or ()
            }
        return self._image_sizes

    @property
    def free(self) -> dict[str, int]:
        """What is left: allocatable minus requested."""
        return {name: amount - self.requested.get(name, 0) for name, amount in self.allocatable.items()}

    def add_pod(self, pod: PodInfo) -> None:
        self._count(pod, 1)
        self.pods[pod.key] = pod
        if pod.shape.has_pod_affinity:
            self.with_affinity[pod.key] = pod

    def remove_pod(self, pod: PodInfo) -> None:
        self._count(pod, -1)
        self.pods.pop(pod.key, None)
        self.with_affinity.pop(pod.key, None)

    def _count(self, pod: PodInfo, sign: int) -> None:
        shape, requested, non_zero = pod.shape, self.requested, self.non_zero
        for name, amount in shape.request_items:
            requested[name] = requested.get(name, 0) + sign * amount
        cpu, memory = shape.non_zero_pair
        non_zero[requests.CPU] += sign * cpu
        non_zero[requests.MEMORY] += sign * memory
        for port in shape.host_ports:
            left = self.ports.get(port, 0) + sign
            if left:
                self.ports[port] = left
            else:
                self.ports.pop(port, None)

    def clone(self) -> "NodeInfo":
        """A copy to try pods on."""
        copy = NodeInfo.__new__(NodeInfo)
        copy.obj, copy.name, copy.row = self.obj, self.name, self.row
        copy.labels, copy.taints, copy.unschedulable = self.labels, self.taints, self.unschedulable
        copy.allocatable, copy._image_sizes = self.allocatable, self._image_sizes
        copy.pods, copy.with_affinity = self.pods.copy(), self.with_affinity.copy()
        copy.requested, copy.non_zero, copy.ports = self.requested.copy(), self.non_zero.copy(), self.ports.copy()
        return copy

    @property
    def zone(self) -> str:
        """Region and zone together, "" if the node names neither. Models component-helpers' GetZoneKey."""
        labels = self.labels
        zone = labels.get(ZONE) or labels.get(_OLD_ZONE) or ""
        region = labels.get(REGION) or labels.get(_OLD_REGION) or ""
        return f"{region}:\0:{zone}" if zone or region else ""

    def __repr__(self) -> str:
        return f"NodeInfo({self.name})"
