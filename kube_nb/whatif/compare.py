"""Many runs, paired by seed, in parallel; what comes out is a tidy table, its plots, and where two policies part.

A run is a pure function of (policy, workload, seed): where and in which order runs are done changes nothing.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from kube_nb.whatif.compact import parallel
from kube_nb.whatif.fill import Run, fill
from kube_nb.whatif.gpu import RESOURCE
from kube_nb.whatif.policy import Policy, policy_of
from kube_nb.whatif.replay import replay
from kube_nb.whatif.workload import Workload

if TYPE_CHECKING:
    import pandas as pd

#: How often a run whose worker was killed is done again.
RETRIES = 3


class Job(NamedTuple):
    """One run. inflate: see `Workload.inflated`; 0: only shuffled. shuffle_nodes: see `compare`."""

    policy: Policy
    workload: Workload
    seed: int
    inflate: float
    shuffle_nodes: bool = False


def prepared(workload: Workload, seed: int, inflate: float, shuffle_nodes: bool = False) -> Workload:
    """The workload as a seed has it: shuffled, and inflated if asked for. The same for every policy."""
    if shuffle_nodes:
        nodes = list(workload.nodes)
        random.Random(f"{seed}/nodes").shuffle(nodes)
        workload = workload.with_nodes(nodes)
    stream = random.Random(f"{seed}/shuffle")
    if inflate:
        resource = RESOURCE if workload.total(RESOURCE) else "cpu"
        return workload.inflated(stream, resource, inflate)
    tasks = list(workload.tasks)
    stream.shuffle(tasks)
    return workload.with_tasks(tasks)


def run_job(job: Job) -> Run:
    return fill(prepared(*job[1:]), job.policy, job.seed)


@dataclass
class Comparison:
    """runs: in the order policy, workload, seed."""

    runs: list[Run]
    jobs: list[Job]

    @cached_property
    def df(self) -> "pd.DataFrame":
        """A row per run: workload, policy, seed, ties, tasks, pending, allocation at 100 % and at the end, ..."""
        import pandas as pd  # here: it is slow to import

        return pd.DataFrame(
            {
                "workload": run.workload,
                "policy": run.policy,
                "seed": run.seed,
                "ties": run.ties,
                "resource": run.resource,
                "tasks": len(run.placements),
                "pending": len(run.pending),
                "allocation_100": run.allocation_at(100),
                "allocation_end": run.allocation_at(1e9),
                "stranded_cpu": 100 * run.stranded_cpu,
                "stranded_memory": 100 * run.stranded_memory,
                "fragmented_90": 100 * run.fragmented.get(90, float("nan")),
                **{f"used_{name.rpartition('/')[2]}": 100 * share for name, share in run.utilization.items()},
            }
            for run in self.runs
        )

    @cached_property
    def curves(self) -> "pd.DataFrame":
        """A row per run and arrived per cent."""
        import pandas as pd  # as above

        return pd.concat([run.curve() for run in self.runs], ignore_index=True)

    def summary(self, value: str = "allocation_100") -> "pd.DataFrame":
        """Mean, least and most over the seeds, a row per workload and policy."""
        groups = self.df.groupby(["workload", "policy"], sort=False)[value]
        return groups.agg(["mean", "min", "max"]).reset_index()

    def plot(self, kind: str = "allocation", ax: Any = None) -> Any:
        """kind: "allocation" or "fragmented" (curves with the range over the seeds), or a column of `df` (bars).

        Answers the axes.
        """
        import matplotlib.pyplot as plt  # here: an extra, and slow to import

        if ax is None:
            _, ax = plt.subplots(figsize=(8, 4.5))
        if kind in ("allocation", "fragmented"):
            known = self.curves.dropna(subset=[kind])
            grouped = known.groupby(["workload", "policy", "arrived"], sort=False)[kind]
            table = grouped.agg(["mean", "min", "max"]).reset_index()
            for (workload, policy), rows in table.groupby(["workload", "policy"], sort=False):
                ax.plot(rows["arrived"], rows["mean"], label=f"{policy} ({workload})")
                ax.fill_between(rows["arrived"], rows["min"], rows["max"], alpha=0.2)
            ax.set_xlabel("arrived, % of the capacity")
            ax.set_ylabel({"allocation": "allocated, % of the capacity"}.get(kind, "fragmented, % of the idle GPUs"))
        else:
            table = self.summary(kind)
            names = [f"{row.policy}\n{row.workload}" for row in table.itertuples()]
            errors = [table["mean"] - table["min"], table["max"] - table["mean"]]
            ax.bar(range(len(table)), table["mean"], yerr=errors, capsize=3)
            ax.set_xticks(range(len(table)), names, rotation=45, ha="right")
            ax.set_ylabel(kind)
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        return ax

    def first_divergence(
        self, first: str, second: str, workload: str = "", seed: int | None = None
    ) -> "Divergence | None":
        """The first task that two policies put on different nodes, and how each saw the nodes. None: they agree."""
        runs = [self._run(name, workload, seed) for name in (first, second)]
        for task, node in runs[0].placements.items():
            if runs[1].placements.get(task) != node:
                jobs = [self.jobs[self.runs.index(run)] for run in runs]
                return Divergence(task, node, runs[1].placements[task], *(_attempt(job, task) for job in jobs))
        return None

    def _run(self, policy: str, workload: str, seed: int | None) -> Run:
        for run in self.runs:
            if run.policy == policy and workload in ("", run.workload) and seed in (None, run.seed):
                return run
        raise ValueError(f"no run of policy {policy!r} here")


class Divergence(NamedTuple):
    """task, where each put it, and each one's attempt as plain data (see `scheduler.decisions.Attempt.to_dict`)."""

    task: str
    first_node: str
    second_node: str
    first: dict[str, Any]
    second: dict[str, Any]


def _attempt(job: Job, task: str) -> dict[str, Any]:
    """Run again up to this task, with explanation."""
    workload = prepared(*job[1:])
    names = [each.name for each in workload.tasks]
    upto = workload.with_tasks(workload.tasks[: names.index(task) + 1])
    engine = job.policy.build(workload, job.seed, explain=True)
    fill(upto, job.policy, job.seed, engine=engine)
    assert engine.last is not None
    return engine.last.to_dict()


def compare(
    policies: "Iterable[Policy | str]",
    workloads: "Workload | Sequence[Workload]",
    seeds: "int | Iterable[int]" = 10,
    *,
    inflate: float = 0.0,
    shuffle_nodes: bool = False,
    executor: Executor | None = None,
    processes: int | None = None,
    progress: "bool | Callable[[int, int], None]" = False,
) -> Comparison:
    """Run every policy on every workload with every seed.

    seeds: how many, or which. inflate: arrivals as a multiple of the capacity, as the openb paper's 1.3. shuffle_nodes:
    the order of the nodes, which decides ties under the rule "first", is drawn from the seed. executor: any
    `concurrent.futures.Executor` (a Dask client's ``get_executor()``); else as many processes as `processes` (None: one
    per processor; 1: in this one). progress: True for a bar in the notebook or terminal, or a function(done, all).
    """
    chosen = [policy_of(policy) for policy in policies]
    if len({policy.name for policy in chosen}) < len(chosen):
        raise ValueError("two policies of one name: give them names of their own")
    loads = [workloads] if isinstance(workloads, Workload) else list(workloads)
    numbers = range(seeds) if isinstance(seeds, int) else list(seeds)
    jobs = [Job(policy, load, seed, inflate, shuffle_nodes) for load in loads for policy in chosen for seed in numbers]
    tell = _bar(len(jobs)) if progress is True else (progress or (lambda done, total: None))
    if executor is None and processes == 1:
        return Comparison([_told(run_job(job), number, jobs, tell) for number, job in enumerate(jobs, 1)], jobs)
    return Comparison(_in_parallel(jobs, executor, processes, tell), jobs)


def compare_replays(
    policies: "Iterable[Policy | str]",
    workloads: "Workload | Sequence[Workload]",
    seeds: "int | Iterable[int]" = 3,
    *,
    compress: float = 1.0,
    executor: Executor | None = None,
    processes: int | None = None,
) -> "pd.DataFrame":
    """Timed: a row per policy, workload and seed: the mean wait, its 95th percentile, preemptions, who never ran.

    The seed decides the policy's own draws; the workload's times are its own, divided by `compress`.
    """
    import pandas as pd  # here: it is slow to import

    loads = [workloads] if isinstance(workloads, Workload) else list(workloads)
    numbers = range(seeds) if isinstance(seeds, int) else list(seeds)
    arguments = [(load, policy_of(policy), seed, compress) for load in loads for policy in policies for seed in numbers]
    return pd.DataFrame(parallel(_replayed, arguments, executor, processes))


def _replayed(workload: Workload, policy: Policy, seed: int, compress: float) -> dict[str, Any]:
    found = replay(workload, policy, seed, compress=compress)
    waits = sorted(row["wait_s"] for row in found.rows if row["wait_s"] is not None)
    return {
        "workload": workload.name,
        "policy": policy.name,
        "seed": seed,
        "ties": policy.ties,
        "mean_wait_s": found.mean_wait_s,
        "p95_wait_s": waits[int(0.95 * (len(waits) - 1))] if waits else 0.0,
        "preemptions": found.preemptions,
        "never_ran": len(found.rows) - len(waits),
    }


def _told(run: Run, done: int, jobs: Sequence[Job], tell: Callable[[int, int], None]) -> Run:
    tell(done, len(jobs))
    return run


def _in_parallel(
    jobs: Sequence[Job], executor: Executor | None, processes: int | None, tell: Callable[[int, int], None]
) -> list[Run]:
    """What a killed worker took with it is done again, in a fresh pool if the pool is ours."""
    runs: dict[int, Run] = {}
    for attempt in range(RETRIES + 1):
        missing = [number for number in range(len(jobs)) if number not in runs]
        with nullcontext(executor) if executor is not None else ProcessPoolExecutor(processes) as pool:
            futures: dict[Future[Run], int] = {pool.submit(run_job, jobs[number]): number for number in missing}
            for future in as_completed(futures):
                try:
                    runs[futures[future]] = future.result()
                except Exception as error:
                    if not _killed(error) or attempt == RETRIES:
                        raise
                    continue
                tell(len(runs), len(jobs))
        if len(runs) == len(jobs):
            break
    return [runs[number] for number in range(len(jobs))]


def _killed(error: Exception) -> bool:
    """A worker died; Dask says so with an exception of its own, which is named here to spare its import."""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ in ("KilledWorker", "CommClosedError")


def _bar(total: int) -> Callable[[int, int], None]:
    """A bar on standard error; it writes over itself."""
    import sys

    def tell(done: int, total: int) -> None:
        filled = 40 * done // max(1, total)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done}/{total}" + ("\n" if done == total else ""))
        sys.stderr.flush()

    return tell
