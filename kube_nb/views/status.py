"""``%kube status``: the nodes, the control plane's pods and the time of a cluster, at a glance."""

from collections.abc import Sequence
from typing import Any, TypedDict

from kube_nb.api import resources
from kube_nb.cluster import Cluster
from kube_nb.machinery import duration, objects
from kube_nb.machinery.types import Obj
from kube_nb.views import page, relations, shown
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

#: More nodes than this are counted, not listed.
MAX_NODES = 20
_ROLE = "node-role.kubernetes.io/"
_FOLLOWED = (resources.NODES, resources.PODS)


class NodeLine(TypedDict):
    name: str
    roles: str
    state: str
    detail: str
    version: str
    pods: int


class PodLine(TypedDict):
    name: str
    state: str
    detail: str


class Status(TypedDict):
    """time: the cluster's calendar. running: how long, in words. url: where it serves real clients, or "".

    pods: how many of all namespaces are in each state, e.g. {"Running": 9}."""

    name: str
    version: str
    pace: str
    time: str
    running: str
    url: str
    kubeconfig: str
    nodes: list[NodeLine]
    control_plane: list[PodLine]
    pods: dict[str, int]


def show(cluster: Cluster) -> Shown:
    return shown.live_page(cluster, _FOLLOWED, lambda found: status(cluster, found), blocks, frame=frame)


def status(cluster: Cluster, found: Sequence[Obj]) -> Status:
    nodes = [obj for obj in found if obj["kind"] == "Node"]
    pods = [obj for obj in found if obj["kind"] == "Pod"]
    serving = cluster.serving
    return {
        "name": cluster.name,
        "version": cluster.engine.version,
        "pace": "max" if cluster.pace == "max" else f"{cluster.pace:g}",
        "time": cluster.now,
        "running": duration.human(cluster.time_s),
        "url": "" if serving is None else serving.url,
        "kubeconfig": "" if serving is None else str(serving.kubeconfig),
        "nodes": [_node(node, pods) for node in sorted(nodes, key=_order)],
        "control_plane": [_pod(pod) for pod in sorted(pods, key=objects.name) if _is_component(pod)],
        "pods": _counts(pods),
    }


def frame(state: Status) -> list[dict[str, Any]]:
    """A row per node."""
    return [dict(node) for node in state["nodes"]]


def _order(node: Obj) -> tuple[bool, int, str]:
    """The control plane first, then by name, node-2 before node-10."""
    name = objects.name(node)
    return not _roles(node), len(name), name


def _roles(node: Obj) -> str:
    return ",".join(sorted(key.removeprefix(_ROLE) for key in objects.labels(node) if key.startswith(_ROLE)))


def _node(node: Obj, pods: Sequence[Obj]) -> NodeLine:
    state, detail = relations.state_of(node)
    return {
        "name": objects.name(node),
        "roles": _roles(node) or "worker",
        "state": state,
        "detail": detail,
        "version": ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion", ""),
        "pods": sum(1 for pod in pods if (pod.get("spec") or {}).get("nodeName") == objects.name(node)),
    }


def _is_component(pod: Obj) -> bool:
    return objects.namespace(pod) == "kube-system" and objects.labels(pod).get("tier") == "control-plane"


def _pod(pod: Obj) -> PodLine:
    state, detail = relations.state_of(pod)
    return {"name": objects.name(pod), "state": state, "detail": detail}


def _counts(pods: Sequence[Obj]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pod in sorted(pods, key=objects.name):
        _, detail = relations.state_of(pod)
        counts[detail] = counts.get(detail, 0) + 1
    return counts


def blocks(state: Status) -> list[Block]:
    ready = sum(1 for node in state["nodes"] if node["detail"] == "Ready")
    head = f"{state['name']}: Kubernetes {state['version']}, {ready} of {_count(len(state['nodes']), 'node')} ready"
    pace = "as fast as the processor allows" if state["pace"] == "max" else f"pace {state['pace']}"
    pods = ", ".join(f"{count} {state_}" for state_, count in state["pods"].items()) or "none"
    found = [
        page.heading(head),
        page.note(f"as of cluster time {state['time']}, up {state['running']} · {pace} · pods: {pods}"),
    ]
    rows = [_node_row(node) for node in state["nodes"][:MAX_NODES]]
    found.append(page.table(["NODE", "STATUS", "ROLE", "VERSION", "PODS"], rows, numeric=[4]))
    if len(state["nodes"]) > MAX_NODES:
        found.append(page.note(f"and {_count(len(state['nodes']) - MAX_NODES, 'node')} more"))
    components = [[page.cell(pod["name"]), page.cell(pod["detail"], pod["state"])] for pod in state["control_plane"]]
    found.append(page.table(["CONTROL PLANE", "STATUS"], components))
    if state["url"]:
        found.append(page.note(f"serves {state['url']}\nexport KUBECONFIG={state['kubeconfig']}"))
    return found


def _node_row(node: NodeLine) -> list[Cell]:
    return [
        page.cell(node["name"], strong=True),
        page.cell(node["detail"], node["state"]),
        page.cell(node["roles"]),
        page.cell(node["version"]),
        page.cell(node["pods"]),
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
