"""``%kube graph``: objects and what ties them together, live in JupyterLab, a picture elsewhere."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from kube_nb.api import resources
from kube_nb.cluster import Cluster
from kube_nb.kubectl.printers import objects as printing
from kube_nb.machinery.types import Obj
from kube_nb.views import feed, layout, relations, svg
from kube_nb.views.feed import Feed
from kube_nb.views.relations import Graph, GraphEdge, GraphNode
from kube_nb.views.shown import Shown, widgets

#: What the graph is made of.
RESOURCES = (
    resources.DEPLOYMENTS,
    resources.REPLICA_SETS,
    resources.STATEFUL_SETS,
    resources.DAEMON_SETS,
    resources.REPLICATION_CONTROLLERS,
    resources.JOBS,
    resources.CRON_JOBS,
    resources.PODS,
    resources.SERVICES,
    resources.ENDPOINT_SLICES,
    resources.INGRESSES,
    resources.CONFIG_MAPS,
    resources.SECRETS,
    resources.PERSISTENT_VOLUME_CLAIMS,
    resources.NODES,
)
_BORDER = "1px solid #d0d7de"
_MARGIN, _MIN_HEIGHT = 14.0, 110.0
_BOX = {"width": f"{svg.NODE_WIDTH}px", "height": f"{svg.NODE_HEIGHT}px"}


def show(
    cluster: Cluster,
    *,
    namespace: str | None = "default",
    include_nodes: bool = False,
    only: Sequence[str] = (),
    at: int | None = None,
) -> Shown:
    """The graph of a namespace, or of what hangs together with the objects that `only` names (``deployment/web``).

    at: as it was at this revision of the store; such a graph stands still.
    """
    view = LiveGraph(cluster, namespace, include_nodes, tuple(only), at)
    return Shown(view.state, text=text, html=html, widget=view.make_widget, frame=frame)


def text(graph: Graph) -> str:
    """A line per edge, as ``Deployment/web owns ReplicaSet/web-5d``."""
    names = {node["id"]: f"{node['kind']}/{node['name']}" for node in graph["nodes"]}
    lines = [f"{names[edge['source']]} {edge['kind']} {names[edge['target']]}" for edge in graph["edges"]]
    tied = {end for edge in graph["edges"] for end in (edge["source"], edge["target"])}
    return "\n".join([*lines, *(names[id_] for id_ in names if id_ not in tied)]) or "no objects"


def frame(graph: Graph) -> list[dict[str, Any]]:
    """A row per edge: source, kind, target as ``Kind/name``."""
    names = {node["id"]: f"{node['kind']}/{node['name']}" for node in graph["nodes"]}
    return [
        {"source": names[edge["source"]], "kind": edge["kind"], "target": names[edge["target"]]}
        for edge in graph["edges"]
    ]


def html(graph: Graph) -> str:
    return svg.image(svg.render(graph), text(graph))


def interesting(found: Sequence[Obj]) -> list[Obj]:
    """Without what every namespace has and nobody made: it would hide the rest."""
    return [
        obj
        for obj in found
        if not (obj["kind"] == "ConfigMap" and obj["metadata"]["name"] == "kube-root-ca.crt")
        and not (obj["kind"] in ("Service", "EndpointSlice") and obj["metadata"]["name"] == "kubernetes")
        and not (obj["kind"] == "ReplicaSet" and not obj["spec"].get("replicas") and not obj["status"].get("replicas"))
    ]


class LiveGraph:
    """A graph that follows its cluster. state: the graph as it was last drawn; the same dict for good."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str | None,
        include_nodes: bool,
        only: tuple[str, ...],
        at: int | None = None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._include_nodes = include_nodes
        self._only = only
        self._objects: dict[str, Obj] = {}
        self.state: Graph = {"nodes": [], "edges": []}
        self._at = at
        self._take(feed.objects_of(cluster, RESOURCES, namespace, at))
        self._canvas: Any = None
        self._legend: Any = None
        self._detail: Any = None

    def _take(self, found: list[Obj]) -> None:
        kept = interesting(found)
        self._objects = {relations.node_id(obj): obj for obj in kept}
        self.state.update(relations.graph(kept, include_nodes=self._include_nodes, only=self._only))

    # -- the widget ------------------------------------------------------------------------------------------------

    def make_widget(self, _shown: Shown) -> Any:
        """The cytoscape canvas above a pane for the object that was clicked."""
        import ipycytoscape

        ipywidgets = widgets()
        self._canvas = canvas = ipycytoscape.CytoscapeWidget(layout=ipywidgets.Layout(border=_BORDER))
        canvas.set_style(_style())
        # A fit would be of the box as it was before it had its size: everything stands where it is drawn, unscaled.
        canvas.set_layout(name="preset", fit=False, zoom=1, pan={"x": 0, "y": 0})
        canvas.user_zooming_enabled = False
        canvas.on("node", "click", self._clicked)
        self._detail = ipywidgets.HTML()
        self._legend = ipywidgets.HTML()
        self._rebuild()
        if self._at is None:
            Feed(self._cluster, RESOURCES, self._draw, namespace=self._namespace).start()
        parts = [canvas, self._legend, self._detail]
        return ipywidgets.VBox(parts, layout=ipywidgets.Layout(overflow="auto hidden"))

    def _draw(self, found: list[Obj]) -> None:
        before: Graph = {"nodes": list(self.state["nodes"]), "edges": list(self.state["edges"])}
        self._take(found)
        if self.state == before:
            return
        same_nodes = [node["id"] for node in before["nodes"]] == [node["id"] for node in self.state["nodes"]]
        if same_nodes and before["edges"] == self.state["edges"]:
            self._recolour()
        else:
            self._rebuild()

    def _rebuild(self) -> None:
        """Draw everything anew in one go: removing single elements breaks the page (ipycytoscape's issue 322)."""
        drawn = layout.of(self.state)
        self._canvas.layout.min_width = f"{drawn.width + svg.NODE_WIDTH + 2 * _MARGIN:.0f}px"
        self._canvas.layout.height = f"{max(drawn.height + svg.NODE_HEIGHT + 2 * _MARGIN, _MIN_HEIGHT):.0f}px"
        self._canvas.graph.clear()
        self._canvas.graph.add_graph_from_json(
            {
                "nodes": [_element(node, drawn.places[node["id"]]) for node in self.state["nodes"]],
                "edges": [_link(edge, drawn) for edge in self.state["edges"]],
            },
            directed=True,
        )
        self._legend.value = legend(self.state)

    def _recolour(self) -> None:
        for node, drawn in zip(self.state["nodes"], self._canvas.graph.nodes, strict=True):
            if drawn.classes != node["state"] or drawn.data.get("label") != _label(node):
                drawn.data = {"id": node["id"], "label": _label(node)}
                drawn.classes = node["state"]

    def _clicked(self, event: Any) -> None:
        """Show the object behind a node, as YAML; its text is escaped."""
        obj = self._objects.get(event["data"]["id"])
        if obj is None:
            return
        metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
        body = escape(printing.to_yaml({**obj, "metadata": metadata}))
        self._detail.value = f'<pre style="max-height:320px;overflow:auto;line-height:1.25">{body}</pre>'


def legend(graph: Graph) -> str:
    """The kinds of edges that the graph has, as HTML."""
    kinds = [kind for kind in svg.EDGES if any(edge["kind"] == kind for edge in graph["edges"])]
    marks = [
        f'<span style="display:inline-block;width:26px;border-top:2px {_line(kind)} {svg.EDGES[kind][0]};'
        f'vertical-align:middle;margin-right:5px"></span>{kind}'
        for kind in kinds
    ]
    parts = "".join(f'<span style="margin-right:18px">{mark}</span>' for mark in marks)
    return (
        f'<div style="font-size:12px;line-height:1.6">{parts}click an object to see it</div>' if graph["nodes"] else ""
    )


def _line(kind: str) -> str:
    """The line's style, for CSS and for cytoscape alike."""
    dashes = svg.EDGES[kind][1]
    return "solid" if not dashes else "dotted" if dashes.split()[0] in ("1", "2") else "dashed"


def _element(node: GraphNode, place: layout.Position) -> dict[str, Any]:
    return {
        "data": {"id": node["id"], "label": _label(node)},
        "classes": node["state"],
        "position": {"x": place[0] + svg.NODE_WIDTH / 2 + _MARGIN, "y": place[1] + svg.NODE_HEIGHT / 2 + _MARGIN},
    }


def _link(edge: GraphEdge, drawn: layout.Layout) -> dict[str, Any]:
    """An edge; one that takes lanes carries where it bends, as cytoscape's segments have it."""
    data: dict[str, Any] = {"id": edge["id"], "source": edge["source"], "target": edge["target"]}
    start, end = drawn.places[edge["source"]], drawn.places[edge["target"]]
    lanes = drawn.lanes.get(edge["id"])
    if not lanes:
        return {"data": data, "classes": f"{edge['kind']} {_direction(start, end)}"}
    half = svg.NODE_WIDTH / 2 * (1 if end[0] >= start[0] else -1)
    bends = [_bend((x + side, y), start, end) for x, y in lanes for side in (-half, half)]
    data["weights"] = " ".join(f"{weight:.4f}" for weight, _ in bends)
    data["distances"] = " ".join(f"{distance:.1f}" for _, distance in bends)
    return {"data": data, "classes": f"{edge['kind']} {_direction(start, end)} lane"}


def _direction(start: layout.Position, end: layout.Position) -> str:
    return "forward" if end[0] > start[0] else "back" if end[0] < start[0] else "within"


def _bend(point: layout.Position, start: layout.Position, end: layout.Position) -> tuple[float, float]:
    """How far along the line from start to end a point lies (0 to 1), and how far beside it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    px, py = point[0] - start[0], point[1] - start[1]
    length = math.hypot(dx, dy)
    return (px * dx + py * dy) / length**2, (py * dx - px * dy) / length


def _label(node: GraphNode) -> str:
    head = node["kind"] + (f" · {node['detail']}" if node["detail"] else "")
    return f"{svg.short(head)}\n{svg.short(node['name'])}"


def _style() -> list[dict[str, Any]]:
    """The same colours and shapes as the static picture's."""
    nodes = {
        "selector": "node",
        "style": {
            "content": "data(label)",
            "shape": "round-rectangle",
            **_BOX,
            "font-size": "12px",
            "font-family": "-apple-system, Segoe UI, Helvetica, Arial, sans-serif",
            "text-wrap": "wrap",
            "line-height": 1.3,
            "text-valign": "center",
            "text-halign": "center",
            "color": "#1f2328",
            "border-width": "1.5px",
        },
    }
    edges = {"selector": "edge", "style": {"width": 1.4, "curve-style": "bezier", "target-arrow-shape": "triangle"}}
    states = [
        {"selector": f"node.{state}", "style": {"background-color": fill, "border-color": border}}
        for state, (fill, border) in svg.COLOURS.items()
    ]
    kinds = [
        {
            "selector": f"edge.{kind}",
            "style": {
                "line-color": colour,
                "target-arrow-color": colour,
                "line-style": _line(kind),
            },
        }
        for kind, (colour, _) in svg.EDGES.items()
    ]
    lanes = {
        "selector": "edge.lane",
        "style": {
            "curve-style": "segments",
            "edge-distances": "node-position",
            "segment-weights": "data(weights)",
            "segment-distances": "data(distances)",
        },
    }
    sides = [
        {"selector": "edge.forward", "style": {"source-endpoint": "90deg", "target-endpoint": "270deg"}},
        {"selector": "edge.back", "style": {"source-endpoint": "270deg", "target-endpoint": "90deg"}},
    ]
    return [nodes, edges, *states, *kinds, *sides, lanes]
