"""``%kube weights``: where the scheduler would put the pods if its plugins had other weights, redrawn at once.

The pods of a workload are placed anew, in their order, by the live scheduler's own engine: once with the profile's own
weights, once with those of the sliders. Nothing in the cluster moves. The picture has a row per node: what of its
processors and memory is asked for, a segment per pod; pods that land elsewhere than with the own weights stand out.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, TypedDict

from kube_nb.cluster import Cluster
from kube_nb.machinery import objects
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.scheduler.plugins.registry import DEFAULT_PLUGINS
from kube_nb.views import page, shown, svg
from kube_nb.views.page import Block
from kube_nb.views.shown import Shown
from kube_nb.whatif import Policy, Run, Workload, fill

#: The default profile's weight of each plugin that scores.
OWN_WEIGHTS = {name: weight for name, weight in DEFAULT_PLUGINS if weight}
#: A slider's end; upstream allows more, but here it only matters which plugin outweighs which.
MAX_WEIGHT = 10
#: More pods than this are not placed anew while somebody drags a slider.
MAX_PODS = 2000
#: More nodes than this are not drawn.
MAX_NODES = 24

#: The number of all pods that stay where they are; `PlacedPod.kin` of the others begins above.
STAYING = 0
#: (fill, border) of pods alike, the first of those that stay; text is dark on all of them.
_PALETTE = (
    ("#eaeef2", "#8c959f"),
    ("#ddf4ff", "#0969da"),
    ("#dafbe1", "#1a7f37"),
    ("#fff8c5", "#9a6700"),
    ("#fbefff", "#8250df"),
    ("#ffeff7", "#bf3989"),
    ("#fff1e5", "#bc4c00"),
)
_NAME_WIDTH, _BAR_WIDTH, _BAR_HEIGHT = 150.0, 520.0, 18.0
_ROW_HEIGHT = 2 * _BAR_HEIGHT + 16
_MARGIN, _HEAD = 14.0, 30.0
_MOVED = "#cf222e"


class PlacedPod(TypedDict):
    """asked: {"cpu", "memory": share of its node's allocatable}. kin: pods of one number look alike. moved: not where
    the own weights put it."""

    name: str
    kin: int
    asked: dict[str, float]
    moved: bool


class PlacedNode(TypedDict):
    """pods: in the order in which they were placed."""

    name: str
    pods: list[PlacedPod]


class Placement(TypedDict):
    """weights: of the drawn placement; own: the profile's. pods: how many were placed. hidden: nodes not drawn.
    moved: {pod: [where the own weights put it, where these do]}."""

    weights: dict[str, int]
    own: dict[str, int]
    nodes: list[PlacedNode]
    hidden: int
    pods: int
    moved: dict[str, list[str]]
    pending: list[str]


def show(workload: Workload, weights: Mapping[str, int] | None = None, staying: Sequence[Obj] = ()) -> Shown:
    """staying: pods that count where they are.

    ValueError for a plugin that does not score, a weight out of range, or too many pods.
    """
    if len(workload.tasks) > MAX_PODS:
        raise BadArgument(f"{len(workload.tasks)} pods are too many to place anew at once; at most {MAX_PODS}")
    chosen = dict(OWN_WEIGHTS)
    for name, weight in (weights or {}).items():
        if name not in chosen:
            raise BadArgument(f'"{name}" is no plugin that scores; there are {", ".join(chosen)}')
        if not 0 <= weight <= MAX_WEIGHT:
            raise BadArgument(f"the weight of {name} must be between 0 and {MAX_WEIGHT}, not {weight}")
        chosen[name] = weight
    own = placed(workload, OWN_WEIGHTS, staying)

    def state(wanted: Mapping[str, int]) -> Placement:
        return placement(workload, own, wanted, staying)

    return Shown(state(chosen), text=text, html=html, widget=lambda view: _widget(view, state))


def of_cluster(cluster: Cluster, namespace: str, weights: Mapping[str, int] | None = None) -> Shown:
    """The pods of one namespace placed anew, oldest first; those of all others stay where they are."""
    pods = sorted(cluster.get("pods -A"), key=lambda pod: (objects.creation_timestamp(pod), objects.name(pod)))
    moving = [pod for pod in pods if objects.namespace(pod) == namespace]
    staying = [pod for pod in pods if objects.namespace(pod) != namespace and pod["spec"].get("nodeName")]
    return show(Workload.of_objects([*cluster.get("nodes"), *moving], "now"), weights, staying)


def placed(workload: Workload, weights: Mapping[str, int], staying: Sequence[Obj] = ()) -> Run:
    """All pods placed with these weights, beside those that stay; 0 turns a plugin off."""
    enabled = [{"name": name, "weight": weight} for name, weight in weights.items() if weight]
    plugins = {"score": {"disabled": [{"name": "*"}], "enabled": enabled}}
    policy = Policy.profile("weights", {"profiles": [{"plugins": plugins}]})
    engine = policy.build(workload, 0)
    for pod in staying:
        engine.assume(engine.pod(pod), pod["spec"]["nodeName"])
    return fill(workload, policy, engine=engine, oversized=True)


def placement(workload: Workload, own: Run, weights: Mapping[str, int], staying: Sequence[Obj] = ()) -> Placement:
    """The state: where everything lies with these weights, and what lies elsewhere than with the own ones."""
    run = placed(workload, weights, staying)
    moved = {pod: [own.placements[pod], node] for pod, node in run.placements.items() if node != own.placements[pod]}
    pods: dict[str, list[PlacedPod]] = {objects.name(node): [] for node in workload.nodes}
    capacity = {objects.name(node): requests.amounts(node["status"]["allocatable"]) for node in workload.nodes}
    kin: dict[str, int] = {}

    def put(pod: Obj, node: str, number: int) -> None:
        if node in pods:
            asked = requests.pod_requests(pod["spec"])
            shares = {name: asked.get(name, 0) / max(1, capacity[node].get(name, 0)) for name in ("cpu", "memory")}
            name = objects.name(pod)
            pods[node].append({"name": name, "kin": number, "asked": shares, "moved": number > 0 and name in moved})

    for pod in staying:
        put(pod, pod["spec"]["nodeName"], STAYING)
    for task in workload.tasks:
        put(task.obj, run.placements[task.name], kin.setdefault(_kin(task.obj), len(kin) + 1))
    nodes: list[PlacedNode] = [{"name": name, "pods": found} for name, found in pods.items()]
    return {
        "weights": dict(weights),
        "own": dict(OWN_WEIGHTS),
        "nodes": nodes[:MAX_NODES],
        "hidden": max(0, len(nodes) - MAX_NODES),
        "pods": len(workload.tasks),
        "moved": moved,
        "pending": run.pending,
    }


def _kin(pod: Obj) -> str:
    """What makes pods look alike: who owns them, else their own name without its number."""
    owner = objects.owner(pod)
    return str(owner["name"]) if owner else objects.name(pod).rstrip("0123456789").rstrip("-")


# -- words -------------------------------------------------------------------------------------------------------------


def sentence(state: Placement) -> str:
    """``2 of 9 pods land elsewhere than with the own weights (NodeResourcesFit 5 in place of 1)``."""
    total = state["pods"]
    changed = [
        f"{name} {weight} in place of {state['own'][name]}"
        for name, weight in state["weights"].items()
        if weight != state["own"][name]
    ]
    if not changed:
        return f"{total} pods, placed with the scheduler's own weights"
    moved = "no pod lands" if not state["moved"] else f"{len(state['moved'])} of {total} pods land"
    return f"{moved} elsewhere than with the own weights ({', '.join(changed)})"


def blocks(state: Placement) -> list[Block]:
    found = [page.heading(sentence(state))]
    rows = [
        [page.cell(name), page.cell(was or "nowhere"), page.cell(now or "nowhere")]
        for name, (was, now) in sorted(state["moved"].items())[:MAX_NODES]
    ]
    if rows:
        found.append(page.table(["POD", "OWN WEIGHTS", "THESE WEIGHTS"], rows))
    if state["hidden"]:
        found.append(page.note(f"{state['hidden']} more nodes are not drawn"))
    if state["pending"]:
        found.append(page.note(f"without a place: {', '.join(state['pending'][:8])}", "bad"))
    return found


def text(state: Placement) -> str:
    lines = [page.text(blocks(state))]
    for node in state["nodes"]:
        names = ", ".join(f"{pod['name']}{'*' if pod['moved'] else ''}" for pod in node["pods"]) or "-"
        lines.append(f"{node['name']}: {names}")
    return "\n".join(lines)


def html(state: Placement) -> str:
    picture = svg.image(render(state), sentence(state))
    return page.html(blocks(state)) + picture


# -- the picture -------------------------------------------------------------------------------------------------------


def render(state: Placement) -> str:
    """A row per node, a bar each for cpu and memory."""
    width = _NAME_WIDTH + _BAR_WIDTH + 60 + 2 * _MARGIN
    height = _HEAD + _ROW_HEIGHT * len(state["nodes"]) + 2 * _MARGIN
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.0f} {height:.0f}' {svg.FONT}>",
        f"<rect width='{width:.0f}' height='{height:.0f}' fill='#ffffff'/>",
        f"<text x='{_MARGIN}' y='{_MARGIN + 10}' font-size='12' fill='#57606a'>what is asked for on each node: cpu "
        "above, memory below; red frames: pods that moved</text>",
    ]
    for number, node in enumerate(state["nodes"]):
        parts += _row(node, _MARGIN + _HEAD + number * _ROW_HEIGHT)
    return "".join(parts) + "</svg>"


def _row(node: PlacedNode, top: float) -> Iterator[str]:
    yield (
        f"<text x='{_MARGIN}' y='{top + _BAR_HEIGHT + 5:.0f}' font-size='12.5' fill='#1f2328'>"
        f"{escape(svg.short(node['name']))}</text>"
    )
    for line, share in enumerate(("cpu", "memory")):
        y = top + line * (_BAR_HEIGHT + 3)
        left = _MARGIN + _NAME_WIDTH
        yield (
            f"<rect x='{left}' y='{y:.0f}' width='{_BAR_WIDTH}' height='{_BAR_HEIGHT}' rx='3' fill='#f6f8fa' "
            "stroke='#d0d7de'/>"
        )
        yield from _segments(node["pods"], share, left, y)
        total = sum(pod["asked"][share] for pod in node["pods"])
        yield (
            f"<text x='{left + _BAR_WIDTH + 8:.0f}' y='{y + 13:.0f}' font-size='11' fill='#57606a'>"
            f"{100 * total:.0f} %</text>"
        )


def _colours(kin: int) -> tuple[str, str]:
    return _PALETTE[0] if kin == STAYING else _PALETTE[1 + (kin - 1) % (len(_PALETTE) - 1)]


def _segments(pods: Sequence[PlacedPod], share: str, left: float, y: float) -> Iterator[str]:
    x = left
    for pod in pods:
        width = _BAR_WIDTH * pod["asked"][share]
        fill_, border = _colours(pod["kin"])
        stroke, thick = (_MOVED, 2.2) if pod["moved"] else (border, 1)
        inset = thick / 2
        if width >= 1:
            yield (
                f"<g><title>{escape(pod['name'])}</title><rect x='{x + inset:.1f}' y='{y + inset:.1f}' "
                f"width='{max(width - thick, 0.5):.1f}' height='{_BAR_HEIGHT - thick:.1f}' rx='2.5' fill='{fill_}' "
                f"stroke='{stroke}' stroke-width='{thick}'/>"
            )
            letters = int((width - 8) / 6.8)
            if letters >= 3:
                name = pod["name"]
                label = name if len(name) <= letters else "…" + name[-(letters - 1) :]
                yield f"<text x='{x + 4:.1f}' y='{y + 13:.1f}' font-size='10.5' fill='#1f2328'>{escape(label)}</text>"
            yield "</g>"
        x += width


# -- live --------------------------------------------------------------------------------------------------------------


def _widget(view: Shown, state: Any) -> Any:
    """Sliders above the picture; the newest weights win, as sliders send faster than a picture is drawn."""
    widgets = shown.widgets()
    pane = widgets.HTML(view.html)
    sliders = {
        name: widgets.IntSlider(
            value=weight,
            min=0,
            max=MAX_WEIGHT,
            description=name,
            continuous_update=False,
            style={"description_width": "190px"},
            layout={"width": "460px"},
        )
        for name, weight in view.state["weights"].items()
    }
    reset = widgets.Button(description="Own weights", tooltip="the weights of the default profile")

    def redraw(_change: Any = None) -> None:
        view.state = state({name: slider.value for name, slider in sliders.items()})
        pane.value = view.html

    def own(_button: Any) -> None:
        for name, slider in sliders.items():
            slider.value = view.state["own"][name]

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    reset.on_click(own)
    return widgets.VBox([*sliders.values(), reset, pane])
