"""Requests and limits of pods: effective sums, what the runtime is told.

Models component-helpers resource/helpers.go.
"""

from kube_nb.cri.runtime import Resources
from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj


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


def for_runtime(container: Obj) -> Resources:
    requests, limits = _amounts(container, "requests"), _amounts(container, "limits")
    return Resources(requests.get("cpu", limits.get("cpu", 0)), limits.get("cpu", 0), limits.get("memory", 0))
