"""Rows of the core group's kinds. Models pkg/printers/internalversion/printers.go."""

from collections.abc import Iterator
from datetime import datetime

from kube_nb.api.printers.cells import (
    NONE,
    UNKNOWN,
    UNSET,
    access_modes,
    age,
    at,
    condition,
    containers,
    created,
    joined,
    label_map,
)
from kube_nb.machinery.types import Json, Obj


def replication_controller(obj: Obj, now: datetime) -> list[Json]:
    return [
        obj["metadata"]["name"],
        at(obj, "spec.replicas", 0),
        at(obj, "status.replicas", 0),
        at(obj, "status.readyReplicas", 0),
        created(obj, now),
        *containers(at(obj, "spec.template.spec")),
        label_map(at(obj, "spec.selector")),
    ]


def service(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"]["name"],
        spec.get("type", ""),
        spec.get("clusterIP") or NONE,
        _external(obj),
        ",".join(map(_port, spec.get("ports") or ())) or NONE,
        created(obj, now),
        label_map(spec.get("selector")),
    ]


def _port(port: Obj) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"


def load_balancer(obj: Obj) -> list[str]:
    """The addresses that a load balancer answers on, sorted."""
    ingress = at(obj, "status.loadBalancer.ingress", ())
    return sorted({entry.get("ip") or entry.get("hostname", "") for entry in ingress} - {""})


def _external(obj: Obj) -> str:
    spec = obj.get("spec") or {}
    given = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(given) or NONE
        case "LoadBalancer":
            return ",".join(load_balancer(obj) + given) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return UNKNOWN


def endpoints(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], joined(_addresses(obj), 3) or NONE, created(obj, now)]


def _addresses(obj: Obj) -> Iterator[str]:
    for subset in obj.get("subsets") or ():
        hosts = [address.get("ip", "") for address in subset.get("addresses") or ()]
        if not subset.get("ports"):
            yield from hosts
        for port in subset.get("ports") or ():
            for host in hosts:
                yield f"[{host}]:{port.get('port')}" if ":" in host else f"{host}:{port.get('port')}"


def node(obj: Obj, now: datetime) -> list[Json]:
    info = at(obj, "status.nodeInfo", {})
    return [
        obj["metadata"]["name"],
        _node_status(obj),
        ",".join(_roles(at(obj, "metadata.labels", {}))) or NONE,
        created(obj, now),
        info.get("kubeletVersion", ""),
        _node_address(obj, "InternalIP"),
        _node_address(obj, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_status(obj: Obj) -> str:
    ready = condition(obj, "Ready")
    text = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{text},SchedulingDisabled" if at(obj, "spec.unschedulable") else text


def _roles(labels: dict[str, str]) -> list[str]:
    prefix = "node-role.kubernetes.io/"
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}
    return sorted((roles | {labels.get("kubernetes.io/role", "")}) - {""})


def _node_address(obj: Obj, kind: str) -> str:
    found = (entry["address"] for entry in at(obj, "status.addresses", ()) if entry.get("type") == kind)
    return next(found, NONE)


def event(obj: Obj, now: datetime) -> list[Json]:
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"), now)
    last = age(obj["lastTimestamp"], now) if obj.get("lastTimestamp") else first
    count, series = obj.get("count") or 1, obj.get("series")
    if series:
        last, count = age(series.get("lastObservedTime"), now), series.get("count", 0)
    involved = obj.get("involvedObject") or {}
    kind, name = involved.get("kind", "").lower(), involved.get("name")
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{name}" if name else kind,
        involved.get("fieldPath", ""),
        _source(obj),
        obj.get("message", "").strip(),
        first,
        count,
        obj["metadata"]["name"],
    ]


#: events.k8s.io/v1 name -> core/v1 name.
_OLD_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}


def new_event(obj: Obj, now: datetime) -> list[Json]:
    """An events.k8s.io event, printed as the core one that it is stored as."""
    return event({_OLD_NAMES.get(field, field): value for field, value in obj.items()}, now)


def _source(obj: Obj) -> str:
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance")
    return f"{component}, {instance}" if instance else component


def namespace(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], at(obj, "status.phase", ""), created(obj, now)]


def secret(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or ()), created(obj, now)]


def config_map(obj: Obj, now: datetime) -> list[Json]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [obj["metadata"]["name"], count, created(obj, now)]


def service_account(obj: Obj, now: datetime) -> list[Json]:
    return [obj["metadata"]["name"], len(obj.get("secrets") or ()), created(obj, now)]


def persistent_volume(obj: Obj, now: datetime) -> list[Json]:
    spec, claim = obj.get("spec") or {}, at(obj, "spec.claimRef")
    return [
        obj["metadata"]["name"],
        at(spec, "capacity.storage", "0"),
        access_modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _storage_class(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        at(obj, "status.reason", ""),
        created(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def persistent_volume_claim(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    is_bound = bool(spec.get("volumeName"))
    return [
        obj["metadata"]["name"],
        _phase(obj),
        spec.get("volumeName", ""),
        at(obj, "status.capacity.storage", "0") if is_bound else "",
        access_modes(at(obj, "status.accessModes", ())) if is_bound else "",
        _storage_class(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        created(obj, now),
        spec.get("volumeMode") or UNSET,
    ]


def _phase(obj: Obj) -> str:
    return "Terminating" if at(obj, "metadata.deletionTimestamp") else str(at(obj, "status.phase", ""))


def _storage_class(obj: Obj) -> str:
    old = (at(obj, "metadata.annotations", {})).get("volume.beta.kubernetes.io/storage-class")
    return str(old if old is not None else at(obj, "spec.storageClassName", ""))


def component_status(obj: Obj, now: datetime) -> list[Json]:
    healthy = next((found for found in obj.get("conditions") or () if found.get("type") == "Healthy"), None)
    if healthy is None:
        return [obj["metadata"]["name"], "Unknown", "", ""]
    text = "Healthy" if healthy.get("status") == "True" else "Unhealthy"
    return [obj["metadata"]["name"], text, healthy.get("message", ""), healthy.get("error", "")]


def resource_quota(obj: Obj, now: datetime) -> list[Json]:
    hard, used = at(obj, "status.hard", {}), at(obj, "status.used", {})
    columns: dict[bool, list[str]] = {False: [], True: []}
    for name in sorted(hard):
        columns[name.startswith("limits.")].append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [obj["metadata"]["name"], ", ".join(columns[False]), ", ".join(columns[True]), created(obj, now)]


def pod_template(obj: Obj, now: datetime) -> list[Json]:
    labels = label_map(at(obj, "template.metadata.labels"))
    return [obj["metadata"]["name"], *containers(at(obj, "template.spec")), labels]
