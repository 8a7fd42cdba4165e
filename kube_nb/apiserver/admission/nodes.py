"""TaintNodesByCondition and PodTopologyLabels: what a new node starts with, and what a pod learns of its node.

Models plugin/pkg/admission/{nodetaint,podtopologylabels}.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.apiserver.admission.pods import NOT_READY
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


class TaintNodesByCondition:
    """A new node takes no pods until it is known to be ready."""

    name: ClassVar[str] = "TaintNodesByCondition"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("nodes",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        node = attributes.new
        spec = node.get("spec") or {}
        taints = spec.get("taints") or []
        if any(taint.get("key") == NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
            return node
        return {**node, "spec": {**spec, "taints": [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]}}


_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels:
    """A pod that is bound to a node gets the node's zone and region as labels, unless it has some."""

    name: ClassVar[str] = "PodTopologyLabels"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("pods", "pods/binding"), UPDATE: ("pods",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        obj = attributes.new
        if attributes.subresource:
            target = obj.get("target") or {}
            name = str(target.get("name") or "") if target.get("kind", "Node") == "Node" else ""
        else:
            name = str((obj.get("spec") or {}).get("nodeName") or "")
        entry = attributes.server.cacher("nodes").get(name) if name else None
        if entry is None:
            return obj
        known = objects.labels(obj)
        found = objects.labels(entry.obj)
        more = {key: found[key] for key in _TOPOLOGY if key in found and key not in known}
        return objects.with_metadata(obj, labels={**known, **more}) if more else obj
