"""``%kube why``: the scheduler's decision for a pod, whole: who was refused and why, what each plugin gave, who won.

The state is the attempts as the scheduler's ``Attempt.to_dict`` renders them, and what the pod says of itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from kube_nb.api import resources
from kube_nb.cluster import Cluster
from kube_nb.kubectl import KubectlError
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj
from kube_nb.views import page, shown
from kube_nb.views.page import Block, Cell
from kube_nb.views.shown import Shown

RANK, NODE = "rank", "node"
#: More nodes than this are counted, not listed.
MAX_NODES = 20


class Decision(TypedDict):
    """node: where the pod is, or "". attempts: oldest first, as `Attempt.to_dict` renders them. gone: deleted since.
    order: what the nodes are sorted by, one of `orders`."""

    pod: str
    node: str
    gone: bool
    attempts: list[Any]
    order: str


def show(cluster: Cluster, pod: str, *, namespace: str = "default") -> Shown:
    """KubectlError if there is neither such a pod nor a decision for it."""
    name = pod.rpartition("/")[2]

    def state(found: list[Obj]) -> Decision:
        now = next((each for each in found if objects.name(each) == name), None)
        return decision(name, now, _attempts_now(cluster, namespace, name))

    view = shown.live_page(cluster, [resources.PODS], state, blocks, namespace=namespace, frame=frame, orders=orders)
    if view.state["gone"] and not view.state["attempts"]:
        raise KubectlError(f'Error from server (NotFound): pods "{name}" not found')
    return view


def _attempts_now(cluster: Cluster, namespace: str, name: str) -> list[Any]:
    """As `Cluster.decisions`, for who is on the cluster's loop already."""
    scheduler = cluster.engine.scheduler
    return [] if scheduler is None else scheduler.decisions.to_dict(f"{namespace}/{name}")


def decision(name: str, pod: Obj | None, attempts: Sequence[Any]) -> Decision:
    spec = (pod or {}).get("spec") or {}
    return {
        "pod": name,
        "node": spec.get("nodeName", ""),
        "gone": pod is None,
        "attempts": list(attempts),
        "order": RANK,
    }


# -- words -------------------------------------------------------------------------------------------------------------


def sentence(state: Decision) -> str:
    """The decision in a sentence: ``node-2 won with 312 points over 1 other node; 2 of 4 nodes were refused``."""
    if not state["attempts"]:
        if state["node"]:
            return f"{state['pod']} is on {state['node']} without the scheduler: its spec named the node from the start"
        return f"{state['pod']}: the scheduler has not looked at it yet (does kube-scheduler run?)"
    last = state["attempts"][-1]
    if last["node"] and last["fault"]:
        return f"{state['pod']} was to go to {last['node']}, but was not bound: {last['fault']}"
    if last["node"]:
        return _won(state["pod"], last)
    if last["nominatedNode"]:
        return f"{state['pod']} waits for room on {last['nominatedNode']}: {_leaving(last['preemption'])}"
    if last["fault"]:
        return f"{state['pod']} got no node, because a plugin failed: {last['fault']}"
    return f"{state['pod']} fits nowhere: {last['message'] or 'no node was left'}"


def _won(pod: str, attempt: Mapping[str, Any]) -> str:
    scores, refused = attempt["scores"], attempt["refused"]
    winner = next((row for row in scores if row["node"] == attempt["node"]), None)
    if winner is None or len(scores) < 2:
        text = f"{pod} → {attempt['node']}: the only node that could take it"
    else:
        runner_up = next(row for row in scores if row["node"] != attempt["node"])
        text = f"{pod} → {attempt['node']}: won with {winner['total']} points"
        if attempt["tied"] > 1:
            text += f", {_tie(attempt['tieRule'])} {attempt['tied']} nodes with as many"
        else:
            text += f" ahead of {runner_up['node']} with {runner_up['total']}"
    if refused:
        text += f"; {len(refused)} of {attempt['allNodes']} nodes refused"
    return text


def _tie(rule: str) -> str:
    return "drawn by lot among" if rule == "random" else f"taken by the tie rule {rule!r} out of"


def reasons(attempt: Mapping[str, Any]) -> dict[str, int]:
    """{reason: how many nodes}, most frequent first."""
    counts: dict[str, int] = {}
    for refusal in attempt["refused"]:
        for reason in refusal["reasons"]:
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


# -- the page ----------------------------------------------------------------------------------------------------------


def blocks(state: Decision) -> list[Block]:
    found = [page.heading(sentence(state))]
    if state["gone"]:
        found.append(page.note("the pod itself is gone"))
    if not state["attempts"]:
        return found
    last = state["attempts"][-1]
    if len(state["attempts"]) > 1:
        found.append(page.note(f"attempt {len(state['attempts'])}; the last one is shown"))
    if last["scores"] or last["refused"]:
        found.append(_table(last, state["order"]))
    hidden = len(last["scores"]) + len(last["refused"]) - 2 * MAX_NODES
    if hidden > 0 or len(last["scores"]) > MAX_NODES or len(last["refused"]) > MAX_NODES:
        found.append(page.note("not all nodes are listed; refusals by reason:"))
        found += [page.note(f"{count} × {reason}") for reason, count in reasons(last).items()]
    if last["scores"] and _plugins(last):
        text = "Each column is a scoring plugin: its points (0 to 100) times its weight"
        found.append(page.note(text + ("; in brackets its raw score." if _has_raw(last) else ".")))
    found += [
        page.note(text, "busy") for text in (*last["warnings"], last["fault"]) if text and text != last["message"]
    ]
    made_room = [each for each in state["attempts"][:-1] if (each["preemption"] or {}).get("node")]
    for each in (*made_room[-1:], last):
        found += _preemption(each["preemption"]) if each["preemption"] else []
    return found


def orders(state: Decision) -> list[str]:
    """What the table of nodes can be sorted by."""
    return [RANK, NODE, *(_plugins(state["attempts"][-1]) if state["attempts"] else [])]


def frame(state: Decision) -> list[dict[str, Any]]:
    """A row per node of the last attempt: node, rank, total, each plugin's points, refused_by, reasons."""
    if not state["attempts"]:
        return []
    last = state["attempts"][-1]
    scored = [
        {
            "node": row["node"],
            "rank": row["rank"],
            "total": row["total"],
            **{name: score["weighted"] for name, score in row["plugins"].items()},
        }
        for row in last["scores"]
    ]
    refused = [
        {"node": row["node"], "refused_by": row["refusedBy"], "reasons": "; ".join(row["reasons"])}
        for row in last["refused"]
    ]
    return [*scored, *refused]


# -- preemption --------------------------------------------------------------------------------------------------------


def _leaving(preemption: Mapping[str, Any] | None) -> str:
    victims = (preemption or {}).get("victims") or []
    return f"{', '.join(victims)} {'has' if len(victims) == 1 else 'have'} to go" if victims else "it is reserved"


def _preemption(preemption: Mapping[str, Any]) -> list[Block]:
    """The nodes that could be emptied, whom that would cost, and at which step of the choice each dropped out."""
    if not preemption["node"]:
        text = preemption["message"]
        return [page.note(f"preemption does not help: {text.removeprefix('preemption: ')}")] if text else []
    found = [page.heading(f"preemption: on {preemption['node']}, {_leaving(preemption)}")]
    rows = [_candidate(preemption, each) for each in preemption["candidates"][:MAX_NODES]]
    found.append(page.table(["CANDIDATE", "VICTIMS (PRIORITY)", "BUDGETS VIOLATED", "VERDICT"], rows, numeric=[2]))
    if len(preemption["steps"]) > 1:
        steps = [
            [page.cell(number), page.cell(step["criterion"]), page.cell(", ".join(step["nodes"]))]
            for number, step in enumerate(preemption["steps"], 1)
        ]
        found.append(page.table(["STEP", "OF THOSE THAT ARE LEFT, THE ONES WITH", "LEAVES"], steps, wrapped=[2]))
    return found


def _candidate(preemption: Mapping[str, Any], candidate: Mapping[str, Any]) -> list[Cell]:
    name = candidate["node"]
    victims = "\n".join(f"{each['pod']} ({each['priority']})" for each in candidate["victims"]) or "nobody"
    lost = next((step["criterion"] for step in preemption["steps"] if name not in step["nodes"]), "")
    verdict = page.cell("✓ chosen", "good") if name == preemption["node"] else page.cell(f"lost by: {lost or 'order'}")
    chosen = name == preemption["node"]
    return [page.cell(name, strong=chosen), page.cell(victims), page.cell(candidate["pdbViolations"]), verdict]


# -- the nodes ---------------------------------------------------------------------------------------------------------


def _plugins(attempt: Mapping[str, Any]) -> list[str]:
    return list(attempt["scores"][0]["plugins"]) if attempt["scores"] else []


def _table(attempt: Mapping[str, Any], order: str) -> Block:
    plugins = _plugins(attempt)
    scores = sorted(attempt["scores"], key=lambda row: _place(row, order))
    most = {name: max(row["plugins"][name]["weighted"] for row in scores) or 1 for name in plugins}
    weights = {name: attempt["scores"][0]["plugins"][name]["weight"] for name in plugins}
    columns = ["NODE", *(f"{name} ×{weights[name]}" for name in plugins)]
    columns += ["TOTAL"] if plugins else []
    columns += ["VERDICT"]
    rows = [_scored(attempt, row, most) for row in scores[:MAX_NODES]]
    rows += [_refused(row, plugins) for row in attempt["refused"][:MAX_NODES]]
    numeric = list(range(1, len(plugins) + 2)) if plugins else []
    return page.table(columns, rows, numeric=numeric, wrapped=[len(columns) - 1])


def _place(row: Mapping[str, Any], order: str) -> Any:
    if order == NODE:
        return row["node"]
    return row["rank"] if order == RANK or order not in row["plugins"] else -row["plugins"][order]["weighted"]


def _scored(attempt: Mapping[str, Any], row: Mapping[str, Any], most: Mapping[str, int]) -> list[Cell]:
    """most: the most that each plugin gave to any node, which makes the heat of its column."""
    won = row["node"] == attempt["node"]
    cells = [page.cell(row["node"], strong=won)]
    for name, best in most.items():
        score = row["plugins"][name]
        cells.append(page.cell(_points(score), heat=score["weighted"] / best))
    cells += [page.cell(row["total"], strong=won)] if most else []
    return [*cells, page.cell("✓ chosen", "good") if won else page.cell("fits", "plain")]


def _has_raw(attempt: Mapping[str, Any]) -> bool:
    return any("(" in _points(score) for row in attempt["scores"] for score in row["plugins"].values())


def _points(score: Mapping[str, int]) -> str:
    """The weighted points, and what the plugin gave itself where that says something else."""
    raw = "" if score["raw"] == score["normalized"] else f" ({score['raw']})"
    return f"{score['weighted']}{raw}"


def _refused(row: Mapping[str, Any], plugins: Sequence[str]) -> list[Cell]:
    blanks = [page.cell("–") for _ in plugins] + ([page.cell("–")] if plugins else [])
    why = f"✗ {row['refusedBy']}: {'; '.join(row['reasons'])}"
    return [page.cell(row["node"]), *blanks, page.cell(why, "bad")]
