"""Members whose state is on disk: what a quorum has acknowledged survives every crash."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.etcd import auth, errors
from kube_nb.etcd.backend import AlarmType, Compare, Member, Put, Txn
from kube_nb.etcd.disk import FILE, Damaged
from kube_nb.etcd.durable import open_store
from kube_nb.etcd.raft import encoding
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.raft.member import RaftMember, Request
from kube_nb.etcd.raft.messages import ConfChange, ConfKind
from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import commands, real

ALL = (b"\0", b"\0")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where that is possible: what is tested is the order of things, not the disk."""
    with tempfile.TemporaryDirectory(dir=real.MEMORY) as folder:
        yield Path(folder)


def opened(path: Path, count: int = 3) -> RaftCluster:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return RaftCluster.of(loop, count, path)


async def started(path: Path, count: int = 3) -> RaftCluster:
    cluster = opened(path, count)
    cluster.start()
    await cluster.elected()
    await asyncio.sleep(1)
    return cluster


def picture(member: RaftMember) -> tuple[Any, ...]:
    store = member.store
    history = store.history
    events = [event for made in history.events(max(history.compact_revision, 0)) for event in made]
    leases = [(id, store.leases.get(id).ttl_s, store.leases.keys(id, history)) for id in sorted(store.leases.ids())]
    return history.revision, history.compact_revision, events, leases, store.auth.to_json(), member.members


async def fill(member: RaftMember) -> None:
    await member.lease_grant(600, 7)
    await member.put(b"a", b"\0\xff1", lease=7)
    await member.txn([Compare(b"a", value=0)], [], [Put(b"b", b"2"), Put(b"c", b"3")])
    await member.delete_range(b"b")
    await member.put(b"a", b"2")
    await member.compact(3)
    await member.auth_change("user_add", "root", "hash")
    await member.auth_change("role_add", "r")
    await member.auth_change("role_grant_permission", "r", auth.Permission(auth.Access.READ, b"a", b"\0"))
    await member.auth_change("user_grant_role", "root", "r")


async def test_everything_is_there_after_all_members_have_gone(tmp_path: Path) -> None:
    cluster = await started(tmp_path)
    leader = await cluster.elected()
    await fill(leader)
    await asyncio.sleep(1)
    before = picture(leader)
    cluster.stop()
    again = await started(tmp_path)
    for member in again.running.values():
        assert picture(member) == before
    assert (await again.client().put(b"d")).revision == before[0] + 1
    watcher = again.client().watch(*ALL, start_revision=3)
    assert [event.kv.mod_revision for event in (await anext(watcher)).events][:3] == [3, 3, 4]
    again.stop()


async def test_what_was_applied_but_not_written_is_applied_again_once(tmp_path: Path) -> None:
    """The store's rows lag behind the log by the last round; each round crashes there."""
    for number in range(1, 6):
        cluster = await started(tmp_path)
        await (await cluster.elected()).put(b"k", b"%d" % number)
        cluster.stop()
    cluster = await started(tmp_path)
    (kv,) = (await cluster.client().range(b"k")).kvs
    assert (kv.value, kv.version, kv.mod_revision) == (b"5", 5, 6)
    cluster.stop()


async def test_a_member_that_was_away_catches_up_and_keeps_that_too(tmp_path: Path) -> None:
    cluster = await started(tmp_path)
    leader = await cluster.elected()
    away = next(id for id in cluster.running if id != leader.id)
    cluster.crash(away)
    for number in range(20):
        await leader.put(b"%d" % number)
    leader.compact_log(keep=0)
    cluster.start(away)
    await asyncio.sleep(5)
    assert picture(cluster.running[away]) == picture(leader)
    before = picture(leader)
    cluster.stop()
    alone = opened(tmp_path)
    alone.start()
    assert picture(alone.running[away]) == before
    alone.stop()


async def test_entries_that_no_quorum_had_give_way_on_disk(tmp_path: Path) -> None:
    cluster = await started(tmp_path)
    leader = await cluster.elected()
    cluster.network.isolate(leader.id)
    with pytest.raises(errors.RequestTimedOut):
        await leader.put(b"lost", b"1")
    other = next(member for member in cluster.running.values() if member is not leader and member.is_leader)
    await other.put(b"kept", b"2")
    cluster.network.heal()
    await asyncio.sleep(5)
    cluster.stop()
    again = await started(tmp_path)
    for member in again.running.values():
        assert [kv.key for kv in (await member.range(*ALL)).kvs] == [b"kept"]
    again.stop()


async def test_members_that_join_and_leave_are_known_after_a_restart(tmp_path: Path) -> None:
    cluster = await started(tmp_path)
    leader = await cluster.elected()
    added = await leader.member_add("", ("https://10.0.0.9:2380",), learner=True)
    cluster.join(added)
    await asyncio.sleep(5)
    await leader.member_promote(added.id)
    gone = next(id for id in cluster.founders if id != leader.id)
    await leader.member_remove(gone)
    await leader.put(b"a")
    await asyncio.sleep(1)
    cluster.stop()
    again = opened(tmp_path)
    again.start(*(id for id in again.founders if id != gone))
    again.join(added)
    await again.elected()
    assert gone not in {member.id for member in await again.client().member_list()}
    assert added.id in {member.id for member in await again.client().member_list()}
    assert (await again.client().range(b"a")).count == 1
    again.stop()


@given(commands.TXNS | commands.PUTS | commands.DELETES)
def test_an_entry_is_read_as_it_was_written(op: Any) -> None:
    request = Request((2**64 - 1, 2**40), type(op).__name__, (op, b"\xff\0", 1.5, None, True, -(2**63)))
    assert encoding.decode(encoding.encode(request)) == _tupled(request)


def _tupled(value: Any) -> Any:
    """With tuples for lists, which is all that the way there and back changes."""
    if isinstance(value, list | tuple):
        inside = [_tupled(each) for each in value]
        return type(value)(*inside) if hasattr(value, "_fields") else tuple(inside)
    return value


@pytest.mark.parametrize(
    "value",
    [
        ConfChange(ConfKind.ADD, 2**64 - 1, Member(1, "é", ("http://a",), (), True)),
        AlarmType.NOSPACE,
        auth.Permission(auth.Access.READWRITE, b"a", b"\0"),
        None,
    ],
)
def test_enums_stay_enums(value: Any) -> None:
    found = encoding.decode(encoding.encode(value))
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize("raw", [b'{"os.system": ["ls"]}', b"{}", b"\xff", b'{"AlarmType": "nosuch"}'])
def test_what_nobody_wrote_is_refused(raw: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        encoding.decode(raw)


async def test_a_single_members_directory_and_a_clusters_are_not_confused(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    _, disk = open_store(tmp_path / "one", loop)
    disk.close()
    with pytest.raises(Damaged, match="data of a single member: etcd_members=1"):
        opened(tmp_path / "one")
    opened(tmp_path / "three").stop()
    with pytest.raises(Damaged, match="data of etcd-0, etcd-1, etcd-2: etcd_members=3"):
        open_store(tmp_path / "three", loop)
    with pytest.raises(Damaged, match=r"but none of etcd-3, etcd-4: give etcd_members=3"):
        opened(tmp_path / "three", 5)


@pytest.mark.parametrize("kind", ["truncated", "another member's", "an entry missing", "an entry not as written"])
async def test_a_damaged_member_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    cluster = await started(tmp_path)
    for number in range(30):
        await cluster.client().put(b"%d" % number, b"x" * 500)
    cluster.stop()
    file = tmp_path / "etcd-1" / FILE
    with sqlite3.connect(file) as db:
        match kind:
            case "another member's":
                db.execute("UPDATE raft SET value = 'abc' WHERE name = 'id'")
            case "an entry missing":
                row = (999, 9, "NORMAL", b"null", crc32(b"null", 999 ^ 9))
                db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
            case "an entry not as written":
                db.execute("UPDATE entries SET data = CAST(data || ' ' AS BLOB)")
    db.close()
    if kind == "truncated":
        file.write_bytes(file.read_bytes()[:8192])
    before = file.read_bytes()
    with pytest.raises(Damaged, match="etcd-1"):
        opened(tmp_path)
    assert file.read_bytes()[:100] == before[:100]


async def test_a_member_whose_disk_is_full_stops_and_the_others_go_on(tmp_path: Path) -> None:
    cluster = await started(tmp_path)
    leader = await cluster.elected()
    full = next(member for member in cluster.running.values() if member is not leader)
    full.stable._disk._db.execute("PRAGMA max_page_count=12")  # type: ignore[attr-defined]  # the disk below it
    for number in range(20):
        await leader.put(b"%d" % number, b"x" * 10_000)
    await asyncio.sleep(1)
    assert full.id not in cluster.running
    assert isinstance(full.failure, errors.NoSpace)
    cluster.start(full.id)
    await asyncio.sleep(5)
    assert (await cluster.running[full.id].range(*ALL, count_only=True)).count == 20
    cluster.stop()


async def test_a_leader_whose_disk_is_full_says_so_and_loses_nothing(tmp_path: Path) -> None:
    cluster = await started(tmp_path)
    leader = await cluster.elected()
    await leader.put(b"kept")
    leader.stable._disk._db.execute("PRAGMA max_page_count=12")  # type: ignore[attr-defined]  # the disk below it
    puts = [leader.put(b"%d" % number, b"x" * 10_000) for number in range(20)]
    told = await asyncio.gather(*puts, return_exceptions=True)
    assert {(type(each), "is full" in str(each)) for each in told} == {(errors.NoSpace, True)}
    other = await cluster.elected()
    assert other is not leader
    await other.put(b"after")
    assert (await other.range(b"kept")).count == 1
    cluster.stop()


@pytest.mark.parametrize("seed", range(6))
def test_members_that_crash_at_random_agree_in_the_end(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        cluster = await started(tmp_path)
        cluster.network.loss = 0.05
        acknowledged: dict[bytes, bytes] = {}
        for number in range(60):
            down = [id for id in cluster.stable if id not in cluster.running]
            if down and chance.random() < 0.4:
                cluster.start(down[0])
            elif not down and chance.random() < 0.3:
                cluster.crash(chance.choice(sorted(cluster.running)))
            member = chance.choice([member for _, member in sorted(cluster.running.items())])
            key = b"k%d" % chance.randrange(8)
            acknowledged.pop(key, None)
            try:
                await member.put(key, b"%d" % number)
            except errors.EtcdError:
                continue
            acknowledged[key] = b"%d" % number
        cluster.stop()
        again = await started(tmp_path)
        await asyncio.sleep(10)
        found = {kv.key: kv.value for kv in (await again.client().range(*ALL)).kvs}
        assert {key: found[key] for key in acknowledged} == acknowledged
        assert len({str(picture(member)) for member in again.running.values()}) == 1
        again.stop()

    cluster_loop.run(main(), seed=seed)


WRITER = """
import asyncio, sys
from pathlib import Path
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.machinery import loop
async def main():
    cluster = RaftCluster.of(asyncio.get_running_loop(), 3, Path(sys.argv[1]))
    cluster.start()
    await cluster.elected()
    client = cluster.client()
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    async def writer(number):
        while True:
            result = await client.put(b"key%d" % number, b"%d" % number * 50)
            sys.stdout.write(f"{number} {result.revision}\\n"); sys.stdout.flush()
    await asyncio.gather(*(writer(number) for number in range(8)))
loop.run(main())
"""
CRASHES = int(os.environ.get("KUBE_NB_CRASHES", "200" if os.environ.get("KUBE_NB_NO_SKIP") == "1" else "20")) // 10


@pytest.mark.slow
def test_what_a_quorum_acknowledged_survives_the_death_of_the_process(tmp_path: Path) -> None:
    chance = random.Random(5)
    acknowledged: dict[int, bytes] = {}
    for _ in range(CRASHES):
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.15))  # noqa: TID251  # a real process is killed in real time
            child.send_signal(signal.SIGKILL)
            lines = child.stdout.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                number, made = line.split()
                acknowledged[int(made)] = b"key%b" % number

        async def check() -> None:
            cluster = await started(tmp_path)
            member = await cluster.elected()
            await member.range(b"x")
            written = {r: event.kv.key for r, (event,) in enumerate(member.store.history.events(2), 2)}
            assert {r: written[r] for r in acknowledged} == acknowledged
            assert len({str(picture(each)) for each in cluster.running.values()}) == 1
            cluster.stop()

        cluster_loop.run(check())
    assert len(acknowledged) > CRASHES


@given(st.lists(st.binary(max_size=5)))
def test_bytes_of_every_value_survive(values: list[bytes]) -> None:
    op = Txn((), tuple(Put(value, value) for value in values), ())
    assert encoding.decode(encoding.encode(op)) == op
