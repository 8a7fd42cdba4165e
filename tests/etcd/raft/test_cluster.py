"""Members in one kernel: what one death, a cut network, a slow follower and a change of members do to clients."""

import asyncio

import pytest

from kube_nb.etcd import errors
from kube_nb.etcd.backend import WatchBatch
from kube_nb.etcd.errors import BadTransferee, LearnerNotReady, LearnerNotServing, NotLeader
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.raft.member import RaftMember
from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.loop import ClusterLoop


async def started(count: int = 3) -> RaftCluster:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    cluster = RaftCluster.of(loop, count)
    cluster.start()
    await cluster.elected()
    await asyncio.sleep(1)
    return cluster


def followers(cluster: RaftCluster) -> list[RaftMember]:
    return [member for _, member in sorted(cluster.running.items()) if not member.is_leader]


async def keys(member: RaftMember, *, serializable: bool = False) -> list[bytes]:
    return [kv.key for kv in (await member.range(b"\0", b"\0", serializable=serializable)).kvs]


@pytest.mark.parametrize("count", [1, 3, 5])
async def test_a_write_through_any_member_is_read_from_every_member(count: int) -> None:
    cluster = await started(count)
    for number, member in enumerate(cluster.running.values()):
        await member.put(b"%d" % number)
    for member in cluster.running.values():
        assert len(await keys(member)) == count
    assert len({member.store.hash_kv() for member in cluster.running.values()}) == 1
    cluster.stop()


async def test_the_death_of_any_one_member_loses_nothing_and_stops_nothing() -> None:
    cluster = await started()
    client = cluster.client()
    written: list[bytes] = []
    for number in range(30):
        if number % 10 == 5:
            leader = await cluster.elected()
            cluster.crash(leader.id)
        if number % 10 == 9:
            cluster.start()
        await client.put(b"%02d" % number)
        written.append(b"%02d" % number)
        await asyncio.sleep(1)
    for member in cluster.running.values():
        assert await keys(member) == written
    cluster.stop()


async def test_a_minority_refuses_writes_and_linearizable_reads_but_answers_serializable_ones() -> None:
    cluster = await started()
    leader = await cluster.elected()
    await leader.put(b"a")
    await asyncio.sleep(1)
    alone = leader
    cluster.network.isolate(alone.id)
    began = asyncio.get_running_loop().time()
    with pytest.raises(errors.RequestTimedOut):
        await alone.put(b"b")
    assert asyncio.get_running_loop().time() - began == pytest.approx(7)
    with pytest.raises(errors.RequestTimedOut):
        await alone.range(b"a")
    assert await keys(alone, serializable=True) == [b"a"]
    assert (await alone.status()).errors == ("etcdserver: no leader",)
    other = followers(cluster)[0]
    await other.put(b"c")
    cluster.network.heal()
    await asyncio.sleep(3)
    assert await keys(alone) == [b"a", b"c"]
    cluster.stop()


async def test_a_watch_goes_on_at_another_member_without_a_gap() -> None:
    cluster = await started()
    client = cluster.client()
    watcher = client.watch(b"\0", b"\0")
    seen: list[WatchBatch] = []

    async def read() -> None:
        async for batch in watcher:
            seen.append(batch)

    reading = asyncio.create_task(read())
    for number in range(12):
        await client.put(b"k", b"%d" % number)
        if number % 4 == 2:
            assert client._member is not None
            cluster.crash(client._member.id)
            await asyncio.sleep(5)
            cluster.start()
        await asyncio.sleep(1)
    await asyncio.sleep(3)
    watcher.cancel()
    await reading
    values = [event.kv.value for batch in seen for event in batch.events]
    assert values == [b"%d" % number for number in range(12)]
    cluster.stop()


async def test_a_slow_follower_gets_a_snapshot_and_its_watchers_miss_nothing() -> None:
    cluster = await started()
    slow = followers(cluster)[0]
    watcher = slow.watch(b"\0", b"\0", start_revision=2)
    cluster.network.isolate(slow.id)
    leader = next(member for member in cluster.running.values() if member.is_leader and member is not slow)
    for number in range(50):
        await leader.put(b"%d" % number)
    leader.compact_log(keep=0)
    cluster.network.heal()
    await asyncio.sleep(5)
    assert slow.raft.log.snapshot.index >= 50
    revisions: list[int] = []
    while len(revisions) < 50:
        revisions += [event.kv.mod_revision for event in (await anext(watcher)).events]
    assert revisions == list(range(2, 52))
    cluster.stop()


async def test_leases_expire_by_the_leaders_clock_and_live_on_through_a_change_of_leader() -> None:
    cluster = await started()
    follower = followers(cluster)[0]
    lease = (await follower.lease_grant(20)).id
    await follower.put(b"a", lease=lease)
    await asyncio.sleep(15)
    leader = await cluster.elected()
    assert (await follower.lease_time_to_live(lease, keys=True)).keys == [b"a"]
    cluster.crash(leader.id)
    await asyncio.sleep(15)
    assert await keys(follower) == [b"a"]
    assert await follower.lease_keep_alive(lease) == 20
    await asyncio.sleep(21)
    assert await keys(follower) == []
    assert await follower.leases() == []
    cluster.stop()


async def test_what_is_left_of_a_long_lease_is_known_to_the_next_leader() -> None:
    cluster = await started()
    leader = await cluster.elected()
    for id, ttl_s in ((1, 1000), (2, 1000), (3, 200)):
        await leader.lease_grant(ttl_s, id)
    for _ in range(65):
        await asyncio.sleep(10)
        await leader.lease_keep_alive(3)
    await leader.lease_keep_alive(2)
    await asyncio.sleep(1)
    cluster.crash(leader.id)
    other = await cluster.elected()
    left = {id: (await other.lease_time_to_live(id)).ttl_s for id in (1, 2, 3)}
    assert left[1] == pytest.approx(400, abs=5)  # of the checkpoint at 600 s, not of the whole
    assert left[2] == pytest.approx(999, abs=5)  # renewed since
    assert left[3] == pytest.approx(199, abs=5)  # too short to be told
    await asyncio.sleep(410)
    assert 1 not in await other.leases()
    cluster.stop()


async def test_every_member_grants_leases_of_its_own_numbers() -> None:
    cluster = await started()
    ids = [(await member.lease_grant(60)).id for member in cluster.running.values() for _ in range(3)]
    assert len(set(ids)) == 9
    assert all(id > 0 for id in ids)
    cluster.stop()


async def test_a_member_joins_as_a_learner_and_is_promoted() -> None:
    cluster = await started(1)
    leader = await cluster.elected()
    await leader.put(b"a")
    added = await leader.member_add("etcd-9", ("https://10.0.0.9:2380",), learner=True)
    with pytest.raises(LearnerNotReady):
        await leader.member_promote(added.id)
    learner = cluster.join(added)
    await asyncio.sleep(2)
    assert await keys(learner, serializable=True) == [b"a"]
    with pytest.raises(LearnerNotServing):
        await learner.range(b"a")
    await leader.member_promote(added.id)
    await asyncio.sleep(2)
    assert await keys(learner) == [b"a"]
    assert [member.is_learner for member in await learner.member_list()] == [False, False]
    assert (await learner.status()).leader == leader.id
    cluster.stop()


async def test_a_removed_member_is_gone_and_the_others_go_on() -> None:
    cluster = await started()
    leader = await cluster.elected()
    gone = followers(cluster)[0]
    assert len(await leader.member_remove(gone.id)) == 2
    with pytest.raises(errors.MemberNotFound):
        await leader.member_remove(gone.id)
    await leader.put(b"a")
    assert await keys(leader) == [b"a"]
    cluster.stop()


async def test_leadership_moves_on_request_to_a_voter_only() -> None:
    cluster = await started()
    leader = await cluster.elected()
    target, other = followers(cluster)
    with pytest.raises(BadTransferee):
        await leader.move_leader(12345)
    with pytest.raises(NotLeader):
        await target.move_leader(other.id)
    await leader.move_leader(target.id)
    assert target.is_leader
    assert not leader.is_leader
    cluster.stop()


async def test_an_error_of_the_store_reaches_the_one_who_asked() -> None:
    cluster = await started()
    follower = followers(cluster)[0]
    with pytest.raises(errors.LeaseNotFound):
        await follower.put(b"a", lease=77)
    with pytest.raises(errors.FutureRevision):
        await follower.compact(100)
    cluster.stop()


async def test_the_picture_shows_every_member_and_those_that_are_down() -> None:
    cluster = await started()
    cluster.crash(followers(cluster)[0].id)
    roles = [member["role"] for member in cluster.show()]
    assert sorted(roles) == ["down", "follower", "leader"]
    leader = next(member for member in cluster.show() if member["role"] == "leader")
    assert leader["name"].startswith("etcd-")
    assert len(leader["followers"]) == 2
    cluster.stop()


def test_two_runs_with_one_seed_are_equal_and_idle_members_let_a_cluster_settle() -> None:
    def history(seed: int) -> tuple[object, ...]:
        loop = ClusterLoop(seed=seed)
        cluster = RaftCluster.of(loop, 3)

        async def work() -> int:
            client = cluster.client()
            for number in range(20):
                await client.put(b"%d" % number)
            leader = await cluster.elected()
            return leader.id

        cluster.start()
        try:
            leader = loop.run_command(cluster_loop.with_free_time(work()))
            before = loop.time()
            loop.run_command(loop.settle())
            assert loop.time() - before < 0.2
            return leader, loop.time(), cluster.network.sent
        finally:
            cluster.stop()
            loop.close()

    assert history(1) == history(1)
    assert len({history(seed) for seed in range(8)}) > 1
