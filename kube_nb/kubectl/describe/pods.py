"""``kubectl describe pod``."""

from kube_nb.kubectl.describe import containers, events, pod_template, volumes
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import controller, rfc1123
from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj

_MIRROR = "kubernetes.io/config.mirror"


async def pod(s: Subject) -> None:
    _head(s)
    _status(s)
    _addresses(s)
    _containers(s)
    _gates(s)
    rows = s.status.get("conditions")
    if rows:
        s.out.line(0, "Conditions:")
        s.out.line(1, "Type", "Status")
        for row in rows:
            s.out.line(1, f"{row['type']} ", f"{row['status']} ")
    volumes.of_pod(s.out, s.spec.get("volumes"))
    s.out.line(0, "QoS Class:", qos_class(s.obj))
    s.out.labels("Node-Selectors", s.spec.get("nodeSelector"))
    s.out.several("Tolerations", pod_template.tolerations(s.spec.get("tolerations")))
    pod_template.spread_constraints(s.out, s.spec.get("topologySpreadConstraints"))
    await events.write(s, kind="", uid=(s.metadata.get("annotations") or {}).get(_MIRROR))


def _head(s: Subject) -> None:
    s.head()
    rows = (
        ("Priority:", "priority"),
        ("Priority Class Name:", "priorityClassName"),
        ("Runtime Class Name:", "runtimeClassName"),
        ("Service Account:", "serviceAccountName"),
    )
    for title, field in rows:
        value = s.spec.get(field)
        if value or (field == "priority" and value is not None):
            s.out.line(0, title, value)
    node = s.spec.get("nodeName")
    s.out.line(0, "Node:", f"{node}/{s.status.get('hostIP', '')}" if node else "<none>")
    if s.status.get("startTime"):
        s.out.line(0, "Start Time:", rfc1123(s.status["startTime"]))
    s.labels_and_annotations()


def _status(s: Subject) -> None:
    phase, deleting = s.status.get("phase", ""), s.metadata.get("deletionTimestamp")
    if deleting and phase not in ("Failed", "Succeeded"):
        s.out.line(0, "Status:", f"Terminating (lasts {s.age(deleting)})")
        s.out.line(0, "Termination Grace Period:", f"{s.metadata.get('deletionGracePeriodSeconds', 0)}s")
    else:
        s.out.line(0, "Status:", phase)
    for title, field in (("Reason:", "reason"), ("Message:", "message")):
        if s.status.get(field):
            s.out.line(0, title, s.status[field])
    profile = (s.spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        s.out.line(0, "SeccompProfile:", profile["type"])
        if profile["type"] == "Localhost":
            s.out.line(0, "LocalhostProfile:", profile["localhostProfile"])


def _addresses(s: Subject) -> None:
    s.out.line(0, "IP:", s.status.get("podIP", ""))
    addresses = s.status.get("podIPs") or ()
    s.out.line(0, "IPs:", *(() if addresses else ("<none>",)))
    for address in addresses:
        s.out.line(1, "IP:", address["ip"])
    if controller(s.obj):
        s.out.line(0, "Controlled By:", controller(s.obj))
    if s.status.get("nominatedNodeName"):
        s.out.line(0, "NominatedNodeName:", s.status["nominatedNodeName"])


def _containers(s: Subject) -> None:
    def resolve(path: str) -> str:
        return field_value(s.obj, path)

    rows = (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    )
    for title, field, statuses in rows:
        if s.spec.get(field) or field == "containers":
            found = s.status.get(statuses)
            containers.write(s.out, title, s.spec.get(field), statuses=found, resolve=resolve)


def _gates(s: Subject) -> None:
    gates = s.spec.get("readinessGates")
    if not gates:
        return
    statuses = {row["type"]: row["status"] for row in s.status.get("conditions") or ()}
    s.out.line(0, "Readiness Gates:")
    s.out.line(1, "Type", "Status")
    for gate in gates:
        s.out.line(1, f"{gate['conditionType']} ", f"{statuses.get(gate['conditionType'], '<none>')} ")


def field_value(pod: Obj, path: str) -> str:
    """A fieldRef's value; kubectl knows those of metadata only. Models util/fieldpath."""
    metadata = pod["metadata"]
    if path in ("metadata.name", "metadata.namespace", "metadata.uid"):
        return str(metadata.get(path.partition(".")[2]) or "")
    for field in ("labels", "annotations"):
        values = metadata.get(field) or {}
        if path == f"metadata.{field}":
            return "\n".join(f'{key}="{values[key]}"' for key in sorted(values))
        if path.startswith(f"metadata.{field}['") and path.endswith("']"):
            return str(values.get(path.partition("['")[2][:-2], ""))
    return ""


def qos_class(pod: Obj) -> str:
    """The status' class, else what the containers' cpu and memory make of it. Models util/qos."""
    known = (pod.get("status") or {}).get("qosClass")
    if known:
        return str(known)
    spec = pod["spec"]
    found = [
        each.get("resources") or {} for field in ("containers", "initContainers") for each in spec.get(field) or ()
    ]
    if not any(_positive(each.get(field)) for each in found for field in ("requests", "limits")):
        return "BestEffort"
    return "Guaranteed" if all(_is_guaranteed(each) for each in found) else "Burstable"


def _positive(amounts: Obj | None) -> dict[str, quantity.Quantity]:
    parsed = {name: quantity.parse(text) for name, text in (amounts or {}).items() if name in ("cpu", "memory")}
    return {name: amount for name, amount in parsed.items() if amount}


def _is_guaranteed(resources: Obj) -> bool:
    limits, requests = _positive(resources.get("limits")), _positive(resources.get("requests"))
    return len(limits) == 2 and all(limits[name] == amount for name, amount in requests.items())
