"""The kinds that need more than their row: a table of group resource to `Strategy`.

A kind that is not listed has the plain rules of `apiserver.strategy`.
"""

from kube_nb.api.kinds import Kind
from kube_nb.apiserver.strategies import batch, certificates, namespaces, plain, pods, roles, services
from kube_nb.apiserver.strategy import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    "pods": pods.Pods,
    "namespaces": namespaces.Namespaces,
    "services": services.Services,
    "endpoints": plain.CreateOnUpdate,
    "endpointslices.discovery.k8s.io": plain.Counted,
    "events": plain.Events,
    "events.events.k8s.io": plain.Events,
    "limitranges": plain.CreateOnUpdate,
    "nodes": plain.Nodes,
    "persistentvolumeclaims": plain.Claims,
    "persistentvolumes": plain.Volumes,
    "replicationcontrollers": plain.OldReplicated,
    "leases.coordination.k8s.io": plain.CreateOnUpdate,
    "daemonsets.apps": plain.DaemonSets,
    "replicasets.apps": plain.Replicated,
    "statefulsets.apps": plain.StatefulSets,
    "horizontalpodautoscalers.autoscaling": plain.Autoscalers,
    "jobs.batch": batch.Jobs,
    "certificatesigningrequests.certificates.k8s.io": certificates.Requests,
    "ingresses.networking.k8s.io": plain.LoadBalanced,
    "poddisruptionbudgets.policy": plain.DisruptionBudgets,
    "clusterroles.rbac.authorization.k8s.io": roles.Roles,
    "clusterrolebindings.rbac.authorization.k8s.io": roles.Bindings,
    "roles.rbac.authorization.k8s.io": roles.Roles,
    "rolebindings.rbac.authorization.k8s.io": roles.Bindings,
    "apiservices.apiregistration.k8s.io": plain.ApiServices,
    "volumeattachments.storage.k8s.io": plain.Attachments,
    "customresourcedefinitions.apiextensions.k8s.io": plain.Definitions,
}


def strategy(kind: Kind) -> Strategy:
    """The rules of a kind."""
    return STRATEGIES.get(kind.gvr.group_resource, Strategy)(kind)
