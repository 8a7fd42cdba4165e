"""Whether the node takes a pod that was bound to it. Models pkg/kubelet/lifecycle/predicate.go."""

from collections.abc import Iterator, Mapping, Sequence

from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.containers import fits
from kube_nb.kubelet.record import Verdict
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj


def reject(
    pod: Obj,
    wanted: Mapping[str, int],
    used: Mapping[str, int],
    pods: Sequence[Obj],
    config: NodeConfig,
    node: Obj | None,
) -> Verdict | None:
    """None to take it. used: what the node's pods request together, pods: those that are active."""
    allocatable = {**config.capacity, **config.allocatable}
    if len(pods) + 1 > int(allocatable.get("pods", 110)):
        return _short("pods", 1, len(pods), int(allocatable.get("pods", 110)))
    short = fits(_without_unknown(wanted, allocatable, node), used, {**_extended(node), **allocatable})
    if short is not None:
        return _short(*short)
    if any(_conflict(mine, other) for mine in host_ports(pod) for each in pods for other in host_ports(each)):
        return _failed("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    if node is None:
        return None
    if not _affinity(pod, node):
        return _failed("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    if _untolerated(pod, node):
        return _failed("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def _extended(node: Obj | None) -> Mapping[str, str]:
    """What the node's object offers beyond what the kubelet itself has found: resources with a domain."""
    offered = ((node or {}).get("status") or {}).get("allocatable") or {}
    return {name: amount for name, amount in offered.items() if "/" in name}


def _without_unknown(wanted: Mapping[str, int], own: Mapping[str, str], node: Obj | None) -> Mapping[str, int]:
    """An extended resource that the node does not have is the scheduler's business: an extender may answer for it."""
    known = {**_extended(node), **own}
    return {name: amount for name, amount in wanted.items() if "/" not in name or name in known}


def _failed(predicate: str, why: str) -> Verdict:
    return Verdict(predicate, f"Pod was rejected: Predicate {predicate} failed: {why}")


def host_ports(pod: Obj) -> Iterator[tuple[str, str, int]]:
    """(address, protocol, port) of the node that the pod's containers take."""
    spec = pod["spec"]
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    for container in (*(spec.get("containers") or ()), *sidecars):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"]


def _conflict(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or "0.0.0.0" in (one[0], other[0]))


def _short(resource: str, requested: int, used: int, capacity: int) -> Verdict:
    text = f"Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"
    return Verdict(f"OutOf{resource}", f"Pod was rejected: {text}")


def _affinity(pod: Obj, node: Obj) -> bool:
    spec, have = pod["spec"], objects.labels(node)
    if any(have.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not affinity:
        return True
    return any(_term(term, node) for term in affinity.get("nodeSelectorTerms") or ())


def _term(term: Obj, node: Obj) -> bool:
    rows = term.get("matchExpressions") or ()
    names = term.get("matchFields") or ()
    if not rows and not names:
        return False
    matched = all(
        labels.Requirement(row["key"], _OPERATORS[row["operator"]], row.get("values") or ()).matches(
            objects.labels(node)
        )
        for row in rows
    )
    return matched and all(
        (objects.name(node) in (row.get("values") or ())) == (row["operator"] == "In") for row in names
    )


_OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}


def _untolerated(pod: Obj, node: Obj) -> bool:
    """Whether a NoExecute taint of the node would drive the pod away at once."""
    for taint in node.get("spec", {}).get("taints") or ():
        if taint["effect"] == "NoExecute" and not any(
            _tolerates(toleration, taint) for toleration in pod["spec"].get("tolerations") or ()
        ):
            return True
    return False


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")
