"""Where the object graph's nodes stand: in columns by kind, each column ordered to keep edges short and uncrossed.

The same places serve the live widget and the static picture, so both faces look alike and nothing jumps when the graph
is drawn again. An edge that passes a column gets a lane there, which it shares with the other edges of its source and
kind, so no edge runs behind a node. After Sugiyama, Tagawa and Toda (1981): dummy nodes and the barycentre heuristic.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from kube_nb.views.relations import Graph, GraphEdge

#: Left to right: what a person makes, what controllers make of it, what runs, what it stands on.
_COLUMNS = (
    ("Ingress", "HorizontalPodAutoscaler", "CronJob"),
    ("Service", "Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicationController"),
    ("EndpointSlice", "ReplicaSet", "Endpoints"),
    ("Pod",),
    ("Node", "ConfigMap", "Secret", "PersistentVolumeClaim"),
)
COLUMN_WIDTH, ROW_HEIGHT, LANE_HEIGHT = 236.0, 60.0, 22.0
_SWEEPS = 6
#: Crossings are counted pair by pair; beyond so many edges the last order is taken as it is.
_MAX_COUNTED = 200

Position = tuple[float, float]


@dataclass(slots=True)
class Layout:
    """places: id -> centre of the node. lanes: id of an edge -> the centres of the lanes it takes, source first."""

    places: dict[str, Position] = field(default_factory=dict)
    lanes: dict[str, list[Position]] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Between the centres of the outermost columns."""
        return max((x for x, _ in self.places.values()), default=0.0)

    @property
    def height(self) -> float:
        """Between the centres of the topmost and lowest nodes or lanes."""
        points = [*self.places.values(), *(point for lane in self.lanes.values() for point in lane)]
        return max((y for _, y in points), default=0.0)


def of(graph: Graph) -> Layout:
    """Places and lanes; the topmost node has y = 0, empty columns take no room."""
    columns = _columns(graph)
    passed = _with_lanes(graph, columns)
    chains = [[edge["source"], *passed[edge["id"]], edge["target"]] for edge in graph["edges"]]
    links = list(dict.fromkeys((a, b) for chain in chains for a, b in itertools.pairwise(chain)))
    columns = _ordered(columns, links)
    places = _places(columns)
    return Layout(
        {id_: place for id_, place in places.items() if not _is_lane(id_)},
        {edge: [places[lane] for lane in lanes] for edge, lanes in passed.items() if lanes},
    )


def _columns(graph: Graph) -> list[list[str]]:
    place = {kind: number for number, kinds in enumerate(_COLUMNS) for kind in kinds}
    columns: list[list[str]] = [[] for _ in _COLUMNS]
    for node in graph["nodes"]:
        columns[place.get(node["kind"], 1)].append(node["id"])
    return [column for column in columns if column]


def _with_lanes(graph: Graph, columns: list[list[str]]) -> dict[str, list[str]]:
    """Add lanes to the columns that edges pass; id of an edge -> its lanes."""
    column_of = {id_: number for number, column in enumerate(columns) for id_ in column}
    passed: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        first, last = column_of[edge["source"]], column_of[edge["target"]]
        step = 1 if last >= first else -1
        passed[edge["id"]] = [_lane(edge, number) for number in range(first + step, last, step)]
        for number, lane in zip(range(first + step, last, step), passed[edge["id"]], strict=True):
            if lane not in columns[number]:
                columns[number].append(lane)
    return passed


def _lane(edge: GraphEdge, column: int) -> str:
    return f"~{column} {edge['kind']} {edge['source']}"


def _is_lane(id_: str) -> bool:
    return id_.startswith("~")


# -- the order within columns ------------------------------------------------------------------------------------------


def _ordered(columns: list[list[str]], links: Sequence[tuple[str, str]]) -> list[list[str]]:
    neighbours: dict[str, list[str]] = {id_: [] for column in columns for id_ in column}
    for a, b in links:
        neighbours[a].append(b)
        neighbours[b].append(a)
    best, least = columns, -1
    for sweep in range(_SWEEPS):
        columns = _swept(columns, neighbours, forward=sweep % 2 == 0)
        crossings = _crossings(columns, links) if len(links) <= _MAX_COUNTED else 0
        if least < 0 or crossings < least or len(links) > _MAX_COUNTED:
            best, least = columns, crossings
    return best


def _swept(columns: list[list[str]], neighbours: dict[str, list[str]], *, forward: bool) -> list[list[str]]:
    """Each column sorted by where its neighbours in the column before it (or behind it) stand."""
    result = [list(column) for column in columns]
    order = result if forward else result[::-1]
    rows = _rows(result)
    for before, column in zip([[], *order], order, strict=False):
        known = set(before)
        column.sort(key=lambda id_: (_mean([rows[n] for n in neighbours[id_] if n in known], rows[id_]), id_))
        rows |= _rows([column])
    return result


def _rows(columns: Sequence[Sequence[str]]) -> dict[str, float]:
    """Where each stands in its column, from 0 to 1, so that columns of different lengths compare."""
    return {id_: (row + 0.5) / len(column) for column in columns for row, id_ in enumerate(column)}


def _crossings(columns: list[list[str]], links: Sequence[tuple[str, str]]) -> int:
    at = {id_: (number, row) for number, column in enumerate(columns) for row, id_ in enumerate(column)}
    spans = [(*sorted((at[a], at[b])),) for a, b in links]
    return sum(
        1
        for number, (a, b) in enumerate(spans)
        for c, d in spans[number + 1 :]
        if a[0] == c[0] and b[0] == d[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0
    )


def _places(columns: list[list[str]]) -> dict[str, Position]:
    """Centres; every column is centred on the tallest."""
    heights = [sum(_height(id_) for id_ in column) for column in columns]
    places: dict[str, Position] = {}
    for number, column in enumerate(columns):
        y = (max(heights) - heights[number]) / 2 - ROW_HEIGHT / 2
        for id_ in column:
            places[id_] = (number * COLUMN_WIDTH, y + _height(id_) / 2)
            y += _height(id_)
    return places


def _height(id_: str) -> float:
    return LANE_HEIGHT if _is_lane(id_) else ROW_HEIGHT


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
