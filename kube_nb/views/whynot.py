"""``%kube why-not``: what keeps a pod from a node, and the smallest single changes that would bring it there."""

from typing import Any, TypedDict

from kube_nb.cluster import Cluster
from kube_nb.views import page
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

_MOVES = "bring it there"
_FITS = "let it fit there, though another node still has more points"
_WHERE = {"pod": "the pod", "node": "the node", "scheduler": "the scheduler's configuration"}


class Refusal(TypedDict):
    plugin: str
    reasons: list[str]


class Change(TypedDict):
    """One change that would do. target: pod, node or scheduler. patch: the merge patch that makes it."""

    kind: str
    target: str
    field: str
    before: str
    after: str
    text: str
    patch: Any


class WhyNot(TypedDict):
    """text: a sentence. refusals: every filter that says no. behind: {plugin: points less than the best node has}.
    moves: the changes would bring the pod there; else they would only let it fit, and another node has more points."""

    pod: str
    node: str
    best: str
    text: str
    refusals: list[Refusal]
    behind: dict[str, int]
    moves: bool
    changes: list[Change]


def show(cluster: Cluster, pod: str, node: str, *, namespace: str = "default") -> Shown:
    """As things are now; ValueError if the scheduler knows no such pod or node."""
    why, changes = cluster.why_not(pod, node, namespace=namespace)
    moves = bool(changes) or not why.refusals
    if not moves:
        _, changes = cluster.why_not(pod, node, namespace=namespace, moves=False)
    state: WhyNot = {
        "pod": why.pod,
        "node": why.node,
        "best": why.best,
        "text": why.text,
        "refusals": [{"plugin": each.plugin, "reasons": list(each.reasons)} for each in why.refusals],
        "behind": dict(why.behind),
        "moves": moves,
        "changes": [
            {
                "kind": each.kind,
                "target": each.target,
                "field": each.field,
                "before": each.before,
                "after": each.after,
                "text": each.text,
                "patch": each.patch,
            }
            for each in changes
        ],
    }
    return Shown(state, text=text, html=html, frame=frame)


def text(state: WhyNot) -> str:
    return page.text(blocks(state))


def html(state: WhyNot) -> str:
    return page.html(blocks(state))


def frame(state: WhyNot) -> list[dict[str, Any]]:
    """A row per change that would do."""
    return [{key: value for key, value in change.items() if key != "patch"} for change in state["changes"]]


def blocks(state: WhyNot) -> list[Block]:
    found = [page.heading(state["text"])]
    if state["refusals"]:
        rows = [[page.cell(each["plugin"]), page.cell("; ".join(each["reasons"]), "bad")] for each in state["refusals"]]
        found.append(page.table(["REFUSED BY", "BECAUSE OF"], rows, wrapped=[1]))
    if state["behind"]:
        most = max(abs(points) for points in state["behind"].values()) or 1
        scores = [
            [page.cell(plugin), page.cell(f"{-points:+d}", heat=abs(points) / most)]
            for plugin, points in state["behind"].items()
        ]
        found.append(page.table(["PLUGIN", f"POINTS BESIDE {state['best']}"], scores, numeric=[1]))
    if not state["refusals"] and not state["behind"]:
        return found
    if not state["changes"]:
        return [*found, page.note("no single change would bring it there")]
    found.append(page.heading(f"any one of these changes would {_MOVES if state['moves'] else _FITS}"))
    rows = [_row(change) for change in state["changes"]]
    return [*found, page.table(["KIND", "CHANGE", "OF", "FROM", "TO"], rows, wrapped=[1, 3, 4])]


def _row(change: Change) -> list[Cell]:
    return [
        page.cell(change["kind"], strong=True),
        page.cell(change["text"]),
        page.cell(_WHERE.get(change["target"], change["target"])),
        page.cell(change["before"] or "-"),
        page.cell(change["after"] or "-"),
    ]
