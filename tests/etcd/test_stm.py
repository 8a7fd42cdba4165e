"""Transactions as code: nothing is lost however many run at once."""

import asyncio

import pytest

from kube_nb.etcd import stm
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.stm import Isolation, Transaction, run
from kube_nb.etcd.store import Store
from kube_nb.machinery.loop import ClusterLoop


def cluster_loop() -> ClusterLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    return loop


async def test_concurrent_transfers_keep_the_sum() -> None:
    cluster = RaftCluster.of(cluster_loop(), 3)
    cluster.start()
    await cluster.elected()
    await asyncio.sleep(1)
    accounts = [b"a", b"b", b"c"]
    members = list(cluster.running.values())
    for account in accounts:
        await members[0].put(account, b"100")
    tries = 0

    async def transfer(number: int) -> None:
        source, target = accounts[number % 3], accounts[(number + 1) % 3]

        async def move(txn: stm.Transaction) -> None:
            nonlocal tries
            tries += 1
            left = int(await txn.get(source)) - number
            txn.put(source, b"%d" % left)
            txn.put(target, b"%d" % (int(await txn.get(target)) + number))

        await stm.run(members[number % 3], move)

    await asyncio.gather(*(transfer(number) for number in range(20)))
    values = [int((await members[1].range(account)).kvs[0].value) for account in accounts]
    assert sum(values) == 300
    assert tries > 20
    cluster.stop()


async def test_a_transaction_sees_one_revision_and_its_own_writes() -> None:
    backend = LocalBackend(Store(), cluster_loop())
    await backend.put(b"a", b"1")
    await backend.put(b"b", b"1")
    runs = 0

    async def look(txn: stm.Transaction) -> tuple[bytes, bytes, bytes]:
        nonlocal runs
        runs += 1
        first = await txn.get(b"a")
        if runs == 1:
            await backend.put(b"b", b"2")
        second = await txn.get(b"b")
        txn.put(b"c", b"3")
        txn.delete(b"a")
        return first, second, await txn.get(b"c") + await txn.get(b"a")

    assert await stm.run(backend, look) == (b"1", b"2", b"3")
    assert runs == 2
    assert [kv.key for kv in (await backend.range(b"\0", b"\0")).kvs] == [b"b", b"c"]


@pytest.mark.parametrize(
    ("isolation", "meanwhile", "saw", "runs"),
    [
        (Isolation.SERIALIZABLE_SNAPSHOT, b"second", (b"1", b"1"), 2),
        (Isolation.SERIALIZABLE, b"second", (b"1", b"1"), 2),
        (Isolation.REPEATABLE_READS, b"second", (b"1", b"2"), 1),
        (Isolation.READ_COMMITTED, b"second", (b"1", b"2"), 1),
        (Isolation.SERIALIZABLE_SNAPSHOT, b"first", (b"1", b"1"), 2),
        (Isolation.SERIALIZABLE, b"first", (b"1", b"1"), 2),
        (Isolation.REPEATABLE_READS, b"first", (b"1", b"1"), 2),
        (Isolation.READ_COMMITTED, b"first", (b"1", b"1"), 1),
        (Isolation.SERIALIZABLE_SNAPSHOT, b"written", (b"1", b"1"), 2),
        (Isolation.SERIALIZABLE, b"written", (b"1", b"1"), 1),
        (Isolation.REPEATABLE_READS, b"written", (b"1", b"1"), 1),
        (Isolation.READ_COMMITTED, b"written", (b"1", b"1"), 1),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Isolation) else None,
)
async def test_an_isolation_says_what_is_seen_and_what_makes_it_run_again(
    isolation: Isolation, meanwhile: bytes, saw: tuple[bytes, bytes], runs: int
) -> None:
    """Somebody changes one key between the reads of two."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    store = LocalBackend(Store(), loop)
    for key in (b"first", b"second", b"written"):
        await store.put(key, b"1")
    seen: list[tuple[bytes, bytes]] = []

    async def work(txn: Transaction) -> None:
        first = await txn.get(b"first")
        if not seen:
            await store.put(meanwhile, b"2")
        seen.append((first, await txn.get(b"second")))
        txn.put(b"written", b"%b %b" % seen[-1])

    await run(store, work, isolation)
    assert (seen[0], len(seen)) == (saw, runs)
    assert (await store.range(b"written")).kvs[0].value == b"%b %b" % seen[-1]
