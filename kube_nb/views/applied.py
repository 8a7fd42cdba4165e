"""What ``%%manifest`` shows: a line per object as kubectl prints it, and the live graph of what it set in motion."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from kube_nb.cluster import Cluster
from kube_nb.kubectl import Result
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj
from kube_nb.views import graph, page
from kube_nb.views.page import Block
from kube_nb.views.relations import Graph
from kube_nb.views.shown import Shown, widgets

_TONES = {"created": "good", "configured": "plain", "unchanged": "done"}


class Line(TypedDict):
    """object: as kubectl names it, e.g. ``deployment.apps/web``. done: created, configured or unchanged."""

    object: str
    done: str


class Applied(TypedDict):
    """What was done; what was refused is not in it.

    suffix: `` (server dry run)`` or "". graph: of what hangs together with the objects; None without."""

    lines: list[Line]
    suffix: str
    warnings: list[str]
    graph: Graph | None


class AppliedShown(Shown):
    """The view, which is the command's result, too. result: as kubectl left it."""

    def __init__(self, state: Applied, result: Result, **faces: Any) -> None:
        super().__init__(state, **faces)
        self.result = result

    @property
    def objects(self) -> list[Obj]:
        """What the server stored, in the manifest's order."""
        return self.result.objects

    @property
    def df(self) -> Any:
        return self.result.df


def show(
    cluster: Cluster,
    result: Result,
    *,
    before: Mapping[str, Obj] | None = None,
    warnings: Sequence[str] = (),
    with_graph: bool = True,
    namespace: str = "default",
) -> AppliedShown:
    """result: of ``kubectl apply --server-side``. before: `key` of an object -> as it was, of those that were there."""
    live = _graph(cluster, result, namespace) if with_graph and result.objects else None
    state = applied(result, before or {}, warnings, None if live is None else live.state)
    return AppliedShown(state, result, text=text, html=html, widget=_widget_maker(live))


def applied(result: Result, before: Mapping[str, Obj], warnings: Sequence[str], drawn: Graph | None) -> Applied:
    names = [line.rpartition(" serverside-applied") for line in result.text.splitlines()]
    lines: list[Line] = [
        {"object": name, "done": _done(obj, before.get(key(obj)))}
        for (name, _, _), obj in zip(names, result.objects, strict=False)
    ]
    return {
        "lines": lines,
        "suffix": next((suffix for _, _, suffix in names), ""),
        "warnings": [*warnings, *(line for line in result.stderr.splitlines() if line.startswith("Warning:"))],
        "graph": drawn,
    }


def key(obj: Obj) -> str:
    """What tells objects of a manifest apart: ``apps/Deployment/default/web``."""
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return f"{group}/{obj.get('kind')}/{objects.namespace(obj)}/{objects.name(obj)}"


def _done(obj: Obj, old: Obj | None) -> str:
    if old is None:
        return "created"
    same = objects.resource_version(old) == objects.resource_version(obj)
    return "unchanged" if same or _content(old) == _content(obj) else "configured"


def _content(obj: Obj) -> Obj:
    """The object without what a dry run or a status update changes."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": metadata}


def _graph(cluster: Cluster, result: Result, namespace: str) -> "graph.LiveGraph | None":
    only = [f"{obj['kind']}/{objects.name(obj)}" for obj in result.objects]
    spaces = {objects.namespace(obj) for obj in result.objects} - {""}
    scope = next(iter(spaces)) if len(spaces) == 1 else None if spaces else namespace
    live = graph.LiveGraph(cluster, scope, False, tuple(only))
    return live if live.state["nodes"] else None


def _widget_maker(live: "graph.LiveGraph | None") -> Any:
    def make(shown: Shown) -> Any:
        head = widgets().HTML(page.html(blocks(shown.state)))
        return head if live is None else widgets().VBox([head, live.make_widget(shown)])

    return make


# -- faces -------------------------------------------------------------------------------------------------------------


def text(state: Applied) -> str:
    lines = [*state["warnings"], *(f"{line['object']} {line['done']}{state['suffix']}" for line in state["lines"])]
    return "\n".join(lines)


def html(state: Applied) -> str:
    picture = "" if state["graph"] is None else graph.html(state["graph"])
    return page.html(blocks(state)) + picture


def blocks(state: Applied) -> list[Block]:
    found = [page.note(warning, "busy") for warning in state["warnings"]]
    if state["lines"]:
        rows = [
            [page.cell(line["object"], strong=True), page.cell(line["done"] + state["suffix"], _TONES[line["done"]])]
            for line in state["lines"]
        ]
        found.append(page.table(["OBJECT", ""], rows))
    return found
