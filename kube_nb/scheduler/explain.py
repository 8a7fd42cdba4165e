"""Why a pod is where it is, why it is not elsewhere, and the smallest change that would move it.

`sentence` and `table` render a kept attempt; `why_not` and `counterfactual` ask the engine anew on the snapshot as it
is now, with a copy of the pod or of the node changed in one thing; the snapshot itself stays as it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kube_nb.machinery import quantity
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.tolerations import KEEPS_AWAY, tolerated
from kube_nb.scheduler.pod_info import PodInfo

if TYPE_CHECKING:
    import pandas as pd

#: The greatest weight that is tried for a score plugin.
MAX_WEIGHT = 100


def sentence(attempt: Attempt) -> str:
    """``node-2 won with 466 points among 3 of 6 nodes; refused by 3: 2 Insufficient cpu, ...``."""
    refused = attempt.histogram()
    total = len(attempt.names)
    if not attempt.node:
        return attempt.message
    feasible = 0 if attempt.rows is None else len(attempt.rows)
    texts = [f"{count} {reason}" for reason, count in sorted(refused.items())]
    told = f"; refused by {len(attempt.refused())} of {total} nodes: {', '.join(texts)}" if texts else ""
    if feasible <= 1:
        return f"{attempt.node} was the only node that fitted{told}"
    top = attempt.scores()[0]
    tie = f", one of {attempt.tied} equals chosen by the tie rule {attempt.tie_rule!r}" if attempt.tied > 1 else ""
    rest = total - attempt.processed
    unseen = f"; {rest} nodes were not looked at, {feasible} that fit were enough" if rest > 0 else ""
    return f"{attempt.node} won with {top['total']} points among {feasible} nodes that fitted{tie}{told}{unseen}"


def table(attempt: Attempt) -> "pd.DataFrame":
    """A row per node: node, rank, total, a column per plugin with its weighted score, refused_by, reasons."""
    import pandas as pd  # here: it is slow to import

    rows: list[dict[str, Any]] = []
    for row in attempt.scores():
        weighted = {name: score["weighted"] for name, score in row["plugins"].items()}
        rows.append({"node": row["node"], "rank": row["rank"], "total": row["total"], **weighted})
    for node, status in attempt.refused().items():
        rows.append({"node": node, "refused_by": status.plugin, "reasons": ", ".join(status.reasons)})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class WhyNot:
    """refusals: every filter that refuses the node now, not only the first. behind: {plugin: weighted points that the
    node has less (or more, negative) than the best one}; 0 refusals and behind empty: the node would be chosen."""

    pod: str
    node: str
    refusals: tuple[Status, ...]
    best: str
    behind: dict[str, int]
    text: str


def why_not(engine: Engine, pod: PodInfo, node_name: str) -> WhyNot:
    """KeyError if there is no such node. A pod that is placed is looked at as if it were not."""
    with _lifted(engine, pod):
        node = engine.columns.node(node_name)
        if node is None:
            raise KeyError(f"no node {node_name!r}")
        refusals = tuple(_refusals(engine, pod, node))
        if refusals:
            texts = "; ".join(f"{status.plugin}: {', '.join(status.reasons)}" for status in refusals)
            return WhyNot(pod.key, node_name, refusals, "", {}, f"{node_name} refuses {pod.key}: {texts}")
        attempt = _try(engine, pod)
        rows = {row["node"]: row for row in attempt.scores()}
        if attempt.node == node_name or node_name not in rows:
            text = f"{node_name} would be chosen" if attempt.node == node_name else f"{node_name} was not scored"
            return WhyNot(pod.key, node_name, (), attempt.node, {}, text)
        best, mine = rows[attempt.node], rows[node_name]
        behind = {
            name: score["weighted"] - mine["plugins"][name]["weighted"]
            for name, score in best["plugins"].items()
            if score["weighted"] != mine["plugins"][name]["weighted"]
        }
        gap = best["total"] - mine["total"]
        parts = ", ".join(f"{name} {-points:+d}" for name, points in behind.items())
        text = (
            f"{node_name} fits, but has {gap} points less than {attempt.node}: {parts}"
            if gap
            else (f"{node_name} ties with {attempt.node}, which the tie rule {attempt.tie_rule!r} prefers")
        )
        return WhyNot(pod.key, node_name, (), attempt.node, behind, text)


class _lifted:  # used as a function
    """While it lasts a placed pod is off its node, and the engine's place in the ring is kept."""

    def __init__(self, engine: Engine, pod: PodInfo) -> None:
        self._engine = engine
        self._pod = pod
        self._node = ""

    def __enter__(self) -> None:
        self._start, self._explain = self._engine.next_start, self._engine.explain
        self._engine.explain = True
        node = self._engine.columns.node(self._pod.node_name)
        if node is not None and self._pod.key in node.pods:
            self._node = node.name
            self._pod = node.pods[self._pod.key]
            self._engine.forget(self._pod)
        self._engine.columns.refresh()

    def __exit__(self, *exc: object) -> None:
        self._engine.next_start, self._engine.explain = self._start, self._explain
        if self._node:
            self._engine.assume(self._pod, self._node)


def _refusals(engine: Engine, pod: PodInfo, node: NodeInfo) -> Iterator[Status]:
    """What every filter says of the node."""
    state, refusal, names = engine.state_for(pod)
    if refusal is not None:
        yield refusal
        return
    if names is not None and node.name not in names:
        yield Status(Code.UNSCHEDULABLE, (f"only {', '.join(sorted(names))} are asked for",), "PreFilter")
    for plugin in engine.framework_of(pod).points["filter"]:
        if plugin.name not in state["skipped"]:
            status = plugin.filter(state, pod, node)
            if status is not None:
                yield status.by(plugin.name)


def _try(engine: Engine, pod: PodInfo) -> Attempt:
    """A cycle that looks at every node and leaves no trace."""
    start, last = engine.next_start, engine.last
    percentage = engine.percentage_of_nodes_to_score
    engine.percentage_of_nodes_to_score = 100
    try:
        return engine.schedule(pod)
    finally:
        engine.next_start, engine.percentage_of_nodes_to_score, engine.last = start, percentage, last


@dataclass(frozen=True)
class Change:
    """One change that would do. kind: request, toleration, selector, affinity, label, taint, node size, weight; amount:
    how large it is, for the order within a kind."""

    kind: str
    text: str
    amount: float


def counterfactual(engine: Engine, pod: PodInfo, node_name: str = "") -> list[Change]:
    """Single changes, the smallest of each kind first, that make the pod fit (without a node name) or move it there.

    The order of kinds: what changes the pod alone, then the node, then everybody (a weight).
    """
    with _lifted(engine, pod):
        names = [node_name] if node_name else list(engine.columns.names)
        found: list[Change] = []
        for name in names:
            node = engine.columns.node(name)
            if node is None:
                raise KeyError(f"no node {name!r}")
            found += _changes_for(engine, pod, node, moves=bool(node_name))
        if node_name:
            found += _weights(engine, pod, node_name)
    order = ("request", "toleration", "selector", "affinity", "label", "taint", "node size", "weight")
    found.sort(key=lambda change: (order.index(change.kind), change.amount, change.text))
    best: dict[str, Change] = {}
    for change in found:
        best.setdefault(change.kind, change)
    return list(best.values())


def _changes_for(engine: Engine, pod: PodInfo, node: NodeInfo, *, moves: bool) -> Iterator[Change]:
    def works(changed: PodInfo) -> bool:
        if next(_refusals(engine, changed, node), None) is not None:
            return False
        return not moves or _try(engine, changed).node == node.name

    yield from _pod_changes(engine, pod, node, works)

    def node_works(obj: Obj) -> bool:
        """Try with the node changed, then put it back."""
        old = node.obj
        engine.columns.update_node(obj)
        engine.columns.refresh()
        try:
            return works(pod)
        finally:
            engine.columns.update_node(old)
            engine.columns.refresh()

    yield from _node_changes(pod, node, node_works)


def _pod_changes(engine: Engine, pod: PodInfo, node: NodeInfo, works: Callable[[PodInfo], bool]) -> Iterator[Change]:
    spec = pod.spec
    for name, amount in pod.shape.requests.items():
        free = node.allocatable.get(name, 0) - node.requested.get(name, 0)
        if amount > free >= 0:
            smaller = _with_request(engine, pod, name, free)
            if smaller is not None and works(smaller):
                text = f"request {_shown(name, free)} of {name} in place of {_shown(name, amount)}"
                yield Change("request", f"{text} (fits {node.name})", (amount - free) / amount)
    missing = [
        taint for taint in node.taints if taint["effect"] in KEEPS_AWAY and not tolerated(pod.shape.tolerations, taint)
    ]
    if missing:
        more = [
            {"key": taint["key"], "operator": "Equal", "value": taint.get("value") or "", "effect": taint["effect"]}
            for taint in missing
        ]
        if works(_changed(engine, pod, {"tolerations": [*pod.shape.tolerations, *more]})):
            texts = ", ".join(f"{each['key']}={each['value']}:{each['effect']}" for each in more)
            yield Change("toleration", f"tolerate {texts} (of {node.name})", len(more))
    selector = {key: value for key, value in pod.shape.node_selector.items() if node.labels.get(key) == value}
    if len(selector) < len(pod.shape.node_selector) and works(_changed(engine, pod, {"nodeSelector": selector})):
        gone = sorted(set(pod.shape.node_selector) - set(selector))
        yield Change("selector", f"drop {', '.join(gone)} from the node selector (fits {node.name})", len(gone))
    for part in ("nodeAffinity", "podAffinity", "podAntiAffinity"):
        affinity = spec.get("affinity") or {}
        if affinity.get(part):
            rest = {key: value for key, value in affinity.items() if key != part}
            if works(_changed(engine, pod, {"affinity": rest})):
                yield Change("affinity", f"drop {part} (fits {node.name})", 1)


def _node_changes(pod: PodInfo, node: NodeInfo, works: Callable[[Obj], bool]) -> Iterator[Change]:
    obj = node.obj
    wanted = {key: value for key, value in pod.shape.node_selector.items() if node.labels.get(key) != value}
    if wanted:
        labelled = {**obj["metadata"], "labels": {**node.labels, **wanted}}
        if works({**obj, "metadata": labelled}):
            texts = ", ".join(f"{key}={value}" for key, value in wanted.items())
            yield Change("label", f"label {node.name} with {texts}", len(wanted))
    left = [taint for taint in node.taints if taint["effect"] not in KEEPS_AWAY]
    if len(left) < len(node.taints) and works({**obj, "spec": {**(obj.get("spec") or {}), "taints": left}}):
        gone = [taint["key"] for taint in node.taints if taint["effect"] in KEEPS_AWAY]
        yield Change("taint", f"remove {', '.join(gone)} from {node.name}", len(gone))
    for name, amount in pod.shape.requests.items():
        needed = node.requested.get(name, 0) + amount
        if needed > node.allocatable.get(name, 0):
            status = obj.get("status") or {}
            allocatable = {**(status.get("allocatable") or {}), name: _shown(name, needed)}
            if works({**obj, "status": {**status, "allocatable": allocatable}}):
                grown = needed / max(1, node.allocatable.get(name, 0)) - 1
                yield Change("node size", f"give {node.name} {_shown(name, needed)} of {name}", grown)


def _weights(engine: Engine, pod: PodInfo, node_name: str) -> Iterator[Change]:
    """The smallest change of one plugin's weight that makes the node win, from the scores as they are."""
    attempt = _try(engine, pod)
    rows = {row["node"]: row for row in attempt.scores()}
    if node_name not in rows or attempt.node == node_name:
        return
    mine = rows[node_name]
    for plugin, score in mine["plugins"].items():
        weight = score["weight"]
        for step in range(1, MAX_WEIGHT + 1):
            wins = [
                candidate
                for candidate in (weight + step, weight - step)
                if 0 <= candidate <= MAX_WEIGHT and _wins(rows, mine, plugin, candidate - weight)
            ]
            if wins:
                yield Change("weight", f"weight {wins[0]} for {plugin} in place of {weight}", step)
                break


def _wins(rows: dict[str, Any], mine: dict[str, Any], plugin: str, more: int) -> bool:
    def total(row: dict[str, Any]) -> int:
        return int(row["total"] + more * row["plugins"][plugin]["normalized"])

    return all(total(mine) > total(row) for row in rows.values() if row is not mine)


def _shown(name: str, amount: int) -> str:
    if name == requests.CPU:
        return quantity.format(amount, scale=-3)
    return quantity.format(amount, quantity.BINARY_SI) if name == requests.MEMORY else str(amount)


def _changed(engine: Engine, pod: PodInfo, fields: Obj) -> PodInfo:
    return engine.pod({**pod.obj, "spec": {**pod.spec, **fields}}, "")


def _with_request(engine: Engine, pod: PodInfo, name: str, total: int) -> PodInfo | None:
    """The pod asking for `total` of a resource in all; None if its first container cannot give that much."""
    first, *others = pod.spec["containers"]
    asked = (first.get("resources") or {}).get("requests") or {}
    own = requests.amounts(asked).get(name, 0)
    left = own - (pod.shape.requests[name] - total)
    if left < 0:
        return None
    resources = {**(first.get("resources") or {}), "requests": {**asked, name: _shown(name, left)}}
    return _changed(engine, pod, {"containers": [{**first, "resources": resources}, *others]})
