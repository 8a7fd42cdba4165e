"""A disk that is full, and one that cannot be written: a clear error, nothing lost, and on it goes with room again."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from kube_nb.etcd import errors
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.disk import FILE
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.machinery.loop import ClusterLoop

ALL = (b"\0", b"\0")


class SmallDisk:
    """A file system of its own, of a few hundred kilobytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "small"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(path)]
    tried = None
    if shutil.which("mount") is not None:
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried is None or tried.returncode:
        reason = f"needs to mount a small tmpfs: {tried.stderr.strip() if tried else 'no mount here'}"
        if os.environ.get("KUBE_NB_NO_SKIP") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def opened(path: Path) -> DurableBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    store, file = open_store(path, loop)
    return DurableBackend(store, file, loop)


async def fill(backend: DurableBackend) -> dict[bytes, bytes]:
    """Put until the disk is full; what was acknowledged."""
    acknowledged: dict[bytes, bytes] = {}
    with pytest.raises(errors.NoSpace, match=r"etcdserver: mvcc: database space exceeded: .* is full"):
        await _put_on(backend, acknowledged)
    return acknowledged


async def _put_on(backend: Backend, acknowledged: dict[bytes, bytes]) -> None:
    for number in range(1000):
        key, value = b"%d" % number, b"%d" % number * 1000
        await backend.put(key, value)
        acknowledged[key] = value


async def test_a_full_disk_is_told_and_takes_nothing_back(disk: SmallDisk) -> None:
    backend = opened(disk.path / "data")
    acknowledged = await fill(backend)
    assert len(acknowledged) > 20
    assert {kv.key: kv.value for kv in (await backend.range(*ALL)).kvs} == acknowledged
    revision = backend.store.revision
    with pytest.raises(errors.NoSpace):
        await backend.put(b"another", b"x" * 100_000)
    disk.remount("size=4m")
    assert (await backend.put(b"another", b"x" * 100_000)).revision == revision + 1
    backend.close()
    again = opened(disk.path / "data")
    found = {kv.key: kv.value for kv in (await again.range(*ALL)).kvs}
    assert found == {**acknowledged, b"another": b"x" * 100_000}
    again.close()


async def test_who_is_closed_on_a_full_disk_opens_again_with_everything(disk: SmallDisk) -> None:
    backend = opened(disk.path / "data")
    acknowledged = await fill(backend)
    with contextlib.suppress(errors.EtcdError):
        backend.close()
    disk.remount("size=4m")
    again = opened(disk.path / "data")
    assert {kv.key: kv.value for kv in (await again.range(*ALL)).kvs} == acknowledged
    again.close()


async def test_a_disk_too_full_to_begin_on_is_named(disk: SmallDisk) -> None:
    (disk.path / "filling").write_bytes(b"x" * 396 * 1024)
    with pytest.raises(errors.NoSpace, match=f"{disk.path}/data is full"):
        opened(disk.path / "data")
    disk.remount("size=4m")
    opened(disk.path / "data").close()


async def test_a_disk_that_becomes_read_only_is_told_and_takes_nothing_back(disk: SmallDisk) -> None:
    backend = opened(disk.path / "data")
    await backend.put(b"kept", b"1")
    backend.close()
    disk.remount("ro")
    with pytest.raises(errors.EtcdError, match=f"data directory {disk.path}/data cannot be written"):
        opened(disk.path / "data")
    with pytest.raises(errors.EtcdError, match=r"data directory .*new"):
        opened(disk.path / "new")
    disk.remount("rw")
    again = opened(disk.path / "data")
    assert (await again.range(b"kept")).kvs[0].value == b"1"
    assert [path.name for path in disk.path.iterdir()] == ["data"]
    again.close()


async def test_members_on_a_full_disk_stop_and_go_on_when_there_is_room(disk: SmallDisk) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    cluster = RaftCluster.of(loop, 3, disk.path / "data")
    cluster.start()
    await cluster.elected()
    acknowledged: dict[bytes, bytes] = {}
    with pytest.raises(errors.EtcdError):
        await _put_on(cast(Backend, cluster.client()), acknowledged)
    assert len(acknowledged) > 2
    cluster.stop()
    disk.remount("size=8m")
    again = RaftCluster.of(loop, 3, disk.path / "data")
    again.start()
    await again.elected()
    await again.client().put(b"after")
    found = {kv.key for kv in (await again.client().range(*ALL)).kvs}
    assert set(acknowledged) | {b"after"} <= found
    again.stop()
    assert (disk.path / "data" / "etcd-0" / FILE).exists()
