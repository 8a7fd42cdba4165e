"""What clients see of members that crash, get cut off and lose messages is what one store would have shown them.

KUBE_NB_SEEDS=N looks at N seeds. Of a failing one the plan is cut down to what still fails, and its story printed.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

import pytest

from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.core import Raft
from kube_nb.etcd.raft.member import RaftMember
from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd.raft.linearizability import NEVER, Operation, is_linearizable
from tests.etcd.raft.world import Failure, Plan, Step, World, shrunk, watched

SEEDS = int(os.environ.get("KUBE_NB_SEEDS", "500" if os.environ.get("KUBE_NB_NO_SKIP") == "1" else "25"))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param([Operation(0, 1, "put", 1, None), Operation(2, 3, "get", None, 1)], True, id="read your write"),
        pytest.param([Operation(0, 1, "put", 1, None), Operation(2, 3, "get", None, None)], False, id="a stale read"),
        pytest.param([Operation(0, 5, "put", 1, None), Operation(1, 2, "get", None, None)], True, id="both at once"),
        pytest.param(
            [Operation(0, 9, "put", 1, None), Operation(1, 2, "get", None, 1), Operation(3, 4, "get", None, None)],
            False,
            id="a value that comes and goes",
        ),
        pytest.param(
            [Operation(0, NEVER, "put", 1, None), Operation(5, 6, "get", None, 1)], True, id="unknown, then seen"
        ),
        pytest.param(
            [Operation(0, NEVER, "put", 1, None), Operation(5, 6, "get", None, None)], True, id="unknown, never seen"
        ),
        pytest.param(
            [Operation(0, 1, "cas", (None, 1), True), Operation(0, 1, "cas", (None, 2), True)], False, id="two winners"
        ),
    ],
)
def test_the_checker_tells_right_from_wrong(history: list[Operation], expected: bool) -> None:
    assert is_linearizable(history) is expected


def run(plan: Plan) -> None:
    """Raises Failure, or another AssertionError when Raft breaks a rule."""
    loop = ClusterLoop(seed=plan.seed)
    world = World(plan, loop)
    try:
        with watched():
            loop.run_command(cluster_loop.with_free_time(world.run()))
    except Failure:
        raise
    except AssertionError as error:
        raise Failure(f"{error}:\n{world.told()}") from error
    finally:
        loop.run_until_complete(cluster_loop.cancel_all_tasks())
        world.cluster.stop()
        loop.close()


def smallest_failure(plan: Plan, budget: int = 300) -> Failure | None:
    """The failure of the plan cut down, in so many runs, to what still fails; None if it does not fail."""

    def failure(steps: Sequence[Step]) -> Failure | None:
        try:
            run(plan._replace(steps=tuple(steps)))
        except Failure as found:
            return found
        return None

    if failure(plan.steps) is None:
        return None
    kept = shrunk(plan.steps, lambda steps: failure(steps) is not None, budget)
    told = failure(kept)
    assert told is not None
    return Failure(f"seed {plan.seed}, {len(kept)} of {len(plan.steps)} steps still fail: {told}")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_clients_see_one_store(seed: int) -> None:
    failure = smallest_failure(Plan.of(seed))
    if failure is not None:
        pytest.fail(str(failure), pytrace=False)


def test_a_plan_runs_the_same_way_each_time() -> None:
    def story(plan: Plan) -> list[str]:
        loop = ClusterLoop(seed=plan.seed)
        world = World(plan, loop)
        loop.run_command(cluster_loop.with_free_time(world.run()))
        loop.close()
        return world.story

    assert story(Plan.of(5)) == story(Plan.of(5))
    assert len(story(Plan.of(5))) > 40


# -- members that are broken on purpose are found ----------------------------------------------------------------------


async def read_without_asking(self: RaftMember, key: bytes, range_end: bytes = b"", **options: Any) -> Any:
    return await LocalBackend.range(self, key, range_end, **options)


def test_members_that_read_without_asking_the_leader_are_found_and_the_story_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(RaftMember, "range", read_without_asking)
    story = str(next(found for seed in range(5) if (found := smallest_failure(Plan.of(seed))) is not None))
    assert "no order of the operations on" in story
    assert len(story.splitlines()) <= 8, story
    left, of = map(int, re.findall(r"(\d+) of (\d+) steps", story)[0])
    assert left <= 6 < 48 < of
    assert " put " in story
    assert " get " in story


def test_members_that_forget_their_vote_break_a_rule_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Raft._answer_vote

    def forgetful(self: Raft, message: Any) -> None:
        self.vote = 0
        self.leader = 0
        answer(self, message)

    monkeypatch.setattr(Raft, "_answer_vote", forgetful)
    monkeypatch.setattr(Raft, "_in_lease", lambda self: False)
    monkeypatch.setattr("kube_nb.etcd.raft.log.Log.is_up_to_date", lambda self, index, term: True)
    found = next(found for seed in range(9) if (found := smallest_failure(Plan.of(seed), budget=10)) is not None)
    assert re.search(r"two leaders in term|differs: |lacks entry|agree after|to be overwritten", str(found))
