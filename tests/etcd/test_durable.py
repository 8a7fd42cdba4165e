"""What was acknowledged is on disk; what cannot be trusted is refused untouched."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kube_nb.etcd import errors
from kube_nb.etcd.backend import KeyValue, Put, Range
from kube_nb.etcd.disk import FILE, Damaged
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.store import Store
from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.clock import ManualClock
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import commands

ALL = (b"\0", b"\0")


def open_backend(path: Path) -> DurableBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    store, disk = open_store(path, loop)
    return DurableBackend(store, disk, loop)


def state(store: Store) -> tuple[object, ...]:
    history = store.history
    return (
        history.revision,
        history.compact_revision,
        history.size_bytes,
        dict(history.current),
        {key: list(versions) for key, versions in history.past.items()},
        list(history.log),
        list(history.keys),
        list(history.dead),
        sorted(store.leases.ids()),
    )


async def test_a_new_directory_is_an_empty_store(tmp_path: Path) -> None:
    backend = open_backend(tmp_path / "new" / "data")
    assert (await backend.range(*ALL)).revision == 1
    backend.close()
    assert [path.name for path in (tmp_path / "new" / "data").iterdir()] == [FILE]


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    await backend.lease_grant(60, 7)
    await backend.put(b"a", b"1", lease=7)
    await backend.txn([], [Put(b"b", b"2"), Put(b"c", b"\0\xff" * 1000)])
    await backend.delete_range(b"b")
    before = state(backend.store)
    backend.close()
    await asyncio.sleep(30)
    again = open_backend(tmp_path)
    assert state(again.store) == before
    assert (await again.lease_time_to_live(7, keys=True)) == (4, 7, 60, 60, [b"a"])
    assert (await again.put(b"d")).revision == 5
    watcher = again.watch(*ALL, start_revision=2, prev_kv=True)
    events = (await anext(watcher)).events
    assert [(event.type.name, event.kv.key, event.prev_kv) for event in events] == [
        ("PUT", b"a", None),
        ("PUT", b"b", None),
        ("PUT", b"c", None),
        ("DELETE", b"b", KeyValue(b"b", b"2", 3, 3, 1)),
        ("PUT", b"d", None),
    ]
    await asyncio.sleep(60)
    assert [kv.key for kv in (await again.range(*ALL)).kvs] == [b"c", b"d"]
    again.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(commands.COMMANDS, max_size=40))
def test_any_history_comes_back_as_it_was(
    steps: list[commands.Command], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("data")

    async def example() -> None:
        backend = open_backend(path)
        for step in steps:
            revision = backend.store.revision
            await commands.run(commands.placed(step, revision), backend, revision)
        before = state(backend.store)
        backend.close()
        again = open_backend(path)
        assert state(again.store) == before
        again.close()

    cluster_loop.run(example())
    shutil.rmtree(path)


async def test_writers_of_one_turn_share_one_transaction(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    writes: list[int] = []
    write = backend._disk.write
    backend._disk.write = lambda *a: (writes.append(a[0]), write(*a))[1]  # type: ignore[method-assign]  # counts calls
    results = await asyncio.gather(*(backend.put(b"%d" % n) for n in range(100)))
    assert [result.revision for result in results] == list(range(2, 102))
    assert writes == [101]
    backend.close()


async def test_a_refused_write_in_a_batch_refuses_nobody_else(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    results = await asyncio.gather(backend.put(b"a"), backend.put(b"", b"x"), backend.put(b"b"), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["PutResult", "EmptyKey", "PutResult"]
    backend.close()


async def test_watchers_and_readers_see_only_what_is_on_disk(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    heard: list[tuple[int, int]] = []

    def hear(events: object, revision: int) -> None:
        on_disk = backend._disk._db.execute("SELECT max(revision) FROM versions").fetchone()[0]
        heard.append((revision, on_disk))

    backend.subscribe(*ALL, hear)
    pending = asyncio.ensure_future(backend.put(b"a"))
    assert (await backend.range(*ALL)).count == 0
    await pending
    assert heard == [(2, 2)]
    assert (await backend.range(*ALL)).count == 1
    backend.close()


async def test_a_disk_that_refuses_takes_the_store_back_to_what_it_has(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    await backend.put(b"a", b"kept")
    before = state(backend.store)
    backend._disk._db.execute("PRAGMA max_page_count=12")
    results = await asyncio.gather(*(backend.put(b"k%d" % n, b"x" * 10_000) for n in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {errors.NoSpace}
    assert state(backend.store) == before
    backend._disk._db.execute("PRAGMA max_page_count=1000000")
    assert (await backend.put(b"b")).revision == 3
    backend.close()


async def test_compaction_reaches_the_disk_and_defragment_gives_space_back(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    for _ in range(50):
        await backend.put(b"a", b"x" * 10_000)
    await backend.compact(50)
    await backend.defragment()
    assert backend._disk.size_bytes < 60_000
    before = state(backend.store)
    backend.close()
    again = open_backend(tmp_path)
    assert state(again.store) == before
    again.close()


def damaged(path: Path, kind: str) -> bytes:
    file = path / FILE
    match kind:
        case "not a database":
            file.write_bytes(b"hello" * 100)
        case "empty":
            file.write_bytes(b"")
        case "truncated":
            file.write_bytes(file.read_bytes()[: 4096 * 2])
        case "another program's":
            file.write_bytes(file.read_bytes()[:68] + b"\0\0\0\1" + file.read_bytes()[72:])
        case "newer format":
            file.write_bytes(file.read_bytes()[:60] + b"\0\0\0\x63" + file.read_bytes()[64:])
        case "a bit flipped in a value":
            raw = bytearray(file.read_bytes())
            raw[raw.index(b"precious")] ^= 1
            file.write_bytes(bytes(raw))
        case "a revision missing":
            with sqlite3.connect(file) as db:
                db.execute("DELETE FROM versions WHERE revision = 5")
            db.close()
    return file.read_bytes()


@pytest.mark.parametrize(
    "kind",
    [
        "not a database",
        "empty",
        "truncated",
        "another program's",
        "newer format",
        "a bit flipped in a value",
        "a revision missing",
    ],
)
async def test_a_damaged_directory_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    backend = open_backend(tmp_path)
    for n in range(100):
        await backend.put(b"%d" % n, b"precious" * 50)
    backend.close()
    before = damaged(tmp_path, kind)
    with pytest.raises(Damaged, match=str(tmp_path)):
        open_backend(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


async def test_a_directory_has_one_user_at_a_time(tmp_path: Path) -> None:
    backend = open_backend(tmp_path)
    with pytest.raises(errors.EtcdError, match=r"data directory .* database is locked"):
        open_backend(tmp_path)
    await backend.put(b"a")
    backend.close()


async def test_a_place_where_nobody_may_write_is_refused_with_its_name() -> None:
    with pytest.raises(errors.EtcdError, match="data directory /proc/kube_nb"):
        open_backend(Path("/proc/kube_nb"))


async def test_a_file_where_a_directory_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.EtcdError, match=r"data directory .*file"):
        open_backend(tmp_path / "file")


WRITER = """
import asyncio, sys
from pathlib import Path
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.machinery import loop
async def main():
    store, disk = open_store(Path(sys.argv[1]), asyncio.get_running_loop())
    backend = DurableBackend(store, disk, asyncio.get_running_loop())
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    async def writer(number):
        while True:
            result = await backend.put(b"key%d" % number, b"x" * 100)
            sys.stdout.write(f"{number} {result.revision}\\n"); sys.stdout.flush()
    await asyncio.gather(*(writer(number) for number in range(8)))
loop.run(main())
"""
CRASHES = int(os.environ.get("KUBE_NB_CRASHES", "200" if os.environ.get("KUBE_NB_NO_SKIP") == "1" else "10"))


@pytest.mark.slow
def test_no_acknowledged_write_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    acknowledged: dict[int, bytes] = {}
    total, revision = 0, 1
    for crash in range(CRASHES):
        if crash % 20 == 0:  # a new directory now and then, so that reading everything stays quick
            tmp_path = tmp_path / "next"
            acknowledged, total, revision = {}, total + len(acknowledged), 1
        with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.08))  # noqa: TID251  # a real process is killed in real time
            child.send_signal(signal.SIGKILL)
            lines = child.stdout.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                number, made = line.split()
                acknowledged[int(made)] = b"key%b" % number
        store, disk = open_store(tmp_path, ManualClock())
        disk.close()
        written = {r: event.kv for r, (event,) in enumerate(store.history.events(2), 2)}
        assert {r: written[r].key for r in acknowledged} == acknowledged
        assert store.revision >= revision
        assert all(len(kv.value) == 100 for kv in store.range(Range(*ALL)).kvs)
        revision = store.revision
    assert total + len(acknowledged) > CRASHES
