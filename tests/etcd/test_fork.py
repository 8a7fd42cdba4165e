"""Forks: independent, exact at any revision, and as quick for a big store as for a small one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_nb.etcd import errors
from kube_nb.etcd.backend import DeleteRange, Put, Range, RangeResult
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.loop import ClusterLoop

ALL = (b"\0", b"\0")


def contents(store: Store, revision: int = 0) -> dict[bytes, bytes]:
    return {kv.key: kv.value for kv in store.range(Range(*ALL, revision=revision)).kvs}


def test_a_fork_and_its_origin_go_their_own_ways() -> None:
    store = Store()
    store.put(Put(b"a", b"1"))
    store.put(Put(b"b", b"1"))
    fork = store.fork()
    store.put(Put(b"a", b"2"))
    fork.delete_range(DeleteRange(b"b"))
    fork.put(Put(b"c", b"3"))
    assert contents(store) == {b"a": b"2", b"b": b"1"}
    assert contents(fork) == {b"a": b"1", b"c": b"3"}
    assert (store.revision, fork.revision) == (4, 5)
    assert fork.range(Range(b"a")).kvs[0].mod_revision == 2


def test_a_fork_of_the_past_knows_nothing_of_what_came_later() -> None:
    store = Store()
    for value in (b"2", b"3", b"4"):
        store.put(Put(b"a", value))
    store.delete_range(DeleteRange(b"a"))
    store.put(Put(b"z"))
    fork = store.fork(3)
    assert fork.range(Range(*ALL)) == RangeResult(3, store.range(Range(b"a", revision=3)).kvs, 1)
    assert fork.put(Put(b"a", b"other", prev_kv=True)).prev_kv is not None
    assert contents(fork) == {b"a": b"other"}
    assert fork.range(Range(b"a")).kvs[0].version == 3
    assert [kv.value for kv in fork.range(Range(b"a", revision=2)).kvs] == [b"2"]
    with pytest.raises(errors.FutureRevision):
        store.fork(9)
    store.compact(4)
    with pytest.raises(errors.Compacted):
        store.fork(3)


def test_compacting_the_origin_takes_nothing_from_its_forks() -> None:
    store = Store()
    for value in (b"2", b"3", b"4"):
        store.put(Put(b"a", value))
    fork = store.fork(3)
    store.compact(4)
    assert contents(fork, 2) == {b"a": b"2"}
    assert contents(store) == {b"a": b"4"}
    fork.put(Put(b"b", b"f"))
    fork.compact(4)
    assert contents(fork) == {b"a": b"3", b"b": b"f"}
    with pytest.raises(errors.Compacted):
        contents(fork, 3)


async def test_a_fork_has_the_leases_of_its_moment() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    backend = LocalBackend(Store(), loop)
    await backend.lease_grant(10, 1)
    await backend.put(b"a", lease=1)
    at = backend.store.revision
    await backend.lease_grant(100, 2)
    await backend.put(b"b", lease=2)
    await asyncio.sleep(20)
    now = backend.fork(loop)
    assert await now.leases() == [2]
    assert (await now.lease_time_to_live(2, keys=True)) == (4, 2, 80, 100, [b"b"])
    then = backend.fork(loop, at)
    assert await then.leases() == [1, 2]
    assert (await then.lease_time_to_live(1, keys=True)) == (2, 1, 10, 10, [b"a"])
    await then.lease_revoke(1)
    assert contents(then.store) == {}
    assert contents(backend.store) == {b"b": b""}


async def test_a_watcher_on_a_fork_replays_the_common_past() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    backend = LocalBackend(Store(), loop)
    for n in range(4):
        await backend.put(b"a", b"%d" % n)
    fork = backend.fork(loop, 3).fork(loop)
    await backend.put(b"a", b"not there")
    await fork.put(b"a", b"there")
    watcher = fork.watch(b"a", start_revision=2)
    batch = await anext(watcher)
    assert [event.kv.value for event in batch.events] == [b"0", b"1", b"there"]


KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=2)),
    st.tuples(st.just("delete"), KEYS, KEYS),
    st.tuples(st.just("fork"), st.integers(0, 10), st.integers(0, 5)),
    st.tuples(st.just("compact"), st.integers(0, 10), st.integers(0, 5)),
)


class Model:
    """A store as a list of whole states, one a revision."""

    def __init__(self, states: list[dict[bytes, bytes]], compacted: int = -1) -> None:
        self.states = states
        self.compacted = compacted

    @property
    def revision(self) -> int:
        return len(self.states)


@given(st.lists(st.tuples(st.integers(0, 9), STEPS), max_size=40))
def test_any_tree_of_forks_reads_as_whole_copies_would(steps: list[tuple[int, tuple[str, object, object]]]) -> None:
    stores: list[tuple[Store, Model]] = [(Store(), Model([{}]))]
    for which, (verb, first, second) in steps:
        store, model = stores[which % len(stores)]
        state = dict(model.states[-1])
        if verb == "put":
            assert isinstance(first, bytes)
            assert isinstance(second, bytes)
            store.put(Put(first, second))
            model.states.append({**state, first: second})
        elif verb == "delete":
            assert isinstance(first, bytes)
            assert isinstance(second, bytes)
            left = {key: value for key, value in state.items() if not first <= key < second}
            store.delete_range(DeleteRange(first, second))
            if left != state:
                model.states.append(left)
        else:
            assert isinstance(first, int)
            at = max(1, model.revision - first)
            if at < model.compacted:
                continue
            if verb == "fork":
                stores.append((store.fork(at), Model(model.states[:at], model.compacted)))
            elif at > model.compacted:
                store.compact(at)
                model.compacted = at
    for store, model in stores:
        assert store.revision == model.revision
        for revision in range(max(model.compacted, 1), model.revision + 1):
            assert contents(store, revision) == model.states[revision - 1]
            assert store.range(Range(*ALL, revision=revision, count_only=True)).count == len(model.states[revision - 1])
        replayed = dict(model.states[max(model.compacted, 1) - 1])
        for events in store.history.events(max(model.compacted + 1, 2)):
            for event in events:
                if event.type.name == "PUT":
                    replayed[event.kv.key] = event.kv.value
                else:
                    del replayed[event.kv.key]
        assert replayed == model.states[-1]


def test_equal_forks_name_new_leases_alike_and_neither_side_sees_the_others() -> None:
    store = Store()
    first = store.lease_grant(10, 0, 0.0).id
    at = store.put(Put(b"a", b"1")).revision
    forks = [store.fork(at, now_s=1.0)]
    named = [forks[0].lease_grant(10, 0, 1.0).id for _ in range(2)]
    store.put(Put(b"a", b"2"))
    assert store.lease_grant(10, 0, 1.0).id == first + 1
    forks.append(store.fork(at, now_s=1.0))
    assert [forks[1].lease_grant(10, 0, 1.0).id for _ in range(2)] == named
