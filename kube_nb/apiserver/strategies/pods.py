"""Pods: a QoS class at birth, and time to go."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kube_nb.api.qos import qos_class
from kube_nb.apiserver.strategy import Strategy
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call


def _ephemeral_containers(call: "Call", new: Obj, old: Obj) -> Obj:
    """Only spec.ephemeralContainers. Models podEphemeralContainersStrategy."""
    containers = (new.get("spec") or {}).get("ephemeralContainers")
    spec = {field: value for field, value in old["spec"].items() if field != "ephemeralContainers"}
    if containers:
        spec["ephemeralContainers"] = containers
    return {**old, "metadata": new["metadata"], "spec": spec}


def _resize(call: "Call", new: Obj, old: Obj) -> Obj:
    """Only the containers' resources and resize policies. Models podResizeStrategy."""
    spec = {**old["spec"]}
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = _resized((new.get("spec") or {}).get(field) or (), spec[field])
    return {**old, "metadata": new["metadata"], "spec": spec}


def _resized(wanted: Sequence[Obj], old: Sequence[Obj]) -> list[Obj]:
    changes = {container.get("name"): container for container in wanted}
    found = []
    for container in old:
        change = changes.get(container["name"], container)
        found.append({**container, **{field: change[field] for field in _RESIZABLE if field in change}})
    return found


_RESIZABLE = ("resources", "resizePolicy")


class Pods(Strategy):
    """Models pkg/registry/core/pod/strategy.go."""

    views = {"ephemeralcontainers": _ephemeral_containers, "resize": _resize}  # noqa: RUF012  # never changed

    def prepare_for_create(self, call: "Call", obj: Obj) -> Obj:
        status: Obj = {"phase": "Pending", "qosClass": qos_class(obj.get("spec") or {})}
        if (obj.get("spec") or {}).get("schedulingGates"):
            status["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "lastProbeTime": None,
                    "lastTransitionTime": None,
                    "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                }
            ]
        return {**obj, "status": status}

    def prepare_for_status_update(self, call: "Call", new: Obj, old: Obj) -> Obj:
        """The QoS class, owners and deletion are not a kubelet's to change."""
        new = super().prepare_for_status_update(call, new, old)
        metadata, before = new["metadata"], old["metadata"]
        if metadata.get("ownerReferences") != before.get("ownerReferences"):
            kept = {field: value for field, value in metadata.items() if field != "ownerReferences"}
            if "ownerReferences" in before:
                kept["ownerReferences"] = before["ownerReferences"]
            new = {**new, "metadata": kept}
        status, qos = new.get("status") or {}, (old.get("status") or {}).get("qosClass")
        if qos and status.get("qosClass") != qos:
            new = {**new, "status": {**status, "qosClass": qos}}
        return new

    def grace_period_s(self, obj: Obj, asked_s: int | None) -> int | None:
        """The pod's own period unless the client asks for another; 0 if nothing of it runs."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        period = int(spec.get("terminationGracePeriodSeconds") or 0) if asked_s is None else asked_s
        if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
            return 0
        return 1 if period < 0 else period
