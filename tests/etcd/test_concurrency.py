"""Locks and elections: first come, first served; who dies loses its place."""

import asyncio

import pytest

from kube_nb.etcd import concurrency
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.loop import ClusterLoop


def backend() -> LocalBackend:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return LocalBackend(Store(), loop)


async def test_a_lock_is_held_by_one_after_the_other_in_the_order_of_asking() -> None:
    store = backend()
    order: list[int] = []

    async def work(number: int) -> None:
        async with concurrency.Session(store) as session:
            held = await concurrency.claim(store, b"lock", session.lease)
            order.append(number)
            await asyncio.sleep(10)
            order.append(number)
            await concurrency.release(store, held.key)

    await asyncio.gather(*(work(number) for number in range(5)))
    assert order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert asyncio.get_running_loop().time() == 50
    assert (await store.range(b"\0", b"\0", count_only=True)).count == 0
    assert len(store.store.audience) == 0


async def test_who_dies_with_the_lock_loses_it_when_the_lease_expires() -> None:
    store = backend()
    dead = (await store.lease_grant(15)).id
    await concurrency.claim(store, b"lock", dead)
    async with concurrency.Session(store) as session:
        held = await concurrency.claim(store, b"lock", session.lease)
        assert asyncio.get_running_loop().time() == 15
        assert held.key == b"lock/%x" % session.lease


async def test_who_stops_waiting_leaves_no_key_behind() -> None:
    store = backend()
    async with concurrency.Session(store) as first, concurrency.Session(store) as second:
        held = await concurrency.claim(store, b"lock", first.lease)
        waiting = asyncio.create_task(concurrency.claim(store, b"lock", second.lease))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert [kv.key for kv in (await store.range(b"\0", b"\0")).kvs] == [held.key]


async def test_a_waiter_whose_lease_ends_is_told() -> None:
    store = backend()
    async with concurrency.Session(store) as first:
        held = await concurrency.claim(store, b"lock", first.lease)
        short = (await store.lease_grant(5)).id
        waiting = asyncio.create_task(concurrency.claim(store, b"lock", short))
        await asyncio.sleep(10)
        await concurrency.release(store, held.key)
        with pytest.raises(concurrency.LockLost):
            await waiting


async def test_a_leader_proclaims_and_resigns_and_the_next_one_follows() -> None:
    store = backend()
    seen: list[bytes] = []

    async def watch() -> None:
        async for kv, _ in concurrency.observe(store, b"election"):
            seen.append(kv.value)

    watching = asyncio.create_task(watch())
    with pytest.raises(concurrency.NoLeaderElected):
        await concurrency.leader(store, b"election")
    async with concurrency.Session(store) as one, concurrency.Session(store) as two:
        first = await concurrency.claim(store, b"election", one.lease, b"one")
        follower = asyncio.create_task(concurrency.claim(store, b"election", two.lease, b"two"))
        await asyncio.sleep(1)
        await concurrency.proclaim(store, first, b"still one")
        await asyncio.sleep(1)
        assert (await concurrency.leader(store, b"election"))[0].value == b"still one"
        await concurrency.resign(store, first)
        await follower
        with pytest.raises(concurrency.NotLeader):
            await concurrency.proclaim(store, first, b"not any more")
        await asyncio.sleep(1)
    watching.cancel()
    assert seen == [b"one", b"still one", b"two"]
