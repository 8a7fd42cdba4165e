"""What a pod asks of a node: cpu in milli, everything else in whole units.

Models staging/src/k8s.io/component-helpers/resource/helpers.go and pkg/scheduler/util/pod_resources.go.
Differs: what a resize has actuated so far (status.resources) is not looked at.
"""

from collections.abc import Mapping
from typing import TypeAlias

from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj

Amounts: TypeAlias = dict[str, int]

CPU, MEMORY, EPHEMERAL_STORAGE, PODS = "cpu", "memory", "ephemeral-storage", "pods"

#: What a container that names no request counts as when nodes are scored: 100m and 200 MiB.
NON_ZERO: Mapping[str, int] = {CPU: 100, MEMORY: 200 * 1024 * 1024}


def amounts(resources: Mapping[str, quantity.Wire] | None) -> Amounts:
    """A resource list in wire form as integers."""
    if not resources:
        return {}
    return {name: quantity.milli(x) if name == CPU else quantity.value(x) for name, x in resources.items()}


def _plus(total: Amounts, more: Mapping[str, int]) -> Amounts:
    merged = dict(total)
    for name, amount in more.items():
        merged[name] = merged.get(name, 0) + amount
    return merged


def _max(total: Amounts, other: Mapping[str, int]) -> Amounts:
    merged = dict(total)
    for name, amount in other.items():
        if amount > merged.get(name, 0):
            merged[name] = amount
    return merged


def pod_requests(spec: Obj, missing: Mapping[str, int] | None = None) -> Amounts:
    """Sum of containers and sidecars, or the largest init step if that is more, plus overhead.

    missing: amounts that a container without such a request counts as.
    """

    def of(container: Obj) -> Amounts:
        found = amounts((container.get("resources") or {}).get("requests"))
        return {**missing, **found} if missing else found

    total: Amounts = {}
    for container in spec.get("containers") or ():
        total = _plus(total, of(container))
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            sidecars = _plus(sidecars, of(container))
            total = _plus(total, of(container))
            largest = _max(largest, sidecars)
        else:
            largest = _max(largest, _plus(sidecars, of(container)))
    total = _max(total, largest)
    total |= _pod_level(spec)
    return _plus(total, amounts(spec.get("overhead")))


def _pod_level(spec: Obj) -> Amounts:
    """Requests of the pod as a whole, which replace the containers' sums."""
    found = amounts((spec.get("resources") or {}).get("requests"))
    return {name: x for name, x in found.items() if name in (CPU, MEMORY) or name.startswith("hugepages-")}
