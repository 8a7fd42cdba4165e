"""Transactions as code: nothing is lost however many run at once."""

import asyncio

from kube_nb.etcd import stm
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
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
