"""Raft, step by step: elections, replication, partitions, snapshots, membership, transfer, reads."""

import pytest

from kube_nb.etcd.raft.core import Role
from kube_nb.etcd.raft.messages import ConfChange, ConfKind, EntryKind
from tests.etcd.raft.simulation import Simulation


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_one_leader_gets_elected_and_everything_reaches_everybody(count: int) -> None:
    world = Simulation(count, seed=count)
    leader = world.elect()
    for n in range(20):
        assert world.propose(leader, n)
    world.run(20)
    assert all(applied == list(range(20)) for applied in world.applied.values())
    assert len(world.leaders) == 1


def test_a_proposal_to_a_follower_reaches_the_leader() -> None:
    world = Simulation(3, seed=1)
    leader = world.elect()
    follower = next(id for id in world.members if id != leader)
    world.run(5)
    assert world.propose(follower, "x")
    world.run(10)
    assert world.applied[leader] == ["x"]


def test_nothing_can_be_proposed_without_a_leader() -> None:
    assert not Simulation(3, seed=1).propose(1, "x")


def test_a_minority_commits_nothing_and_its_leader_steps_down() -> None:
    world = Simulation(5, seed=3)
    old = world.elect()
    world.run(10)
    other = next(id for id in world.members if id != old)
    rest = set(world.members) - {old, other}
    world.partition({old, other}, rest)
    world.propose(old, "lost")
    world.run(60)
    assert world.members[old].role is not Role.LEADER
    new = world.leader
    assert new in rest
    world.propose(new, "kept")
    world.run(10)
    world.heal()
    world.run(60)
    assert all(applied == ["kept"] for applied in world.applied.values())


def test_who_was_cut_off_does_not_disturb_the_leader_when_it_returns() -> None:
    world = Simulation(3, seed=4)
    leader = world.elect()
    lost = next(id for id in world.members if id != leader)
    term = world.members[leader].term
    world.partition({lost}, set(world.members) - {lost})
    world.run(200)
    world.heal()
    world.run(50)
    assert (world.leader, world.members[leader].term) == (leader, term)


def test_a_crashed_member_catches_up_from_its_disk_and_the_leader() -> None:
    world = Simulation(3, seed=5)
    leader = world.elect()
    lost = next(id for id in world.members if id != leader)
    world.propose(leader, "a")
    world.run(10)
    world.crash(lost)
    world.propose(leader, "b")
    world.run(20)
    world.start(lost)
    world.run(30)
    assert world.applied[lost] == ["a", "b"]


def test_a_member_far_behind_gets_a_snapshot() -> None:
    world = Simulation(3, seed=6)
    leader = world.elect()
    lost = next(id for id in world.members if id != leader)
    world.crash(lost)
    for n in range(200):
        world.propose(leader, n)
        world.tick()
    world.compact(leader)
    world.start(lost)
    world.run(30)
    assert world.applied[lost] == list(range(200))
    assert world.members[lost].log.snapshot.index > 100


def test_leadership_is_handed_over_on_request_within_a_few_ticks() -> None:
    world = Simulation(3, seed=7)
    old = world.elect()
    world.run(5)
    new = next(id for id in world.members if id != old)
    world.members[old].transfer(new)
    world.process(old)
    world.run(6)
    assert world.leader == new


def test_a_learner_follows_without_a_vote_until_it_is_promoted() -> None:
    world = Simulation(1, seed=8)
    world.elect()
    world.propose(1, "before")
    world.run(5)
    world.propose(1, ConfChange(ConfKind.ADD_LEARNER, 2), EntryKind.CONF)
    world.join(2)
    world.run(10)
    assert world.applied[2] == ["before"]
    assert world.members[1].conf.quorum == 1
    world.propose(1, ConfChange(ConfKind.PROMOTE, 2), EntryKind.CONF)
    world.run(10)
    assert world.members[2].conf.voters == {1, 2}
    world.crash(2)
    world.propose(1, "needs both")
    world.run(5)
    assert world.applied[1] == ["before"]
    world.start(2)
    world.run(60)
    assert world.applied[1] == world.applied[2] == ["before", "needs both"]


def test_a_leader_that_is_removed_steps_down_and_another_follows() -> None:
    world = Simulation(3, seed=9)
    old = world.elect()
    world.run(5)
    world.propose(old, ConfChange(ConfKind.REMOVE, old), EntryKind.CONF)
    world.run(5)
    assert world.members[old].role is Role.FOLLOWER
    world.crash(old)
    new = world.elect()
    world.propose(new, "x")
    world.run(20)
    assert world.members[new].conf.voters == set(world.members)
    assert world.applied[new] == ["x"]


def test_only_one_membership_change_is_under_way_at_a_time() -> None:
    world = Simulation(3, seed=10)
    leader = world.elect()
    world.run(5)
    assert world.propose(leader, ConfChange(ConfKind.ADD_LEARNER, 7), EntryKind.CONF)
    assert not world.propose(leader, ConfChange(ConfKind.ADD_LEARNER, 8), EntryKind.CONF)
    world.run(5)
    assert world.propose(leader, ConfChange(ConfKind.ADD_LEARNER, 8), EntryKind.CONF)


@pytest.mark.parametrize("asker", ["the leader", "a follower"])
def test_a_read_waits_for_a_quorum(asker: str) -> None:
    world = Simulation(3, seed=11)
    leader = world.elect()
    world.propose(leader, "x")
    world.run(10)
    id = leader if asker == "the leader" else next(id for id in world.members if id != leader)
    world.members[id].read_index("r1")
    world.process(id)
    assert world.reads[id] == []
    world.run(6)
    (read,) = world.reads[id]
    assert (read.context, read.index) == ("r1", world.members[leader].log.commit)
    world.partition({leader}, set(world.members) - {leader})
    world.members[leader].read_index("r2")
    world.process(leader)
    world.run(60)
    assert "r2" not in [read.context for read in world.reads[leader]]


@pytest.mark.parametrize("seed", range(60))
def test_the_invariants_hold_in_a_bad_world(seed: int) -> None:
    """Loss, duplication, reordering, crashes, partitions, snapshots, membership changes, all at once."""
    world = Simulation(5 if seed % 3 else 3, seed, loss=0.1, duplication=0.1, delay=6)
    chance = world.chance
    everybody = sorted(world.disks)
    for number in range(400):
        world.tick()
        alive = sorted(world.members)
        dice = chance.random()
        if dice < 0.3 and alive:
            world.propose(chance.choice(alive), number)
        elif dice < 0.32 and len(alive) > 1:
            world.crash(chance.choice(alive))
        elif dice < 0.37 and len(alive) < len(everybody):
            world.start(chance.choice([id for id in everybody if id not in world.members]))
        elif dice < 0.385:
            side = {id for id in everybody if chance.random() < 0.5}
            world.partition(side, set(everybody) - side)
        elif dice < 0.41:
            world.heal()
        elif dice < 0.44 and alive:
            world.compact(chance.choice(alive))
        elif dice < 0.45 and world.leader:
            world.members[world.leader].transfer(chance.choice(everybody))
            world.process(world.leader)
        elif dice < 0.46 and world.leader:
            kind = chance.choice([ConfKind.REMOVE, ConfKind.ADD, ConfKind.ADD_LEARNER])
            world.propose(world.leader, ConfChange(kind, everybody[-1]), EntryKind.CONF)
    world.heal()
    world.loss = world.duplication = 0.0
    for id in everybody:
        if id not in world.members:
            world.start(id)
    world.run(100)
    leader = world.elect()
    world.propose(leader, "the end")
    world.run(100)
    members = [id for id in world.members[world.leader].conf.ids if id in world.members]
    assert all(world.applied[id] == world.applied[world.leader] for id in members), world.story
    assert world.applied[world.leader][-1] == "the end"
