"""Cell compaction: how few machines would do for a workload.

Borg's recipe (Verma et al., EuroSys 2015, section 5.1): remove random machines and pack the whole workload anew each
time, until it no longer fits; at most 0.2 % of the tasks may stay pending; clone the cell if more is needed; several
seeds; the result is the 90th percentile, the interval the least and the most. `movable` says what becomes of tasks that
name a machine and of very large jobs. As the CLUSTER 2014 companion, each seed takes one random order of the machines
and searches the count by halving.
"""

import math
import random
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from kube_nb.machinery.types import Obj
from kube_nb.whatif.fill import fill
from kube_nb.whatif.movable import movable
from kube_nb.whatif.parallel import Progress, run_all
from kube_nb.whatif.policy import Policy, policy_of
from kube_nb.whatif.workload import Task, Workload, WorkloadError

#: The share of "picky" tasks that may stay pending.
PENDING = 0.002


@dataclass(frozen=True)
class Compaction:
    """machines: the count per seed. result: the 90th percentile; low, high: the interval."""

    workload: str
    policy: str
    ties: str
    of: int
    machines: Sequence[int]

    @property
    def result(self) -> int:
        ranked = sorted(self.machines)
        return ranked[math.ceil(0.9 * len(ranked)) - 1]

    @property
    def low(self) -> int:
        return min(self.machines)

    @property
    def high(self) -> int:
        return max(self.machines)

    def __str__(self) -> str:
        return f"{self.workload}, {self.policy}: {self.result} machines ({self.low} to {self.high}) of {self.of}"


def compact(
    workload: Workload,
    policy: "Policy | str",
    seeds: "int | Iterable[int]" = 11,
    *,
    executor: Executor | None = None,
    processes: int | None = 1,
    progress: Progress = False,
) -> Compaction:
    """The fewest machines, of the workload's own and clones of them, that hold all but 0.2 % of its tasks.

    Tasks are placed by descending priority, then as a seed shuffles them, all at once and none leaves.
    """
    chosen = policy_of(policy)
    numbers = list(range(seeds) if isinstance(seeds, int) else seeds)
    cell = movable(workload)
    counts = run_all(_fewest, [(cell, chosen, seed) for seed in numbers], executor, processes, progress)
    return Compaction(workload.name, chosen.name, chosen.ties, len(workload.nodes), counts)


def _fewest(workload: Workload, policy: Policy, seed: int) -> int:
    draw = random.Random(f"{seed}/compact")
    order = list(workload.nodes)
    draw.shuffle(order)
    tasks = list(workload.tasks)
    draw.shuffle(tasks)
    tasks.sort(key=lambda task: -task.priority)
    allowed = int(PENDING * len(tasks))

    def fits(count: int) -> bool:
        return pending(workload, _machines(order, count), tasks, policy, seed, allowed) <= allowed

    high = len(order)
    while not fits(high):
        high *= 2
        if high > 64 * len(order):
            raise WorkloadError(f"{workload.name}: more than {allowed} tasks fit on no machine, however many there are")
    low = high // 2 if high > len(order) else 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _machines(order: Sequence[Obj], count: int) -> list[Obj]:
    """The first so many; clones of the cell behind them."""
    found = []
    for number in range(count):
        node = order[number % len(order)]
        clone = number // len(order)
        name = node["metadata"]["name"]
        found.append({**node, "metadata": {**node["metadata"], "name": f"{name}-{clone}"}} if clone else node)
    return found


def pending(
    workload: Workload, nodes: Sequence[Obj], tasks: Sequence[Task], policy: Policy, seed: int, allowed: int
) -> int:
    """How many tasks find no place on these nodes; counting stops once they are too many."""
    asked = replace(workload, nodes=nodes, tasks=tasks)
    for resource in ("cpu", "memory"):
        if asked.total(resource) < 0.97 * asked.asked(resource):
            return len(tasks)
    missing = 0
    engine = policy.build(asked, seed)
    for start in range(0, len(tasks), 1000):
        run = fill(replace(asked, tasks=tasks[start : start + 1000]), policy, seed, engine=engine, oversized=True)
        missing += len(run.pending)
        if missing > allowed:
            break
    return missing
