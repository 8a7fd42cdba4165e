"""The scheduler: upstream's scheduler_perf workloads through the in-kernel API to Bound, and the engine alone.

Thresholds are upstream's lower bounds (test/integration/scheduler_perf/*/performance-config.yaml), for a real
apiserver with etcd. A pod counts from its creation to its binding, all in one process and one thread.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kube_nb.api import resources
from kube_nb.machinery import loop
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.whatif import POLICIES, Workload, fill
from tests.benchmarks.measure import Figures, cpu_s, rss_bytes
from tests.scheduler.bench import Bench, node, pod
from tests.scheduler.bench import bench as api_bench

#: 1 for upstream's sizes; 0.1 to try.
SCALE = float(os.environ.get("SCHEDULER_PERF_SCALE", "1"))

#: How often what is compared is run.
ROUNDS = 4

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


class Case(NamedTuple):
    """nodes, init and measured: how many; make: number -> pod; threshold: upstream's pods/s."""

    name: str
    nodes: int
    init: int
    measured: int
    threshold: float
    make: Callable[[int], Obj]
    make_init: Callable[[int], Obj] | None = None
    make_node: Callable[[int], Obj] | None = None
    churn: Callable[[Bench, int], Any] | None = None
    churn_every: int = 0


def _pod(number: int, **fields: Any) -> Obj:
    return pod(f"pod-{number}", "100m", "500Mi", **fields)


def _term(key: str) -> Obj:
    return {"labelSelector": {"matchLabels": {"color": "blue"}}, "topologyKey": key}


def _affinity(kind: str, key: str) -> Callable[[int], Obj]:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [_term(key)]}
    return lambda number: _pod(number, labels={"color": "blue"}, affinity={kind: required})


def _spread(when: str) -> Callable[[int], Obj]:
    selector = {"matchLabels": {"color": "blue"}}
    row = {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": when, "labelSelector": selector}
    return lambda number: _pod(number, labels={"color": "blue"}, topologySpreadConstraints=[row])


def _zoned(number: int) -> Obj:
    return node(f"node-{number}", labels={ZONE: f"zone{number % 3}"})


def _one_zone(number: int) -> Obj:
    return node(f"node-{number}", labels={ZONE: "zone1"})


def _node_affinity(number: int) -> Obj:
    terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["zone1", "zone2"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return _pod(number, affinity={"nodeAffinity": required})


def _pinned(number: int) -> Obj:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["node-0"]}]
    terms = {"nodeSelectorTerms": [{"matchFields": fields}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return pod(f"pod-{number}", affinity=affinity)


async def _unschedulable(cluster: Bench, number: int) -> None:
    await cluster.client.create(resources.PODS, pod(f"churn-{number}", "9", "500Mi"))


async def _preempting(cluster: Bench, number: int) -> None:
    await cluster.client.create(
        resources.PODS, pod(f"churn-{number}", "3", "500Mi", priorityClassName="high", priority=10)
    )


async def _mixed(cluster: Bench, number: int) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"churn-{number}", "namespace": "default"}}
    ports = {"selector": {"app": "foo"}, "ports": [{"port": 8080}]}
    await cluster.client.create(resources.NODES, node(f"churn-{number}"))
    await cluster.client.create(resources.PODS, pod(f"churn-{number}", "9", "500Mi"))
    await cluster.client.create(resources.SERVICES, {**service, "spec": ports})
    if number:
        before = f"churn-{number - 1}"
        await cluster.client.delete(resources.NODES, before)
        await cluster.client.delete(resources.PODS, before, "default", grace_period_s=0)
        await cluster.client.delete(resources.SERVICES, before, "default")


CASES: Sequence[Case] = (
    Case("SchedulingBasic 5000Nodes_10000Pods", 5000, 1000, 10000, 680, _pod),
    Case(
        "SchedulingDaemonset 15000Nodes",
        15001,
        0,
        30000,
        1100,
        _pinned,
        make_node=lambda n: node(f"node-{n}", "4000", more={"pods": "40000"}),
    ),
    Case("TopologySpreading 5000Nodes", 5000, 5000, 5000, 460, _spread("DoNotSchedule"), _pod, _zoned),
    Case("PreferredTopologySpreading 5000Nodes", 5000, 5000, 5000, 340, _spread("ScheduleAnyway"), _pod, _zoned),
    Case("SchedulingNodeAffinity 5000Nodes", 5000, 5000, 10000, 220, _node_affinity, make_node=_one_zone),
    Case("SchedulingPodAntiAffinity 5000Nodes", 5000, 1000, 2000, 60, _affinity("podAntiAffinity", HOST)),
    Case("SchedulingPodAffinity 5000Nodes", 5000, 5000, 5000, 35, _affinity("podAffinity", ZONE), make_node=_one_zone),
    Case("Unschedulable 5kNodes/100Init/10kPods", 5000, 100, 10000, 590, _pod, None, None, _unschedulable, 200),
    Case(
        "PreemptionAsync 5000Nodes",
        5000,
        20000,
        5000,
        570,
        _pod,
        lambda n: pod(f"init-{n}", "900m", "500Mi"),
        None,
        _preempting,
        120,
    ),
    Case("SchedulingWithMixedChurn 5000Nodes_10000Pods", 5000, 0, 10000, 710, _pod, None, None, _mixed, 710),
)


async def _measure(case: Case) -> tuple[float, float]:
    """Pods per second of (processor time, wall time), from the first creation to the last binding."""
    async with api_bench() as cluster:
        client, scheduler = cluster.client, cluster.scheduler
        high = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "high"},
            "value": 10,
        }
        await client.create(resources.PRIORITY_CLASSES, high)
        make_node = case.make_node or (lambda number: node(f"node-{number}"))
        for number in range(int(case.nodes * SCALE)):
            await cluster.add(make_node(number))
        await asyncio.sleep(0.1)
        make_init = case.make_init or case.make
        for number in range(int(case.init * SCALE)):
            made = make_init(number)
            await client.create(resources.PODS, {**made, "metadata": {**made["metadata"], "name": f"init-{number}"}})
        await asyncio.sleep(1)
        assert len(scheduler.queue) == 0, scheduler.queue.pending()
        count = int(case.measured * SCALE)
        bound_before = len(scheduler.engine.columns.bound_pods())
        before_s, started = cpu_s(), time.perf_counter()
        for number in range(count):
            if case.churn is not None and number % case.churn_every == 0:
                await case.churn(cluster, number // case.churn_every)
            await client.create(resources.PODS, case.make(number))
        await asyncio.sleep(0.5)
        took_s, wall_s = cpu_s() - before_s, time.perf_counter() - started
        bound = len(scheduler.engine.columns.bound_pods()) - bound_before
        assert bound >= 0.99 * count, (bound, count, scheduler.queue.pending()["unschedulable"][:3])
        return count / took_s, count / wall_s


def through_the_api(figures: Figures) -> None:
    for case in CASES:
        per_cpu_s, per_s = loop.run(_measure(case))
        peer = f"upstream's threshold {case.threshold:g}; per wall second {per_s:.0f}"
        figures.add(case.name, per_cpu_s, "pods/s", peer=peer)


# -- the engine alone --------------------------------------------------------------------------------------------------


def _engine(nodes: int, **options: Any) -> Engine:
    columns = Columns()
    for number in range(nodes):
        columns.add_node(node(f"node-{number}"))
    handle = Handle(columns)
    return Engine(handle, Configuration().profiles_for(handle), **options)


def _shapes(count: int) -> list[Obj]:
    draw = random.Random(1)
    return [
        {
            "containers": [
                {"name": "c", "image": "i", "resources": {"requests": {"cpu": f"{cpu}m", "memory": f"{mib}Mi"}}}
            ]
        }
        for cpu, mib in ((draw.randrange(20, 200), draw.randrange(50, 900)) for _ in range(count))
    ]


def _run(engine: Engine, specs: Sequence[Obj]) -> float:
    """Pods per second of processor time."""
    pods = [engine.pod({"metadata": {"name": f"p{n}", "namespace": "d"}, "spec": s}) for n, s in enumerate(specs)]
    started = cpu_s()
    for each in pods:
        attempt = engine.schedule(each)
        if engine.explain:
            engine.decisions.append(attempt)
        if attempt.node:
            engine.assume(each, attempt.node)
    return len(pods) / (cpu_s() - started)


def engine_alone(figures: Figures) -> None:
    shapes, draw = _shapes(20), random.Random(2)
    count = int(50_000 * SCALE)
    jobs = [shapes[n // 50 % 20] for n in range(count)]
    mixed = [draw.choice(shapes) for _ in range(count)]
    nodes = max(100, int(5000 * SCALE))
    for specs, silent, telling in (
        (
            jobs,
            "engine alone, 5,000 nodes, 50,000 pods of 20 shapes, in jobs of 50",
            "the same with every decision kept",
        ),
        (mixed, "the same pods in random order", "in random order with every decision kept"),
    ):
        # In turns, and the best of each: what other work on the machine costs is in none of them.
        rates = [[_run(_engine(nodes, explain=explain), specs) for explain in (False, True)] for _ in range(ROUNDS)]
        rate, told = (max(each) for each in zip(*rates, strict=True))
        figures.add(silent, rate, "pods/s", peer="wanted: 30,000")
        figures.add(telling, told, "pods/s", peer=f"{100 * (rate / told - 1):.0f} % slower; wanted: at most 20 %")
    some = mixed[: max(100, count // 100)]
    off = _run(
        _engine(nodes, explain=False, percentage_of_nodes_to_score=100, score_cache=False, equivalence_classes=False),
        some,
    )
    all_on = _run(_engine(nodes, explain=False, random_start=random.Random(1)), jobs)
    figures.add("Borg's three techniques off", off, "pods/s")
    figures.add(
        "Borg's three techniques on", all_on, "pods/s", peer=f"{all_on / off:.0f} times as fast; Borg: over 900 times"
    )


def a_cell(figures: Figures) -> None:
    machines, tasks = int(10_000 * SCALE), int(100_000 * SCALE)
    workload = Workload.generate("borg", machines=machines, tasks=tasks, seed=1)
    policy = POLICIES["best-fit"].with_options(relaxed_randomization=True)
    started, wall = cpu_s(), time.perf_counter()
    run = fill(workload, policy)
    what = f"{machines} machines, {tasks} tasks, best fit, relaxed randomization"
    figures.add(
        what,
        cpu_s() - started,
        "s",
        limit=60,
        peer=f"wall {time.perf_counter() - wall:.0f} s, pending {len(run.pending)}",
    )
    figures.add("resident memory after it", rss_bytes() / 2**30, "GiB", limit=2)


def bench() -> Figures:
    figures = Figures("scheduler; pods/s are per second of processor time")
    a_cell(figures)  # first: its memory is that of the process
    engine_alone(figures)
    through_the_api(figures)
    return figures
