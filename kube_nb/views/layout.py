"""Where the object graph's nodes stand: in columns by kind, each column ordered to keep edges short.

The same positions serve the live widget and the static picture, so both faces look alike and nothing jumps when the
graph is drawn again. The ordering is the barycentre heuristic of Sugiyama, Tagawa and Toda (1981).
"""

from kube_nb.views.relations import Graph

#: Left to right: what a person makes, what controllers make of it, what runs, what it stands on.
_COLUMNS = (
    ("Ingress", "HorizontalPodAutoscaler", "CronJob"),
    ("Service", "Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicationController"),
    ("EndpointSlice", "ReplicaSet", "Endpoints"),
    ("Pod",),
    ("Node", "ConfigMap", "Secret", "PersistentVolumeClaim"),
)
COLUMN_WIDTH, ROW_HEIGHT = 230.0, 62.0
_SWEEPS = 4

Position = tuple[float, float]


def positions(graph: Graph) -> dict[str, Position]:
    """id -> (x, y) of the node's centre; empty columns take no room."""
    columns = _columns(graph)
    neighbours = _neighbours(graph)
    for sweep in range(_SWEEPS):
        order = columns if sweep % 2 == 0 else columns[::-1]
        rows = {id_: float(row) for column in columns for row, id_ in enumerate(column)}
        for column in order:
            column.sort(key=lambda id_: (_mean([rows[each] for each in neighbours[id_]], rows[id_]), id_))
            rows |= {id_: float(row) for row, id_ in enumerate(column)}
    tallest = max((len(column) for column in columns), default=0)
    return {
        id_: (number * COLUMN_WIDTH, (row + (tallest - len(column)) / 2) * ROW_HEIGHT)
        for number, column in enumerate(columns)
        for row, id_ in enumerate(column)
    }


def _columns(graph: Graph) -> list[list[str]]:
    place = {kind: number for number, kinds in enumerate(_COLUMNS) for kind in kinds}
    columns: list[list[str]] = [[] for _ in _COLUMNS]
    for node in graph["nodes"]:
        columns[place.get(node["kind"], 1)].append(node["id"])
    return [column for column in columns if column]


def _neighbours(graph: Graph) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {node["id"]: [] for node in graph["nodes"]}
    for edge in graph["edges"]:
        found[edge["source"]].append(edge["target"])
        found[edge["target"]].append(edge["source"])
    return found


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
