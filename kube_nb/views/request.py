"""``%kube request``: the stations that a request passed, what each made of it, and how long it took."""

from collections.abc import Sequence
from typing import Any

from kube_nb.cluster import Cluster
from kube_nb.cluster.asking import Station, Told
from kube_nb.kubectl.printers import objects as printing
from kube_nb.views import page
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

#: Of what came back, so many lines are shown.
MAX_LINES = 12


def show(cluster: Cluster, method: str, what: str, **options: Any) -> Shown:
    """Make the request; options: of `Cluster.request`. A refusal by the server is shown, not raised."""
    return Shown(cluster.request(method, what, **options), text=text, html=html, frame=frame)


def frame(state: Told) -> list[dict[str, Any]]:
    """A row per station: name, effect, microseconds."""
    return [
        {"station": each["name"], "effect": each["effect"], "microseconds": each["seconds"] * 1e6}
        for each in state["stations"]
    ]


def text(state: Told) -> str:
    return page.text(blocks(state))


def html(state: Told) -> str:
    return page.html(blocks(state))


def blocks(state: Told) -> list[Block]:
    refused = state["status"] >= 400
    head = f"{state['method']} {state['path']} → {state['status']}"
    found = [page.heading(head), page.note(f"as {state['user']}")]
    groups = _groups(state["stations"])
    row = [page.cell(_total(group), "good") for _, group in groups[:-1]]
    row.append(page.cell(_total(groups[-1][1]), "bad" if refused else "good"))
    found.append(page.table([name for name, _ in groups], [row]))
    most = max((each["seconds"] for each in state["stations"]), default=0.0) or 1.0
    rows = [_row(each, most, refused=refused and each is state["stations"][-1]) for each in state["stations"]]
    found.append(page.table(["STATION", "EFFECT", "TIME"], rows, numeric=[2], wrapped=[1]))
    if state["obj"] and not refused:
        lines = printing.to_yaml(_bare(state["obj"])).splitlines()
        more = [f"... and {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else []
        found.append(page.code("\n".join([*lines[:MAX_LINES], *more])))
    return found


def _groups(stations: Sequence[Station]) -> list[tuple[str, list[Station]]]:
    """Stations of one kind together: ``mutating (8)``."""
    found: list[tuple[str, list[Station]]] = []
    for station in stations:
        kind = station["name"].partition(":")[0]
        if found and found[-1][0] == kind:
            found[-1][1].append(station)
        else:
            found.append((kind, [station]))
    return [(f"{kind} ({len(group)})" if len(group) > 1 else kind, group) for kind, group in found]


def _total(group: Sequence[Station]) -> str:
    return _time(sum(each["seconds"] for each in group))


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def _row(station: Station, most: float, *, refused: bool) -> list[Cell]:
    changed = station["effect"].startswith("sets ")
    effect = page.cell(station["effect"], "bad" if refused else "plain" if changed else "")
    return [
        page.cell(station["name"], strong=changed),
        effect,
        page.cell(_time(station["seconds"]), heat=station["seconds"] / most),
    ]


def _bare(obj: Any) -> Any:
    """Without managedFields, which nobody reads here."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
