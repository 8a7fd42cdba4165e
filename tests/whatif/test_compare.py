import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from kube_nb.whatif import POLICIES, Policy, Workload, capacity, compact, compare, compare_replays, experiments, replay
from kube_nb.whatif.workload import Task


@pytest.fixture(scope="module")
def cell() -> Workload:
    whole = Workload.generate("borg", machines=12, seed=3)
    return whole.with_tasks(whole.tasks[:150])


def test_a_comparison_is_a_tidy_table_with_curves_and_a_divergence(cell: Workload) -> None:
    found = compare(["best-fit", "worst-fit"], cell, seeds=2, processes=1)
    assert list(found.df["policy"]) == ["best-fit", "best-fit", "worst-fit", "worst-fit"]
    assert set(found.curves) == {"arrived", "allocation", "fragmented", "workload", "policy", "seed", "ties"}
    parted = found.first_divergence("best-fit", "worst-fit")
    assert parted is not None
    assert f"  worst-fit takes {parted.second_node}" in parted.text
    assert set(parted.df["policy"]) == {"best-fit", "worst-fit"}
    assert (parted.first["node"], parted.second["node"]) == (parted.first_node, parted.second_node)
    assert parted.first_node != parted.second_node
    assert found.first_divergence("best-fit", "best-fit") is None


def test_threads_processes_and_one_process_give_the_same_result(cell: Workload) -> None:
    expected = compare(["random", "hybrid"], cell, seeds=2, processes=1).df
    with ThreadPoolExecutor(2) as threads:
        assert compare(["random", "hybrid"], cell, seeds=2, executor=threads).df.equals(expected)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert compare(["random", "hybrid"], cell, seeds=2, executor=processes).df.equals(expected)


class Lethal:
    """A score that kills its worker the first time it is asked."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __call__(self, asked: Any, free: Any, capacity: Any) -> Any:
        if not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return free["cpu"]


@pytest.mark.slow
def test_what_a_killed_worker_took_with_it_is_done_again(cell: Workload, tmp_path: Path) -> None:
    lethal = Policy.score("lethal", Lethal(tmp_path / "killed"))
    found = compare([lethal], cell, seeds=2, processes=2)
    assert found.df.equals(compare([lethal], cell, seeds=2, processes=1).df)


def test_progress_is_told(cell: Workload, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int]] = []
    compare(["first-fit"], cell, seeds=3, processes=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    compare(["first-fit"], cell, seeds=1, processes=1, progress=True)
    assert capsys.readouterr().err.endswith(f"[{'#' * 40}] 1/1\n")


def test_a_policy_from_a_lambda_stays_in_this_process(cell: Workload) -> None:
    emptiest = Policy.score("emptiest", lambda asked, free, capacity: free["cpu"])
    assert len(compare([emptiest], cell, seeds=2).runs) == 2
    with pytest.raises(ValueError, match="policy 'emptiest' cannot be sent to another process"):
        compare([emptiest], cell, seeds=2, processes=2)


def test_a_workload_may_be_drawn_from_the_seed() -> None:
    found = compare(["first-fit"], partial(Workload.generate, "borg", machines=4), seeds=2, processes=1)
    assert found.df["tasks"].nunique() == 2


def test_plots_show_the_range_over_the_seeds(cell: Workload) -> None:
    found = compare(["best-fit", "random"], cell, seeds=3, processes=1)
    ax = found.plot("allocation")
    assert [line.get_label() for line in ax.get_lines()] == ["best-fit", "random"]
    assert len(ax.collections) == 2
    bars = found.plot("stranded_memory")
    assert bars.get_ylabel().startswith("memory on machines without cpu")
    with pytest.raises(ValueError, match="no column 'speed'; there are "):
        found.plot("speed")


def test_two_policies_of_one_name_are_refused(cell: Workload) -> None:
    with pytest.raises(ValueError, match="two policies of one name"):
        compare(["best-fit", POLICIES["best-fit"]], cell, 1)


def test_an_unknown_policy_is_named(cell: Workload) -> None:
    with pytest.raises(ValueError, match="no policy 'nope'"):
        compare(["nope"], cell, 1)


def test_compaction_finds_the_fewest_machines_that_do() -> None:
    whole = Workload.generate("borg", machines=20, seed=1)
    found = compact(whole, "best-fit", seeds=3)
    assert found.low <= found.result <= found.high < 20
    assert compact(whole, "best-fit", seeds=3) == found


def cell_of(count: int, tasks: list[Task]) -> Workload:
    nodes = [
        {"kind": "Node", "metadata": {"name": f"n{number}", "labels": {"kubernetes.io/hostname": f"n{number}"}}}
        | {"spec": {}, "status": {"allocatable": {"cpu": "8", "memory": "8Gi", "pods": "50"}}}
        for number in range(count)
    ]
    return Workload("cell", nodes, tasks)


@pytest.mark.parametrize(("size", "machines"), [(5, 5), (6, 1)], ids=["half the cell", "more than half"])
def test_a_job_larger_than_half_the_cell_keeps_its_constraints_as_wishes(size: int, machines: int) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    spec = {
        "containers": [{"name": "t", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}],
        "affinity": affinity,
    }
    metas = [{"name": f"t{number}", "namespace": "x", "labels": {"app": "a"}} for number in range(size)]
    tasks = [Task({"metadata": meta, "spec": spec}) for meta in metas]
    assert compact(cell_of(10, tasks), "kube-default", 2).result == machines


def test_tasks_that_name_a_machine_are_not_packed() -> None:
    spec = {"containers": [{"name": "t", "resources": {"requests": {"cpu": "8", "memory": "1Gi"}}}]}
    fields = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n3"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": fields}}
    pinned = {**spec, "affinity": {"nodeAffinity": required}}
    tasks = [
        Task({"metadata": {"name": f"t{i}", "namespace": "x"}, "spec": each}) for i, each in enumerate((spec, pinned))
    ]
    assert compact(cell_of(4, tasks), "best-fit", 2).result == 1


def test_cells_of_their_own_for_production_and_the_rest_cost_machines() -> None:
    whole = Workload.generate("borg", machines=20, seed=1)
    assert min(experiments.segregate(whole, seeds=2).percents) > 0
    assert min(experiments.segregate(whole, seeds=2, reclamation=False).percents) >= 0
    assert min(experiments.reclaimed(whole, seeds=2).percents) > 0
    buckets = experiments.bucketed(whole, seeds=2)
    assert min(buckets.percents) > 0


def test_throttling_and_killing_go_by_priority() -> None:
    used = [("prod", 200, 3000, 60), ("batch", 100, 2000, 30), ("free", 25, 4000, 20)]
    found = experiments.under_pressure({"cpu": 4000, "memory": 100}, used)
    assert found.killed == ["free"]
    assert found.cpu_milli == {"prod": 3000, "batch": 1000}


def test_a_replay_follows_arrivals_departures_and_priorities() -> None:
    whole = Workload.generate("batch", machines=1, seed=1)
    spec = {"containers": [{"name": "t", "image": "t", "resources": {"requests": {"cpu": "10", "memory": "1Gi"}}}]}

    def task(name: str, at: float, lasts: float | None, priority: int = 0) -> Task:
        meta = {"name": name, "namespace": "x"}
        return Task({"metadata": meta, "spec": {**spec, "priority": priority}}, at, lasts)

    node = {**whole.nodes[0], "status": {"allocatable": {"cpu": "16", "memory": "64Gi", "pods": "10"}}}
    tasks = [task("first", 0, 100), task("second", 10, 50), task("urgent", 20, 30, 200)]
    found = replay(whole.with_nodes([node]).with_tasks(tasks), "kube-default")
    rows = {row["task"]: row for row in found.rows}
    assert rows["urgent"]["wait_s"] == 0
    assert rows["first"]["preemptions"] == 1
    assert found.preemptions == 1
    assert rows["second"]["start_s"] == 150


def test_capacity_questions(cell: Workload) -> None:
    pod = {"metadata": {"name": "big", "namespace": "x"}, "spec": cell.tasks[0].obj["spec"]}
    assert capacity.how_many_more(cell, pod, limit=50) > 0
    tight = cell.with_nodes([node for node in cell.nodes if node["status"]["allocatable"]["cpu"] == "16"][:1])
    assert capacity.nodes_to_add(tight, cell.nodes[0]) > 0


def test_replays_are_compared_by_wait_and_preemptions(cell: Workload) -> None:
    tight = cell.with_nodes(cell.nodes[:3])
    found = compare_replays(["best-fit", "kube-default"], tight, seeds=1, compress=10, processes=1)
    assert list(found.df["policy"]) == ["best-fit", "kube-default"]
    assert (found.df["p95_wait_s"] >= 0).all()
    assert (found.df["utilization"] > 0).all()
    assert found.plot("preemptions").get_ylabel() == "preemptions"
