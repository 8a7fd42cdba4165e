"""Requests and limits of pods: effective sums, QoS class, what the runtime is told.

Models component-helpers resource/helpers.go and pkg/apis/core/v1/helper/qos.
"""

from collections.abc import Iterable

from kube_nb.cri.runtime import Resources
from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj

#: What decides the QoS class.
_COUNTED = ("cpu", "memory")


def is_sidecar(container: Obj) -> bool:
    """An init container that keeps running beside the main ones."""
    return container.get("restartPolicy") == "Always"


def _amounts(container: Obj, what: str) -> dict[str, int]:
    """{resource: cpu in milli, others in units}."""
    found = (container.get("resources") or {}).get(what) or {}
    return {name: quantity.milli(value) if name == "cpu" else quantity.value(value) for name, value in found.items()}


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def pod_requests(pod: Obj) -> dict[str, int]:
    """What the pod takes on a node: containers and sidecars together, or the biggest init step, plus overhead."""
    spec = pod["spec"]
    running: dict[str, int] = {}
    peak: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for container in spec.get("containers") or ():
        _add(running, _amounts(container, "requests"))
    for container in spec.get("initContainers") or ():
        wanted = _amounts(container, "requests")
        if is_sidecar(container):
            _add(running, wanted)
            _add(sidecars, wanted)
            wanted = {}
        for name in {**sidecars, **wanted}:
            peak[name] = max(peak.get(name, 0), sidecars.get(name, 0) + wanted.get(name, 0))
    total = {name: max(running.get(name, 0), peak.get(name, 0)) for name in {**running, **peak}}
    overhead = {name: str(value) for name, value in (spec.get("overhead") or {}).items()}
    _add(total, _amounts({"resources": {"requests": overhead}}, "requests"))
    return total


def _all_containers(pod: Obj) -> Iterable[Obj]:
    spec = pod["spec"]
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def qos_class(pod: Obj) -> str:
    """Guaranteed, Burstable or BestEffort."""
    guaranteed, anything = True, False
    for container in _all_containers(pod):
        requests, limits = _amounts(container, "requests"), _amounts(container, "limits")
        for name in _COUNTED:
            request, limit = requests.get(name, 0), limits.get(name, 0)
            anything = anything or bool(request or limit)
            if not limit or (name in requests and request != limit):
                guaranteed = False
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def for_runtime(container: Obj) -> Resources:
    requests, limits = _amounts(container, "requests"), _amounts(container, "limits")
    return Resources(requests.get("cpu", limits.get("cpu", 0)), limits.get("cpu", 0), limits.get("memory", 0))
