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

#: More nodes than this are counted, not listed.
MAX_NODES = 20


class Decision(TypedDict):
    """node: where the pod is, or "". attempts: oldest first, as `Attempt.to_dict` renders them. gone: deleted since."""

    pod: str
    node: str
    gone: bool
    attempts: list[Any]


def show(cluster: Cluster, pod: str, *, namespace: str = "default") -> Shown:
    """KubectlError if there is neither such a pod nor a decision for it."""
    name = pod.rpartition("/")[2]

    def state(found: list[Obj]) -> Decision:
        now = next((each for each in found if objects.name(each) == name), None)
        return decision(name, now, _attempts_now(cluster, namespace, name))

    view = shown.live_page(cluster, [resources.PODS], state, blocks, namespace=namespace)
    if view.state["gone"] and not view.state["attempts"]:
        raise KubectlError(f'Error from server (NotFound): pods "{name}" not found')
    return view


def _attempts_now(cluster: Cluster, namespace: str, name: str) -> list[Any]:
    """As `Cluster.decisions`, for who is on the cluster's loop already."""
    scheduler = cluster.engine.scheduler
    return [] if scheduler is None else scheduler.decisions.to_dict(f"{namespace}/{name}")


def decision(name: str, pod: Obj | None, attempts: Sequence[Any]) -> Decision:
    spec = (pod or {}).get("spec") or {}
    return {"pod": name, "node": spec.get("nodeName", ""), "gone": pod is None, "attempts": list(attempts)}


# -- words -------------------------------------------------------------------------------------------------------------


def sentence(state: Decision) -> str:
    """The decision in a sentence: ``node-2 won with 312 points over 1 other node; 2 of 4 nodes were refused``."""
    if not state["attempts"]:
        if state["node"]:
            return f"{state['pod']} is on {state['node']} without the scheduler: its spec named the node from the start"
        return f"{state['pod']}: the scheduler has not looked at it yet (does kube-scheduler run?)"
    last = state["attempts"][-1]
    if last["node"]:
        return _won(state["pod"], last)
    return f"{state['pod']} fits nowhere: {last['message'] or last['fault'] or 'no node was left'}"


def _won(pod: str, attempt: Mapping[str, Any]) -> str:
    scores, refused = attempt["scores"], attempt["refused"]
    winner = next((row for row in scores if row["node"] == attempt["node"]), None)
    if winner is None or len(scores) < 2:
        text = f"{pod} → {attempt['node']}: the only node that could take it"
    else:
        runner_up = next(row for row in scores if row["node"] != attempt["node"])
        text = f"{pod} → {attempt['node']}: won with {winner['total']} points"
        if attempt["tied"] > 1:
            text += f", drawn by lot among {attempt['tied']} nodes with as many"
        else:
            text += f" ahead of {runner_up['node']} with {runner_up['total']}"
    if refused:
        text += f"; {len(refused)} of {attempt['allNodes']} nodes refused"
    return text


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
        found.append(_table(last))
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
    if last["preemption"] and last["preemption"].get("node"):
        found.append(page.note(_preemption(last["preemption"])))
    return found


def _preemption(preemption: Mapping[str, Any]) -> str:
    return f"to make room on {preemption['node']}, these pods have to go: {', '.join(preemption['victims'])}"


def _plugins(attempt: Mapping[str, Any]) -> list[str]:
    return list(attempt["scores"][0]["plugins"]) if attempt["scores"] else []


def _table(attempt: Mapping[str, Any]) -> Block:
    plugins = _plugins(attempt)
    weights = {name: attempt["scores"][0]["plugins"][name]["weight"] for name in plugins}
    columns = ["NODE", *(f"{name} ×{weights[name]}" for name in plugins)]
    columns += ["TOTAL"] if plugins else []
    columns += ["VERDICT"]
    rows = [_scored(attempt, row, plugins) for row in attempt["scores"][:MAX_NODES]]
    rows += [_refused(row, plugins) for row in attempt["refused"][:MAX_NODES]]
    numeric = list(range(1, len(plugins) + 2)) if plugins else []
    return page.table(columns, rows, numeric=numeric, wrapped=[len(columns) - 1])


def _scored(attempt: Mapping[str, Any], row: Mapping[str, Any], plugins: Sequence[str]) -> list[Cell]:
    won = row["node"] == attempt["node"]
    cells = [page.cell(row["node"], strong=won)]
    cells += [page.cell(_points(row["plugins"][name])) for name in plugins]
    cells += [page.cell(row["total"], strong=won)] if plugins else []
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
