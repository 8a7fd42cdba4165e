"""The store's figures beside a real etcd's on the same machine, as JSON: ``python -m tests.etcd.benchmark``."""

import asyncio
import json
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kube_nb.etcd.backend import Backend, Compare, Put
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.machinery.clock import ManualClock
from tests.etcd import real, serving

VALUE = b"x" * 256


async def puts(backend: Backend, clients: int, each: int) -> dict[str, float]:
    """Puts a second, and what one takes."""
    taken: list[float] = []

    async def client(number: int) -> None:
        for n in range(each):
            began = time.perf_counter()
            await backend.put(b"/registry/pods/default/%d-%d" % (number, n), VALUE)
            taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    total = time.perf_counter() - began
    cuts = statistics.quantiles(taken, n=100)
    return {"per_s": len(taken) / total, "p50_ms": cuts[49] * 1e3, "p99_ms": cuts[98] * 1e3}


async def timed(count: int, operation: Callable[[int], Awaitable[Any]]) -> float:
    """Microseconds an operation."""
    began = time.perf_counter()
    for n in range(count):
        await operation(n)
    return (time.perf_counter() - began) / count * 1e6


async def on(backend: Backend) -> dict[str, Any]:
    """The figures that every kind of backend has."""
    found: dict[str, Any] = {"puts_1_client": await puts(backend, 1, 300)}
    found["puts_100_clients"] = await puts(backend, 100, 30)
    await backend.put(b"/one", VALUE)
    found["get_us"] = await timed(300, lambda n: backend.range(b"/one"))
    found["list_3000_us"] = await timed(10, lambda n: backend.range(b"/registry/", b"/registry0"))
    await backend.put(b"/cas", b"0")

    async def swap(n: int) -> None:
        kv = (await backend.range(b"/cas")).kvs[0]
        await backend.txn([Compare(b"/cas", value=kv.mod_revision)], [Put(b"/cas", b"%d" % n)])

    found["compare_and_swap_us"] = await timed(200, swap)
    return found


async def watchers(loop: Any) -> dict[str, float]:
    """A put that nobody watches, without and with 10,000 watchers elsewhere; one that 1,000 watch."""
    backend = LocalBackend(Store(), loop)
    found = {"unrelated_put_us_0_watchers": await timed(5000, lambda n: backend.put(b"/x", VALUE))}
    kept = [backend.watch(b"/w/%d" % n) for n in range(10_000)]
    found["unrelated_put_us_10000_watchers"] = await timed(5000, lambda n: backend.put(b"/x", VALUE))
    kept += [backend.watch(b"/hot") for _ in range(1000)]
    found["put_us_1000_watchers_on_it"] = await timed(100, lambda n: backend.put(b"/hot", VALUE))
    for watcher in kept:
        watcher.cancel()
    return found


def big(folder: Path) -> dict[str, float]:
    """A million keys: loading, memory, forking."""
    clock = ManualClock()
    began = time.perf_counter()
    store, disk = open_store(folder / "empty", clock)
    found = {"open_empty_ms": (time.perf_counter() - began) * 1e3}
    disk.close()
    store, disk = open_store(folder / "big", clock)
    with store.quiet():
        for n in range(1_000_000):
            store.put(Put(b"/registry/pods/default/%07d" % n, VALUE))
        disk.write(store.revision, [event for events, _ in store.untold for event in events])
        store.untold.clear()
    disk.close()
    del store
    began = time.perf_counter()
    store, disk = open_store(folder / "big", clock)
    found["open_million_s"] = time.perf_counter() - began
    disk.close()
    found["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    store.fork()
    found["fork_million_ms"] = (time.perf_counter() - began) * 1e3
    return found


def main() -> None:
    figures: dict[str, Any] = {"machine": platform.node(), "python": platform.python_version()}
    with tempfile.TemporaryDirectory() as folder, serving.loop_thread() as thread:

        async def durable() -> dict[str, Any]:
            store, disk = open_store(Path(folder) / "durable", thread.loop)
            backend = DurableBackend(store, disk, thread.loop)
            try:
                return await on(backend)
            finally:
                backend.close()

        async def raft() -> dict[str, Any]:
            cluster = RaftCluster.of(thread.loop, 3)
            cluster.start()
            await cluster.elected()
            try:
                return await on(cluster.client())
            finally:
                cluster.stop()

        async def over(url: str) -> dict[str, Any]:
            backend = remote.connect(url)
            try:
                return await on(backend)
            finally:
                await backend.close()

        async def in_kernel() -> dict[str, Any]:
            return await on(LocalBackend(Store(), thread.loop))

        figures["in_kernel"] = thread.call(in_kernel())
        figures["in_kernel_durable"] = thread.call(durable())
        figures["raft_3_members"] = thread.call(raft())
        figures["watchers"] = thread.call(watchers(thread.loop))
        with serving.ours() as url:
            figures["ours_over_grpc"] = thread.call(over(url))
        with real.etcd() as url:
            figures["real_etcd_over_grpc"] = thread.call(over(url))
        figures["million_keys"] = big(Path(folder))
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
