"""Leases: granted, renewed, revoked, expired to the second."""

import asyncio

import pytest

from kube_nb.etcd import errors
from kube_nb.etcd.lease import FIRST_ID
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery import clock
from kube_nb.machinery.loop import ClusterLoop


def cluster_loop() -> ClusterLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return loop


def backend() -> LocalBackend:
    return LocalBackend(Store(), cluster_loop())


async def keys(store: LocalBackend) -> list[bytes]:
    return [kv.key for kv in (await store.range(b"\0", b"\0")).kvs]


async def test_an_expired_lease_takes_its_keys_in_one_revision() -> None:
    store = backend()
    lease = await store.lease_grant(10, 7)
    assert (lease.id, lease.ttl_s, lease.revision) == (7, 10, 1)
    for key in (b"b", b"a"):
        await store.put(key, b"", lease=7)
    await store.put(b"c")
    watcher = store.watch(b"\0", b"\0")
    batch = await anext(watcher)
    assert asyncio.get_running_loop().time() == 10
    assert [(event.type.name, event.kv.key) for event in batch.events] == [("DELETE", b"a"), ("DELETE", b"b")]
    assert await keys(store) == [b"c"]
    assert await store.leases() == []


async def test_a_renewed_lease_lives_on_from_its_renewal() -> None:
    store = backend()
    await store.lease_grant(10, 7)
    await store.put(b"a", lease=7)
    await asyncio.sleep(6)
    assert await store.lease_keep_alive(7) == 10
    await asyncio.sleep(9)
    assert await keys(store) == [b"a"]
    assert (await store.lease_time_to_live(7, keys=True)) == (2, 7, 1, 10, [b"a"])
    await asyncio.sleep(1)
    assert await keys(store) == []
    assert await store.lease_keep_alive(7) == 0
    assert (await store.lease_time_to_live(7)).ttl_s == -1


async def test_many_leases_expire_each_at_its_time() -> None:
    store = backend()
    for ttl in (30, 10, 20):
        await store.lease_grant(ttl, ttl)
        await store.put(b"%d" % ttl, lease=ttl)
    assert await store.leases() == [10, 20, 30]
    await asyncio.sleep(15)
    assert await keys(store) == [b"20", b"30"]
    await asyncio.sleep(10)
    assert await keys(store) == [b"30"]


async def test_revoking_deletes_the_keys_at_once() -> None:
    store = backend()
    await store.lease_grant(10, 7)
    await store.put(b"a", lease=7)
    assert await store.lease_revoke(7) == 3
    assert await keys(store) == []
    with pytest.raises(errors.LeaseNotFound):
        await store.lease_revoke(7)


async def test_a_key_hangs_on_the_lease_of_its_last_put_only() -> None:
    store = backend()
    await store.lease_grant(10, 1)
    await store.lease_grant(20, 2)
    await store.put(b"switched", lease=1)
    await store.put(b"switched", lease=2)
    await store.put(b"freed", lease=1)
    await store.put(b"freed")
    await store.put(b"deleted", lease=1)
    await store.delete_range(b"deleted")
    await store.put(b"deleted")
    await store.lease_revoke(1)
    assert await keys(store) == [b"deleted", b"freed", b"switched"]
    await store.lease_revoke(2)
    assert await keys(store) == [b"deleted", b"freed"]


@pytest.mark.parametrize(
    ("ttl_s", "id", "error"),
    [
        pytest.param(10, 7, errors.LeaseExists, id="taken id"),
        pytest.param(9_000_000_001, 8, errors.LeaseTTLTooLarge, id="too long"),
    ],
)
async def test_a_grant_refuses(ttl_s: int, id: int, error: type[errors.EtcdError]) -> None:
    store = backend()
    await store.lease_grant(10, 7)
    with pytest.raises(error):
        await store.lease_grant(ttl_s, id)


async def test_the_store_picks_ids_and_a_shortest_ttl() -> None:
    store = backend()
    await store.lease_grant(10, 1)
    assert (await store.lease_grant(1))[1:] == (FIRST_ID, 2)
    assert (await store.lease_grant(1, -5))[1:] == (-5, 2)


def test_the_lease_timer_is_housekeeping() -> None:
    loop = ClusterLoop()
    store = LocalBackend(Store(), loop)
    try:
        loop.run_command(store.lease_grant(10, 7))
        loop.run_command(loop.settle())
        assert loop.time() == 0
        loop.run_command(loop.advance(10))
        assert list(store.store.leases.ids()) == []
    finally:
        loop.close()


async def test_a_closed_backend_leaves_no_timer() -> None:
    store = backend()
    await store.lease_grant(10, 7)
    store.close()
    assert store._timer is not None
    assert store._timer.cancelled()


def test_leases_need_no_loop_but_only_the_time() -> None:
    time = clock.ManualClock()
    store = Store()
    store.lease_grant(10, 7, time.time())
    time.advance(9.9)
    assert store.expire(time.time()) == []
    time.advance(0.1)
    assert store.expire(time.time()) == [7]


async def test_a_restarted_etcd_gives_every_lease_its_whole_time_again() -> None:
    store = backend()
    await store.lease_grant(10, 7)
    await store.put(b"a", lease=7)
    await asyncio.sleep(8)
    store.close()
    again = LocalBackend(store.store, cluster_loop())
    again.promote()
    await asyncio.sleep(9)
    assert await keys(again) == [b"a"]
    await asyncio.sleep(1)
    assert await keys(again) == []
