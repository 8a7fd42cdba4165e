"""Borg's experiments on sharing, as machine counts by compaction (Verma et al., EuroSys 2015, section 5).

Each answers `Compaction`s to hold against each other; assumptions: the workload's own requests are the limits; tasks of
priority `production` and above are production; nothing leaves.
"""

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from kube_nb.machinery import quantity
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import requests
from kube_nb.whatif.compact import Compaction, compact
from kube_nb.whatif.policy import Policy
from kube_nb.whatif.workload import Task, Workload

PRODUCTION = 200


@dataclass(frozen=True)
class Overhead:
    """What a separation costs: together, the parts, and the per cent of machines more, per seed."""

    together: Compaction
    parts: Sequence[Compaction]

    @property
    def percents(self) -> list[float]:
        apart = [sum(counts) for counts in zip(*(part.machines for part in self.parts), strict=True)]
        return [100.0 * (more / one - 1) for more, one in zip(apart, self.together.machines, strict=True)]

    @property
    def result(self) -> float:
        """The 90th percentile over the seeds."""
        ranked = sorted(self.percents)
        return ranked[math.ceil(0.9 * len(ranked)) - 1]

    def __str__(self) -> str:
        return f"{self.result:+.1f} % machines ({min(self.percents):+.1f} to {max(self.percents):+.1f})"


def _compacted(
    workload: Workload, tasks: Sequence[Task], name: str, policy: Any, seeds: Any, **options: Any
) -> Compaction:
    return compact(workload.with_tasks(tasks, f"{workload.name}/{name}"), policy, seeds, **options)


def segregate(
    workload: Workload,
    policy: "Policy | str" = "best-fit",
    seeds: int = 11,
    *,
    production: int = PRODUCTION,
    reclamation: bool = True,
    executor: Executor | None = None,
    processes: int | None = 1,
) -> Overhead:
    """Production and the rest in cells of their own, against together. Borg: +20 to 30 % in the median cell.

    reclamation: together, the others are placed on what production reserves but does not use, as `reclaimed` models it;
    apart there is nothing to reclaim. Without it only the packing of mixed sizes speaks for sharing.
    """
    options: dict[str, Any] = {"executor": executor, "processes": processes}
    prod = [task for task in workload.tasks if task.priority >= production]
    rest = [task for task in workload.tasks if task.priority < production]
    if not prod or not rest:
        raise BadArgument(f"{workload.name} has no tasks on one side of priority {production}")
    alone = _compacted(workload, prod, "production", policy, seeds, **options)
    if reclamation:
        together = _shared(workload, alone, policy, seeds, production, **options)
    else:
        together = _compacted(workload, workload.tasks, "together", policy, seeds, **options)
    return Overhead(together, [alone, _compacted(workload, rest, "the rest", policy, seeds, **options)])


def split(
    workload: Workload, parts: int, policy: "Policy | str" = "best-fit", seeds: int = 11, **options: Any
) -> Overhead:
    """One cell, against the tasks dealt out round robin to several."""
    together = _compacted(workload, workload.tasks, "one cell", policy, seeds, **options)
    dealt = [workload.tasks[number::parts] for number in range(parts)]
    names = [f"part {number}" for number in range(parts)]
    apart = [
        _compacted(workload, each, name, policy, seeds, **options) for each, name in zip(dealt, names, strict=True)
    ]
    return Overhead(together, apart)


def bucketed(workload: Workload, policy: "Policy | str" = "best-fit", seeds: int = 11, **options: Any) -> Overhead:
    """Requests as they are, against rounded up to powers of two from 0.5 core and 1 GiB. Borg: +30 to 50 %."""
    together = _compacted(workload, workload.tasks, "as asked", policy, seeds, **options)
    specs: dict[int, Obj] = {}
    rounded = []
    for task in workload.tasks:
        spec = task.obj["spec"]
        if id(spec) not in specs:
            specs[id(spec)] = _resized(
                spec, {"cpu": _bucket(spec, "cpu", 500), "memory": _bucket(spec, "memory", 2**30)}
            )
        rounded.append(Task({**task.obj, "spec": specs[id(spec)]}, task.arrival_s, task.duration_s))
    return Overhead(together, [_compacted(workload, rounded, "in buckets", policy, seeds, **options)])


def _bucket(spec: Obj, resource: str, least: int) -> int:
    amount = requests.pod_requests(spec).get(resource, 0)
    return int(least * 2 ** max(0, math.ceil(math.log2(max(amount, 1) / least))))


def _resized(spec: Obj, amounts: dict[str, int]) -> Obj:
    """The spec with these requests, on its first container."""
    texts = {name: quantity.format(x, scale=-3) if name == "cpu" else str(x) for name, x in amounts.items()}
    first, *others = spec["containers"]
    kept = (first.get("resources") or {}).get("requests") or {}
    changed = {**first, "resources": {**(first.get("resources") or {}), "requests": {**kept, **texts}}}
    return {**spec, "containers": [changed, *({**each, "resources": {}} for each in others)]}


#: How much of their limits production tasks use: Borg's figures for cpu and memory (section 2.1).
USED = {"cpu": 0.6, "memory": 0.85}


def _shared(
    workload: Workload, limits: Compaction, policy: "Policy | str", seeds: int, production: int, **options: Any
) -> Compaction:
    """Machines with reclamation: the larger of production at its limits, and all with production at its reservation."""
    shrunk = [task if task.priority < production else _shrunk(task, USED) for task in workload.tasks]
    reserved = _compacted(workload, shrunk, "all, production at its reservation", policy, seeds, **options)
    machines = [max(pair) for pair in zip(limits.machines, reserved.machines, strict=True)]
    return Compaction(f"{workload.name}/reclaimed", reserved.policy, reserved.ties, reserved.of, machines)


def reclaimed(
    workload: Workload,
    policy: "Policy | str" = "best-fit",
    seeds: int = 11,
    *,
    production: int = PRODUCTION,
    **options: Any,
) -> Overhead:
    """Without reclamation, against with it: what production reserves but does not use is lent to the others.

    Production counts with its limits where production is placed, with its reservation (the shares `USED` of its limits)
    where the others are. Borg: about 20 % of the workload runs in reclaimed resources.
    """
    prod = [task for task in workload.tasks if task.priority >= production]
    limits = _compacted(workload, prod, "production at its limits", policy, seeds, **options)
    together = _shared(workload, limits, policy, seeds, production, **options)
    return Overhead(together, [_compacted(workload, workload.tasks, "not reclaimed", policy, seeds, **options)])


def _shrunk(task: Task, shares: dict[str, float]) -> Task:
    found = requests.pod_requests(task.obj["spec"])
    amounts = {name: max(1, int(found.get(name, 0) * share)) for name, share in shares.items() if name in found}
    return Task({**task.obj, "spec": _resized(task.obj["spec"], amounts)}, task.arrival_s, task.duration_s)


@dataclass(frozen=True)
class Pressure:
    """What happens on a machine whose tasks use more than it has. cpu_milli: what each gets; killed: for memory."""

    cpu_milli: dict[str, int]
    killed: list[str]


def under_pressure(capacity: dict[str, int], used: Sequence[tuple[str, int, int, int]]) -> Pressure:
    """Compressible cpu is throttled, incompressible memory kills; the least important first.

    used: (task, priority, cpu milli that it wants, memory bytes that it uses).
    """
    ranked = sorted(used, key=lambda row: row[1])
    memory, killed = sum(row[3] for row in used), []
    for name, _, _, its in ranked:
        if memory <= capacity["memory"]:
            break
        killed.append(name)
        memory -= its
    left = capacity["cpu"]
    given: dict[str, int] = {}
    for name, _, wants, _ in sorted(used, key=lambda row: -row[1]):
        if name not in killed:
            given[name] = min(wants, left)
            left -= given[name]
    return Pressure(given, killed)
