"""``%kube endpoints``: a service, its slices and the pods behind it; which get traffic, and why not the rest."""

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from kube_nb.api import resources
from kube_nb.cluster import Cluster
from kube_nb.kubectl import KubectlError
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj
from kube_nb.views import page, relations, shown
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

_FOLLOWED = (resources.SERVICES, resources.ENDPOINT_SLICES, resources.PODS)
_SERVICE_NAME = "kubernetes.io/service-name"


class Backend(TypedDict):
    """ready: whether traffic goes there. why: the reason if it does not. tone: of the pod's own state."""

    address: str
    slice: str
    pod: str
    node: str
    ready: bool
    tone: str
    why: str


class Endpoints(TypedDict):
    """found: False if there is no such service now. selector: empty if the service has none."""

    found: bool
    service: str
    namespace: str
    type: str
    cluster_ip: str
    ports: list[str]
    selector: dict[str, str]
    slices: list[str]
    backends: list[Backend]


def show(cluster: Cluster, service: str, *, namespace: str = "default", at: int | None = None) -> Shown:
    """KubectlError if there is no such service. at: a revision of the store."""
    name = service.rpartition("/")[2]
    view = shown.live_page(
        cluster, _FOLLOWED, lambda now: endpoints(name, now, namespace), blocks, namespace=namespace, at=at, frame=frame
    )
    if not view.state["found"]:
        raise KubectlError(f'Error from server (NotFound): services "{name}" not found')
    return view


def endpoints(name: str, found: Sequence[Obj], namespace: str = "default") -> Endpoints:
    service = next((obj for obj in found if obj["kind"] == "Service" and objects.name(obj) == name), None)
    spec = (service or {}).get("spec") or {}
    slices = [obj for obj in found if obj["kind"] == "EndpointSlice" and objects.labels(obj).get(_SERVICE_NAME) == name]
    pods = {objects.name(obj): obj for obj in found if obj["kind"] == "Pod"}
    return {
        "found": service is not None,
        "service": name,
        "namespace": namespace,
        "type": spec.get("type", ""),
        "cluster_ip": spec.get("clusterIP", ""),
        "ports": [_port(port) for port in spec.get("ports") or []],
        "selector": dict(spec.get("selector") or {}),
        "slices": sorted(objects.name(each) for each in slices),
        "backends": _backends(spec, slices, pods),
    }


def frame(state: Endpoints) -> list[dict[str, Any]]:
    """A row per endpoint, and per pod that is none yet."""
    return [dict(backend) for backend in state["backends"]]


def _port(port: Obj) -> str:
    target = port.get("targetPort", port["port"])
    return f"{port['port']}/{port.get('protocol', 'TCP')} → {target}"


def _backends(spec: Obj, slices: Iterable[Obj], pods: dict[str, Obj]) -> list[Backend]:
    """The slices' endpoints, then the pods that the selector means and no slice has yet."""
    found = [
        _endpoint(each, slice_, pods)
        for slice_ in sorted(slices, key=objects.name)
        for each in slice_.get("endpoints") or []
    ]
    routed = {backend["pod"] for backend in found}
    selector = spec.get("selector")
    for name, pod in sorted(pods.items()):
        if selector and name not in routed and labels.from_map(selector).matches(objects.labels(pod)):
            found.append(_outside(pod))
    return sorted(found, key=lambda backend: (not backend["ready"], backend["pod"], backend["address"]))


def _endpoint(endpoint: Obj, slice_: Obj, pods: dict[str, Obj]) -> Backend:
    target = endpoint.get("targetRef") or {}
    pod = pods.get(target.get("name", "")) if target.get("kind") == "Pod" else None
    conditions = endpoint.get("conditions") or {}
    ready = conditions.get("ready") is not False
    tone, word = relations.state_of(pod) if pod is not None else ("plain", "")
    ports = [str(port["port"]) for port in slice_.get("ports") or [] if port.get("port")]
    return {
        "address": ", ".join(_joined(address, ports) for address in endpoint.get("addresses") or []),
        "slice": objects.name(slice_),
        "pod": target.get("name", ""),
        "node": endpoint.get("nodeName", ""),
        "ready": ready,
        "tone": tone,
        "why": "" if ready else _why(pod, word, terminating=bool(conditions.get("terminating"))),
    }


def _joined(address: str, ports: list[str]) -> str:
    return f"{address}:{'/'.join(ports)}" if ports else address


def _outside(pod: Obj) -> Backend:
    """A pod that the selector means but that no slice carries."""
    tone, word = relations.state_of(pod)
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    return {
        "address": status.get("podIP", ""),
        "slice": "",
        "pod": objects.name(pod),
        "node": spec.get("nodeName", ""),
        "ready": False,
        "tone": tone,
        "why": "it has no address yet" if not status.get("podIP") and tone != "done" else _why(pod, word),
    }


def _why(pod: Obj | None, word: str, *, terminating: bool = False) -> str:
    """Why traffic does not go to a pod, from its Ready condition and its containers."""
    if pod is None:
        return "the slice says it is not ready"
    if terminating or objects.is_deleting(pod):
        return "the pod is terminating"
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        return f"the pod has ended ({phase})"
    ready = objects.get_condition(pod, "Ready") or {}
    message = ready.get("message") or "its Ready condition is not true"
    return f"{word}: {message}"


def blocks(state: Endpoints) -> list[Block]:
    if not state["found"]:
        return [page.heading(f"service {state['service']} is gone")]
    ready = sum(1 for backend in state["backends"] if backend["ready"])
    total = len(state["backends"])
    found = [page.heading(f"service {state['service']}: traffic goes to {ready} of {total} {_plural(total)}")]
    address = (
        f"{state['type']} {state['cluster_ip'] or '(no cluster IP)'}, port {', '.join(state['ports']) or '(none)'}"
    )
    found.append(page.note(f"{address} · slices: {', '.join(state['slices']) or 'none'}"))
    if state["selector"]:
        found.append(page.note(f"selects pods with {page.pairs(state['selector'])}"))
    else:
        found.append(page.note("has no selector: its endpoints are written by hand"))
    if state["backends"]:
        columns = ["READY", "POD", "ADDRESS", "NODE", "SLICE", "WHY NOT"]
        found.append(page.table(columns, [_row(backend) for backend in state["backends"]], wrapped=[5]))
    elif state["selector"]:
        found.append(page.note("no pod carries these labels", "bad"))
    return found


def _row(backend: Backend) -> list[Cell]:
    return [
        page.cell("✓ yes", "good") if backend["ready"] else page.cell("✗ no", _refused_tone(backend["tone"])),
        page.cell(backend["pod"] or "-", strong=backend["ready"]),
        page.cell(backend["address"] or "-"),
        page.cell(backend["node"] or "-"),
        page.cell(backend["slice"] or "-"),
        page.cell(backend["why"]),
    ]


def _refused_tone(tone: str) -> str:
    return tone if tone in ("busy", "done") else "bad"


def _plural(number: int) -> str:
    return "pod" if number == 1 else "pods"
