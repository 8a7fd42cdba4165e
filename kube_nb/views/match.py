"""``%kube match``: which pods a label selector matches, requirement by requirement, and which miss by one only."""

from collections.abc import Sequence
from typing import Any, TypedDict

from kube_nb.api import resources
from kube_nb.cluster import Cluster
from kube_nb.machinery import labels, objects
from kube_nb.machinery.types import Obj
from kube_nb.views import page, shown
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

#: Pods that meet no more than all but two requirements are counted, not listed, beyond this many.
MAX_OTHERS = 10


class PodMatch(TypedDict):
    """meets: per requirement. values: the label's value per requirement, None without the label."""

    pod: str
    meets: list[bool]
    values: list[str | None]


class Match(TypedDict):
    """requirements: as text. pods: matches first, then near misses, then the rest."""

    selector: str
    namespace: str
    requirements: list[str]
    keys: list[str]
    pods: list[PodMatch]


def show(cluster: Cluster, selector: str, *, namespace: str = "default", at: int | None = None) -> Shown:
    """ValueError with kubectl's text if the selector is none. at: a revision of the store."""
    wanted = labels.parse(selector)
    return shown.live_page(
        cluster,
        [resources.PODS],
        lambda pods: match(wanted, pods, namespace),
        blocks,
        namespace=namespace,
        at=at,
        frame=frame,
    )


def match(selector: labels.Selector, pods: Sequence[Obj], namespace: str = "default") -> Match:
    found: list[PodMatch] = [
        {
            "pod": objects.name(pod),
            "meets": [each.matches(objects.labels(pod)) for each in selector.requirements],
            "values": [objects.labels(pod).get(each.key) for each in selector.requirements],
        }
        for pod in pods
    ]
    found.sort(key=lambda each: (_missed(each), each["pod"]))
    return {
        "selector": str(selector),
        "namespace": namespace,
        "requirements": [str(each) for each in selector.requirements],
        "keys": [each.key for each in selector.requirements],
        "pods": found,
    }


def frame(state: Match) -> list[dict[str, Any]]:
    """A row per pod: pod, matches, and per requirement whether it is met."""
    return [
        {"pod": pod["pod"], "matches": not _missed(pod), **dict(zip(state["requirements"], pod["meets"], strict=True))}
        for pod in state["pods"]
    ]


def _missed(pod: PodMatch) -> int:
    return pod["meets"].count(False)


def blocks(state: Match) -> list[Block]:
    matching = [pod for pod in state["pods"] if not _missed(pod)]
    near = [pod for pod in state["pods"] if _missed(pod) == 1]
    others = [pod for pod in state["pods"] if _missed(pod) > 1]
    head = f"{state['selector'] or '(everything)'} matches {len(matching)} of {_count(len(state['pods']), 'pod')}"
    found = [page.heading(head)]
    if near and len(state["requirements"]) > 1:
        found.append(page.note(f"{_count(len(near), 'pod')} would match but for one requirement."))
    listed = [*matching, *near, *others[:MAX_OTHERS]]
    if listed:
        found.append(page.table(["POD", *state["requirements"], ""], [_row(state, pod) for pod in listed]))
    if len(others) > MAX_OTHERS:
        found.append(page.note(f"and {_count(len(others) - MAX_OTHERS, 'pod')} that miss by more than one."))
    return found


def _row(state: Match, pod: PodMatch) -> list[Cell]:
    cells = [page.cell(pod["pod"], strong=not _missed(pod))]
    for key, meets, value in zip(state["keys"], pod["meets"], pod["values"], strict=True):
        has = f"no {key} label" if value is None else f"{key}={value}"
        cells.append(page.cell(f"{'✓' if meets else '✗'} {has}", "good" if meets else "bad"))
    return [*cells, _verdict(_missed(pod), len(pod["meets"]))]


def _verdict(missed: int, requirements: int) -> Cell:
    if not missed:
        return page.cell("matches", strong=True)
    return page.cell("misses by one" if missed == 1 and requirements > 1 else "does not match")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
