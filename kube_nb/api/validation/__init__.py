"""Validation: upstream's rules for every kind, in upstream's words.

    validate(kind, obj, old) -> [FieldError]   an empty list: nothing is wrong
        metadata.check       names, labels, annotations, owners, finalizers, what of them is fixed
        RULES[kind].rule     the whole object, as it would be created
        RULES[kind].update   what an update may not change

Objects come decoded and defaulted. A rule's function takes the object, the list to append to, and the stored object.
What equals the stored object is not checked again: it was when it was stored.
Read `faults` first, then `pods`, the largest of the rules.

Differs: rules of alpha fields, of resource.k8s.io beyond the decoder, and Windows and SELinux options are not checked.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from kube_nb.api.kinds import Kind
from kube_nb.api.validation import (
    access,
    cluster,
    config,
    extensions,
    jobs,
    metadata,
    networking,
    pods,
    policies,
    services,
    storage,
    workloads,
)
from kube_nb.api.validation.faults import Faults
from kube_nb.machinery.errors import FieldError
from kube_nb.machinery.types import Obj

Rule: TypeAlias = Callable[[Obj, Faults, Obj | None], None]
UpdateRule: TypeAlias = Callable[[Obj, Obj, Faults], None]


class Rules(NamedTuple):
    """A kind's rules: for the object as a whole, and for what an update may change."""

    rule: Rule
    update: UpdateRule | None = None


RULES: dict[tuple[str, str], Rules] = {
    ("", "ConfigMap"): Rules(config.config_map, config.config_map_update),
    ("", "Endpoints"): Rules(services.endpoints),
    ("", "Event"): Rules(cluster.event),
    ("", "LimitRange"): Rules(cluster.limit_range),
    ("", "Namespace"): Rules(cluster.namespace),
    ("", "Node"): Rules(cluster.node, cluster.node_update),
    ("", "PersistentVolume"): Rules(storage.persistent_volume, storage.persistent_volume_update),
    ("", "PersistentVolumeClaim"): Rules(storage.claim, storage.claim_update),
    ("", "Pod"): Rules(pods.pod, pods.pod_update),
    ("", "PodTemplate"): Rules(workloads.template_object),
    ("", "ReplicationController"): Rules(workloads.replication_controller),
    ("", "ResourceQuota"): Rules(cluster.resource_quota, cluster.resource_quota_update),
    ("", "Secret"): Rules(config.secret, config.secret_update),
    ("", "Service"): Rules(services.service, services.service_update),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): Rules(extensions.admission_policy),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): Rules(extensions.admission_policy_binding),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): Rules(extensions.webhook_configuration),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): Rules(extensions.admission_policy),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): Rules(extensions.admission_policy_binding),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): Rules(extensions.webhook_configuration),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Rules(
        extensions.custom_resource_definition, extensions.custom_resource_definition_update
    ),
    ("apiregistration.k8s.io", "APIService"): Rules(extensions.api_service),
    ("apps", "ControllerRevision"): Rules(workloads.controller_revision, workloads.controller_revision_update),
    ("apps", "DaemonSet"): Rules(workloads.daemon_set, workloads.selector_update),
    ("apps", "Deployment"): Rules(workloads.deployment, workloads.selector_update),
    ("apps", "ReplicaSet"): Rules(workloads.replica_set, workloads.selector_update),
    ("apps", "StatefulSet"): Rules(workloads.stateful_set, workloads.stateful_set_update),
    ("authentication.k8s.io", "TokenRequest"): Rules(access.token_request),
    ("autoscaling", "HorizontalPodAutoscaler"): Rules(policies.horizontal_pod_autoscaler),
    ("batch", "CronJob"): Rules(jobs.cron_job),
    ("batch", "Job"): Rules(jobs.job, jobs.job_update),
    ("certificates.k8s.io", "CertificateSigningRequest"): Rules(access.certificate_signing_request),
    ("coordination.k8s.io", "Lease"): Rules(policies.lease),
    ("discovery.k8s.io", "EndpointSlice"): Rules(services.endpoint_slice, services.endpoint_slice_update),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): Rules(policies.flow_schema),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): Rules(policies.priority_level),
    ("networking.k8s.io", "IPAddress"): Rules(networking.ip_address),
    ("networking.k8s.io", "Ingress"): Rules(networking.ingress),
    ("networking.k8s.io", "IngressClass"): Rules(networking.ingress_class, networking.ingress_class_update),
    ("networking.k8s.io", "NetworkPolicy"): Rules(networking.network_policy),
    ("networking.k8s.io", "ServiceCIDR"): Rules(networking.service_cidr),
    ("node.k8s.io", "RuntimeClass"): Rules(policies.runtime_class, policies.runtime_class_update),
    ("policy", "PodDisruptionBudget"): Rules(policies.pod_disruption_budget),
    ("rbac.authorization.k8s.io", "ClusterRole"): Rules(access.cluster_role),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): Rules(access.cluster_role_binding, access.binding_update),
    ("rbac.authorization.k8s.io", "Role"): Rules(access.role),
    ("rbac.authorization.k8s.io", "RoleBinding"): Rules(access.role_binding, access.binding_update),
    ("scheduling.k8s.io", "PriorityClass"): Rules(policies.priority_class, policies.priority_class_update),
    ("storage.k8s.io", "CSIDriver"): Rules(storage.csi_driver),
    ("storage.k8s.io", "CSINode"): Rules(storage.csi_node),
    ("storage.k8s.io", "CSIStorageCapacity"): Rules(storage.csi_storage_capacity),
    ("storage.k8s.io", "StorageClass"): Rules(storage.storage_class, storage.storage_class_update),
    ("storage.k8s.io", "VolumeAttachment"): Rules(storage.volume_attachment, storage.volume_attachment_update),
    ("storage.k8s.io", "VolumeAttributesClass"): Rules(
        storage.volume_attributes_class, storage.volume_attributes_class_update
    ),
}

#: Subresources whose writes may change what an update of the object itself may not.
_OWN_RULES = ("binding", "resize", "ephemeralcontainers", "finalize", "approval")


def validate(kind: Kind, obj: Obj, old: Obj | None = None, subresource: str = "") -> list[FieldError]:
    """What is wrong with an object that is to be created, or with its update if `old` is given.

    subresource: the one that is written to, "" for the object itself; the rules of what an update may change hold only
    for the object itself and its status.
    """
    faults = Faults()
    if old is None or obj.get("metadata") != old.get("metadata"):
        metadata.check(kind, obj, old, faults)
    if kind.schema is not None:
        return [*faults, *kind.schema.validate(obj, old)]
    rules = RULES.get((kind.group, kind.kind))
    if rules is None or (old is not None and _is_same(obj, old)):
        return faults
    rules.rule(obj, faults, old)
    if old is not None and subresource == "resize":
        pods.pod_resize(obj, old, faults)
    if old is not None and rules.update is not None and subresource not in _OWN_RULES:
        rules.update(obj, old, faults)
    return faults


_ELSEWHERE = frozenset(("metadata", "status"))


def _is_same(obj: Obj, old: Obj) -> bool:
    """Whether nothing but metadata and status differ."""
    return obj.keys() | _ELSEWHERE == old.keys() | _ELSEWHERE and all(
        value is old.get(key) or value == old.get(key) for key, value in obj.items() if key not in _ELSEWHERE
    )
