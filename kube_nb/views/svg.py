"""The object graph as SVG: the face that a saved page, papermill and a repository preview show."""

import base64
import itertools
from html import escape

from kube_nb.views import layout
from kube_nb.views.relations import Graph, GraphEdge, GraphNode

#: state -> (fill, border); text is dark on all of them.
COLOURS = {
    "good": ("#dafbe1", "#1a7f37"),
    "busy": ("#fff8c5", "#9a6700"),
    "bad": ("#ffebe9", "#cf222e"),
    "done": ("#eaeef2", "#6e7781"),
    "plain": ("#ddf4ff", "#0969da"),
}
#: kind of edge -> (colour, dashes).
EDGES = {
    "owns": ("#57606a", ""),
    "selects": ("#0969da", "6 4"),
    "routes": ("#1a7f37", "2 3"),
    "mounts": ("#8250df", "6 4"),
    "bound": ("#8c959f", "1 3"),
}
NODE_WIDTH, NODE_HEIGHT = 178.0, 44.0
_MARGIN = 14.0
_LEGEND_HEIGHT = 26.0
FONT = "font-family='-apple-system,Segoe UI,Helvetica,Arial,sans-serif'"
_MAX_LABEL = 25
#: Longer names are as wide as their box whatever the font is: without the fonts above a reader's may be a wide one.
_MAX_FREE = 20


def render(graph: Graph) -> str:
    """The picture, with a legend of the edges that it contains."""
    drawn = layout.of(graph)
    width = drawn.width + NODE_WIDTH + 2 * _MARGIN
    height = drawn.height + NODE_HEIGHT + 2 * _MARGIN
    kinds = [kind for kind in EDGES if any(edge["kind"] == kind for edge in graph["edges"])]
    width = max(width, 90.0 * len(kinds) + 2 * _MARGIN, 240.0)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height + _LEGEND_HEIGHT:.0f}' "
        f"viewBox='0 0 {width:.0f} {height + _LEGEND_HEIGHT:.0f}' {FONT}>",
        f"<rect width='{width:.0f}' height='{height + _LEGEND_HEIGHT:.0f}' fill='#ffffff'/>",
        *(_arrow(kind) for kind in kinds),
        *(_edge(edge, drawn) for edge in graph["edges"]),
        *(_node(node, drawn.places[node["id"]]) for node in graph["nodes"]),
        *(_legend(kind, number, height) for number, kind in enumerate(kinds)),
    ]
    if not graph["nodes"]:
        parts.append(f"<text x='{_MARGIN}' y='30' font-size='13' fill='#57606a'>no objects</text>")
    return "".join(parts) + "</svg>"


def image(svg: str, description: str) -> str:
    """An ``<img>`` that shows the SVG even in an untrusted notebook, where inline SVG is stripped."""
    data = base64.b64encode(svg.encode()).decode()
    source = f"data:image/svg+xml;base64,{data}"
    return f'<img alt="{escape(description, quote=True)}" src="{source}" style="max-width:100%"/>'


def _arrow(kind: str) -> str:
    colour = EDGES[kind][0]
    return (
        f"<marker id='{kind}' viewBox='0 0 8 8' refX='8' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0L8 4L0 8z' fill='{colour}'/></marker>"
    )


def _edge(edge: GraphEdge, drawn: layout.Layout) -> str:
    """Curves from the side of one node over the edge's lanes to the facing side of the other."""
    start, end = drawn.places[edge["source"]], drawn.places[edge["target"]]
    forward = 1 if end[0] >= start[0] else -1
    half = NODE_WIDTH / 2 * forward
    points = [(start[0] + half, start[1])]
    for x, y in drawn.lanes.get(edge["id"], ()):
        points += [(x - half, y), (x + half, y)]
    points.append((end[0] - half if end[0] != start[0] else end[0] + half, end[1]))
    colour, dashes = EDGES[edge["kind"]]
    dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
    return (
        f"<path d='{_path(points, 26 * forward)}' fill='none' stroke='{colour}' stroke-width='1.3'{dashed} "
        f"marker-end='url(#{edge['kind']})'/>"
    )


def _path(points: list[layout.Position], bend: float) -> str:
    """Curves between columns, straight lines along lanes."""
    dx, dy = _MARGIN + NODE_WIDTH / 2, _MARGIN + NODE_HEIGHT / 2
    moved = [(x + dx, y + dy) for x, y in points]
    parts = [f"M{moved[0][0]:.0f} {moved[0][1]:.0f}"]
    for number, ((x1, y1), (x2, y2)) in enumerate(itertools.pairwise(moved)):
        curve = f"C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
        parts.append(f"H{x2:.0f}" if number % 2 else curve)
    return "".join(parts)


def _node(node: GraphNode, place: layout.Position) -> str:
    x, y = place[0] + _MARGIN, place[1] + _MARGIN
    fill, border = COLOURS[node["state"]]
    head = node["kind"] + (f" · {node['detail']}" if node["detail"] else "")
    name = short(node["name"])
    fitted = f" textLength='{NODE_WIDTH - 18:.0f}' lengthAdjust='spacingAndGlyphs'" if len(name) > _MAX_FREE else ""
    return (
        f"<g><title>{escape(node['name'])}</title>"
        f"<rect x='{x:.0f}' y='{y:.0f}' width='{NODE_WIDTH:.0f}' height='{NODE_HEIGHT:.0f}' rx='7' fill='{fill}' "
        f"stroke='{border}' stroke-width='1.4'/>"
        f"<text x='{x + 9:.0f}' y='{y + 17:.0f}' font-size='11' fill='{border}'>{escape(short(head))}</text>"
        f"<text x='{x + 9:.0f}' y='{y + 34:.0f}' font-size='12.5' fill='#1f2328'{fitted}>"
        f"{escape(name)}</text></g>"
    )


def _legend(kind: str, number: int, top: float) -> str:
    colour, dashes = EDGES[kind]
    x, y = _MARGIN + number * 90, top + 12
    dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
    return (
        f"<path d='M{x:.0f} {y:.0f}H{x + 26:.0f}' stroke='{colour}' stroke-width='1.5'{dashed}/>"
        f"<text x='{x + 31:.0f}' y='{y + 4:.0f}' font-size='11' fill='#57606a'>{kind}</text>"
    )


def short(text: str) -> str:
    """A label that fits its box: the middle of a long name gives way, as both of its ends tell something."""
    if len(text) <= _MAX_LABEL:
        return text
    return text[: _MAX_LABEL - 11] + "…" + text[-10:]
