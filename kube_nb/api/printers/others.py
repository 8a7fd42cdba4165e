"""Rows of the kinds outside core, apps, batch, autoscaling and policy. Models upstream's printers."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from kube_nb.api.printers.cells import NONE, UNSET, at, condition, created, is_true, joined, label_selector
from kube_nb.api.printers.core import load_balancer
from kube_nb.machinery import duration
from kube_nb.machinery.types import Json, Obj

_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def name_and_age(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], created(obj, now)]


def ingress(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"]["name"],
        spec.get("ingressClassName") or NONE,
        _hosts(spec.get("rules") or ()),
        ",".join(load_balancer(obj)),
        "80, 443" if spec.get("tls") else "80",
        created(obj, now),
    ]


def _hosts(rules: Sequence[Obj]) -> str:
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    if not hosts:
        return "*"
    shown = ",".join(hosts[:3])
    return f"{shown} + {len(rules) - 3} more..." if len(rules) > 3 and len(hosts) >= 3 else shown


def ingress_class(obj: Obj, now: datetime) -> list[Json]:
    parameters = at(obj, "spec.parameters")
    text = NONE
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
        text = f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}"
    return [obj["metadata"]["name"], at(obj, "spec.controller", ""), text, created(obj, now)]


def network_policy(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], label_selector(at(obj, "spec.podSelector")), created(obj, now)]


def ip_address(obj: Obj, now: datetime) -> list[Json]:
    parent = at(obj, "spec.parentRef", {})
    resource = ".".join(filter(None, (parent.get("resource"), parent.get("group"))))
    text = "/".join(filter(None, (resource, parent.get("namespace"), parent.get("name"))))
    return [obj["metadata"]["name"], text or NONE, created(obj, now)]


def service_cidr(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], ",".join(at(obj, "spec.cidrs", ())), created(obj, now)]


def endpoint_slice(obj: Obj, now: datetime) -> list[Json]:
    return [
        obj["metadata"]["name"],
        obj.get("addressType", ""),
        joined(map(_endpoint_port, obj.get("ports") or ()), 3) or UNSET,
        joined(_endpoint_addresses(obj), 3) or UNSET,
        created(obj, now),
    ]


def _endpoint_port(port: Obj) -> str:
    return str(port["port"]) if port.get("port") is not None else port.get("name") or "*"


def _endpoint_addresses(obj: Obj) -> Iterator[str]:
    for endpoint in obj.get("endpoints") or ():
        yield from endpoint.get("addresses") or ()


def role_binding(obj: Obj, now: datetime) -> list[Json]:
    role = obj.get("roleRef") or {}
    return [
        obj["metadata"]["name"],
        f"{role.get('kind', '')}/{role.get('name', '')}",
        created(obj, now),
        ", ".join(subject["name"] for subject in _subjects(obj, "User")),
        ", ".join(subject["name"] for subject in _subjects(obj, "Group")),
        ", ".join(f"{subject.get('namespace', '')}/{subject['name']}" for subject in _subjects(obj, "ServiceAccount")),
    ]


def _subjects(obj: Obj, kind: str) -> Iterator[Obj]:
    return (subject for subject in obj.get("subjects") or () if subject.get("kind") == kind)


def storage_class(obj: Obj, now: datetime) -> list[Json]:
    annotations = at(obj, "metadata.annotations", {})
    is_default = any(annotations.get(key) == "true" for key in _DEFAULT_CLASS)
    return [
        obj["metadata"]["name"] + (" (default)" if is_default else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        created(obj, now),
    ]


def volume_attributes_class(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], obj.get("driverName", ""), created(obj, now)]


def volume_attachment(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"]["name"],
        spec.get("attacher", ""),
        at(spec, "source.persistentVolumeName", ""),
        spec.get("nodeName", ""),
        bool(at(obj, "status.attached")),
        created(obj, now),
    ]


def csi_node(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], len(at(obj, "spec.drivers", ())), created(obj, now)]


def csi_driver(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    audiences = ",".join(request.get("audience", "") for request in spec.get("tokenRequests") or ())
    return [
        obj["metadata"]["name"],
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        audiences or UNSET,
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        created(obj, now),
    ]


def csi_storage_capacity(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], obj.get("storageClassName", ""), obj.get("capacity") or UNSET]


def priority_class(obj: Obj, now: datetime) -> list[Json]:
    return [
        obj["metadata"]["name"],
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        created(obj, now),
        obj.get("preemptionPolicy", "PreemptLowerPriority"),
    ]


def runtime_class(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], obj.get("handler", ""), created(obj, now)]


def lease(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], at(obj, "spec.holderIdentity", ""), created(obj, now)]


def webhooks(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), created(obj, now)]


def admission_policy(obj: Obj, now: datetime) -> list[Json]:
    spec, param = obj.get("spec") or {}, at(obj, "spec.paramKind")
    text = f"{param.get('apiVersion', '')}/{param.get('kind', '')}" if param else UNSET
    rules = spec.get("validations") or spec.get("mutations") or ()
    return [obj["metadata"]["name"], len(rules), text, created(obj, now)]


def admission_policy_binding(obj: Obj, now: datetime) -> list[Json]:
    param = at(obj, "spec.paramRef")
    text = UNSET
    if param:
        name = param.get("name") or "*"
        text = f"{param['namespace']}/{name}" if param.get("namespace") else name
    return [obj["metadata"]["name"], at(obj, "spec.policyName", ""), text, created(obj, now)]


def certificate_signing_request(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    return [
        obj["metadata"]["name"],
        created(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        NONE if seconds is None else duration.human(seconds),
        _csr_status(obj),
    ]


def _csr_status(obj: Obj) -> str:
    types = {found.get("type") for found in at(obj, "status.conditions", ())}
    text = "Denied" if "Denied" in types else "Approved" if "Approved" in types else "Pending"
    text += ",Failed" if "Failed" in types else ""
    return text + (",Issued" if at(obj, "status.certificate") else "")


def cluster_trust_bundle(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], at(obj, "spec.signerName") or NONE]


def pod_certificate_request(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    states = ("Denied", "Failed", "Issued")
    return [
        obj["metadata"]["name"],
        spec.get("podName", ""),
        spec.get("serviceAccountName", ""),
        spec.get("nodeName", ""),
        spec.get("signerName", ""),
        next((state for state in states if is_true(obj, state)), "Pending"),
        created(obj, now),
    ]


def flow_schema(obj: Obj, now: datetime) -> list[Json]:
    spec, dangling = obj.get("spec") or {}, condition(obj, "Dangling")
    return [
        obj["metadata"]["name"],
        at(spec, "priorityLevelConfiguration.name", ""),
        spec.get("matchingPrecedence", 0),
        at(spec, "distinguisherMethod.type", NONE),
        created(obj, now),
        "?" if dangling is None else dangling.get("status", "?"),
    ]


def priority_level(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or {}
    shares = limited.get("nominalConcurrencyShares", at(spec, "exempt.nominalConcurrencyShares", NONE))
    queuing = at(limited, "limitResponse.queuing", {})
    sizes = [queuing.get(key, NONE) for key in ("queues", "handSize", "queueLengthLimit")]
    return [obj["metadata"]["name"], spec.get("type", ""), shares, *sizes, created(obj, now)]


def resource_claim(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], ",".join(_claim_states(obj)), created(obj, now)]


def _claim_states(obj: Obj) -> Iterator[str]:
    is_deleted = bool(at(obj, "metadata.deletionTimestamp"))
    if is_deleted:
        yield "deleted"
    if at(obj, "status.allocation") is not None:
        yield "allocated"
    elif not is_deleted:
        yield "pending"
    if at(obj, "status.reservedFor"):
        yield "reserved"


def resource_slice(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    where = spec.get("nodeName") or UNSET
    return [obj["metadata"]["name"], where, spec.get("driver", ""), at(spec, "pool.name", ""), created(obj, now)]


def api_service(obj: Obj, now: datetime) -> list[Json]:
    service, available = at(obj, "spec.service"), condition(obj, "Available")
    text = "Unknown" if available is None else available.get("status", "Unknown")
    if available is not None and text != "True":
        text = f"{text} ({available.get('reason', '')})"
    local = f"{service.get('namespace')}/{service.get('name')}" if service else "Local"
    return [obj["metadata"]["name"], local, text, created(obj, now)]


def scale(obj: Obj, now: datetime) -> list[Json]:
    available = at(obj, "status.replicas", 0)
    return [obj["metadata"]["name"], at(obj, "spec.replicas", 0), available, created(obj, now)]
