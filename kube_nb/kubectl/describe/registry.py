"""Which coroutine describes which kind."""

from collections.abc import Awaitable, Callable

from kube_nb.client import Client
from kube_nb.kubectl.describe import (
    access,
    claims,
    generic,
    ingresses,
    jobs,
    namespaces,
    nodes,
    pods,
    policies,
    services,
    settings,
    storage,
    workloads,
)
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

Describer = Callable[[Subject], Awaitable[None]]

#: (group, kind) -> its description.
DESCRIBERS: dict[tuple[str, str], Describer] = {
    ("", "ConfigMap"): settings.config_map,
    ("", "Endpoints"): services.endpoints_object,
    ("", "LimitRange"): namespaces.limit_range,
    ("", "Namespace"): namespaces.namespace,
    ("", "Node"): nodes.node,
    ("", "PersistentVolume"): storage.persistent_volume,
    ("", "PersistentVolumeClaim"): claims.persistent_volume_claim,
    ("", "Pod"): pods.pod,
    ("", "ReplicationController"): workloads.replication_controller,
    ("", "ResourceQuota"): namespaces.resource_quota,
    ("", "Secret"): settings.secret,
    ("", "Service"): services.service,
    ("", "ServiceAccount"): settings.service_account,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): policies.horizontal_pod_autoscaler,
    ("batch", "CronJob"): jobs.cron_job,
    ("batch", "Job"): jobs.job,
    ("discovery.k8s.io", "EndpointSlice"): services.endpoint_slice,
    ("networking.k8s.io", "Ingress"): ingresses.ingress,
    ("networking.k8s.io", "IngressClass"): ingresses.ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): ingresses.network_policy,
    ("policy", "PodDisruptionBudget"): policies.pod_disruption_budget,
    ("rbac.authorization.k8s.io", "ClusterRole"): access.role,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): access.role_binding,
    ("rbac.authorization.k8s.io", "Role"): access.role,
    ("rbac.authorization.k8s.io", "RoleBinding"): access.role_binding,
    ("scheduling.k8s.io", "PriorityClass"): policies.priority_class,
    ("storage.k8s.io", "CSINode"): storage.csi_node,
    ("storage.k8s.io", "StorageClass"): storage.storage_class,
}


async def text(client: Client, clock: Clock, obj: Obj, *, show_events: bool = True) -> str:
    """The description of an object that was read from the server."""
    subject = Subject(client, obj, clock.now(), show_events)
    gvk = GVK.of(obj)
    await DESCRIBERS.get((gvk.group, gvk.kind), generic.generic)(subject)
    return subject.out.text()
