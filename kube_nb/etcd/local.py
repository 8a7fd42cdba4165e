"""`LocalBackend`: the store as the in-kernel `Backend`, on the loop's time.

Nothing suspends but `Watcher.__anext__`. One timer stands for the next lease to expire.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from kube_nb.etcd import VERSION, members, snapshots
from kube_nb.etcd.backend import (
    Alarm,
    AlarmType,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    HashKvResult,
    Identity,
    LeaseGrantResult,
    LeaseTimeToLiveResult,
    Member,
    Op,
    OptimisticResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    StatusResult,
    Txn,
    TxnResult,
    WatchBatch,
)
from kube_nb.etcd.errors import (
    BadTransferee,
    Code,
    EtcdError,
    MemberNotFound,
    NotLearner,
    Stopped,
    WatchCanceled,
)
from kube_nb.etcd.guard import Guarded
from kube_nb.etcd.store import Store
from kube_nb.etcd.watch import Callback
from kube_nb.machinery import clock as clocks
from kube_nb.machinery.clock import Clock

T = TypeVar("T")
#: How often an idle watcher that asked for it is told how far the store is (etcd: watch-progress-notify-interval).
PROGRESS_INTERVAL_S = 600.0
#: The raft term of a member that has never met another: its first election is its second term.
_FIRST_TERM = 2


class LocalBackend:
    """A `Backend` over a `Store`. Its lease timer needs the running loop, from the first lease on, until `close`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        member: Member | None = None,
        progress_interval_s: float = PROGRESS_INTERVAL_S,
    ) -> None:
        self.member = member or members.new("default", ("http://localhost:2380",), ("http://localhost:2379",))
        self.store = store
        self.clock = clock
        self.progress_interval_s = progress_interval_s
        self._timer: asyncio.TimerHandle | None = None
        self._watchers: dict[LocalWatcher, None] = {}
        self._closing: dict[Callable[[], None], None] = {}
        self._closed = False
        self._identity: Identity | None = None
        self._arm()

    def fork(self, clock: Clock, at: int = 0) -> "LocalBackend":
        """An independent backend from revision `at` on, on its own clock, which should show the same time."""
        return LocalBackend(
            self.store.fork(at, now_s=clock.time()),
            clock,
            member=self.member,
            progress_interval_s=self.progress_interval_s,
        )

    def promote(self) -> None:
        """Give every lease its whole time again, as etcd does when a member starts to lead; for a restarted etcd."""
        self.store.leases.promote(self.clock.time())
        self._arm()

    def close(self) -> None:
        """Stop the timer and end every watcher; the store stays readable."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for watcher in list(self._watchers):
            watcher.end(Stopped())
        for callback in list(self._closing):
            callback()

    def on_close(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called when the backend closes; returns what takes that back."""
        self._closing[callback] = None
        return lambda: self._closing.pop(callback, None)

    @property
    def has_leader(self) -> bool:
        return True

    async def _write(self, operation: Callable[..., T], *arguments: Any) -> T:
        """Do what changes the store; a durable backend does more here."""
        return operation(*arguments)

    # -- keys ----------------------------------------------------------------------------------------------------

    async def range(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        limit: int = 0,
        revision: int = 0,
        sort_order: int = 0,
        sort_target: int = 0,
        serializable: bool = False,
        keys_only: bool = False,
        count_only: bool = False,
        min_mod_revision: int = 0,
        max_mod_revision: int = 0,
        min_create_revision: int = 0,
        max_create_revision: int = 0,
    ) -> RangeResult:
        return self.store.range(
            Range(
                key,
                range_end,
                limit,
                revision,
                sort_order,
                sort_target,
                serializable,
                keys_only,
                count_only,
                min_mod_revision,
                max_mod_revision,
                min_create_revision,
                max_create_revision,
            )
        )

    async def put(
        self,
        key: bytes,
        value: bytes = b"",
        *,
        lease: int = 0,
        prev_kv: bool = False,
        ignore_value: bool = False,
        ignore_lease: bool = False,
    ) -> PutResult:
        return await self._write(self.store.put, Put(key, value, lease, prev_kv, ignore_value, ignore_lease))

    async def delete_range(self, key: bytes, range_end: bytes = b"", *, prev_kv: bool = False) -> DeleteRangeResult:
        return await self._write(self.store.delete_range, DeleteRange(key, range_end, prev_kv))

    async def txn(
        self, compare: Sequence[Compare] = (), success: Sequence[Op] = (), failure: Sequence[Op] = ()
    ) -> TxnResult:
        return await self._write(self.store.txn, Txn(compare, success, failure))

    async def optimistic_put(
        self, key: bytes, value: bytes, expected_revision: int, *, lease: int = 0, get_on_failure: bool = False
    ) -> OptimisticResult:
        return await self._write(self.store.optimistic_put, key, value, expected_revision, lease, get_on_failure)

    async def optimistic_delete(
        self, key: bytes, expected_revision: int, *, get_on_failure: bool = False
    ) -> OptimisticResult:
        return await self._write(self.store.optimistic_delete, key, expected_revision, get_on_failure)

    async def compact(self, revision: int, *, physical: bool = False) -> int:
        return await self._write(self.store.compact, revision)

    async def status(self) -> StatusResult:
        size_bytes = self.store.history.size_bytes
        return StatusResult(
            self.store.revision,
            VERSION,
            db_size_bytes=size_bytes,
            db_size_in_use_bytes=size_bytes,
            leader=self.member.id,
            raft_index=self.store.revision,
            raft_applied_index=self.store.revision,
            raft_term=self.identity().raft_term,
            cluster_id=self.identity().cluster_id,
            member_id=self.member.id,
        )

    def identity(self) -> Identity:
        if self._identity is None or self._identity.member_id != self.member.id:
            self._identity = Identity(members.cluster_id([self.member]), self.member.id, _FIRST_TERM)
        return self._identity

    async def member_list(self) -> list[Member]:
        return [self.member]

    async def hash_kv(self, revision: int = 0) -> HashKvResult:
        return self.store.hash_kv(revision)

    # -- maintenance ---------------------------------------------------------------------------------------------

    def at(self, endpoint: str) -> "LocalBackend":
        return self

    async def alarms(self) -> list[Alarm]:
        return [Alarm(self.member.id, alarm) for alarm in self.store.alarms]

    async def alarm_disarm(self, type: AlarmType = AlarmType.NONE) -> list[Alarm]:
        return [Alarm(self.member.id, alarm) for alarm in await self._write(self.store.disarm, type)]

    def as_user(self, name: str = "", password: str = "") -> Guarded:
        """The backend as a user sees it; AuthFailed. Without a name: as somebody who has not said who he is."""
        if name:
            self.store.auth.check_password(name, password)
        return Guarded(self, lambda: self.store.auth, name)

    async def auth_change(self, method: str, *arguments: Any) -> None:
        """A change of users, roles or the switch, by `AuthStore`'s method."""
        await self._write(self.store.auth_change, method, *arguments)

    async def defragment(self) -> None:
        """Nothing to do: what is in memory has no gaps."""

    async def snapshot(self) -> AsyncIterator[bytes]:
        for piece in snapshots.pieces(self.store):
            yield piece

    async def move_leader(self, to: int) -> None:
        """Refused: there is nobody else."""
        raise BadTransferee

    async def member_add(self, name: str, peer_urls: tuple[str, ...], *, learner: bool = False) -> Member:
        raise _single()

    async def member_remove(self, id: int) -> list[Member]:
        raise MemberNotFound if id != self.member.id else _single()

    async def member_update(self, id: int, peer_urls: tuple[str, ...]) -> list[Member]:
        if id != self.member.id:
            raise MemberNotFound
        self.member = self.member._replace(peer_urls=peer_urls)
        return [self.member]

    async def member_promote(self, id: int) -> list[Member]:
        raise MemberNotFound if id != self.member.id else NotLearner

    # -- watching ------------------------------------------------------------------------------------------------

    def watch(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        start_revision: int = 0,
        prev_kv: bool = False,
        progress_notify: bool = False,
        no_put: bool = False,
        no_delete: bool = False,
    ) -> "LocalWatcher":
        watcher = LocalWatcher(self.store, self.progress_interval_s if progress_notify else 0.0)
        if self._closed:
            watcher.end(Stopped())
            return watcher
        watcher.on_end = lambda: self._watchers.pop(watcher, None)
        self._watchers[watcher] = None
        watcher.start(
            key, range_end, start_revision=start_revision, prev_kv=prev_kv, no_put=no_put, no_delete=no_delete
        )
        return watcher

    def subscribe(self, key: bytes, range_end: bytes, callback: Callback) -> Callable[[], None]:
        return self.store.subscribe(key, range_end, callback)

    # -- leases --------------------------------------------------------------------------------------------------

    async def lease_grant(self, ttl_s: int, id: int = 0) -> LeaseGrantResult:
        result = await self._write(self.store.lease_grant, ttl_s, id, self.clock.time())
        self._arm()
        return result

    async def lease_revoke(self, id: int) -> int:
        return await self._write(self.store.lease_revoke, id)

    async def lease_keep_alive(self, id: int) -> int:
        ttl_s = self.store.lease_keep_alive(id, self.clock.time())
        self._arm()
        return ttl_s

    async def lease_time_to_live(self, id: int, *, keys: bool = False) -> LeaseTimeToLiveResult:
        return self.store.lease_time_to_live(id, self.clock.time(), keys=keys)

    async def leases(self) -> list[int]:
        return self.store.leases.ids()

    def _arm(self) -> None:
        """Have the timer stand at the next expiry, unless it already fires before that."""
        at = self.store.leases.next_expiry_s()
        if at is None or self._closed or (self._timer is not None and self._timer.when() <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        with clocks.periodic():
            loop = self.clock if isinstance(self.clock, asyncio.AbstractEventLoop) else asyncio.get_running_loop()
            self._timer = loop.call_at(at, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self.store.expire(self.clock.time())
        self._arm()


def _single() -> EtcdError:
    return EtcdError("etcdserver: this store has a single member for good: it runs without Raft", Code.UNIMPLEMENTED)


class LocalWatcher:
    """A `Watcher` for one reader on the store's own loop."""

    def __init__(self, store: Store, progress_interval_s: float) -> None:
        self.compact_revision = 0
        self.on_end: Callable[[], object] = lambda: None
        self._store = store
        self._batches: deque[WatchBatch] = deque()
        self._end: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._progress_interval_s = progress_interval_s
        self._progress_timer: asyncio.TimerHandle | None = None
        self._progress_due = False
        self._leave: Callable[[], None] = lambda: None

    def start(
        self, key: bytes, range_end: bytes, *, start_revision: int, prev_kv: bool, no_put: bool, no_delete: bool
    ) -> None:
        try:
            self._watcher, listener = self._store.watch(
                key,
                range_end,
                self._wake,
                start_revision=start_revision,
                prev_kv=prev_kv,
                no_put=no_put,
                no_delete=no_delete,
            )
        except WatchCanceled as error:
            self.end(error)
            return
        self._leave = lambda: self._store.audience.leave(listener)
        self._arm_progress()

    def cancel(self) -> None:
        self.end(StopAsyncIteration())

    def end(self, why: Exception) -> None:
        """The iteration raises `why` from now on."""
        if self._end is not None:
            return
        self._end = why
        self._leave()
        if self._progress_timer is not None:
            self._progress_timer.cancel()
        self.on_end()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def __aiter__(self) -> AsyncIterator[WatchBatch]:
        return self

    async def __anext__(self) -> WatchBatch:
        while not self._batches:
            self._fill()
            if not self._batches:
                self._waiter = asyncio.get_running_loop().create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
        return self._batches.popleft()

    def _fill(self) -> None:
        """Take what there is; raise at the end. What was told before a cancellation is still delivered."""
        if self._end is not None:
            raise self._end
        try:
            while not self._batches:
                self._batches += self._watcher.pull()
                if self._watcher.synced:
                    break
        except Exception as error:
            self.compact_revision = self._watcher.compact_revision
            self.end(error)
            raise
        if not self._batches and self._progress_due:
            self._batches.append(WatchBatch((), self._store.revision))
        if self._batches:
            self._progress_due = False

    # -- progress ------------------------------------------------------------------------------------------------

    def _arm_progress(self) -> None:
        if self._progress_interval_s and self._end is None:
            with clocks.periodic():
                loop = asyncio.get_running_loop()
                self._progress_timer = loop.call_later(self._progress_interval_s, self._tell_progress)

    def _tell_progress(self) -> None:
        if not self._watcher.waits_for_future:
            self._progress_due = True
            self._wake()
        self._arm_progress()
