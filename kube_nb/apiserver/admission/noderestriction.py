"""NodeRestriction: a kubelet changes its own node, its own pods and what belongs to them, and nothing else.

Models plugin/pkg/admission/noderestriction/admission.go.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, DELETE, UPDATE, Attributes
from kube_nb.apiserver.authz.node import references
from kube_nb.machinery import errors, objects
from kube_nb.machinery.types import Obj

MIRROR = "kubernetes.io/config.mirror"
_PREFIX = "system:node:"
_RESOURCES = (
    *("pods", "pods/status", "pods/eviction", "nodes", "nodes/status", "persistentvolumeclaims/status"),
    *("serviceaccounts/token", "leases.coordination.k8s.io", "csinodes.storage.k8s.io"),
)
_KUBELET_LABELS = frozenset(
    (
        *("kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch"),
        *("beta.kubernetes.io/os", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
        *("failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"),
        *("failure-domain.kubernetes.io/region", "failure-domain.kubernetes.io/zone"),
        *("topology.kubernetes.io/region", "topology.kubernetes.io/zone"),
    )
)
_KUBELET_NAMESPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_FOREIGN = {
    "secrets": "secrets",
    "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims",
}


class NodeRestriction:
    """See the module's docstring."""

    name: ClassVar[str] = "NodeRestriction"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: _RESOURCES, UPDATE: _RESOURCES, DELETE: _RESOURCES}
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        user = attributes.call.user
        if not user.name.startswith(_PREFIX) or "system:nodes" not in user.groups:
            return
        node = user.name.removeprefix(_PREFIX)
        if not node:
            raise _no(attributes, f'could not determine node from user "{user.name}"')
        why = _CHECKS[attributes.call.info.resource_with_subresource](attributes, node)
        if why:
            raise _no(attributes, why)


def _no(attributes: Attributes, why: str) -> errors.ApiError:
    return errors.forbidden(attributes.group_resource, attributes.name, why)


# -- pods --------------------------------------------------------------------------------------------------------------


def _pod(attributes: Attributes, node: str) -> str:
    if attributes.operation == CREATE:
        return _new_pod(attributes, attributes.new, node)
    if attributes.operation != DELETE:
        return f'unexpected operation "{attributes.operation}", node "{node}" can only create and delete mirror pods'
    if ((attributes.old or {}).get("spec") or {}).get("nodeName") != node:
        return f'node "{node}" can only delete pods with spec.nodeName set to itself'
    return ""


def _new_pod(attributes: Attributes, pod: Obj, node: str) -> str:
    spec = pod.get("spec") or {}
    if MIRROR not in objects.annotations(pod):
        return f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
    if spec.get("nodeName") != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    return _owner(attributes, pod, node) or _foreign(pod, node)


def _owner(attributes: Attributes, pod: Obj, node: str) -> str:
    """The only owner of a mirror pod is its node."""
    owners = objects.owner_references(pod)
    if len(owners) > 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        return f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    entry = attributes.server.cacher("nodes").get(node)
    if entry is None:
        raise errors.not_found("nodes", node)
    uid = objects.uid(entry.obj)
    return "" if owner.get("uid") == uid else f"node {node} UID mismatch: expected {owner.get('uid')} got {uid}"


def _foreign(pod: Obj, node: str) -> str:
    """A mirror pod names no other object."""
    named = {kind for kind, name in references(pod) if name}
    if "serviceaccounts" in named:
        return f'node "{node}" can not create pods that reference a service account'
    for kind, word in _FOREIGN.items():
        if kind in named:
            return f'node "{node}" can not create pods that reference {word}'
    return ""


def _pod_status(attributes: Attributes, node: str) -> str:
    old, new = attributes.old or {}, attributes.new
    if (old.get("spec") or {}).get("nodeName") != node:
        return f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
    if objects.labels(old) != objects.labels(new):
        return f'node "{node}" cannot update labels through pod status'
    claims = [(obj.get("status") or {}).get("resourceClaimStatuses") or [] for obj in (old, new)]
    return "" if claims[0] == claims[1] else f'node "{node}" cannot update resource claim statues'


def _eviction(attributes: Attributes, node: str) -> str:
    entry = attributes.server.cacher("pods").get(f"{attributes.namespace}/{attributes.name}")
    if entry is None:
        raise errors.not_found("pods", attributes.name)
    own = entry.obj["spec"].get("nodeName") == node
    return "" if own else f"node {node} can only evict pods with spec.nodeName set to itself"


# -- the node itself ---------------------------------------------------------------------------------------------------


def _node(attributes: Attributes, node: str) -> str:
    if attributes.name != node:
        return f'node "{node}" is not allowed to modify node "{attributes.name}"'
    if attributes.operation == DELETE:
        return ""
    new, old = attributes.new, attributes.old or {}
    forbidden = ", ".join(_forbidden_labels(objects.labels(new), objects.labels(old)))
    if attributes.operation == CREATE:
        return f'node "{node}" is not allowed to set the following labels: {forbidden}' if forbidden else ""
    taints = [(obj.get("spec") or {}).get("taints") or [] for obj in (old, new)]
    if taints[0] != taints[1]:
        return f'node "{node}" is not allowed to modify taints'
    return f"is not allowed to modify labels: {forbidden}" if forbidden else ""


def _forbidden_labels(new: Mapping[str, str], old: Mapping[str, str]) -> list[str]:
    """What changed and is not a kubelet's to change."""
    changed = {key for key in (*new, *old) if new.get(key) != old.get(key) or (key in new) != (key in old)}
    return sorted(key for key in changed if _is_forbidden(key))


def _is_forbidden(key: str) -> bool:
    namespace = key.partition("/")[0] if "/" in key else ""
    if _within(namespace, ("node-restriction.kubernetes.io",)):
        return True
    if not _within(namespace, ("kubernetes.io", "k8s.io")):
        return False
    return key not in _KUBELET_LABELS and not _within(namespace, _KUBELET_NAMESPACES)


def _within(namespace: str, domains: tuple[str, ...]) -> bool:
    return any(namespace == domain or namespace.endswith("." + domain) for domain in domains)


# -- the rest ----------------------------------------------------------------------------------------------------------


def _claim_status(attributes: Attributes, node: str) -> str:
    if attributes.operation != UPDATE:
        return f'unexpected operation "{attributes.operation}"'
    open_fields = ("capacity", "conditions", "allocatedResourceStatuses", "allocatedResources")

    def fixed(obj: Obj) -> Obj:
        metadata = {k: v for k, v in obj["metadata"].items() if k not in ("resourceVersion", "managedFields")}
        status = {k: v for k, v in (obj.get("status") or {}).items() if k not in open_fields}
        return {**obj, "metadata": metadata, "status": status}

    if fixed(attributes.old or {}) != fixed(attributes.new):
        return f'node "{node}" is not allowed to update fields other than status.capacity and status.conditions'
    return ""


def _token(attributes: Attributes, node: str) -> str:
    """Only a token that is bound to one of the node's own pods."""
    reference = (attributes.new.get("spec") or {}).get("boundObjectRef") or {}
    name = reference.get("name")
    if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not name:
        return "node requested token not bound to a pod"
    if not reference.get("uid"):
        return "node requested token with a pod binding without a uid"
    entry = attributes.server.cacher("pods").get(f"{attributes.namespace}/{name}")
    if entry is None:
        raise errors.not_found("pods", name)
    if reference["uid"] != objects.uid(entry.obj):
        return (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
    own = entry.obj["spec"].get("nodeName") == node
    return "" if own else "node requested token bound to a pod scheduled on a different node"


def _lease(attributes: Attributes, node: str) -> str:
    if attributes.namespace != "kube-node-lease":
        return 'can only access leases in the "kube-node-lease" system namespace'
    return "" if attributes.name == node else "can only access node lease with the same name as the requesting node"


def _csi_node(attributes: Attributes, node: str) -> str:
    return "" if attributes.name == node else "can only access CSINode with the same name as the requesting node"


#: resource -> why a node may not do it, "" if it may.
_CHECKS: dict[str, Callable[[Attributes, str], str]] = {
    "pods": _pod,
    "pods/status": _pod_status,
    "pods/eviction": _eviction,
    "nodes": _node,
    "nodes/status": _node,
    "persistentvolumeclaims/status": _claim_status,
    "serviceaccounts/token": _token,
    "leases": _lease,
    "csinodes": _csi_node,
}
