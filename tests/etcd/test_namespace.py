"""Keys under a prefix look like keys of a store of their own."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_nb.etcd import errors
from kube_nb.etcd.backend import Backend, Compare, DeleteRange, DeleteRangeResult, Range, Txn
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.namespace import Namespaced
from kube_nb.etcd.store import Store
from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import commands


def store() -> LocalBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return LocalBackend(Store(), loop)


async def test_nothing_outside_is_seen_or_touched() -> None:
    whole = store()
    for key in (b"a", b"n/a", b"n/b", b"o"):
        await whole.put(key, key)
    mine = Namespaced(whole, b"n/")
    assert [kv.key for kv in (await mine.range(b"\0", b"\0")).kvs] == [b"a", b"b"]
    watcher = mine.watch(b"\0", b"\0", start_revision=2)
    result = await mine.txn([Compare(b"a", value=3)], [DeleteRange(b"\0", b"\0", True)], [Range(b"\0", b"\0")])
    (deleted,) = result.responses
    assert isinstance(deleted, DeleteRangeResult)
    assert [kv.key for kv in deleted.prev_kvs] == [b"a", b"b"]
    assert [kv.key for kv in (await whole.range(b"\0", b"\0")).kvs] == [b"a", b"o"]
    assert {event.kv.key for event in (await anext(watcher)).events} == {b"a", b"b"}
    with pytest.raises(errors.EmptyKey):
        await mine.put(b"")
    watcher.cancel()


def bounded(step: Any) -> Any:
    """Without deletions "from key on" inside a txn: etcd's check for duplicates passes over those, but not once they
    end where the prefix does."""
    if isinstance(step, Txn):
        return Txn(step.compare, *([bounded(op) for op in branch] for branch in step[1:]))
    return step._replace(range_end=b"\xff") if isinstance(step, DeleteRange) and step.range_end == b"\0" else step


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(commands.COMMANDS, max_size=30), prefix=st.sampled_from([b"n/", b"\xff", b"a"]))
def test_a_namespace_answers_as_a_store_of_its_own(steps: list[commands.Command], prefix: bytes) -> None:
    async def example() -> None:
        alone, mine = store(), Namespaced(store(), prefix)
        for step in steps:
            revision = alone.store.revision
            command = commands.placed(bounded(step), revision)
            expected = await commands.run(command, alone, revision)
            assert await commands.run(command, cast(Backend, mine), revision) == expected

    cluster_loop.run(example())
