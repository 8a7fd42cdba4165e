"""Transactions written as plain code: it runs, its reads are checked, and it runs again if one has changed.

    async def move(txn: Transaction) -> None:
        a, b = int(await txn.get(b"a")), int(await txn.get(b"b"))
        txn.put(b"a", b"%d" % (a - 1))
        txn.put(b"b", b"%d" % (b + 1))
    await run(backend, move)

Isolation is that of client/v3/concurrency's SerializableSnapshot: all reads come from the revision of the first one,
and the commit fails if a key that was read or is to be written has changed since.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kube_nb.etcd.backend import Backend, Compare, CompareResult, CompareTarget, DeleteRange, KeyValue, Op, Put, Range

T = TypeVar("T")


class Transaction:
    """What the code sees: keys as of one revision, with its own writes over them."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._revision = 0
        self._reads: dict[bytes, KeyValue | None] = {}
        self._writes: dict[bytes, Op] = {}

    async def get(self, key: bytes) -> bytes:
        """The key's value, empty if it is not there."""
        written = self._writes.get(key)
        if written is not None:
            return written.value if isinstance(written, Put) else b""
        kv = await self._read(key)
        return b"" if kv is None else kv.value

    async def _read(self, key: bytes) -> KeyValue | None:
        if key not in self._reads:
            found = await self._backend.range(key, revision=self._revision)
            self._revision = self._revision or found.revision
            self._reads[key] = found.kvs[0] if found.kvs else None
        return self._reads[key]

    def put(self, key: bytes, value: bytes, *, lease: int = 0) -> None:
        self._writes[key] = Put(key, value, lease)

    def delete(self, key: bytes) -> None:
        self._writes[key] = DeleteRange(key)

    async def commit(self) -> bool:
        """Write everything at once; False if something has changed since it was read."""
        compares = [
            Compare(key, CompareTarget.MOD, value=kv.mod_revision if kv is not None else 0)
            for key, kv in self._reads.items()
        ]
        if self._revision:
            compares += [
                Compare(key, CompareTarget.MOD, CompareResult.LESS, self._revision + 1)
                for key in self._writes
                if key not in self._reads
            ]
        reads: list[Op] = [Range(key) for key in self._reads]
        return (await self._backend.txn(compares, list(self._writes.values()), reads)).succeeded


async def run(backend: Backend, apply: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run `apply` until what it read is still true when its writes are made; returns its last result."""
    while True:
        transaction = Transaction(backend)
        result = await apply(transaction)
        if await transaction.commit():
            return result
