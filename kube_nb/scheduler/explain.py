"""Why a pod is where it is, and why it is not elsewhere.

`sentence`, `table` and `score_table` render a kept attempt (whom it would drive out: `Preemption.df`); `why_not` asks
the engine anew on the snapshot as it is now. What would move the pod: see `counterfactual`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kube_nb.scheduler import trial
from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.status import Status
from kube_nb.scheduler.pod_info import PodInfo

if TYPE_CHECKING:
    import pandas as pd


def sentence(attempt: Attempt) -> str:
    """``node-2 won with 466 points among 3 of 6 nodes; refused by 3: 2 Insufficient cpu, ...``; what plugins did amiss
    comes last."""
    return "; ".join((_outcome(attempt), *attempt.warnings))


def _outcome(attempt: Attempt) -> str:
    refused = attempt.histogram()
    total = len(attempt.names)
    if not attempt.node:
        return attempt.message
    if attempt.fault:
        return f"{attempt.node} was chosen, but the pod was not bound: {attempt.fault}"
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


def score_table(attempt: Attempt) -> "pd.DataFrame":
    """A row per feasible node and plugin: node, rank, plugin, raw, normalized, weight, weighted."""
    import pandas as pd  # as above

    names = ("node", "rank", "plugin", "raw", "normalized", "weight", "weighted")
    rows = [
        {"node": row["node"], "rank": row["rank"], "plugin": plugin, **score}
        for row in attempt.scores()
        for plugin, score in row["plugins"].items()
    ]
    return pd.DataFrame(rows, columns=list(names))


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

    @property
    def df(self) -> "pd.DataFrame":
        """A row per plugin that refuses the node (plugin, code, reasons) or keeps it behind (plugin, points)."""
        import pandas as pd  # as above

        if self.refusals:
            rows = [
                {"plugin": each.plugin, "code": str(each.code), "reasons": ", ".join(each.reasons)}
                for each in self.refusals
            ]
            return pd.DataFrame(rows)
        return pd.DataFrame({"plugin": list(self.behind), "points": [-points for points in self.behind.values()]})


def why_not(engine: Engine, pod: PodInfo, node_name: str) -> WhyNot:
    """KeyError if there is no such node. A pod that is placed is looked at as if it were not."""
    with trial.lifted(engine, pod) as pod:
        node = engine.columns.node(node_name)
        if node is None:
            raise KeyError(f"no node {node_name!r}")
        refusals = tuple(trial.refusals(engine, pod, node))
        if refusals:
            texts = "; ".join(f"{status.plugin}: {', '.join(status.reasons)}" for status in refusals)
            return WhyNot(pod.key, node_name, refusals, "", {}, f"{node_name} refuses {pod.key}: {texts}")
        attempt = trial.attempt(engine, pod)
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
