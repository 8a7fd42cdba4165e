"""`Namespaced`: a backend whose keys all begin with a prefix that its user does not see.

Models client/v3/namespace. What has no keys (leases, members, maintenance) is passed on as it is.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from kube_nb.etcd.backend import (
    Backend,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    Event,
    KeyValue,
    LeaseTimeToLiveResult,
    Op,
    OpResult,
    OptimisticResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
    WatchBatch,
    Watcher,
    prefix_end,
)


class Namespaced:
    """prefix: what stands before every key in the store."""

    def __init__(self, backend: Backend, prefix: bytes) -> None:
        self._backend = backend
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    # -- in ----------------------------------------------------------------------------------------------------------

    def _interval(self, key: bytes, range_end: bytes) -> tuple[bytes, bytes]:
        r"""``\0`` for an end is the end of the prefix, not of the store. An empty key stays, and is refused."""
        if not key:
            return b"", range_end
        if range_end == b"\0":
            return self._prefix + key, prefix_end(self._prefix)
        return self._prefix + key, self._prefix + range_end if range_end else b""

    def _op(self, op: Op) -> Op:
        match op:
            case Txn():
                return Txn(
                    [self._compare(each) for each in op.compare],
                    [self._op(each) for each in op.success],
                    [self._op(each) for each in op.failure],
                )
            case Put():
                return op._replace(key=self._interval(op.key, b"")[0])
            case Range() | DeleteRange():
                key, end = self._interval(op.key, op.range_end)
                return op._replace(key=key, range_end=end)

    def _compare(self, compare: Compare) -> Compare:
        key, end = self._interval(compare.key, compare.range_end)
        return compare._replace(key=key, range_end=end)

    # -- out ---------------------------------------------------------------------------------------------------------

    def _kv(self, kv: KeyValue) -> KeyValue:
        return kv._replace(key=kv.key[len(self._prefix) :])

    def _maybe(self, kv: KeyValue | None) -> KeyValue | None:
        return None if kv is None else self._kv(kv)

    def _result(self, result: OpResult) -> OpResult:
        match result:
            case RangeResult():
                return result._replace(kvs=[self._kv(kv) for kv in result.kvs])
            case PutResult():
                return result._replace(prev_kv=self._maybe(result.prev_kv))
            case DeleteRangeResult():
                return result._replace(prev_kvs=[self._kv(kv) for kv in result.prev_kvs])
            case TxnResult():
                return result._replace(responses=[self._result(each) for each in result.responses])

    def event(self, event: Event) -> Event:
        return Event(event.type, self._kv(event.kv), self._maybe(event.prev_kv))

    # -- requests ----------------------------------------------------------------------------------------------------

    async def range(self, key: bytes, range_end: bytes = b"", **options: Any) -> RangeResult:
        result = await self._backend.range(*self._interval(key, range_end), **options)
        return result._replace(kvs=[self._kv(kv) for kv in result.kvs])

    async def put(self, key: bytes, value: bytes = b"", **options: Any) -> PutResult:
        result = await self._backend.put(self._interval(key, b"")[0], value, **options)
        return result._replace(prev_kv=self._maybe(result.prev_kv))

    async def delete_range(self, key: bytes, range_end: bytes = b"", *, prev_kv: bool = False) -> DeleteRangeResult:
        result = await self._backend.delete_range(*self._interval(key, range_end), prev_kv=prev_kv)
        return result._replace(prev_kvs=[self._kv(kv) for kv in result.prev_kvs])

    async def txn(
        self, compare: Sequence[Compare] = (), success: Sequence[Op] = (), failure: Sequence[Op] = ()
    ) -> TxnResult:
        compare = [self._compare(each) for each in compare]
        branches = ([self._op(each) for each in branch] for branch in (success, failure))
        result = await self._backend.txn(compare, *branches)
        return result._replace(responses=[self._result(each) for each in result.responses])

    async def optimistic_put(
        self, key: bytes, value: bytes, expected_revision: int, **options: Any
    ) -> OptimisticResult:
        key = self._interval(key, b"")[0]
        result = await self._backend.optimistic_put(key, value, expected_revision, **options)
        return result._replace(kv=self._maybe(result.kv))

    async def optimistic_delete(self, key: bytes, expected_revision: int, **options: Any) -> OptimisticResult:
        result = await self._backend.optimistic_delete(self._interval(key, b"")[0], expected_revision, **options)
        return result._replace(kv=self._maybe(result.kv))

    async def lease_time_to_live(self, id: int, *, keys: bool = False) -> LeaseTimeToLiveResult:
        result = await self._backend.lease_time_to_live(id, keys=keys)
        mine = [key[len(self._prefix) :] for key in result.keys if key.startswith(self._prefix)]
        return result._replace(keys=mine)

    def watch(self, key: bytes, range_end: bytes = b"", **options: Any) -> Watcher:
        return _Watcher(self, self._backend.watch(*self._interval(key or b"\0", range_end), **options))

    def subscribe(
        self, key: bytes, range_end: bytes, callback: Callable[[tuple[Event, ...], int], None]
    ) -> Callable[[], None] | None:
        def told(events: tuple[Event, ...], revision: int) -> None:
            callback(tuple(map(self.event, events)), revision)

        return self._backend.subscribe(*self._interval(key, range_end), told)


class _Watcher:
    """A `Watcher` that takes the prefix off."""

    def __init__(self, owner: Namespaced, watcher: Watcher) -> None:
        self._owner = owner
        self._watcher = watcher
        self.compact_revision = 0

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        try:
            batch = await anext(aiter(self._watcher))
        finally:
            self.compact_revision = self._watcher.compact_revision
        return batch._replace(events=tuple(map(self._owner.event, batch.events)))

    def cancel(self) -> None:
        self._watcher.cancel()
