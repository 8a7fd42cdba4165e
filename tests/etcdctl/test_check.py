"""``check perf``, ``check datascale`` and ``make-mirror``: what they say and what they leave."""

import asyncio
import re

import pytest

from kube_nb.etcd.backend import Put
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire.server import Server
from kube_nb.etcdctl import Exit, command
from kube_nb.etcdctl.result import Result
from kube_nb.machinery.loop import ClusterLoop


def backend(**options: int) -> LocalBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return LocalBackend(Store(**options), loop)


async def run(store: LocalBackend, line: str) -> Result:
    return await command.run(line.split(), store)


async def test_perf_takes_a_minute_and_passes_on_a_store_that_answers_at_once() -> None:
    store, loop = backend(), asyncio.get_running_loop()
    result = await run(store, "check perf --auto-compact --auto-defrag")
    assert loop.time() == pytest.approx(60)
    assert result.text.splitlines() == [
        " 60 / 60  100.00% 1m0s",
        "Compacting with revision 9002",
        "Compacted with revision 9002",
        'Defragmenting "127.0.0.1:2379"',
        'Defragmented "127.0.0.1:2379"',
        "PASS: Throughput is 151 writes/s",
        "PASS: Slowest request took 0.000000s",
        "PASS: Stddev is 0.000000s",
        "PASS",
    ]
    assert (await store.range(b"\0", b"\0")).count == 0


async def test_perf_fails_on_a_store_that_is_slow_or_refuses() -> None:
    store = backend()
    write = store.put

    async def slow(*arguments: bytes, **options: int) -> object:
        await asyncio.sleep(0.7)
        return await write(*arguments, **options)  # type: ignore[arg-type]  # as they came

    store.put = slow  # type: ignore[assignment,method-assign]  # a store on a slow disk
    result = await run(store, "check perf --load=small")
    assert result.exit_code == Exit.ERROR
    assert "FAIL: Throughput too low: 71 writes/s\nSlowest request took too long: 0.700000s\n" in result.text
    assert result.text.endswith("FAIL\n")
    full = backend(quota_bytes=100_000)
    result = await run(full, "check perf")
    assert "FAIL: too many errors\nFAIL: ERROR(etcdserver: mvcc: database space exceeded) -> " in result.text


async def test_a_check_refuses_a_prefix_in_use_and_an_unknown_load() -> None:
    store = backend()
    store.store.put(Put(b"/etcdctl-check-perf/x"))
    result = await run(store, "check perf")
    assert result.stderr == (
        'Error: prefix "/etcdctl-check-perf/" has keys. Delete with etcdctl del --prefix /etcdctl-check-perf/ first\n'
    )
    assert result.exit_code == Exit.INVALID_INPUT
    assert (await run(store, "check datascale --load=huge")).stderr == "Error: unknown load option huge\n"


async def test_datascale_tells_what_ten_thousand_keys_take() -> None:
    store = backend()
    lines = (await run(store, "check datascale --auto-compact")).text.splitlines()
    assert lines[0] == (
        "Start data scale check for work load [10000 key-value pairs, 1024 bytes per key-value, 50 concurrent clients]."
    )
    # how much the process grew by depends on what it had freed before, so no number is expected
    assert re.fullmatch(r"PASS: Approximate system memory used : -?\d+\.\d\d MB\.", lines[-1])


async def test_a_mirror_has_what_was_there_and_follows() -> None:
    source, target = backend(), backend()
    server = Server(target)
    url = f"127.0.0.1:{await server.start()}"
    for number in range(3):
        await source.put(b"a/%d" % number, b"x")
    await source.put(b"other")
    task = asyncio.create_task(run(source, f"make-mirror {url} --prefix a/ --dest-prefix m/"))
    watcher = target.watch(b"\0", b"\0", start_revision=2)
    heard = []
    while len(heard) < 3:
        heard += [(event.type.name, event.kv.key) for event in (await anext(watcher)).events]
    await source.txn([], [Put(b"a/0", b"y"), Put(b"a/9", b"z")])
    await source.delete_range(b"a/1")
    while len(heard) < 6:
        heard += [(event.type.name, event.kv.key) for event in (await anext(watcher)).events]
    assert heard[3:] == [("PUT", b"m/0"), ("PUT", b"m/9"), ("DELETE", b"m/1")]
    found = {kv.key: (kv.value, kv.mod_revision) for kv in (await target.range(b"\0", b"\0")).kvs}
    assert found == {b"m/0": (b"y", 5), b"m/2": (b"x", 4), b"m/9": (b"z", 5)}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await server.stop()
