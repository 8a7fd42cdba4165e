"""Many runs, paired by seed, in parallel.

A run is a pure function of (policy, workload, seed): where and in which order runs are done changes nothing.
"""

import pickle
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeAlias

from kube_nb.machinery.refusals import BadArgument
from kube_nb.whatif.comparison import Comparison, ReplayComparison
from kube_nb.whatif.fill import Run, fill
from kube_nb.whatif.gpu import RESOURCE
from kube_nb.whatif.parallel import Progress, run_all
from kube_nb.whatif.policy import Policy, policy_of
from kube_nb.whatif.replay import replay
from kube_nb.whatif.workload import Workload

#: A workload, or a function that draws one: ``functools.partial(Workload.generate, "borg", machines=100)``.
Load: TypeAlias = Workload | Callable[..., Workload]


class Job(NamedTuple):
    """One run. inflate: see `Workload.inflated`; 0: only shuffled. shuffle_nodes: see `compare`."""

    policy: Policy
    workload: Load
    seed: int
    inflate: float
    shuffle_nodes: bool = False


def drawn(load: Load, seed: int) -> Workload:
    return load if isinstance(load, Workload) else load(seed=seed)


def prepared(load: Load, seed: int, inflate: float, shuffle_nodes: bool = False) -> Workload:
    """The workload as a seed has it: shuffled, and inflated if asked for. The same for every policy."""
    workload = _ordered(drawn(load, seed), seed, shuffle_nodes)
    stream = random.Random(f"{seed}/shuffle")
    if inflate:
        resource = RESOURCE if workload.total(RESOURCE) else "cpu"
        return workload.inflated(stream, resource, inflate)
    tasks = list(workload.tasks)
    stream.shuffle(tasks)
    return workload.with_tasks(tasks)


def _ordered(workload: Workload, seed: int, shuffle_nodes: bool) -> Workload:
    if not shuffle_nodes:
        return workload
    nodes = list(workload.nodes)
    random.Random(f"{seed}/nodes").shuffle(nodes)
    return workload.with_nodes(nodes)


def run_job(job: Job) -> Run:
    return fill(prepared(*job[1:]), job.policy, job.seed)


def _again(job: Job, task: str) -> dict[str, Any]:
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
    workloads: "Load | Sequence[Load]",
    seeds: "int | Iterable[int]" = 10,
    *,
    inflate: float = 0.0,
    shuffle_nodes: bool = False,
    executor: Executor | None = None,
    processes: int | None = None,
    progress: Progress = False,
) -> Comparison:
    """Run every policy on every workload with every seed.

    workloads: or functions of ``seed=`` that draw them. seeds: how many, or which. inflate: arrivals as a multiple of
    the capacity, as the openb paper's 1.3. shuffle_nodes: the order of the nodes, which decides ties under the rule
    "first", is drawn from the seed. executor: any `concurrent.futures.Executor` (see `dask_executor`); else as many
    processes as `processes` (None: one per processor; 1: this one). progress: True for a bar, or a function(done, all).
    """
    cases = _cases(policies, workloads, seeds)
    jobs = [Job(policy, load, seed, inflate, shuffle_nodes) for load, policy, seed in cases]
    runs = run_all(run_job, [(job,) for job in jobs], executor, _processes(cases, executor, processes), progress)
    return Comparison(runs, lambda number, task: _again(jobs[number], task))


def compare_replays(
    policies: "Iterable[Policy | str]",
    workloads: "Load | Sequence[Load]",
    seeds: "int | Iterable[int]" = 3,
    *,
    compress: float = 1.0,
    shuffle_nodes: bool = False,
    executor: Executor | None = None,
    processes: int | None = None,
    progress: Progress = False,
) -> ReplayComparison:
    """The same in virtual time, with arrivals and departures: waits, preemptions, who never ran.

    The seed decides the policy's own draws, and the workload if that is a function; a workload's times are its own,
    divided by `compress`.
    """
    cases = _cases(policies, workloads, seeds)
    arguments = [(load, policy, seed, compress, shuffle_nodes) for load, policy, seed in cases]
    rows = run_all(_replayed, arguments, executor, _processes(cases, executor, processes), progress)
    return ReplayComparison(rows)


def _replayed(load: Load, policy: Policy, seed: int, compress: float, shuffle_nodes: bool) -> dict[str, Any]:
    return replay(_ordered(drawn(load, seed), seed, shuffle_nodes), policy, seed, compress=compress).row()


Case: TypeAlias = tuple[Load, Policy, int]


def _cases(policies: "Iterable[Policy | str]", workloads: "Load | Sequence[Load]", seeds: Any) -> list[Case]:
    chosen = [policy_of(policy) for policy in policies]
    if len({policy.name for policy in chosen}) < len(chosen):
        raise BadArgument("two policies of one name: give them names of their own")
    loads: Sequence[Load] = [workloads] if isinstance(workloads, Workload) or callable(workloads) else list(workloads)
    numbers = range(seeds) if isinstance(seeds, int) else list(seeds)
    return [(load, policy, seed) for load in loads for policy in chosen for seed in numbers]


def _processes(cases: Sequence[Case], executor: Executor | None, processes: int | None) -> int | None:
    """1 (only this process) if a policy cannot be sent to others, as one from a lambda; ValueError if it has to be."""
    if processes == 1 and executor is None:
        return 1
    for policy in {policy.name: policy for _, policy, _ in cases}.values():
        try:
            pickle.dumps(policy)
        except Exception as error:
            if executor is None and processes is None:
                return 1
            raise BadArgument(
                f"policy {policy.name!r} cannot be sent to another process ({error}): make it of a function that a "
                "module defines, or pass processes=1"
            ) from None
    return processes
