"""Runs on Dask's workers: the same table, whatever happens to a worker."""

from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest

from kube_nb.whatif import Policy, Workload, compact, compare, dask_executor
from tests.whatif.test_compare import Lethal

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    with dask_executor(workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def cell() -> Workload:
    whole = Workload.generate("borg", machines=12, seed=3)
    return whole.with_tasks(whole.tasks[:100])


def test_dask_many_processes_and_one_give_the_same_table(workers: Executor, cell: Workload) -> None:
    policies = ["random", "hybrid", "kube-default"]
    expected = compare(policies, cell, seeds=2, processes=1).df
    assert compare(policies, cell, seeds=2, executor=workers).df.equals(expected)
    assert compare(policies, cell, seeds=2, processes=8).df.equals(expected)
    assert compact(cell, "best-fit", 3, executor=workers) == compact(cell, "best-fit", 3)


def test_what_a_killed_worker_of_dask_took_with_it_is_done_again(
    workers: Executor, cell: Workload, tmp_path: Path
) -> None:
    lethal = Policy.score("lethal", Lethal(tmp_path / "killed"))
    found = compare([lethal], cell, seeds=2, executor=workers)
    assert (tmp_path / "killed").exists()
    assert found.df.equals(compare([lethal], cell, seeds=2, processes=1).df)
