import random

import pytest

from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.whatif.listing import ObjectLister
from tests.scheduler.plain_cycle import plain_schedule
from tests.scheduler.random_cluster import random_node, random_objects, random_pod

_STRATEGIES = (
    {"type": "LeastAllocated"},
    {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 3}, {"name": "example.com/gpu", "weight": 5}]},
    {
        "type": "RequestedToCapacityRatio",
        "resources": [{"name": "cpu", "weight": 3}, {"name": "memory", "weight": 1}],
        "requestedToCapacityRatio": {
            "shape": [
                {"utilization": 0, "score": 0},
                {"utilization": 40, "score": 10},
                {"utilization": 100, "score": 3},
            ]
        },
    },
)


def make_engine(draw: random.Random, number: int) -> Engine:
    columns = Columns()
    columns.namespaces.update({"default": {"team": "d"}, "other": {"team": "o"}})
    handle = Handle(columns, version=draw.choice(((1, 35), (1, 37))), lister=ObjectLister(random_objects(draw)))
    args = [
        {"name": "NodeResourcesFit", "args": {"scoringStrategy": _STRATEGIES[number % 3]}},
        {"name": "NodeAffinity", "args": {"addedAffinity": {}}},
    ]
    if number % 4 == 1:
        resources = [{"name": name} for name in ("cpu", "memory", "example.com/gpu")]
        args.append({"name": "NodeResourcesBalancedAllocation", "args": {"resources": resources}})
    if number % 5 == 1:
        rows = [{"topologyKey": "disk", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}]
        args.append({"name": "PodTopologySpread", "args": {"defaultConstraints": rows, "defaultingType": "List"}})
    config = Configuration.of({"profiles": [{"pluginConfig": args}], "percentageOfNodesToScore": 0})
    return Engine(handle, config.profiles_for(handle))


def check_one_cluster(seed: int) -> None:
    draw = random.Random(seed)
    engine = make_engine(draw, seed)
    for number in range(draw.choice((3, 8, 14)) if seed % 50 else 130):
        engine.columns.add_node(random_node(draw, number))
    placed = []
    for number in range(24):
        pod = engine.pod(random_pod(draw, f"p{number}"))
        start = engine.next_start
        attempt = engine.schedule(pod)
        expected = plain_schedule(engine, pod, start)
        refused = {name: (status.plugin, status.reasons) for name, status in attempt.refused().items()}
        if "message" in expected:
            assert (attempt.node, attempt.pre_filter and attempt.pre_filter.message) == ("", expected["message"])
            continue
        assert attempt.node == expected["node"], (seed, number)
        assert attempt.processed == expected["processed"], (seed, number)
        assert {name: refused[name] for name in expected["refused"]} == expected["refused"], (seed, number)
        totals = {row["node"]: row["total"] for row in attempt.scores()}
        assert totals == expected["totals"], (seed, number)
        if attempt.node:
            placed.append(engine.assume(pod, attempt.node))
        if placed and draw.random() < 0.2:
            engine.forget(placed.pop(draw.randrange(len(placed))))
        if draw.random() < 0.1:
            engine.columns.update_node(random_node(draw, draw.randrange(len(engine.columns))))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_columns_and_plain_forms_decide_alike_on_a_hundred_random_clusters(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        check_one_cluster(seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_columns_and_plain_forms_decide_alike(seed: int) -> None:
    check_one_cluster(seed)
