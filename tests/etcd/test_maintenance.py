"""Quota and alarm, snapshots, defragmentation, in the kernel and over gRPC."""

import asyncio
from pathlib import Path

import pytest

from kube_nb.etcd import errors, snapshots
from kube_nb.etcd.backend import AlarmType, Maintained, Put, Range
from kube_nb.etcd.disk import Damaged
from kube_nb.etcd.durable import open_store
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.etcd.wire.server import Server
from kube_nb.etcdctl import run
from kube_nb.machinery.clock import ManualClock
from kube_nb.machinery.loop import ClusterLoop


def cluster_loop() -> ClusterLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return loop


async def test_over_the_quota_only_deletions_are_taken_until_the_alarm_is_disarmed() -> None:
    backend = LocalBackend(Store(quota_bytes=1000), cluster_loop())
    await backend.put(b"a", b"x" * 800)
    for refused in (backend.put(b"b", b"x" * 800), backend.put(b"c"), backend.lease_grant(10)):
        with pytest.raises(errors.NoSpace):
            await refused
    with pytest.raises(errors.NoSpace):
        await backend.txn([], [], [Put(b"c")])
    assert (await backend.range(b"a")).count == 1
    assert await backend.alarms() == [(backend.member.id, AlarmType.NOSPACE)]
    result = await run(["alarm", "list"], backend)
    assert result.text == f"memberID:{backend.member.id} alarm:NOSPACE \n"
    await backend.delete_range(b"a")
    with pytest.raises(errors.NoSpace):
        await backend.put(b"c")
    await backend.compact(backend.store.revision)
    assert (await run(["alarm", "disarm"], backend)).text == result.text
    await backend.put(b"c")
    assert await backend.alarms() == []


def filled() -> Store:
    store = Store()
    store.lease_grant(60, 5, 0.0)
    for n in range(20):
        store.put(Put(b"key%d" % (n % 7), b"v%d" % n, lease=5 if n % 2 else 0))
    store.compact(9)
    return store


async def _saved(backend: Maintained, path: Path) -> None:
    path.write_bytes(b"".join([piece async for piece in backend.snapshot()]))


async def test_a_snapshot_restores_to_the_same_store(tmp_path: Path) -> None:
    store = filled()
    backend = LocalBackend(store, cluster_loop())
    file = tmp_path / "backup.db"
    assert (await run(["snapshot", "save", str(file)], backend)).text == f"Snapshot saved at {file}\n"
    status = await run(["snapshot", "status", str(file), "-w", "table"], backend)
    assert "|       21 |         19 |" in status.text
    data_dir = tmp_path / "data"
    assert (await run(["snapshot", "restore", str(file), "--data-dir", str(data_dir)], backend)).exit_code == 0
    restored, disk = open_store(data_dir, ManualClock())
    disk.close()
    assert restored.hash_kv() == store.hash_kv()
    assert list(restored.history.events(9)) == list(store.history.events(9))
    assert restored.leases.keys(5, restored.history) == store.leases.keys(5, store.history)
    with pytest.raises(errors.EtcdError, match="not empty"):
        snapshots.restore(file, data_dir)


@pytest.mark.parametrize("damage", ["cut off", "a byte changed", "empty", "missing"])
async def test_a_damaged_snapshot_makes_no_directory(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "backup.db"
    await _saved(LocalBackend(filled(), cluster_loop()), file)
    raw = bytearray(file.read_bytes())
    if damage == "cut off":
        file.write_bytes(raw[:-100])
    elif damage == "a byte changed":
        raw[5000] ^= 1
        file.write_bytes(raw)
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
    with pytest.raises(errors.EtcdError) as caught:
        snapshots.restore(file, tmp_path / "data")
    assert isinstance(caught.value, Damaged) or damage == "missing"
    assert not (tmp_path / "data").exists()


async def test_a_snapshot_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    result = await run(["snapshot", "save", str(tmp_path / "no" / "file")], LocalBackend(filled(), cluster_loop()))
    assert result.exit_code == 5
    assert "No such file or directory" in result.stderr


async def test_maintenance_over_grpc(tmp_path: Path) -> None:
    backend = LocalBackend(filled(), cluster_loop())
    server = Server(backend)
    through = remote.connect(f"http://127.0.0.1:{await server.start()}")
    try:
        await _saved(through, tmp_path / "backup.db")
        assert snapshots.status(tmp_path / "backup.db").revision in (21, 22)  # the lease may have expired by then
        await through.defragment()
        backend.store.quota_bytes = 1
        with pytest.raises(errors.NoSpace):
            await through.put(b"x", b"y")
        assert await through.alarms() == [(backend.member.id, AlarmType.NOSPACE)]
        assert len(await through.alarm_disarm()) == 1
        with pytest.raises(errors.BadTransferee):
            await through.move_leader(5)
        with pytest.raises(errors.MemberNotFound):
            await through.member_remove(5)
    finally:
        await through.close()
        await server.stop()


async def test_etcdctl_looks_at_every_member_of_a_cluster_and_moves_its_leader() -> None:
    cluster = RaftCluster.of(cluster_loop(), 3)
    cluster.start()
    leader = await cluster.elected()
    client = cluster.client()
    await asyncio.sleep(1)
    table = (await run(["endpoint", "status", "--cluster", "-w", "table"], client)).text
    assert table.count("|      true |") == 1
    assert table.count("https://10.0.0.") == 3
    target = next(id for id in cluster.running if id != leader.id)
    moved = await run(["move-leader", f"{target:x}"], client)
    assert moved.text == f"Leadership transferred from {leader.id:x} to {target:x}\n"
    cluster.crash(target)
    down = cluster.founders[target].client_urls[0]
    health = await run(["endpoint", "health", "--cluster"], client)
    assert f"{down} is unhealthy: failed to commit proposal: context deadline exceeded\n" in health.stderr
    assert health.exit_code == 1
    status = await run(["endpoint", "status", "--cluster"], client)
    assert f"Failed to get the status of endpoint {down} (context deadline exceeded)\n" in status.stderr
    added = await run(["member", "add", "new", "--peer-urls=https://10.0.0.9:2380", "--learner"], client)
    assert 'ETCD_NAME="new"' in added.text
    assert "true" in (await run(["member", "list"], client)).text
    assert (await client.range(*Range(b"\0", b"\0")[:2])).count == 0
    cluster.stop()
