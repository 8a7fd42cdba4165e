"""The smallest single change that makes a pod fit, or moves it to a given node.

Every change is proposed as a JSON merge patch for the pod, a node or the configuration, and kept only if the engine
itself, asked with the change made, answers as wished. Amounts are searched: the greatest request that still does, the
least growth of a node.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kube_nb.machinery import quantity
from kube_nb.machinery.patch import merge
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests, trial
from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.tolerations import KEEPS_AWAY, tolerated
from kube_nb.scheduler.pod_info import PodInfo

if TYPE_CHECKING:
    import pandas as pd

#: What is changed, in the order of the answer: the pod alone, then the node, then everybody's weights.
KINDS = (
    *("request", "toleration", "selector", "affinity", "spread", "port"),
    *("label", "taint", "cordon", "node size", "weight"),
)

#: Up to which weight of a score plugin is tried.
MAX_WEIGHT = 100

#: Shares of a request, and multiples of a node, that are tried before the least change between two of them is sought.
_SHARES = (0.9, 0.75, 0.5, 0.25, 0.1, 0.0)
_MULTIPLES = (1.1, 1.25, 1.5, 2, 3, 4, 8, 16)
_PRECISION = 0.01


@dataclasses.dataclass(frozen=True)
class Change:
    """One change that would do.

    kind: one of `KINDS`. target: "pod", "node" or "scheduler"; node: where the pod would go. field, before, after: what
    changes, as texts. amount: how large it is, for the order within a kind. patch: the merge patch of the pod, the node
    or the KubeSchedulerConfiguration that makes it.
    """

    kind: str
    text: str
    amount: float
    target: str = "pod"
    node: str = ""
    field: str = ""
    before: str = ""
    after: str = ""
    patch: Obj = dataclasses.field(default_factory=dict)


class Changes(list[Change]):
    """The smallest change of each kind."""

    @property
    def df(self) -> "pd.DataFrame":
        """A row per change: kind, target, node, field, before, after, amount, text."""
        import pandas as pd  # here: it is slow to import

        names = ("kind", "target", "node", "field", "before", "after", "amount", "text")
        return pd.DataFrame([{name: getattr(each, name) for name in names} for each in self], columns=list(names))

    @property
    def text(self) -> str:
        return "\n".join(f"{each.kind}: {each.text}" for each in self) or "no single change would do"


#: Whether the engine answers as wished with a changed (pod, node).
Works = Callable[[Obj], bool]


def counterfactual(engine: Engine, pod: PodInfo, node_name: str = "", *, moves: bool = True) -> Changes:
    """Single changes, the smallest of each kind, that make the pod fit (without a node name) or move it to that node.

    moves: False asks only that the node could take it, even if another one still has more points.
    KeyError if there is no such node. A pod that is placed is looked at as if it were not.
    """
    with trial.lifted(engine, pod) as pod:
        if node_name and engine.columns.node(node_name) is None:
            raise KeyError(f"no node {node_name!r}")
        found: list[Change] = []
        for name in [node_name] if node_name else engine.columns.names:
            found += _changes_for(engine, pod, name, moves=moves and bool(node_name))
        if node_name and moves:
            found += _weights(engine, pod, node_name)
    found.sort(key=lambda change: (KINDS.index(change.kind), change.amount, change.text))
    smallest: dict[str, Change] = {}
    for change in found:
        smallest.setdefault(change.kind, change)
    return Changes(smallest.values())


def _changes_for(engine: Engine, pod: PodInfo, name: str, *, moves: bool) -> Iterator[Change]:
    def works(changed: PodInfo) -> bool:
        node = engine.columns.node(name)
        if node is None or next(trial.refusals(engine, changed, node), None) is not None:
            return False
        return not moves or trial.attempt(engine, changed).node == name

    def pod_works(patch: Obj) -> bool:
        return works(engine.pod(_merged(pod.obj, patch), ""))

    def node_works(patch: Obj) -> bool:
        with trial.node_changed(engine, _merged(node.obj, patch)):
            return works(pod)

    found = engine.columns.node(name)
    assert found is not None
    node = found
    if works(pod):
        return
    yield from _requests(pod, node, pod_works, moves)
    for change in (*_pod_changes(pod, node, moves), *_node_changes(pod, node, moves)):
        if (pod_works if change.target == "pod" else node_works)(change.patch):
            yield change
    yield from _sizes(pod, node, node_works, moves)


def _merged(obj: Obj, patch: Obj) -> Obj:
    found: Any = merge.apply(obj, patch)
    return dict(found)


# -- amounts -----------------------------------------------------------------------------------------------------------


def _requests(pod: PodInfo, node: NodeInfo, works: Works, moves: bool) -> Iterator[Change]:
    for name, amount in pod.shape.requests.items():
        free = node.allocatable.get(name, 0) - node.requested.get(name, 0)
        most = min(amount, free)
        if most < 0 or amount == 0:
            continue

        def does(level: int, name: str = name) -> bool:
            patch = _with_request(pod, name, level)
            return patch is not None and works(patch)

        levels = [int(most * share) for share in _SHARES] if moves else []
        chosen = _least_change(amount, most, levels, does)
        if chosen is not None:
            before, after = shown(name, amount), shown(name, chosen)
            text = f"request {after} of {name} in place of {before} (fits {node.name})"
            patch, size = _with_request(pod, name, chosen) or {}, (amount - chosen) / amount
            yield Change("request", text, size, "pod", node.name, f"requests.{name}", before, after, patch)


def _sizes(pod: PodInfo, node: NodeInfo, works: Works, moves: bool) -> Iterator[Change]:
    for name, amount in pod.shape.requests.items():
        has = node.allocatable.get(name, 0)
        needed = max(has, node.requested.get(name, 0) + amount)

        def does(level: int, name: str = name) -> bool:
            return works(_with_size(name, level))

        grows = moves and name in (requests.CPU, requests.MEMORY)
        levels = [int(needed * multiple) for multiple in _MULTIPLES] if grows else []
        chosen = _least_change(has, needed, levels, does)
        if chosen is not None:
            before, after = shown(name, has), shown(name, chosen)
            text, grown = f"give {node.name} {after} of {name}", chosen / max(1, has) - 1
            patch = _with_size(name, chosen)
            yield Change("node size", text, grown, "node", node.name, f"allocatable.{name}", before, after, patch)


def _least_change(now: int, limit: int, levels: Sequence[int], does: Callable[[int], bool]) -> int | None:
    """limit: nothing nearer to `now` can do; beyond it the levels are tried in turn, and the first that does brings
    what is nearer, to within a per cent."""
    if limit != now and does(limit):
        return limit
    near = limit
    for level in levels:
        if not does(level):
            near = level
            continue
        step = max(1, int(_PRECISION * max(now, level)))
        while abs(level - near) > step:
            middle = (level + near) // 2
            level, near = (middle, near) if does(middle) else (level, middle)
        return level
    return None


def _with_size(name: str, amount: int) -> Obj:
    return {"status": {"allocatable": {name: shown(name, amount)}}}


def _with_request(pod: PodInfo, name: str, total: int) -> Obj | None:
    """A patch by which the pod asks for `total` of a resource in all; None if its containers cannot give that much."""
    spare = pod.shape.requests[name] - total
    containers = []
    for container in pod.spec["containers"]:
        asked = (container.get("resources") or {}).get("requests") or {}
        own = requests.amounts(asked).get(name, 0)
        given = min(own, spare)
        spare -= given
        if given:
            resources = {**(container.get("resources") or {}), "requests": {**asked, name: shown(name, own - given)}}
            container = {**container, "resources": resources}
        containers.append(container)
    return {"spec": {"containers": containers}} if not spare else None


def shown(name: str, amount: int) -> str:
    """An amount as a manifest has it."""
    if name == requests.CPU:
        return quantity.format(amount, scale=-3)
    return quantity.format(amount, quantity.BINARY_SI) if name == requests.MEMORY else str(amount)


# -- what is or is not -------------------------------------------------------------------------------------------------


def _pod_changes(pod: PodInfo, node: NodeInfo, moves: bool) -> Iterator[Change]:
    shape, spec, where = pod.shape, pod.spec, f"(fits {node.name})"
    if missing := _untolerated(pod, node, moves):
        more = [
            {"key": taint["key"], "operator": "Equal", "value": taint.get("value") or "", "effect": taint["effect"]}
            for taint in missing
        ]
        texts = ", ".join(f"{each['key']}={each['value']}:{each['effect']}" for each in more)
        patch: Obj = {"spec": {"tolerations": [*shape.tolerations, *more]}}
        text = f"tolerate {texts} (of {node.name})"
        yield Change("toleration", text, len(more), "pod", node.name, "tolerations", "", texts, patch)
    wrong = sorted(key for key, value in shape.node_selector.items() if node.labels.get(key) != value)
    if wrong:
        names = ", ".join(wrong)
        patch = {"spec": {"nodeSelector": dict.fromkeys(wrong)}}
        text = f"drop {names} from the node selector {where}"
        yield Change("selector", text, len(wrong), "pod", node.name, "nodeSelector", names, "", patch)
    for part in ("nodeAffinity", "podAffinity", "podAntiAffinity"):
        if (spec.get("affinity") or {}).get(part):
            patch = {"spec": {"affinity": {part: None}}}
            yield Change("affinity", f"drop {part} {where}", 1, "pod", node.name, "affinity", part, "", patch)
    for number, row in enumerate(shape.spread):
        kept = [*shape.spread[:number], *shape.spread[number + 1 :]]
        text = f"drop the spread constraint on {row['topologyKey']} {where}"
        patch = {"spec": {"topologySpreadConstraints": kept}}
        yield Change(
            "spread", text, 1, "pod", node.name, "topologySpreadConstraints", str(row["topologyKey"]), "", patch
        )
    if shape.host_ports:
        ports = ", ".join(str(port) for _, _, port in sorted(shape.host_ports))
        containers = [{key: value for key, value in each.items() if key != "ports"} for each in spec["containers"]]
        patch = {"spec": {"containers": containers}}
        yield Change("port", f"ask for no host port {where}", 1, "pod", node.name, "hostPort", ports, "", patch)


def _node_changes(pod: PodInfo, node: NodeInfo, moves: bool) -> Iterator[Change]:
    for labels in _labels(pod, node, moves):
        shown_as = ", ".join(f"{key}-" if value is None else f"{key}={value}" for key, value in labels.items())
        patch: Obj = {"metadata": {"labels": labels}}
        text = f"label {node.name} with {shown_as}"
        yield Change("label", text, len(labels), "node", node.name, "labels", "", shown_as, patch)
    if away := _untolerated(pod, node, moves):
        left = [taint for taint in node.taints if taint not in away]
        names = ", ".join(taint["key"] for taint in away)
        patch = {"spec": {"taints": left}}
        text = f"remove {names} from {node.name}"
        yield Change("taint", text, len(away), "node", node.name, "taints", names, "", patch)
    if node.unschedulable:
        patch = {"spec": {"unschedulable": None}}
        yield Change("cordon", f"uncordon {node.name}", 1, "node", node.name, "unschedulable", "true", "", patch)


def _untolerated(pod: PodInfo, node: NodeInfo, moves: bool) -> list[Obj]:
    """The taints that keep the pod away; if it is to move there, also those that make the node less liked."""
    return [
        taint
        for taint in node.taints
        if (moves or taint["effect"] in KEEPS_AWAY) and not tolerated(pod.shape.tolerations, taint)
    ]


def _labels(pod: PodInfo, node: NodeInfo, moves: bool) -> Iterator[dict[str, str | None]]:
    """Labels that the node lacks: those of the selector together with a required term, or of a preferred term."""
    selector: dict[str, str | None] = {
        key: value for key, value in pod.shape.node_selector.items() if node.labels.get(key) != value
    }
    affinity = pod.shape.node_affinity
    required = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    offers = [_label_for(term, node) for term in required] or [{}]
    if moves:
        offers += [_label_for(row["preference"], node) for row in preferred]
    for offer in offers:
        if offer is not None and (together := {**selector, **offer}):
            yield together


def _label_for(term: Obj, node: NodeInfo) -> dict[str, str | None] | None:
    """The labels by which the node would match the term; None if no labels do."""
    if term.get("matchFields"):
        return None
    found: dict[str, str | None] = {}
    for each in term.get("matchExpressions") or ():
        key, values = each["key"], [str(value) for value in each.get("values") or ()]
        has = node.labels.get(key)
        match each["operator"]:
            case "In" if has not in values:
                found[key] = values[0]
            case "Exists" if has is None:
                found[key] = ""
            case "NotIn" if has in values:
                found[key] = None
            case "DoesNotExist" if has is not None:
                found[key] = None
            case "Gt" if has is None or not has.isdecimal() or int(has) <= int(values[0]):
                found[key] = str(int(values[0]) + 1)
            case "Lt" if has is None or not has.isdecimal() or int(has) >= int(values[0]):
                found[key] = str(int(values[0]) - 1)
    return found


# -- weights -----------------------------------------------------------------------------------------------------------


def _weights(engine: Engine, pod: PodInfo, node_name: str) -> Iterator[Change]:
    """The weight of one score plugin nearest to the one it has by which the node wins outright."""
    attempt = trial.attempt(engine, pod)
    rows = {row["node"]: row for row in attempt.scores()}
    if node_name not in rows or attempt.node == node_name:
        return
    for plugin, score in rows[node_name]["plugins"].items():
        old = score["weight"]
        new = _winning_weight(attempt, rows, node_name, plugin, old)
        if new is None:
            continue
        with trial.weight_changed(engine, attempt.profile, plugin, new):
            if trial.attempt(engine, pod).node != node_name:
                continue
        enabled = [{"name": plugin, "weight": new}]
        patch = {"profiles": [{"schedulerName": attempt.profile, "plugins": {"score": {"enabled": enabled}}}]}
        text, size = f"weight {new} for {plugin} in place of {old}", abs(new - old)
        yield Change("weight", text, size, "scheduler", node_name, plugin, str(old), str(new), patch)


def _winning_weight(attempt: Attempt, rows: dict[str, Any], node: str, plugin: str, old: int) -> int | None:
    """Each other node bounds the weight from one side: ahead + (weight - old) * more must be above 0 for all."""
    low, high = 1.0, float(MAX_WEIGHT)
    mine = rows[node]
    for name, row in rows.items():
        if name == node:
            continue
        ahead = mine["total"] - row["total"]
        more = mine["plugins"][plugin]["normalized"] - row["plugins"][plugin]["normalized"]
        if more == 0 and ahead <= 0:
            return None
        if more > 0:
            low = max(low, math.floor(old - ahead / more) + 1)
        elif more < 0:
            high = min(high, math.ceil(old - ahead / more) - 1)
    return None if low > high else int(min(max(old, low), high))
