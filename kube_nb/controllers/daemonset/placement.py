"""Which nodes run a DaemonSet's pod. Models NodeShouldRunDaemonPod and pkg/controller/daemon/util."""

from typing import NamedTuple

from kube_nb.controllers.history import HASH_LABEL
from kube_nb.controllers.nodes import affinity, taints
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"
GENERATION_LABEL = "pod-template-generation"
#: Taints that daemons live with: they are what brings a node back.
_TOLERATED = (
    (taints.NOT_READY, taints.NO_EXECUTE),
    (taints.UNREACHABLE, taints.NO_EXECUTE),
    ("node.kubernetes.io/disk-pressure", taints.NO_SCHEDULE),
    ("node.kubernetes.io/memory-pressure", taints.NO_SCHEDULE),
    ("node.kubernetes.io/pid-pressure", taints.NO_SCHEDULE),
    (taints.UNSCHEDULABLE, taints.NO_SCHEDULE),
)
_NETWORK_UNAVAILABLE = ("node.kubernetes.io/network-unavailable", taints.NO_SCHEDULE)


class Verdict(NamedTuple):
    """run: a pod belongs on the node. stay: one that is there may go on."""

    run: bool
    stay: bool


def judge(node: Obj, template_spec: Obj) -> Verdict:
    """Whether the node's name, labels and taints suit the pods."""
    wanted = template_spec.get("nodeName")
    if (wanted and wanted != objects.name(node)) or not affinity.matches(template_spec, node):
        return Verdict(False, False)
    tolerations = _tolerations(template_spec)
    refused = [
        taint
        for taint in taints.of(node)
        if taint["effect"] in (taints.NO_SCHEDULE, taints.NO_EXECUTE)
        and not any(taints.tolerates(each, taint) for each in tolerations)
    ]
    return Verdict(not refused, not any(taint["effect"] == taints.NO_EXECUTE for taint in refused))


def _tolerations(spec: Obj) -> list[Obj]:
    """Those of the template and those that every daemon has."""
    found = list(spec.get("tolerations") or ())
    added = [*_TOLERATED, _NETWORK_UNAVAILABLE] if spec.get("hostNetwork") else list(_TOLERATED)
    for key, effect in added:
        row = {"key": key, "operator": "Exists", "effect": effect}
        if row not in found:
            found.append(row)
    return found


def pod_spec(template_spec: Obj, node_name: str) -> Obj:
    """The template's spec for one node. Models ReplaceDaemonSetPodNodeNameNodeAffinity."""
    field = {"key": "metadata.name", "operator": "In", "values": [node_name]}
    terms = affinity.required_terms(template_spec)
    wanted = [{**term, "matchFields": [field]} for term in terms or ({},)]
    present = template_spec.get("affinity") or {}
    node_affinity = {
        **(present.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": wanted},
    }
    return {
        **template_spec,
        "affinity": {**present, "nodeAffinity": node_affinity},
        "tolerations": _tolerations(template_spec),
    }


def pod_labels(daemon_set: Obj, hash: str) -> dict[str, str]:
    """Beside the template's: which revision the pod is of."""
    labels = {HASH_LABEL: hash}
    if generation := objects.annotations(daemon_set).get(GENERATION_ANNOTATION):
        labels[GENERATION_LABEL] = generation
    return labels


def target_node(pod: Obj) -> str | None:
    """The node that the pod is on, or asks for; None if it asks for none. Models GetTargetNodeName."""
    spec = state.spec_of(pod)
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    for term in affinity.required_terms(spec) or ():
        for row in term.get("matchFields") or ():
            if row["key"] == "metadata.name" and row["operator"] == "In" and len(row["values"]) == 1:
                return str(row["values"][0])
    return None
