"""How much more would fit, and what would have to be added."""

from collections.abc import Sequence

from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.engine import Engine
from kube_nb.whatif.fill import fill, place
from kube_nb.whatif.policy import Policy, policy_of
from kube_nb.whatif.workload import Task, Workload


def how_many_more(
    workload: Workload, pod: Obj, policy: "Policy | str" = "kube-default", *, limit: int = 1_000_000
) -> int:
    """How many copies of this pod fit beside the workload's tasks."""
    chosen = policy_of(policy)
    engine = chosen.build(workload, 0)
    fill(workload, chosen, engine=engine)
    return _copies(engine, pod, limit)


def _copies(engine: Engine, pod: Obj, limit: int) -> int:
    for number in range(limit):
        meta = {**pod["metadata"], "name": f"{pod['metadata']['name']}-more-{number}"}
        if not place(engine, engine.pod({**pod, "metadata": meta})):
            return number
    return limit


def nodes_to_add(workload: Workload, node: Obj, policy: "Policy | str" = "kube-default", *, limit: int = 10_000) -> int:
    """How many nodes like this one must be added until no task is pending; ValueError if none would help."""
    chosen = policy_of(policy)

    def waiting(count: int) -> int:
        more = [_named(node, number) for number in range(count)]
        return len(fill(workload.with_nodes([*workload.nodes, *more]), chosen, oversized=True).pending)

    if not waiting(0):
        return 0
    high = 1
    while waiting(high):
        high *= 2
        if high > limit:
            raise BadArgument(f"{limit} more nodes like {node['metadata']['name']} would not do")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if waiting(middle) else (low, middle)
    return high


def _named(node: Obj, number: int) -> Obj:
    meta = dict(node["metadata"])
    return {**node, "metadata": {**meta, "name": f"{meta['name']}-more-{number}"}}


def biggest_fit(workload: Workload, tasks: Sequence[Task], policy: "Policy | str" = "kube-default") -> int:
    """How many of these tasks, in order, find a place before the first that does not."""
    chosen = policy_of(policy)
    run = fill(workload.with_tasks([*workload.tasks, *tasks]), chosen, oversized=True)
    placed = list(run.placements.values())[len(workload.tasks) :]
    return placed.index("") if "" in placed else len(placed)
