"""The store: in the kernel, on disk, by Raft, over gRPC; beside Debian's etcd on the same disk in the same run."""

import asyncio
import contextlib
import gc
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kube_nb.etcd.backend import Backend, Compare, Put
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.machinery.clock import ManualClock
from tests.benchmarks.measure import Figures, in_fresh_process
from tests.etcd import real, serving

VALUE = b"x" * 256


class Taken(NamedTuple):
    """What one kind of store has shown. puts: (per second, p50 ms, p99 ms) with 1 and with 100 clients."""

    puts: dict[int, tuple[float, float, float]]
    one_key_us: float
    many_keys_ms: float
    swap_us: float


async def puts(backend: Backend, clients: int, each: int) -> tuple[float, float, float]:
    taken_s: list[float] = []

    async def client(number: int) -> None:
        for n in range(each):
            began = time.perf_counter()
            await backend.put(b"/registry/pods/default/%d-%d" % (number, n), VALUE)
            taken_s.append(time.perf_counter() - began)

    await client(0)
    taken_s.clear()
    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    total_s = time.perf_counter() - began
    cuts = statistics.quantiles(taken_s, n=100)
    return len(taken_s) / total_s, cuts[49] * 1e3, cuts[98] * 1e3


async def timed(count: int, operation: Callable[[int], Awaitable[Any]]) -> float:
    """Seconds an operation, the median."""
    taken_s = []
    for n in range(count):
        began = time.perf_counter()
        await operation(n)
        taken_s.append(time.perf_counter() - began)
    return statistics.median(taken_s)


async def on(backend: Backend) -> Taken:
    found = {1: await puts(backend, 1, 300), 100: await puts(backend, 100, 50)}
    for start in range(0, 10_000, 100):
        await backend.txn([], [Put(b"/many/%05d" % n, VALUE) for n in range(start, start + 100)])
    await backend.put(b"/cas", b"0")

    async def swap(n: int) -> None:
        kv = (await backend.range(b"/cas")).kvs[0]
        await backend.txn([Compare(b"/cas", value=kv.mod_revision)], [Put(b"/cas", b"%d" % n)])

    one_s = await timed(300, lambda n: backend.range(b"/cas"))
    many_s = await timed(5, lambda n: backend.range(b"/many/", b"/many0"))
    return Taken(found, one_s * 1e6, many_s * 1e3, await timed(200, swap) * 1e6)


@contextlib.contextmanager
def ours_served(data_dir: Path) -> Iterator[str]:
    """Our own etcd in a process of its own, as the real one is."""
    command = [sys.executable, "-m", "tests.etcd.serving", str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def everywhere(folder: Path) -> dict[str, Taken]:
    """The figures of every kind of store, by its name; the real one only where there is one."""
    found: dict[str, Taken] = {}
    with serving.loop_thread() as thread:

        def call(work: Coroutine[Any, Any, Taken]) -> Taken:
            return asyncio.run_coroutine_threadsafe(work, thread.loop).result(600)

        async def durable() -> Taken:
            store, disk = open_store(folder / "durable", thread.loop)
            backend = DurableBackend(store, disk, thread.loop)
            try:
                return await on(backend)
            finally:
                backend.close()

        async def members(data_dir: Path | None) -> Taken:
            cluster = RaftCluster.of(thread.loop, 3, data_dir)
            cluster.start()
            await cluster.elected()
            try:
                return await on(cluster.client())  # type: ignore[arg-type]  # its calls are made by name
            finally:
                cluster.stop()

        async def in_kernel() -> Taken:
            return await on(LocalBackend(Store(), thread.loop))

        async def over(url: str) -> Taken:
            backend = remote.connect(url)
            try:
                return await on(backend)
            finally:
                await backend.close()

        found["in the kernel"] = call(in_kernel())
        found["in the kernel, on disk"] = call(durable())
        found["3 members"] = call(members(None))
        found["3 members, on disk"] = call(members(folder / "members"))
        with ours_served(folder / "served") as url:
            found["over gRPC, on disk"] = call(over(url))
        if shutil.which("etcd"):
            with real.etcd(data_dir=folder / "real") as url:
                found["real etcd"] = call(over(url))
    return found


def requests(figures: Figures, folder: Path) -> None:
    found = everywhere(folder)
    theirs = found.get("real etcd")
    for name, taken in found.items():
        for clients, (per_s, p50_ms, p99_ms) in taken.puts.items():
            peer = f"p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms"
            if theirs is not None and taken is not theirs and "disk" in name:
                peer += f"; {per_s / theirs.puts[clients][0]:.2f} of real etcd's"
            figures.add(f"puts, {clients} clients, {name}", per_s, "1/s", peer=peer)
        figures.add(f"range of one key, {name}", taken.one_key_us, "us")
        figures.add(f"range of 10,000 keys, {name}", taken.many_keys_ms, "ms")
        figures.add(f"read and compare-and-swap, {name}", taken.swap_us, "us")


async def watchers(figures: Figures) -> None:
    """A put that nobody watches, without and with 10,000 watchers elsewhere; one that 1,000 watch."""
    backend = LocalBackend(Store(), asyncio.get_running_loop())  # type: ignore[arg-type]  # no lease, so no timer
    alone_s = await timed(5000, lambda n: backend.put(b"/x", VALUE))
    kept = [backend.watch(b"/w/%d" % n) for n in range(10_000)]
    beside_s = await timed(5000, lambda n: backend.put(b"/x", VALUE))
    kept += [backend.watch(b"/hot") for _ in range(1000)]
    hot_s = await timed(100, lambda n: backend.put(b"/hot", VALUE))
    for watcher in kept:
        watcher.cancel()
    figures.add("put with no watcher", alone_s * 1e6, "us")
    figures.add("put with 10,000 watchers on other keys", beside_s * 1e6, "us", peer=f"{beside_s / alone_s:.2f} times")
    figures.add("put with 1,000 watchers on its key", hot_s * 1e6, "us")


_REOPEN = """
import sys, time
from pathlib import Path
from kube_nb.etcd.durable import open_store
from kube_nb.machinery.clock import ManualClock
from tests.benchmarks.measure import rss_bytes
before = rss_bytes()
t, p = time.perf_counter(), time.process_time()
store, disk = open_store(Path({folder!r}), ManualClock())
told = {{"time": time.perf_counter() - t, "processor": time.process_time() - p}}
assert len(store.history.keys) == {count}
told["memory"] = rss_bytes() - before
print(told[{what!r}])
"""


def write(folder: Path, count: int) -> Store:
    """A directory with so many keys of 256 bytes; the store that wrote it."""
    store, disk = open_store(folder, ManualClock())
    with store.quiet():
        for n in range(count):
            store.put(Put(b"/registry/pods/default/%07d" % n, VALUE))
        disk.write(store.revision, [event for events, _ in store.untold for event in events])
        store.untold.clear()
    disk.close()
    return store


def sizes(figures: Figures, folder: Path) -> None:
    def reopen(name: str, count: int, what: str) -> float:
        program = _REOPEN.format(folder=str(folder / name), count=count, what=what)
        return in_fresh_process(program, 3 if count else 5)

    write(folder / "empty", 0)
    figures.add("open an empty directory", reopen("empty", 0, "time") * 1e3, "ms", limit=20)
    store = write(folder / "100k", 100_000)
    gc.collect()
    forks_s = []
    for _ in range(20):
        began = time.perf_counter()
        store.fork()
        forks_s.append(time.perf_counter() - began)
    figures.add("fork of 100,000 keys", statistics.median(forks_s) * 1e3, "ms", limit=5)
    write(folder / "1m", 1_000_000)
    figures.add("open 1 million keys of 256 bytes", reopen("1m", 1_000_000, "time"), "s", limit=10)
    figures.add("  processor time of that", reopen("1m", 1_000_000, "processor"), "s", limit=10)
    figures.add("  resident memory of them", reopen("1m", 1_000_000, "memory") / 2**20, "MiB")


def bench() -> Figures:
    figures = Figures("etcd; on disk: acknowledged after fsync, ours and the real one on the same disk")
    with tempfile.TemporaryDirectory(prefix="kube-nb-bench-") as folder:
        requests(figures, Path(folder))
        asyncio.run(watchers(figures))
        sizes(figures, Path(folder))
    return figures
