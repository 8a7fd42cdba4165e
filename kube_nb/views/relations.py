"""Objects and what ties them together, as plain JSON: the state behind the object graph.

Edges: ``owns`` (ownerReferences), ``selects`` (a Service's selector), ``routes`` (an EndpointSlice's or an Ingress'
targets), ``mounts`` (volumes and environment), ``bound`` (a pod's node). A node's ``state`` is one of `STATES`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict

from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj

STATES = ("good", "busy", "bad", "done", "plain")
#: More pods of one owner than this are drawn as one node that counts the rest.
MAX_SIBLINGS = 12


class GraphNode(TypedDict):
    """id: ``Pod/default/web-0``. label: the name as it is drawn. detail: a short word on its state."""

    id: str
    kind: str
    name: str
    namespace: str
    state: str
    detail: str


class GraphEdge(TypedDict):
    """id: unique, made of its ends and kind."""

    id: str
    source: str
    target: str
    kind: str


class Graph(TypedDict):
    """Nodes and edges in a fixed order: equal objects give equal graphs."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]


def graph(found: Sequence[Obj], *, include_nodes: bool = False, only: Sequence[str] = ()) -> Graph:
    """The graph of these objects. only: ``kind/name`` of objects to keep, with all that hangs together with them."""
    by_id = {node_id(obj): obj for obj in sorted(found, key=node_id)}
    edges = list(_edges(by_id, include_nodes))
    shown = {id_: obj for id_, obj in by_id.items() if include_nodes or obj["kind"] != "Node"}
    if only:
        kept = _connected(_matching(shown, only), edges)
        shown = {id_: obj for id_, obj in shown.items() if id_ in kept}
    nodes = [_node(id_, obj) for id_, obj in shown.items()]
    graph_: Graph = {
        "nodes": nodes,
        "edges": [edge for edge in edges if edge["source"] in shown and edge["target"] in shown],
    }
    return _folded(graph_)


def node_id(obj: Obj) -> str:
    """``Pod/default/web-0``; cluster-scoped kinds have an empty namespace."""
    return f"{obj['kind']}/{objects.namespace(obj)}/{objects.name(obj)}"


def _node(id_: str, obj: Obj) -> GraphNode:
    state, detail = state_of(obj)
    return {
        "id": id_,
        "kind": obj["kind"],
        "name": objects.name(obj),
        "namespace": objects.namespace(obj),
        "state": state,
        "detail": detail,
    }


# -- state -------------------------------------------------------------------------------------------------------------


def state_of(obj: Obj) -> tuple[str, str]:
    """(state, detail) of an object, e.g. ("good", "3/3")."""
    if objects.is_deleting(obj):
        return "done", "Terminating"
    judge = _JUDGES.get(obj["kind"])
    return judge(obj) if judge else ("plain", "")


def _pod(obj: Obj) -> tuple[str, str]:
    status = obj.get("status") or {}
    phase = status.get("phase") or "Pending"
    if phase == "Succeeded":
        return "done", "Completed"
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "", "ContainerCreating", "PodInitializing"):
            return "bad", waiting["reason"]
    if phase == "Failed":
        return "bad", status.get("reason") or "Failed"
    if objects.is_condition_true(obj, "Ready"):
        return "good", "Running"
    scheduled = objects.get_condition(obj, "PodScheduled")
    if scheduled and scheduled.get("status") == "False":
        return "bad", "Unschedulable"
    return "busy", "not ready" if phase == "Running" else phase


def _replicas(obj: Obj) -> tuple[str, str]:
    wanted = (obj.get("spec") or {}).get("replicas", 1)
    ready = (obj.get("status") or {}).get("readyReplicas", 0)
    if not wanted and not (obj.get("status") or {}).get("replicas"):
        return "plain", "0"
    return ("good" if ready == wanted else "busy"), f"{ready}/{wanted}"


def _daemon_set(obj: Obj) -> tuple[str, str]:
    status = obj.get("status") or {}
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    return ("good" if ready == wanted else "busy"), f"{ready}/{wanted}"


def _job(obj: Obj) -> tuple[str, str]:
    if objects.is_condition_true(obj, "Complete"):
        return "done", "Complete"
    if objects.is_condition_true(obj, "Failed"):
        return "bad", "Failed"
    return "busy", f"{(obj.get('status') or {}).get('succeeded', 0)}/{obj['spec'].get('completions', 1)}"


def _slice(obj: Obj) -> tuple[str, str]:
    endpoints = obj.get("endpoints") or []
    ready = sum(1 for each in endpoints if (each.get("conditions") or {}).get("ready"))
    return ("good" if ready else "busy"), f"{ready}/{len(endpoints)}"


def _cluster_node(obj: Obj) -> tuple[str, str]:
    if not objects.is_condition_true(obj, "Ready"):
        return "bad", "NotReady"
    return ("busy", "cordoned") if obj["spec"].get("unschedulable") else ("good", "Ready")


def _claim(obj: Obj) -> tuple[str, str]:
    phase = (obj.get("status") or {}).get("phase") or "Pending"
    return ("good" if phase == "Bound" else "busy"), phase


_JUDGES = {
    "Pod": _pod,
    "Deployment": _replicas,
    "ReplicaSet": _replicas,
    "ReplicationController": _replicas,
    "StatefulSet": _replicas,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "EndpointSlice": _slice,
    "Node": _cluster_node,
    "PersistentVolumeClaim": _claim,
}


# -- edges -------------------------------------------------------------------------------------------------------------


def _edges(by_id: Mapping[str, Obj], include_nodes: bool) -> Iterator[GraphEdge]:
    by_uid = {objects.uid(obj): id_ for id_, obj in by_id.items()}
    pods = [(id_, obj) for id_, obj in by_id.items() if obj["kind"] == "Pod"]
    for id_, obj in by_id.items():
        for reference in objects.owner_references(obj):
            owner = by_uid.get(reference.get("uid", ""))
            if owner:
                yield _edge(owner, id_, "owns")
        if obj["kind"] == "Service":
            yield from _selected(id_, obj, pods)
        elif obj["kind"] == "EndpointSlice":
            yield from _routed(id_, obj, by_id)
        elif obj["kind"] == "Ingress":
            yield from _ingress(id_, obj, by_id)
        elif obj["kind"] == "Pod":
            yield from _used(id_, obj, by_id)
            node = f"Node//{(obj.get('spec') or {}).get('nodeName')}"
            if include_nodes and node in by_id:
                yield _edge(id_, node, "bound")


def _edge(source: str, target: str, kind: str) -> GraphEdge:
    return {"id": f"{source}>{target}:{kind}", "source": source, "target": target, "kind": kind}


def _selected(id_: str, service: Obj, pods: Iterable[tuple[str, Obj]]) -> Iterator[GraphEdge]:
    selector = (service.get("spec") or {}).get("selector")
    if not selector:
        return
    wanted, namespace = labels.from_map(selector), objects.namespace(service)
    for pod_id, pod in pods:
        if objects.namespace(pod) == namespace and wanted.matches(objects.labels(pod)):
            yield _edge(id_, pod_id, "selects")


def _routed(id_: str, slice_: Obj, by_id: Mapping[str, Obj]) -> Iterator[GraphEdge]:
    for endpoint in slice_.get("endpoints") or []:
        reference = endpoint.get("targetRef") or {}
        target = f"{reference.get('kind')}/{reference.get('namespace', '')}/{reference.get('name')}"
        if target in by_id:
            yield _edge(id_, target, "routes")


def _ingress(id_: str, ingress: Obj, by_id: Mapping[str, Obj]) -> Iterator[GraphEdge]:
    spec = ingress.get("spec") or {}
    paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    backends = [path["backend"] for path in paths] + [spec.get("defaultBackend") or {}]
    names = dict.fromkeys((backend.get("service") or {}).get("name") for backend in backends)
    for name in names:
        target = f"Service/{objects.namespace(ingress)}/{name}"
        if target in by_id:
            yield _edge(id_, target, "routes")


def _used(id_: str, pod: Obj, by_id: Mapping[str, Obj]) -> Iterator[GraphEdge]:
    """ConfigMaps, Secrets and claims that a pod's volumes and environment name."""
    namespace = objects.namespace(pod)
    for target in dict.fromkeys(f"{kind}/{namespace}/{name}" for kind, name in _references(pod["spec"])):
        if target in by_id:
            yield _edge(id_, target, "mounts")


def _references(spec: Obj) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        for source in sources:
            if "configMap" in source:
                yield "ConfigMap", source["configMap"].get("name", "")
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName") or source["secret"].get("name", "")
            if "persistentVolumeClaim" in source:
                yield "PersistentVolumeClaim", source["persistentVolumeClaim"]["claimName"]
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        variables = [variable.get("valueFrom") or {} for variable in container.get("env") or []]
        for source in [*(container.get("envFrom") or []), *variables]:
            for field, kind in (
                ("configMapRef", "ConfigMap"),
                ("secretRef", "Secret"),
                ("configMapKeyRef", "ConfigMap"),
                ("secretKeyRef", "Secret"),
            ):
                if field in source:
                    yield kind, source[field].get("name", "")


# -- what to keep ------------------------------------------------------------------------------------------------------


def _matching(shown: Mapping[str, Obj], only: Sequence[str]) -> list[str]:
    """Ids of the objects that ``kind/name`` texts mean; the kind may be cut (``deploy/web``)."""
    found = []
    for text in only:
        kind, _, name = text.rpartition("/")
        found += [
            id_
            for id_, obj in shown.items()
            if objects.name(obj) == name and obj["kind"].lower().startswith(kind.lower().rstrip("s"))
        ]
    return found


def _connected(start: Iterable[str], edges: Sequence[GraphEdge]) -> set[str]:
    """Everything that hangs together with `start`; nodes are reached, but not passed through."""
    reached, todo = set(), list(start)
    while todo:
        id_ = todo.pop()
        if id_ in reached:
            continue
        reached.add(id_)
        if id_.startswith("Node/"):
            continue
        todo += [edge["target"] for edge in edges if edge["source"] == id_]
        todo += [edge["source"] for edge in edges if edge["target"] == id_]
    return reached


def _folded(graph_: Graph) -> Graph:
    """The same graph with an owner's many pods drawn as the first few and one node that stands for the rest."""
    owner = {edge["target"]: edge["source"] for edge in graph_["edges"] if edge["kind"] == "owns"}
    siblings: dict[str, list[str]] = {}
    for node in graph_["nodes"]:
        if node["kind"] == "Pod":
            siblings.setdefault(owner.get(node["id"], ""), []).append(node["id"])
    stands_for: dict[str, str] = {}
    rest: list[GraphNode] = []
    for parent, ids in siblings.items():
        if len(ids) > MAX_SIBLINGS:
            hidden = ids[MAX_SIBLINGS - 1 :]
            id_ = f"Pod/+/{parent or 'pods'}"
            rest.append(_rest(id_, [node for node in graph_["nodes"] if node["id"] in set(hidden)]))
            stands_for |= dict.fromkeys(hidden, id_)
    if not rest:
        return graph_
    nodes = [node for node in graph_["nodes"] if node["id"] not in stands_for] + rest
    edges = {}
    for edge in graph_["edges"]:
        moved = _edge(
            stands_for.get(edge["source"], edge["source"]), stands_for.get(edge["target"], edge["target"]), edge["kind"]
        )
        edges[moved["id"]] = moved
    return {"nodes": nodes, "edges": list(edges.values())}


def _rest(id_: str, hidden: list[GraphNode]) -> GraphNode:
    worst = min((node["state"] for node in hidden), key=("bad", "busy", "done", "plain", "good").index)
    ready = sum(1 for node in hidden if node["state"] == "good")
    return {
        "id": id_,
        "kind": "Pod",
        "name": f"+{len(hidden)} pods",
        "namespace": hidden[0]["namespace"],
        "state": worst,
        "detail": f"{ready}/{len(hidden)}",
    }
