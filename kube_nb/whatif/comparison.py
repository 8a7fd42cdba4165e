"""What comes out of `compare`: a tidy table, its curves and plots, and where two policies part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kube_nb.machinery.refusals import BadArgument
from kube_nb.whatif.fill import Run

if TYPE_CHECKING:
    import pandas as pd

#: What `Comparison.plot` draws over the arrived share, and how its axis is called.
CURVES: Mapping[str, str] = {
    "allocation": "allocated, % of the capacity",
    "fragmented": "fragmented, % of the idle GPUs",
}

#: How the axes of bars are called where the column's name does not say it.
BARS: Mapping[str, str] = {
    "allocation_100": "allocated, % of the capacity, when as much has arrived",
    "allocation_end": "allocated, % of the capacity, at the end",
    "stranded_cpu": "cpu on machines without memory, % of all",
    "stranded_memory": "memory on machines without cpu, % of all",
    "fragmented_90": "fragmented, % of the idle GPUs, at 90 % arrival",
    "mean_wait_s": "mean wait, s",
    "p95_wait_s": "95th percentile of the wait, s",
}


class Measured:
    """Something with a row per workload, policy and seed in `df`."""

    df: "pd.DataFrame"

    def summary(self, value: str = "allocation_100") -> "pd.DataFrame":
        """Mean, least and most over the seeds, a row per workload and policy."""
        self._check(value)
        groups = self.df.groupby(["workload", "policy"], sort=False)[value]
        return groups.agg(["mean", "min", "max"]).reset_index()

    def _check(self, value: str) -> None:
        if value not in self.df.columns:
            known = ", ".join(name for name in self.df.columns if name not in ("workload", "policy", "seed", "ties"))
            raise BadArgument(f"no column {value!r}; there are {known}")

    def _bars(self, value: str, ax: Any) -> None:
        """The mean over the seeds, with the least and the most."""
        table = self.summary(value)
        several = table["workload"].nunique() > 1
        names = [f"{row.policy}\n{row.workload}" if several else row.policy for row in table.itertuples()]
        errors = [table["mean"] - table["min"], table["max"] - table["mean"]]
        ax.bar(range(len(table)), table["mean"], yerr=errors, capsize=3)
        ax.set_xticks(range(len(table)), names, rotation=45, ha="right")
        ax.set_ylabel(BARS.get(value, value.replace("_", " ")))


def axes(ax: Any) -> Any:
    """The given ones, or new ones."""
    import matplotlib.pyplot as plt  # here: an extra, and slow to import

    return ax if ax is not None else plt.subplots(figsize=(8, 4.5))[1]


@dataclass
class Comparison(Measured):
    """runs: in the order workload, policy, seed. again: (number of a run, task) -> that task's attempt, explained."""

    runs: list[Run]
    again: Callable[[int, str], dict[str, Any]]

    @cached_property
    def df(self) -> "pd.DataFrame":  # type: ignore[override]  # computed once
        """A row per run: workload, policy, seed, ties, tasks, pending, allocation at 100 % and at the end, ..."""
        import pandas as pd  # here: it is slow to import

        return pd.DataFrame(run.row() for run in self.runs)

    @cached_property
    def curves(self) -> "pd.DataFrame":
        """A row per run and arrived per cent."""
        import pandas as pd  # as above

        return pd.concat([run.curve() for run in self.runs], ignore_index=True)

    def plot(self, kind: str = "allocation", ax: Any = None) -> Any:
        """kind: "allocation" or "fragmented" (curves with the range over the seeds), or a column of `df` (bars).

        Answers the axes.
        """
        if kind not in CURVES:
            self._check(kind)
        ax = axes(ax)
        if kind in CURVES:
            self._curves(kind, ax)
        else:
            self._bars(kind, ax)
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        return ax

    def _curves(self, kind: str, ax: Any) -> None:
        known = self.curves.dropna(subset=[kind])
        grouped = known.groupby(["workload", "policy", "arrived"], sort=False)[kind]
        table = grouped.agg(["mean", "min", "max"]).reset_index()
        several = table["workload"].nunique() > 1
        for (workload, policy), rows in table.groupby(["workload", "policy"], sort=False):
            ax.plot(rows["arrived"], rows["mean"], label=f"{policy} ({workload})" if several else policy)
            ax.fill_between(rows["arrived"], rows["min"], rows["max"], alpha=0.2)
        ax.set_xlabel("arrived, % of the capacity")
        ax.set_ylabel(CURVES[kind])

    def first_divergence(
        self, first: str, second: str, workload: str = "", seed: int | None = None
    ) -> "Divergence | None":
        """The first task that two policies put on different nodes, and how each saw the nodes. None: they agree."""
        numbers = [self._number(name, workload, seed) for name in (first, second)]
        one, other = (self.runs[number].placements for number in numbers)
        for task, node in one.items():
            if other.get(task) != node:
                seen = [self.again(number, task) for number in numbers]
                return Divergence(task, (first, second), node, other[task], *seen)
        return None

    def _number(self, policy: str, workload: str, seed: int | None) -> int:
        for number, run in enumerate(self.runs):
            if run.policy == policy and workload in ("", run.workload) and seed in (None, run.seed):
                return number
        raise BadArgument(f"no run of policy {policy!r} here")


class Divergence(NamedTuple):
    """task, where each policy put it, and each one's attempt as plain data (see `scheduler.decisions.Attempt`)."""

    task: str
    policies: tuple[str, str]
    first_node: str
    second_node: str
    first: dict[str, Any]
    second: dict[str, Any]

    @property
    def text(self) -> str:
        """Both choices, and the points that each policy gave both nodes."""
        lines = [f"{self.task} is the first to part them:"]
        for policy, node, seen in zip(
            self.policies, (self.first_node, self.second_node), (self.first, self.second), strict=True
        ):
            points = {row["node"]: row["total"] for row in seen["scores"]}
            told = [f"{name} {points[name]}" for name in (self.first_node, self.second_node) if name in points]
            tie = f", one of {seen['tied']} equals by the rule {seen['tieRule']!r}" if seen["tied"] > 1 else ""
            where = f"takes {node}" if node else "finds no place"
            lines.append(f"  {policy} {where}{tie}" + (f" (points: {', '.join(told)})" if told else ""))
        return "\n".join(lines)

    @property
    def df(self) -> "pd.DataFrame":
        """A row per policy and node that it scored: policy, node, rank, total, chosen."""
        import pandas as pd  # as above

        rows = [
            {"policy": policy, **{name: row[name] for name in ("node", "rank", "total")}, "chosen": row["node"] == node}
            for policy, node, seen in zip(
                self.policies, (self.first_node, self.second_node), (self.first, self.second), strict=True
            )
            for row in seen["scores"]
        ]
        return pd.DataFrame(rows)


@dataclass
class ReplayComparison(Measured):
    """Timed runs: df has a row per workload, policy and seed."""

    rows: list[dict[str, Any]]

    @cached_property
    def df(self) -> "pd.DataFrame":  # type: ignore[override]  # as above
        """mean_wait_s, p95_wait_s, preemptions, never_ran (tasks), utilization (of cpu, mean over time, %)."""
        import pandas as pd  # as above

        return pd.DataFrame(self.rows)

    def plot(self, kind: str = "mean_wait_s", ax: Any = None) -> Any:
        """kind: a column of `df`; bars with the range over the seeds. Answers the axes."""
        self._check(kind)
        ax = axes(ax)
        self._bars(kind, ax)
        return ax
