"""Who hears what, from which revision on, and what happens to those who fall behind."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.etcd import errors
from kube_nb.etcd.backend import DELETE, PUT, DeleteRange, Event, KeyValue, Put, Txn, WatchBatch, prefix_end
from kube_nb.etcd.interval import Interval
from kube_nb.etcd.local import LocalBackend, LocalWatcher
from kube_nb.etcd.store import Store
from kube_nb.etcd.watch import MAX_PENDING, Audience
from kube_nb.machinery import clock


def backend() -> LocalBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, clock.Calendar)
    return LocalBackend(Store(), loop)


async def take(watcher: LocalWatcher, count: int) -> list[WatchBatch]:
    return [await anext(watcher) for _ in range(count)]


def seen(batches: list[WatchBatch]) -> list[tuple[int, list[tuple[str, bytes]]]]:
    return [(batch.revision, [(event.type.name, event.kv.key) for event in batch.events]) for batch in batches]


def revisions(batches: list[WatchBatch]) -> list[int]:
    return [event.kv.mod_revision for batch in batches for event in batch.events]


async def test_a_watcher_hears_only_of_its_keys_from_now_on() -> None:
    store = backend()
    await store.put(b"/pods/a", b"old")
    watcher = store.watch(b"/pods/", b"/pods0")
    await store.put(b"/nodes/a", b"no")
    await store.put(b"/pods/a", b"new")
    await store.delete_range(b"/pods/a")
    assert await take(watcher, 2) == [
        WatchBatch((Event(PUT, KeyValue(b"/pods/a", b"new", 2, 4, 2)),), 4),
        WatchBatch((Event(DELETE, KeyValue(b"/pods/a", mod_revision=5)),), 5),
    ]


async def test_a_watcher_waits_for_what_is_to_come() -> None:
    store = backend()
    watcher = store.watch(b"a")
    task = asyncio.create_task(take(watcher, 1))
    await asyncio.sleep(7)
    assert not task.done()
    await store.put(b"a", b"1")
    assert seen(await task) == [(2, [("PUT", b"a")])]


async def test_a_watcher_from_the_past_sees_every_revision_then_goes_on_live() -> None:
    store = backend()
    for n in range(2500):
        await store.put(b"a", b"%d" % n)
    watcher = store.watch(b"a", start_revision=3)
    batches = await take(watcher, 3)
    assert [batch.revision for batch in batches] == [1002, 2002, 2501]
    assert revisions(batches) == list(range(3, 2502))
    await store.put(b"a", b"live")
    assert (await anext(watcher)).events[0].kv.value == b"live"


async def test_a_watcher_from_the_future_hears_nothing_before() -> None:
    store = backend()
    watcher = store.watch(b"a", start_revision=4, progress_notify=True)
    task = asyncio.create_task(take(watcher, 1))
    await store.put(b"a", b"2")
    await asyncio.sleep(1500)
    assert not task.done()
    await store.put(b"a", b"3")
    await store.put(b"a", b"4")
    assert seen(await task) == [(4, [("PUT", b"a")])]


async def test_the_events_of_one_revision_come_together() -> None:
    store = backend()
    watcher = store.watch(b"a", b"z", prev_kv=True)
    await store.put(b"b", b"old")
    await store.txn([], [Put(b"c", b"1"), DeleteRange(b"b"), Put(b"a", b"2")])
    first, second = await take(watcher, 2)
    assert first.revision == 2
    assert seen([second]) == [(3, [("PUT", b"c"), ("DELETE", b"b"), ("PUT", b"a")])]
    assert [event.prev_kv for event in second.events] == [None, KeyValue(b"b", b"old", 2, 2, 1), None]


async def test_prev_kv_comes_only_to_those_who_asked() -> None:
    store = backend()
    await store.put(b"a", b"1")
    plain, full = store.watch(b"a"), store.watch(b"a", prev_kv=True)
    await store.put(b"a", b"2")
    assert (await anext(plain)).events[0].prev_kv is None
    assert (await anext(full)).events[0].prev_kv == KeyValue(b"a", b"1", 2, 2, 1)


async def test_filters_drop_puts_or_deletes() -> None:
    store = backend()
    no_put, no_delete = store.watch(b"a", no_put=True), store.watch(b"a", no_delete=True)
    await store.put(b"a", b"1")
    await store.delete_range(b"a")
    await store.put(b"a", b"2")
    assert seen(await take(no_put, 1)) == [(3, [("DELETE", b"a")])]
    assert seen(await take(no_delete, 2)) == [(2, [("PUT", b"a")]), (4, [("PUT", b"a")])]


async def test_a_watcher_whose_start_is_compacted_is_told_from_where_it_can_read() -> None:
    store = backend()
    for n in range(5):
        await store.put(b"a", b"%d" % n)
    await store.compact(4)
    watcher = store.watch(b"a", start_revision=3)
    with pytest.raises(errors.Compacted):
        await anext(watcher)
    assert watcher.compact_revision == 4
    assert revisions(await take(store.watch(b"a", start_revision=4), 1)) == [4, 5, 6]


async def test_a_deletion_at_the_compacted_revision_is_still_told() -> None:
    store = backend()
    await store.put(b"a", b"1")
    await store.delete_range(b"a")
    await store.compact(3)
    watcher = store.watch(b"a", start_revision=3, prev_kv=True)
    assert await anext(watcher) == WatchBatch((Event(DELETE, KeyValue(b"a", mod_revision=3)),), 3)


async def test_prev_kv_that_is_compacted_away_is_missing() -> None:
    store = backend()
    for value in (b"2", b"3", b"4"):
        await store.put(b"a", value)
    await store.compact(3)
    batch = await anext(store.watch(b"a", start_revision=3, prev_kv=True))
    assert [event.prev_kv for event in batch.events] == [None, KeyValue(b"a", b"3", 2, 3, 2)]


async def test_a_reader_who_falls_behind_misses_nothing_and_holds_little() -> None:
    store = backend()
    watcher = store.watch(b"a")
    total = 3 * MAX_PENDING
    for n in range(total):
        await store.put(b"a", b"%d" % n)
    assert len(watcher._watcher._pending) <= MAX_PENDING
    assert revisions(await take(watcher, 3)) == list(range(2, total + 2))


async def test_a_reader_overtaken_by_compaction_is_told() -> None:
    store = backend()
    watcher = store.watch(b"a")
    for n in range(MAX_PENDING + 1):
        await store.put(b"a", b"%d" % n)
    await store.compact(store.store.revision)
    with pytest.raises(errors.Compacted):
        await anext(watcher)


@pytest.mark.parametrize("end", [b"a", b"A"], ids=["of no length", "backwards"])
async def test_an_empty_interval_cannot_be_watched(end: bytes) -> None:
    watcher = backend().watch(b"a", end)
    with pytest.raises(errors.WatchCanceled, match="watcher range is empty"):
        await anext(watcher)


async def test_the_empty_key_stands_for_everything() -> None:
    store = backend()
    watcher = store.watch(b"", b"\0")
    await store.put(b"\0", b"1")
    await store.put(b"\xff\xff", b"2")
    assert [batch.events[0].kv.key for batch in await take(watcher, 2)] == [b"\0", b"\xff\xff"]


async def test_a_cancelled_watcher_ends_and_leaves_the_audience() -> None:
    store = backend()
    watcher = store.watch(b"a")
    task = asyncio.create_task(_collect(watcher))
    await asyncio.sleep(0)
    watcher.cancel()
    assert await task == []
    assert len(store.store.audience) == 0
    assert await _collect(watcher) == []


async def _collect(watcher: LocalWatcher) -> list[WatchBatch]:
    return [batch async for batch in watcher]


async def test_an_idle_watcher_is_told_of_progress() -> None:
    store = backend()
    watcher = store.watch(b"a", progress_notify=True)
    await store.put(b"b", b"1")
    assert await anext(watcher) == WatchBatch((), 2)
    assert asyncio.get_running_loop().time() == 600
    watcher.cancel()


async def test_closing_the_backend_ends_its_watchers() -> None:
    store = backend()
    watcher = store.watch(b"a")
    store.close()
    with pytest.raises(errors.Stopped):
        await anext(watcher)
    with pytest.raises(errors.Stopped):
        await anext(store.watch(b"a"))


def test_a_subscriber_hears_before_the_writer_goes_on() -> None:
    store = Store()
    heard: list[tuple[int, int]] = []
    unsubscribe = store.subscribe(b"a", b"b", lambda events, revision: heard.append((len(events), revision)))
    store.put(Put(b"a1"))
    assert heard == [(1, 2)]
    store.txn(Txn([], [Put(b"a1"), Put(b"b"), Put(b"a2")]))
    assert heard == [(1, 2), (2, 3)]
    unsubscribe()
    store.put(Put(b"a1"))
    assert len(heard) == 2


def test_what_a_subscriber_writes_is_told_in_order_to_all() -> None:
    store = Store()
    first: list[int] = []
    second: list[int] = []

    def echo(events: tuple[Event, ...], revision: int) -> None:
        first.append(revision)
        if revision == 2:
            store.put(Put(b"echo"))

    store.subscribe(b"\0", b"\0", echo)
    store.subscribe(b"\0", b"\0", lambda events, revision: second.append(revision))
    store.put(Put(b"a"))
    assert first == second == [2, 3]


KEYS = st.binary(min_size=1, max_size=3).map(lambda raw: bytes(b % 4 + 0x61 if b % 9 else 0xFF for b in raw))


@given(st.lists(st.tuples(KEYS, KEYS | st.none() | st.just(b"single") | st.just(b"prefix")), max_size=12), KEYS)
def test_the_audience_of_a_key_is_everybody_whose_interval_holds_it(
    wanted: list[tuple[bytes, bytes | None]], key: bytes
) -> None:
    audience = Audience()
    listeners = []
    for start, kind in wanted:
        end: bytes | None = kind
        if kind == b"single":
            end = start + b"\0"
        elif kind == b"prefix":
            end = None if prefix_end(start) == b"\0" else prefix_end(start)
        listeners.append(audience.join(Interval(start, end), lambda events, revision: None))
    assert audience.of(key) == [listener for listener in listeners if key in listener.within]
    for listener in listeners[::2]:
        audience.leave(listener)
    assert audience.of(key) == [listener for listener in listeners[1::2] if key in listener.within]
    assert len(audience) == len(listeners[1::2])
