"""What a server makes sure of when it starts: namespaces, its own service, priority classes, RBAC.

Models pkg/controlplane: the system namespaces' controller, the kubernetes service's controller, PostStartHooks.
"""

import ipaddress
from typing import TYPE_CHECKING

from kube_nb.apiserver import allocators
from kube_nb.apiserver.authz import bootstrap
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, User
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "default")
DEFAULT_SERVICE_CIDR = "kubernetes"
_ADDRESSES = GVR("networking.k8s.io", "v1", "ipaddresses")
APISERVER = User("system:apiserver", ("system:masters", "system:authenticated"))


async def make_objects(server: "ApiServer") -> None:
    """Create what is missing; what is there stays as it is."""
    for name in SYSTEM_NAMESPACES:
        await ensure(
            server, GVR("", "v1", "namespaces"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
    await _make_service_network(server)
    await ensure(server, GVR("", "v1", "services"), _kubernetes_service(server))
    if not ipaddress.ip_address(server.advertised[0]).is_loopback:  # which no endpoint may be
        await ensure(server, GVR("", "v1", "endpoints"), _kubernetes_endpoints(server))
        await ensure(server, GVR("discovery.k8s.io", "v1", "endpointslices"), _kubernetes_slice(server))
    for name, value, description in _PRIORITY_CLASSES:
        await ensure(
            server, GVR("scheduling.k8s.io", "v1", "priorityclasses"), _priority_class(name, value, description)
        )
    if server.rbac is not None:
        await _make_policy(server)


async def _make_service_network(server: "ApiServer") -> None:
    """The default ServiceCIDR; addresses that lack their objects get them, objects whose service is gone go.

    Models pkg/controlplane/controller/defaultservicecidr and pkg/registry/core/service/ipallocator/controller.
    """
    if not server.ranges.has_objects:
        return
    cidrs = GVR("networking.k8s.io", "v1", "servicecidrs")
    metadata = {"name": DEFAULT_SERVICE_CIDR}
    named = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": metadata}
    await ensure(server, cidrs, {**named, "spec": {"cidrs": [str(server.ranges.network)]}})
    found = await ask(server, "GET", cidrs.path(name=DEFAULT_SERVICE_CIDR))
    if found is not None and not (found.get("status") or {}).get("conditions"):
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "",
            "message": "Kubernetes default Service CIDR is ready",
            "lastTransitionTime": server.clock.timestamp(),
        }
        await ask(
            server,
            "PUT",
            cidrs.path(name=DEFAULT_SERVICE_CIDR, subresource="status"),
            {**found, "status": {"conditions": [ready]}},
        )
    for address in server.ranges.leaked():
        await release_address(server, address)
    for address, service in server.ranges.unrecorded():
        await hold_address(server, address, service)


async def hold_address(server: "ApiServer", address: str, service: str) -> bool:
    """Create the object that holds an address for a service, given by its key; whether it did not exist."""
    path = _ADDRESSES.path()
    return await ask(server, "POST", path, allocators.address_object(address, service)) is not None


async def release_address(server: "ApiServer", address: str) -> None:
    """Delete the object of an address."""
    await ask(server, "DELETE", _ADDRESSES.path(name=address))


async def _make_policy(server: "ApiServer") -> None:
    """Roles and bindings that are missing. Differs: rules that somebody took away are not put back."""
    group = "rbac.authorization.k8s.io"
    for role in bootstrap.cluster_roles():
        await ensure(server, GVR(group, "v1", "clusterroles"), role)
    for binding in bootstrap.cluster_role_bindings():
        await ensure(server, GVR(group, "v1", "clusterrolebindings"), binding)


_PRIORITY_CLASSES = (
    (
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
)


def _priority_class(name: str, value: int, description: str) -> Obj:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "description": description,
    }


def _kubernetes_service(server: "ApiServer") -> Obj:
    """Models pkg/controlplane/controller/kubernetesservice."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": server.ranges.first_address,
            "clusterIPs": [server.ranges.first_address],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": server.advertised[1]}],
            "sessionAffinity": "None",
        },
    }


def _kubernetes_endpoints(server: "ApiServer") -> Obj:
    """Where the service leads. Models pkg/controlplane/reconcilers."""
    address, port = server.advertised
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [
            {"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]},
        ],
    }


def _kubernetes_slice(server: "ApiServer") -> Obj:
    address, port = server.advertised
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }


async def ensure(server: "ApiServer", gvr: GVR, obj: Obj) -> None:
    """Create an object unless it is there. Raises ApiError for every other refusal."""
    namespace, name = obj["metadata"].get("namespace"), obj["metadata"]["name"]
    if (await ask(server, "GET", gvr.path(namespace, name))) is None:
        await ask(server, "POST", gvr.path(namespace), obj)


async def ask(
    server: "ApiServer", method: str, path: str, body: Obj | None = None, *, manager: str = "kube-apiserver"
) -> Obj | None:
    """The server's request to itself; None if what it asks for is not there (or, for a POST, is there already)."""
    request = Request(method, path, headers={"user-agent": manager}, body=body, user=APISERVER)
    response = await server.handle(request)
    if response.status in (404, 409):
        return None
    if response.status >= 400:
        raise errors.ApiError.from_status(response.object())
    return response.object()
