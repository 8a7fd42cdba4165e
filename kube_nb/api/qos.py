"""The quality-of-service class of a pod. Models pkg/apis/core/v1/helper/qos."""

from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj

_COMPUTE = ("cpu", "memory")


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort. spec: a pod's.

    Guaranteed: every container's limits of cpu and memory are set and equal its requests.
    """
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    guaranteed, asks = True, False
    for container in containers:
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        asks = asks or any(_positive(source, name) for source in (requests, limits) for name in _COMPUTE)
        guaranteed = guaranteed and all(
            _positive(limits, name) and quantity.parse(requests.get(name, limits[name])) == quantity.parse(limits[name])
            for name in _COMPUTE
        )
    if not asks:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _positive(amounts: Obj, name: str) -> bool:
    return name in amounts and quantity.milli(amounts[name]) > 0
