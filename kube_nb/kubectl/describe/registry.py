"""Which coroutine describes which kind."""

from collections.abc import Awaitable, Callable

from kube_nb.client import Client
from kube_nb.kubectl.describe import (
    claims,
    generic,
    nodes,
    pods,
    services,
    workloads,
)
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

Describer = Callable[[Subject], Awaitable[None]]

#: (group, kind) -> its description.
DESCRIBERS: dict[tuple[str, str], Describer] = {
    ("", "Endpoints"): services.endpoints_object,
    ("", "Node"): nodes.node,
    ("", "PersistentVolumeClaim"): claims.persistent_volume_claim,
    ("", "Pod"): pods.pod,
    ("", "ReplicationController"): workloads.replication_controller,
    ("", "Service"): services.service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("discovery.k8s.io", "EndpointSlice"): services.endpoint_slice,
}


async def text(client: Client, clock: Clock, obj: Obj, *, show_events: bool = True) -> str:
    """The description of an object that was read from the server."""
    subject = Subject(client, obj, clock.now(), show_events)
    gvk = GVK.of(obj)
    await DESCRIBERS.get((gvk.group, gvk.kind), generic.generic)(subject)
    return subject.out.text()
