"""A pod as the scheduler sees it: what identifies it, and the shape that it shares with all pods alike.

`PodShape` is the part of the spec that decides where a pod can go, parsed once; pods with equal shapes share one
object, which is what the engine's equivalence classes hang on. Labels and namespace are not part of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests

#: Kinds of volumes that some plugin looks at; the others never keep a pod from a node.
VOLUMES = (
    "persistentVolumeClaim",
    "ephemeral",
    "csi",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "azureDisk",
    "rbd",
    "iscsi",
)


#: How many specs are known by themselves.
SPECS = 1024

_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class PodShape:
    """The scheduling-relevant part of a pod's spec. `spec` holds just those fields, in wire form."""

    def __init__(self, spec: Obj, key: bytes) -> None:
        self.key = key
        self.spec = spec
        self.number = -1
        self.requests = requests.pod_requests(spec)
        self.non_zero = requests.pod_requests(spec, requests.NON_ZERO)
        self.request_items = tuple(self.requests.items())
        self.non_zero_pair = (self.non_zero.get(requests.CPU, 0), self.non_zero.get(requests.MEMORY, 0))
        self.tolerations: Sequence[Obj] = spec.get("tolerations") or ()
        self.node_selector: Mapping[str, str] = spec.get("nodeSelector") or {}
        affinity = spec.get("affinity") or {}
        self.node_affinity: Obj = affinity.get("nodeAffinity") or {}
        self.pod_affinity: Obj = affinity.get("podAffinity") or {}
        self.pod_anti_affinity: Obj = affinity.get("podAntiAffinity") or {}
        self.spread: Sequence[Obj] = spec.get("topologySpreadConstraints") or ()
        self.node_name = str(spec.get("nodeName") or "")
        self.volumes: Sequence[Obj] = spec.get("volumes") or ()
        self.images = [str(container.get("image") or "") for container in spec.get("containers") or ()]
        self.init_images = [str(container.get("image") or "") for container in spec.get("initContainers") or ()]
        self.vectors: dict[tuple[str, ...], npt.NDArray[np.float64]] = {}

    @cached_property
    def host_ports(self) -> frozenset[tuple[str, str, int]]:
        """(hostIP, protocol, hostPort) of every container."""
        sidecars = [each for each in self.spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
        return frozenset(
            (str(port.get("hostIP") or "0.0.0.0"), str(port.get("protocol") or "TCP"), int(port["hostPort"]))
            for container in [*(self.spec.get("containers") or ()), *sidecars]
            for port in container.get("ports") or ()
            if port.get("hostPort")
        )

    @cached_property
    def pinned(self) -> bool:
        """Whether every required term names its nodes, as a DaemonSet's pods do."""
        required = self.node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
        terms = required.get("nodeSelectorTerms") or ()
        return bool(terms) and all(term.get("matchFields") for term in terms)

    @cached_property
    def has_pod_affinity(self) -> bool:
        return any(self.pod_affinity.values()) or any(self.pod_anti_affinity.values())

    @cached_property
    def prefers_pods(self) -> bool:
        """Whether it has preferred terms about other pods."""
        return any(part.get(_PREFERRED) for part in (self.pod_affinity, self.pod_anti_affinity))

    def vector(self, resources: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """What it adds to a row of the columns: non-zero cpu and memory, then each resource; one pod counts 1."""
        found = self.vectors.get(resources)
        if found is None:
            wanted = {**self.requests, requests.PODS: 1}
            found = np.array([*self.non_zero_pair] + [wanted.get(name, 0) for name in resources], dtype=np.float64)
            self.vectors[resources] = found
        return found


def _relevant_container(container: Obj) -> Obj:
    resources = container.get("resources") or {}
    kept: Obj = {"image": container.get("image")}
    if asked := resources.get("requests"):
        kept["resources"] = {"requests": asked}
    if ports := [port for port in container.get("ports") or () if port.get("hostPort")]:
        kept["ports"] = ports
    if policy := container.get("restartPolicy"):
        kept["restartPolicy"] = policy
    return kept


_AS_THEY_ARE = ("overhead", "nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "nodeName")


def _relevant(spec: Obj) -> Obj:
    kept: Obj = {"containers": [_relevant_container(container) for container in spec.get("containers") or ()]}
    if inits := spec.get("initContainers"):
        kept["initContainers"] = [_relevant_container(container) for container in inits]
    for field in _AS_THEY_ARE:
        if value := spec.get(field):
            kept[field] = value
    if resources := (spec.get("resources") or {}).get("requests"):
        kept["resources"] = {"requests": resources}
    if volumes := [each for each in spec.get("volumes") or () if any(kind in each for kind in VOLUMES)]:
        kept["volumes"] = volumes
    return kept


class PodShapes:
    """All shapes met so far, by content; bounded, the oldest half goes first."""

    def __init__(self, limit: int = 16384) -> None:
        self._shapes: dict[bytes, PodShape] = {}
        self._limit = limit
        self._numbers = 0
        #: {id of a spec: (it, its shape)}: tasks of a workload share their specs.
        self._of_spec: dict[int, tuple[Obj, PodShape]] = {}

    def of(self, spec: Obj) -> PodShape:
        known = self._of_spec.get(id(spec))
        if known is not None and known[0] is spec:
            return known[1]
        if len(self._of_spec) >= SPECS:
            self._of_spec.clear()
        shape = self._by_content(spec)
        self._of_spec[id(spec)] = spec, shape
        return shape

    def _by_content(self, spec: Obj) -> PodShape:
        relevant = _relevant(spec)
        key = orjson.dumps(relevant, option=orjson.OPT_SORT_KEYS)
        shape = self._shapes.get(key)
        if shape is None:
            shape = PodShape(relevant, key)
            shape.number = self._numbers
            self._numbers += 1
            if len(self._shapes) >= self._limit:
                for old in list(self._shapes)[: self._limit // 2]:
                    del self._shapes[old]
            self._shapes[key] = shape
        return shape


class PodInfo:
    """One pod. obj: as it came from the API (never changed); shape: see `PodShape`; node_name: where it is, or "".

    `labels`, `priority` and `nominated_node_name` are read from the object once.
    """

    __slots__ = (
        "_start",
        "key",
        "labels",
        "name",
        "namespace",
        "node_name",
        "nominated_node_name",
        "obj",
        "priority",
        "shape",
        "terms",
        "uid",
    )

    def __init__(self, obj: Obj, shape: PodShape, node_name: str | None = None) -> None:
        meta = obj["metadata"]
        spec = obj.get("spec") or {}
        self.obj = obj
        self.shape = shape
        self.name: str = meta["name"]
        self.namespace: str = meta.get("namespace") or "default"
        self.key = f"{self.namespace}/{self.name}"
        self.uid: str = meta.get("uid") or self.key
        self.labels: Mapping[str, str] = meta.get("labels") or {}
        self.priority = int(spec.get("priority") or 0)
        self.node_name: str = shape.node_name if node_name is None else node_name
        self.nominated_node_name: str = (obj.get("status") or {}).get("nominatedNodeName") or ""
        self.terms: Any = None
        self._start: float | None = None

    @property
    def requests(self) -> Mapping[str, int]:
        return self.shape.requests

    @property
    def spec(self) -> Obj:
        found: Obj = self.obj.get("spec") or {}
        return found

    @property
    def terminating(self) -> bool:
        return objects.is_deleting(self.obj)

    @property
    def scheduler_name(self) -> str:
        return str(self.spec.get("schedulerName") or "default-scheduler")

    @property
    def preemption_policy(self) -> str:
        return str(self.spec.get("preemptionPolicy") or "PreemptLowerPriority")

    @property
    def start_s(self) -> float:
        """When it started, in seconds since 1970; unstarted pods count as later than any other."""
        if self._start is None:
            text: Any = (self.obj.get("status") or {}).get("startTime")
            self._start = datetime.fromisoformat(text).timestamp() if text else float("inf")
        return self._start

    def see(self, obj: Obj) -> None:
        """Take over a newer state of the object that changes nothing about where it is and what it asks for."""
        self.obj = obj
        self._start = None

    def __repr__(self) -> str:
        return f"PodInfo({self.key})"
