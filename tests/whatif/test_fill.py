import random

import pytest

from kube_nb.whatif import POLICIES, Policy, Task, Workload, WorkloadError, fill
from kube_nb.whatif.gpu import RESOURCE


@pytest.fixture(scope="module")
def cell() -> Workload:
    return Workload.generate("borg", machines=30, seed=3)


@pytest.mark.parametrize("name", list(POLICIES))
def test_every_policy_places_what_fits_and_overloads_nothing(cell: Workload, name: str) -> None:
    engine = POLICIES[name].build(cell, 1)
    run = fill(cell, name, 1, engine=engine)
    assert (engine.columns.load <= engine.columns.capacity).all()
    assert len(run.pending) < 0.05 * len(cell.tasks)


@pytest.mark.parametrize("name", ["best-fit", "random", "kube-default", "fgd"])
def test_the_same_seed_gives_the_same_placements(cell: Workload, name: str) -> None:
    assert fill(cell, name, 7).placements == fill(cell, name, 7).placements


@pytest.mark.parametrize("name", ["best-fit", "kube-default", "hybrid"])
def test_borgs_caches_change_nothing_but_the_time(cell: Workload, name: str) -> None:
    small = cell.with_tasks(cell.tasks[:200])
    expected = fill(small, name, 0).placements
    for caches in ({"score_cache": False}, {"equivalence_classes": False}):
        assert fill(small, POLICIES[name].with_options(**caches), 0).placements == expected


def test_a_users_function_is_a_policy(cell: Workload) -> None:
    fullest = Policy.score("fullest", lambda asked, free, capacity: -free["cpu"] / capacity["cpu"])
    run = fill(cell, fullest)
    assert run.ties == "first"
    assert len(run.pending) < 0.05 * len(cell.tasks)


def test_a_function_that_answers_nan_is_named(cell: Workload) -> None:
    broken = Policy.score("broken", lambda asked, free, capacity: free["cpu"] * float("nan"))
    with pytest.raises(ValueError, match="finite scores"):
        fill(cell, broken)


def test_gpus_are_shared_without_giving_more_than_there_is() -> None:
    trace = Workload.openb("default")
    small = trace.with_nodes(trace.nodes[:60]).with_tasks(trace.tasks[:700])
    workload = small.inflated(random.Random(1), RESOURCE, 1.3)
    for name in ("gpu-packing", "gpu-clustering", "gpu-best-fit", "dot-product", "random", "fgd"):
        engine = POLICIES[name].build(workload, 1)
        run = fill(workload, name, 1, engine=engine)
        devices = next(
            each for each in engine.profiles["default-scheduler"].plugins() if each.name == "GpuShare"
        ).devices
        assert (devices.left >= 0).all()
        assert devices.total.sum() == run.capacity - run.allocated[-1]
        assert 70 < run.allocation_at(100) <= 100


def test_a_pod_larger_than_any_node_is_named(cell: Workload) -> None:
    asks = {"requests": {"cpu": "65", "memory": "1Gi"}}
    spec = {"containers": [{"name": "t", "image": "t", "resources": asks}]}
    whale = Task({"metadata": {"name": "whale", "namespace": "cell"}, "spec": spec})
    beside = cell.with_tasks([*cell.tasks[:3], whale])
    with pytest.raises(
        WorkloadError, match=r"borg-30, task 3 \('whale'\): asks for 65000 milli of cpu, no node has more"
    ):
        fill(beside, "best-fit")
    assert fill(beside, "best-fit", oversized=True).pending == ["whale"]
