"""Whether the node takes a pod that was bound to it. Models pkg/kubelet/lifecycle/predicate.go."""

from collections.abc import Mapping

from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.containers import fits
from kube_nb.kubelet.record import Verdict
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj


def reject(
    pod: Obj, wanted: Mapping[str, int], used: Mapping[str, int], pods: int, config: NodeConfig, node: Obj | None
) -> Verdict | None:
    """None to take it. used: what the node's pods request together, pods: how many they are."""
    allocatable = {**config.capacity, **config.allocatable}
    if pods + 1 > int(allocatable.get("pods", 110)):
        return _short("pods", 1, pods, int(allocatable.get("pods", 110)))
    short = fits(wanted, used, allocatable)
    if short is not None:
        return _short(*short)
    if node is None:
        return None
    if not _affinity(pod, node):
        return Verdict(
            "NodeAffinity",
            "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        )
    if _untolerated(pod, node):
        return Verdict("TaintToleration", "Pod was rejected: Predicate TaintToleration failed")
    return None


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
