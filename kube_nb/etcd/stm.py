"""Transactions written as plain code: it runs, its reads are checked, and it runs again if one has changed.

    async def move(txn: Transaction) -> None:
        a, b = int(await txn.get(b"a")), int(await txn.get(b"b"))
        txn.put(b"a", b"%d" % (a - 1))
        txn.put(b"b", b"%d" % (b + 1))
    await run(backend, move)

How much a run is kept apart from others is an `Isolation`. Models client/v3/concurrency/stm.go.
"""

from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TypeVar

from kube_nb.etcd.backend import Backend, Compare, CompareResult, CompareTarget, DeleteRange, KeyValue, Op, Put, Range

T = TypeVar("T")


class Isolation(Enum):
    """SERIALIZABLE_SNAPSHOT: all reads come from the revision of the first one, and the commit fails if a key that was
    read or is to be written has changed since. SERIALIZABLE: the same, but only what was read must not have changed.
    REPEATABLE_READS: each key is read when it is first asked for, and must not change after that. READ_COMMITTED: what
    was read may change, the writes are made in any case."""

    SERIALIZABLE_SNAPSHOT = auto()
    SERIALIZABLE = auto()
    REPEATABLE_READS = auto()
    READ_COMMITTED = auto()


_ONE_REVISION = (Isolation.SERIALIZABLE_SNAPSHOT, Isolation.SERIALIZABLE)


class Transaction:
    """What the code sees: keys as the isolation has them, with its own writes over them."""

    def __init__(self, backend: Backend, isolation: Isolation = Isolation.SERIALIZABLE_SNAPSHOT) -> None:
        self._backend = backend
        self._isolation = isolation
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
            if self._isolation in _ONE_REVISION:
                self._revision = self._revision or found.revision
            self._reads[key] = found.kvs[0] if found.kvs else None
        return self._reads[key]

    def put(self, key: bytes, value: bytes, *, lease: int = 0) -> None:
        self._writes[key] = Put(key, value, lease)

    def delete(self, key: bytes) -> None:
        self._writes[key] = DeleteRange(key)

    async def commit(self) -> bool:
        """Write everything at once; False if something has changed since it was read."""
        reads: list[Op] = [Range(key) for key in self._reads]
        return (await self._backend.txn(self._conditions(), list(self._writes.values()), reads)).succeeded

    def _conditions(self) -> list[Compare]:
        if self._isolation is Isolation.READ_COMMITTED:
            return []
        compares = [
            Compare(key, CompareTarget.MOD, value=kv.mod_revision if kv is not None else 0)
            for key, kv in self._reads.items()
        ]
        if self._revision and self._isolation is Isolation.SERIALIZABLE_SNAPSHOT:
            compares += [
                Compare(key, CompareTarget.MOD, CompareResult.LESS, self._revision + 1)
                for key in self._writes
                if key not in self._reads
            ]
        return compares


async def run(
    backend: Backend,
    apply: Callable[[Transaction], Awaitable[T]],
    isolation: Isolation = Isolation.SERIALIZABLE_SNAPSHOT,
) -> T:
    """Run `apply` until what it read is still true when its writes are made; returns its last result."""
    while True:
        transaction = Transaction(backend, isolation)
        result = await apply(transaction)
        if await transaction.commit():
            return result
