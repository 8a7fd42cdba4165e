"""The node authorizer: a kubelet reads what its pods need, and writes its own node and its pods' status.

Models plugin/pkg/auth/authorizer/node. Differs: secrets, config maps, claims and accounts are allowed to a node by
looking at its pods' specs when asked, not by a graph kept up to date; a pod's name suffices to read it, of whatever
node it is; no volumes, resource claims or CSI objects.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kube_nb.apiserver.authz.attributes import ALLOW, NO_OPINION, Access, Decision
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

_PREFIX = "system:node:"
_READS = ("get", "list", "watch")

#: (group, resource) -> the verbs that every node has, "resource/subresource" as rules write it.
_ALL_NODES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "nodes"): ("create", "update", "patch"),
    ("", "nodes/status"): ("update", "patch"),
    ("", "pods"): ("create", "delete"),
    ("", "pods/status"): ("update", "patch"),
    ("", "pods/eviction"): ("create",),
    ("", "services"): _READS,
    ("", "endpoints"): ("get",),
    ("", "events"): ("create", "update", "patch"),
    ("events.k8s.io", "events"): ("create", "update", "patch"),
    ("coordination.k8s.io", "leases"): ("create", "get", "list", "watch", "update", "patch", "delete"),
    ("storage.k8s.io", "csinodes"): ("create", "get", "update", "patch", "delete"),
    ("storage.k8s.io", "csidrivers"): _READS,
    ("storage.k8s.io", "volumeattachments"): ("get",),
    ("node.k8s.io", "runtimeclasses"): _READS,
    ("certificates.k8s.io", "certificatesigningrequests"): ("create", *_READS),
    ("authentication.k8s.io", "tokenreviews"): ("create",),
    ("authorization.k8s.io", "subjectaccessreviews"): ("create",),
    ("authorization.k8s.io", "localsubjectaccessreviews"): ("create",),
}


def _node_refusal(access: Access, node: str) -> str:
    """Why a node may not read nodes: it reads itself only; "" if it may."""
    if access.name == node:
        return ""
    what = f"'{access.name}'" if access.name else "all nodes"
    return f"node '{node}' cannot read {what}, only its own Node object"


def _pod_refusal(access: Access, node: str) -> str:
    """Why a node may not read pods: many of them only if the selector limits them to those bound to it."""
    if access.name or access.selectors.field("spec.nodeName") == node:
        return ""
    return "can only list/watch pods with spec.nodeName field selector"


#: What a node reads of the kinds of which it may see its own objects only.
_READING: dict[str, Callable[[Access, str], str]] = {"nodes": _node_refusal, "pods": _pod_refusal}


class NodeAuthorizer:
    """See the module's docstring."""

    def __init__(self, server: "ApiServer") -> None:
        self._server = server

    async def authorize(self, access: Access) -> Decision:
        if not access.user.name.startswith(_PREFIX) or "system:nodes" not in access.user.groups:
            return Decision(NO_OPINION)
        node = access.user.name.removeprefix(_PREFIX)
        resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
        if not access.group and access.verb in _READS and (refusal := _READING.get(resource)):
            text = refusal(access, node)
            return Decision(NO_OPINION, text) if text else Decision(ALLOW)
        if access.verb in _ALL_NODES.get((access.group, resource), ()):
            return Decision(ALLOW)
        if not access.group and self._is_needed(access, resource, node):
            return Decision(ALLOW)
        reason = "no relationship found between node and this object"
        return Decision(NO_OPINION, f"node {node!r} may not {access.verb} {resource}: {reason}".replace("'", '"'))

    def _is_needed(self, access: Access, resource: str, node: str) -> bool:
        if resource == "serviceaccounts/token" and access.verb == "create":
            wanted = "serviceaccounts"
        elif resource in ("secrets", "configmaps", "persistentvolumeclaims") and access.verb in _READS:
            wanted = resource
        else:
            return False
        pods = self._server.cacher("pods").select(access.namespace, index_value=node)
        return any((wanted, access.name) in set(references(entry.obj)) for entry in pods)


def references(pod: Obj) -> Iterator[tuple[str, str]]:
    """What a pod's spec names: ("configmaps", "settings") ..."""
    spec = pod["spec"]
    yield "serviceaccounts", spec.get("serviceAccountName", "")
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", secret.get("name", "")
    for volume in spec.get("volumes") or ():
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            secret = source.get("secret") or {}
            yield "secrets", secret.get("secretName") or secret.get("name", "")
            yield "configmaps", (source.get("configMap") or {}).get("name", "")
            yield "persistentvolumeclaims", (source.get("persistentVolumeClaim") or {}).get("claimName", "")
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for source in container.get("envFrom") or ():
            yield "secrets", (source.get("secretRef") or {}).get("name", "")
            yield "configmaps", (source.get("configMapRef") or {}).get("name", "")
        for variable in container.get("env") or ():
            source = variable.get("valueFrom") or {}
            yield "secrets", (source.get("secretKeyRef") or {}).get("name", "")
            yield "configmaps", (source.get("configMapKeyRef") or {}).get("name", "")
