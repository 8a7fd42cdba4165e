"""The store answers every command as a real etcd 3.4 does, in the kernel and over gRPC.

Each example starts from the same state on all sides: nothing stored, one revision, everything before it compacted.
KUBE_NB_EXAMPLES=N runs N examples of up to 60 commands.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kube_nb.etcd import errors
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.history import History
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.etcd.wire.server import Server
from tests.etcd import commands, real, serving

EXAMPLES = int(os.environ.get("KUBE_NB_EXAMPLES", "400"))


class Sides(NamedTuple):
    thread: serving.LoopThread
    real: remote.RemoteBackend


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with real.etcd() as url, serving.loop_thread() as thread:

        async def open_channel() -> remote.RemoteBackend:
            return remote.connect(url)

        backend = thread.call(open_channel())
        yield Sides(thread, backend)
        thread.call(backend.close())


async def clean(backend: Backend) -> int:
    """Delete and compact everything; returns the revision."""
    for lease in await backend.leases():
        await backend.lease_revoke(lease)
    await backend.delete_range(b"\0", b"\0")
    revision = (await backend.put(b"x")).revision + 1
    await backend.delete_range(b"x")
    await backend.compact(revision)
    return revision


def fresh(revision: int, clock: Any) -> LocalBackend:
    history = History(revision=revision)
    history.compact_revision = revision
    return LocalBackend(Store(history=history), clock)


async def compare(steps: list[commands.Command], theirs: Backend, ours: LocalBackend, through: Backend) -> None:
    for step in steps:
        revision = ours.store.revision
        command = commands.placed(step, revision)
        expected = await commands.run(command, theirs, revision)
        found = await commands.run(command, through, revision)
        assert found == expected, command


async def replay(backend: Backend, key: bytes, end: bytes, start: int, final: int, **options: bool) -> Any:
    """Every event from `start` up to the last revision, or the compaction that stands in the way."""
    watcher = backend.watch(key, end, start_revision=start, **options)
    found = []
    try:
        async for batch in watcher:
            found += batch.events
            if found and found[-1].kv.mod_revision >= final:
                return found
    except errors.Compacted:
        return watcher.compact_revision
    finally:
        watcher.cancel()


async def compare_watches(
    theirs: Backend, ours: LocalBackend, through: Backend, start: int, key: bytes, end: bytes, options: dict[str, bool]
) -> None:
    """The same watch on both sides; its first key is put and deleted so that something ends it."""
    for backend in (theirs, through):
        await backend.put(key, b"last")
        final = (await backend.delete_range(key)).revision - (1 if options.get("no_delete") else 0)
    if start == ours.store.compact_revision:
        start += 1  # at the compacted revision itself etcd 3.4 loses deletions (#19179)
    expected = await replay(theirs, key, end, start, final, **options)
    assert await replay(through, key, end, start, final, **options) == expected


WATCHES = st.tuples(
    commands.KEYS,
    st.sampled_from([b"", b"e", b"\0", b"\xff"]),
    st.sampled_from([0, 1, 3, 6, 30]),
    st.sampled_from([{}, {"prev_kv": True}, {"no_put": True}, {"no_delete": True, "prev_kv": True}]),
)
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.etcd
@pytest.mark.slow
@SETTINGS
@given(steps=st.lists(commands.COMMANDS, min_size=1, max_size=60), watch=WATCHES)
def test_the_store_in_process_equals_a_real_etcd(sides: Sides, steps: list[commands.Command], watch: Any) -> None:
    async def example() -> None:
        first = await clean(sides.real)
        ours = fresh(first, sides.thread.loop)
        await compare(steps, sides.real, ours, ours)
        key, end, back, options = watch
        start = max(ours.store.revision - back, first + 1)
        await compare_watches(sides.real, ours, ours, start, key, end, options)
        ours.close()

    sides.thread.call(example())


@pytest.mark.etcd
@pytest.mark.slow
@settings(SETTINGS, max_examples=max(EXAMPLES // 8, 10))
@given(steps=st.lists(commands.COMMANDS, min_size=1, max_size=60), watch=WATCHES)
def test_the_store_over_grpc_equals_a_real_etcd(sides: Sides, steps: list[commands.Command], watch: Any) -> None:
    async def example() -> None:
        first = await clean(sides.real)
        ours = fresh(first, sides.thread.loop)
        server = Server(ours)
        through = remote.connect(f"http://127.0.0.1:{await server.start()}")
        try:
            await compare(steps, sides.real, ours, through)
            key, end, back, options = watch
            start = max(ours.store.revision - back, first + 1)
            await compare_watches(sides.real, ours, through, start, key, end, options)
        finally:
            await through.close()
            await server.stop()
            ours.close()

    sides.thread.call(example())
