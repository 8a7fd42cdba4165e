"""Tables: the rows and columns that `kubectl get` prints, made on the server for every kind.

Columns and rows are upstream's (pkg/printers/internalversion/printers.go and the default and custom-resource table
convertors). Every row has all cells; those of columns with priority 1 are what ``-o wide`` adds.
Differs: only the columns that come from metadata have descriptions.
"""

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias

import orjson

from kube_nb.api import definitions, json_path
from kube_nb.api.kinds import Column, Kind
from kube_nb.api.printers import core, others, pods, workloads
from kube_nb.api.printers.cells import age
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Json, Obj

Cells: TypeAlias = Callable[[Obj, datetime], list[Json]]

_TEMPLATE = "Containers* Images* Selector*"

#: Group and kind -> its columns (``_`` is a space, ``*`` marks a wide one, ``:`` a type other than string) and its row.
PRINTERS: dict[tuple[str, str], tuple[str, Cells]] = {
    ("", "ComponentStatus"): ("Name Status Message Error", core.component_status),
    ("", "ConfigMap"): ("Name Data Age", core.config_map),
    ("", "Endpoints"): ("Name Endpoints Age", core.endpoints),
    ("", "Event"): (
        "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
        core.event,
    ),
    ("", "Namespace"): ("Name Status Age", core.namespace),
    ("", "Node"): (
        "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*",
        core.node,
    ),
    ("", "PersistentVolume"): (
        "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age "
        "VolumeMode*",
        core.persistent_volume,
    ),
    ("", "PersistentVolumeClaim"): (
        "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode*",
        core.persistent_volume_claim,
    ),
    ("", "Pod"): ("Name Ready Status Restarts Age IP* Node* Nominated_Node* Readiness_Gates*", pods.cells),
    ("", "PodTemplate"): ("Name Containers Images Pod_Labels", core.pod_template),
    ("", "ReplicationController"): (
        f"Name Desired:integer Current:integer Ready:integer Age {_TEMPLATE}",
        core.replication_controller,
    ),
    ("", "ResourceQuota"): ("Name Request Limit Age", core.resource_quota),
    ("", "Secret"): ("Name Type Data Age", core.secret),
    ("", "Service"): ("Name Type Cluster-IP External-IP Port(s) Age Selector*", core.service),
    ("", "ServiceAccount"): ("Name Secrets Age", core.service_account),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): (
        "Name Mutations:integer ParamKind Age",
        others.admission_policy,
    ),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): (
        "Name PolicyName ParamRef Age",
        others.admission_policy_binding,
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): (
        "Name Webhooks:integer Age",
        others.webhooks,
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): (
        "Name Validations:integer ParamKind Age",
        others.admission_policy,
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): (
        "Name PolicyName ParamRef Age",
        others.admission_policy_binding,
    ),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): (
        "Name Webhooks:integer Age",
        others.webhooks,
    ),
    ("apiregistration.k8s.io", "APIService"): ("Name Service Available Age", others.api_service),
    ("apps", "ControllerRevision"): ("Name Controller Revision Age", workloads.controller_revision),
    ("apps", "DaemonSet"): (
        "Name Desired:integer Current:integer Ready:integer Up-to-date:integer Available:integer Node_Selector Age "
        + _TEMPLATE,
        workloads.daemon_set,
    ),
    ("apps", "Deployment"): (
        f"Name Ready Up-to-date Available Age {_TEMPLATE}",
        workloads.deployment,
    ),
    ("apps", "ReplicaSet"): (
        f"Name Desired:integer Current:integer Ready:integer Age {_TEMPLATE}",
        workloads.replica_set,
    ),
    ("apps", "StatefulSet"): ("Name Ready Age Containers* Images*", workloads.stateful_set),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        "Name Reference Targets MinPods MaxPods Replicas Age",
        workloads.horizontal_pod_autoscaler,
    ),
    ("autoscaling", "Scale"): ("Name Desired:integer Available:integer Age", others.scale),
    ("batch", "CronJob"): (
        f"Name Schedule Timezone Suspend:boolean Active:integer Last_Schedule Age {_TEMPLATE}",
        workloads.cron_job,
    ),
    ("batch", "Job"): (f"Name Status Completions Duration Age {_TEMPLATE}", workloads.job),
    ("certificates.k8s.io", "CertificateSigningRequest"): (
        "Name Age SignerName Requestor RequestedDuration Condition",
        others.certificate_signing_request,
    ),
    ("certificates.k8s.io", "ClusterTrustBundle"): ("Name SignerName", others.cluster_trust_bundle),
    ("certificates.k8s.io", "PodCertificateRequest"): (
        "Name PodName ServiceAccountName NodeName SignerName State Age",
        others.pod_certificate_request,
    ),
    ("coordination.k8s.io", "Lease"): ("Name Holder Age", others.lease),
    ("discovery.k8s.io", "EndpointSlice"): ("Name AddressType Ports Endpoints Age", others.endpoint_slice),
    ("events.k8s.io", "Event"): (
        "Last_Seen Type Reason Object Subobject* Source* Message First_Seen* Count* Name*",
        core.new_event,
    ),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): (
        "Name PriorityLevel MatchingPrecedence DistinguisherMethod Age MissingPL",
        others.flow_schema,
    ),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): (
        "Name Type NominalConcurrencyShares Queues HandSize QueueLengthLimit Age",
        others.priority_level,
    ),
    ("networking.k8s.io", "Ingress"): ("Name Class Hosts Address Ports Age", others.ingress),
    ("networking.k8s.io", "IngressClass"): ("Name Controller Parameters Age", others.ingress_class),
    ("networking.k8s.io", "IPAddress"): ("Name ParentRef Age", others.ip_address),
    ("networking.k8s.io", "NetworkPolicy"): ("Name Pod-Selector Age", others.network_policy),
    ("networking.k8s.io", "ServiceCIDR"): ("Name CIDRs Age", others.service_cidr),
    ("node.k8s.io", "RuntimeClass"): ("Name Handler Age", others.runtime_class),
    ("policy", "PodDisruptionBudget"): (
        "Name Min_Available Max_Unavailable Allowed_Disruptions:integer Age",
        workloads.pod_disruption_budget,
    ),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (
        "Name Role Age Users* Groups* ServiceAccounts*",
        others.role_binding,
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): (
        "Name Role Age Users* Groups* ServiceAccounts*",
        others.role_binding,
    ),
    ("resource.k8s.io", "DeviceClass"): ("Name Age", others.name_and_age),
    ("resource.k8s.io", "ResourceClaim"): ("Name State Age", others.resource_claim),
    ("resource.k8s.io", "ResourceClaimTemplate"): ("Name Age", others.name_and_age),
    ("resource.k8s.io", "ResourceSlice"): ("Name Node Driver Pool Age", others.resource_slice),
    ("scheduling.k8s.io", "PriorityClass"): (
        "Name Value:integer Global-Default:boolean Age PreemptionPolicy",
        others.priority_class,
    ),
    ("storage.k8s.io", "CSIDriver"): (
        "Name AttachRequired:boolean PodInfoOnMount:boolean StorageCapacity:boolean TokenRequests "
        "RequiresRepublish:boolean Modes Age",
        others.csi_driver,
    ),
    ("storage.k8s.io", "CSINode"): ("Name Drivers:integer Age", others.csi_node),
    ("storage.k8s.io", "CSIStorageCapacity"): ("Name StorageClassName Capacity", others.csi_storage_capacity),
    ("storage.k8s.io", "StorageClass"): (
        "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
        others.storage_class,
    ),
    ("storage.k8s.io", "VolumeAttachment"): (
        "Name Attacher PV Node Attached:boolean Age",
        others.volume_attachment,
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): ("Name DriverName Age", others.volume_attributes_class),
}


def table(
    kind: Kind | GVK,
    objs: Iterable[Obj],
    now: datetime,
    include_object: str = "Metadata",
    list_metadata: Obj | None = None,
) -> Obj:
    """A meta.k8s.io/v1 Table of these objects.

    kind: what they are; a GVK for answers that are no resource of their own (autoscaling/v1 Scale).
    include_object: what each row carries: Metadata, Object or None. list_metadata: the list's metadata, or for a single
    object its resourceVersion.
    """
    columns, cells = _printer(kind)
    rows = [_row(obj, cells(obj, now), include_object, kind) for obj in objs]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata or {},
        "columnDefinitions": columns,
        "rows": rows,
    }


def _row(obj: Obj, cells: list[Json], include_object: str, kind: Kind | GVK) -> Obj:
    row: Obj = {"cells": cells}
    if kind.kind == "Pod" and not kind.group and (conditions := pods.conditions(obj)):
        row["conditions"] = conditions
    if include_object == "Object":
        row["object"] = obj
    elif include_object == "Metadata":
        row["object"] = partial_metadata(obj)
    return row


def partial_metadata(obj: Obj) -> Obj:
    """An object's metadata alone, as a meta.k8s.io/v1 PartialObjectMetadata."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj.get("metadata") or {}}


def _printer(kind: Kind | GVK) -> tuple[list[Obj], Cells]:
    if isinstance(kind, Kind) and kind.columns is not None:
        return _custom_columns(kind.columns), functools.partial(_custom_cells, kind.columns)
    found = PRINTERS.get((kind.group, kind.kind))
    if found is None:
        return _columns("Name Created_At:date"), _default_cells
    return _columns(found[0]), found[1]


def _default_cells(obj: Obj, now: datetime) -> list[Json]:
    metadata = obj.get("metadata") or {}
    return [metadata.get("name", ""), metadata.get("creationTimestamp")]


@functools.cache
def _columns(text: str) -> list[Obj]:
    return [_column(part) for part in text.split()]


def _column(text: str) -> Obj:
    name, _, kind = text.rstrip("*").partition(":")
    return {
        "name": name.replace("_", " "),
        "type": kind or "string",
        "format": "name" if name == "Name" else "",
        "description": _description(name),
        "priority": 1 if text.endswith("*") else 0,
    }


def _description(column: str) -> str:
    field = {"Name": "name", "Age": "creationTimestamp", "Created_At": "creationTimestamp"}.get(column)
    if field is None:
        return ""
    metadata = definitions.load(definitions.newest()).schemas["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]
    return str(metadata["properties"][field].get("description", ""))


@functools.lru_cache(maxsize=256)
def _custom_columns(columns: tuple[Column, ...]) -> list[Obj]:
    own = [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in columns
    ]
    return [_column("Name"), *own]


def _custom_cells(columns: tuple[Column, ...], obj: Obj, now: datetime) -> list[Json]:
    metadata = obj.get("metadata") or {}
    return [metadata.get("name", ""), *(_custom_cell(column, obj, now) for column in columns)]


def _custom_cell(column: Column, obj: Obj, now: datetime) -> Json:
    """One cell of a custom resource. Models apiextensions pkg/registry/customresource/tableconvertor."""
    found = json_path.find(column.json_path, obj)
    if not found or found[0] is None:
        return None
    value = found[0]
    match column.type:
        case "date":
            return _date(value, now)
        case "integer":
            return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case "number":
            return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
    return _text(value) if len(found) == 1 else ",".join(map(_text, found))


def _date(value: Json, now: datetime) -> str:
    try:
        return age(value, now) if isinstance(value, str) else "<invalid>"
    except ValueError:
        return "<invalid>"


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return orjson.dumps(value).decode()
    return str(value)
