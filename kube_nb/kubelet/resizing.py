"""In-place resize: what a pod is given of its node may change while its containers run.

::

    spec (desired) --fits?--> allocation --> containers (actual; restarted where their resizePolicy says so)
                  '-- no --> PodResizePending: Deferred (not now), Infeasible (never on this node)

The pod's containers always run at the allocation, whatever the spec says by then. PodResizeInProgress stands from the
allocation until the last container has it.
Models pkg/kubelet/allocation and doPodResizeAction of pkg/kubelet/kuberuntime. Differs: a memory limit below what a
container uses is taken; pod-level resources are not resized.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from kube_nb.kubelet import containers, resources
from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.record import PodRecord, Resize
from kube_nb.machinery import objects, quantity
from kube_nb.machinery.types import Obj

DEFERRED, INFEASIBLE = "Deferred", "Infeasible"
#: Rows of status.conditions that go when what they tell of is over.
CONDITIONS = PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
_NODE_RESOURCES = ("memory", "cpu")


def desired(pod: Obj) -> dict[str, Obj]:
    """Container -> its resources as the spec has them; of main and init containers."""
    spec = pod["spec"]
    every = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return {container["name"]: container.get("resources") or {} for container in every}


def refuse(
    record: PodRecord, wanted: Mapping[str, int], used: Mapping[str, int], config: NodeConfig
) -> tuple[str, str] | None:
    """None if the node has room, else (reason, message). wanted: what the pod would request; used: all pods now."""
    allocatable = {**config.capacity, **config.allocatable}
    for name in _NODE_RESOURCES:
        amount = allocatable.get(name, "0")
        there = quantity.milli(amount) if name == "cpu" else quantity.value(amount)
        if wanted.get(name, 0) > there:
            what = f"{name}, requested: {wanted[name]}, capacity: {there}"
            return INFEASIBLE, f"Node didn't have enough capacity: {what}"
    others = {name: amount - record.requests.get(name, 0) for name, amount in used.items()}
    short = containers.fits(wanted, others, allocatable)
    if short is None:
        return None
    name, amount_wanted, taken, there = short
    what = f"{name}, requested: {amount_wanted}, used: {taken}, capacity: {there}"
    return DEFERRED, f"Node didn't have enough resource: {what}"


def conditions(record: PodRecord) -> Iterator[Obj]:
    """The rows of status.conditions that tell of a resize; their transition times are not in them."""
    for type, resize in ((PENDING, record.resize_pending), (IN_PROGRESS, record.resize_progress)):
        if resize is not None:
            told = {"reason": resize.reason, "message": resize.message}
            row: Obj = {"type": type, "status": "True", "observedGeneration": resize.generation}
            yield row | {field: text for field, text in told.items() if text}


def must_restart(container: Obj, before: Obj, after: Obj) -> bool:
    """Whether a changed resource is one whose policy is RestartContainer."""
    policies = {each["resourceName"]: each["restartPolicy"] for each in container.get("resizePolicy") or ()}
    return any(
        policies.get(name) == "RestartContainer" and _of(before, name) != _of(after, name) for name in _NODE_RESOURCES
    )


def _of(requirements: Obj, name: str) -> list[Any]:
    amounts = [(requirements.get(what) or {}).get(name) for what in ("requests", "limits")]
    return [None if amount is None else quantity.parse(amount) for amount in amounts]


def details(pod: Obj, generation: int, error: str = "") -> str:
    """``{"containers":[{"name":"c1","resources":{...}}],"generation":2}``: what events about a resize end in."""
    rows = [{"name": name, "resources": found} for name, found in desired(pod).items()]
    told: Obj = {"containers": rows, "generation": generation}
    return orjson.dumps(told | ({"error": error} if error else {})).decode()


def begin(record: PodRecord) -> None:
    """The allocation of a pod that was just admitted."""
    record.allocated = desired(record.pod)
    record.requests = record.requests or resources.pod_requests(record.pod)


def pending(record: PodRecord, reason: str, message: str) -> bool:
    """Note why the resize waits; False if that is known."""
    found = Resize(reason, message, objects.generation(record.pod))
    if record.resize_pending == found:
        return False
    record.resize_pending = found
    return True
