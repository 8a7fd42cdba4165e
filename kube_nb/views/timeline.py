"""``%kube timeline``: what happened to objects, write by write, each with its cause."""

from collections.abc import Sequence
from typing import Any, TypedDict

from kube_nb.cluster import Cluster
from kube_nb.cluster.timeline import Step
from kube_nb.views import page
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

#: How many of the last steps are drawn.
MAX_STEPS = 60
_TONES = {"created": "good", "updated": "plain", "deleted": "bad"}


class Timeline(TypedDict):
    """about: whose history. steps: the last ones, oldest first. earlier: how many more there are."""

    about: str
    steps: list[Step]
    earlier: int


def show(
    cluster: Cluster,
    only: Sequence[str] = (),
    *,
    namespace: str | None = None,
    since: int = 1,
    housekeeping: bool = False,
) -> Shown:
    """only: ``deployment/web``, ``pod`` or a name; none for everything. namespace: None for all."""
    steps = [
        step
        for step in cluster.timeline(since, housekeeping=housekeeping)
        if (namespace is None or step["namespace"] in (namespace, "")) and (not only or any(_is(step, w) for w in only))
    ]
    return Shown(timeline(steps, ", ".join(only)), text=text, html=html, frame=frame)


def _is(step: Step, wanted: str) -> bool:
    """Whether ``pod/web`` or ``pods/web`` is the step's object; ``web`` means objects of any kind with that name."""
    kind, slash, name = wanted.rpartition("/")
    own = step["kind"].lower()
    if not slash:
        return step["name"] == name or own == name.lower().removesuffix("s")
    return step["name"] == name and own in (kind.lower(), kind.lower().removesuffix("s"))


def timeline(steps: Sequence[Step], about: str = "") -> Timeline:
    return {"about": about, "steps": list(steps[-MAX_STEPS:]), "earlier": max(0, len(steps) - MAX_STEPS)}


def text(state: Timeline) -> str:
    return page.text(blocks(state))


def html(state: Timeline) -> str:
    return page.html(blocks(state))


def frame(state: Timeline) -> list[dict[str, Any]]:
    """A row per step."""
    return [{**step, "changes": ", ".join(step["changes"])} for step in state["steps"]]


def blocks(state: Timeline) -> list[Block]:
    count = len(state["steps"])
    about = f" to {state['about']}" if state["about"] else ""
    found = [page.heading(f"{count} {'write' if count == 1 else 'writes'}{about}")]
    if state["earlier"]:
        found.append(page.note(f"{state['earlier']} earlier ones are not shown; --since REVISION begins later"))
    if not count:
        return [*found, page.note("the store's history has nothing about that")]
    columns = ["REVISION", "TIME", "WHAT", "OBJECT", "BY", "BECAUSE OF", "CHANGED"]
    rows = [_row(step) for step in state["steps"]]
    return [*found, page.table(columns, rows, numeric=[0], wrapped=[6])]


def _row(step: Step) -> list[Cell]:
    return [
        page.cell(step["revision"]),
        page.cell(step["time"].removesuffix("Z").rpartition("T")[2]),
        page.cell(step["verb"], _TONES[step["verb"]]),
        page.cell(f"{step['kind']}/{step['name']}", strong=step["verb"] != "updated"),
        page.cell(step["actor"]),
        page.cell(_because(step)),
        page.cell(", ".join(step["changes"])),
    ]


def _because(step: Step) -> str:
    if step["trigger"]:
        return f"revision {step['trigger']}"
    return f"cell [{step['cell']}]" if step["cell"] is not None else ""
