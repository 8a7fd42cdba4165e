"""The store: one revision after another, leases, watchers. Plain and synchronous, on given time.

Every method either does all of what it was asked and tells the watchers, or raises an `EtcdError` and did nothing.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from kube_nb.etcd import interval, ranges, txn
from kube_nb.etcd.auth import AuthStore
from kube_nb.etcd.backend import (
    AlarmType,
    DeleteRange,
    DeleteRangeResult,
    Event,
    HashKvResult,
    LeaseGrantResult,
    LeaseTimeToLiveResult,
    OptimisticResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
)
from kube_nb.etcd.errors import (
    Compacted,
    Corrupt,
    EmptyKey,
    FutureRevision,
    LeaseNotFound,
    NoSpace,
    RequestTooLarge,
    WatchCanceled,
)
from kube_nb.etcd.history import History
from kube_nb.etcd.lease import FIRST_ID, Leases
from kube_nb.etcd.watch import Audience, Callback, Listener, StoreWatcher

#: --max-request-bytes: 1.5 MiB.
MAX_REQUEST_BYTES = 1_572_864


class Store:
    """An MVCC key-value store; see the package's docstring.

    lease_ids: gives ids for leases whose owners chose none. quota_bytes: above it nothing but deletions are taken,
    until the alarm is disarmed; 0 is no limit.
    """

    def __init__(
        self,
        *,
        history: History | None = None,
        leases: Leases | None = None,
        lease_ids: Callable[[], int] | None = None,
        max_request_bytes: int = MAX_REQUEST_BYTES,
        quota_bytes: int = 0,
    ) -> None:
        self.history = history or History()
        self.leases = leases if leases is not None else Leases(lease_ids or count(FIRST_ID).__next__)
        self.audience = Audience()
        self.max_request_bytes = max_request_bytes
        self.quota_bytes = quota_bytes
        self.auth = AuthStore()
        self.alarms: dict[AlarmType, None] = {}
        self._telling = False
        self.untold: deque[tuple[tuple[Event, ...], int]] = deque()

    @property
    def revision(self) -> int:
        return self.history.revision

    @property
    def compact_revision(self) -> int:
        """The oldest revision that can still be read; -1 before the first compaction."""
        return self.history.compact_revision

    # -- keys ----------------------------------------------------------------------------------------------------

    def range(self, op: Range) -> RangeResult:
        ranges.check(op)
        ranges.check_revision(self.history, op.revision)
        return ranges.read(self.history, op, self.history.revision)

    def put(self, op: Put) -> PutResult:
        txn.check_put(op)
        self._check_size(len(op.key) + len(op.value))
        self._check_space(len(op.key) + len(op.value))
        if op.lease and op.lease not in self.leases:
            raise LeaseNotFound  # before KeyNotFound, unlike in a txn
        txn.check_put_state(self.history, self.leases, op)
        writing = txn.Writing(self.history, self.leases)
        result = writing.put(op)
        self._commit(tuple(writing.events))
        return result

    def delete_range(self, op: DeleteRange) -> DeleteRangeResult:
        txn.check_delete(op)
        writing = txn.Writing(self.history, self.leases)
        result = writing.delete(op)
        self._commit(tuple(writing.events))
        return result

    def txn(self, op: Txn) -> TxnResult:
        txn.check(op)
        size_bytes = txn.size_bytes(op)
        self._check_size(size_bytes)
        if txn.puts(op):
            self._check_space(size_bytes)
        path = txn.choose(self.history, op)
        txn.check_branches(self.history, self.leases, op, path)
        writing = txn.Writing(self.history, self.leases)
        result = writing.txn(op, path)
        self._commit(tuple(writing.events))
        return result

    def optimistic_put(
        self, key: bytes, value: bytes, expected_revision: int, lease: int = 0, get_on_failure: bool = False
    ) -> OptimisticResult:
        """What `Backend.optimistic_put` says, without the detour over `txn`."""
        if not key:
            raise EmptyKey
        self._check_size(len(key) + len(value))
        self._check_space(len(key) + len(value))
        history = self.history
        old = history.get(key)
        if (old.mod_revision if old is not None else 0) != expected_revision:
            return OptimisticResult(history.revision, False, old if get_on_failure else None)
        if lease and lease not in self.leases:
            raise LeaseNotFound
        event = history.put(key, value, lease, old)
        if lease or (old is not None and old.lease):
            self.leases.move(key, old.lease if old is not None else 0, lease)
        self._commit((event,))
        return OptimisticResult(event.kv.mod_revision, True, event.kv)

    def optimistic_delete(self, key: bytes, expected_revision: int, get_on_failure: bool = False) -> OptimisticResult:
        if not key:
            raise EmptyKey
        history = self.history
        old = history.get(key)
        if (old.mod_revision if old is not None else 0) != expected_revision:
            return OptimisticResult(history.revision, False, old if get_on_failure else None)
        if old is None:
            return OptimisticResult(history.revision, True)
        event = history.delete(old)
        self.leases.move(key, old.lease, 0)
        self._commit((event,))
        return OptimisticResult(event.kv.mod_revision, True, old)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self.max_request_bytes:
            raise RequestTooLarge

    def _check_space(self, size_bytes: int) -> None:
        """Raise the alarm, and NoSpace, when the quota would be passed."""
        if self.quota_bytes and self.history.size_bytes + size_bytes > self.quota_bytes:
            self.alarms[AlarmType.NOSPACE] = None
        if self.alarms:
            raise Corrupt if AlarmType.CORRUPT in self.alarms else NoSpace

    def disarm(self, type: AlarmType) -> list[AlarmType]:
        """Take alarms back (NONE: all); returns those that were on."""
        gone = [alarm for alarm in self.alarms if type in (AlarmType.NONE, alarm)]
        for alarm in gone:
            del self.alarms[alarm]
        return gone

    def auth_change(self, method: str, *arguments: Any) -> None:
        """One of `AuthStore`'s changes; the store's revision stays."""
        getattr(self.auth, method)(*arguments)

    def _commit(self, events: tuple[Event, ...]) -> None:
        if events:
            self.history.commit(events)
            self._tell(events)

    def _tell(self, events: tuple[Event, ...]) -> None:
        """Tell the watchers; of what they write meanwhile, all are told after all have heard of this."""
        self.untold.append((events, self.history.revision))
        if self._telling:
            return
        self._telling = True
        try:
            self._tell_all()
        finally:
            self._telling = False

    def _tell_all(self) -> None:
        while self.untold:
            self.audience.tell(*self.untold.popleft())

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Commits made inside wait in `untold` and are told at the end, in order."""
        self._telling = True
        try:
            yield
            self._tell_all()
        finally:
            self._telling = False

    # -- history -------------------------------------------------------------------------------------------------

    def compact(self, revision: int) -> int:
        if revision <= self.history.compact_revision:
            raise Compacted
        if revision > self.history.revision:
            raise FutureRevision
        if self.history.shared or self.history.base is not None:
            self.history = self.history.flat()
        self.history.compact(revision)
        self.leases.forget(revision)
        return self.history.revision

    def fork(self, at: int = 0, *, now_s: float = 0.0) -> "Store":
        """A second store that goes its own way from revision `at` (0: now) on; takes the same time whatever the size.

        It has the leases of that moment (see `Leases.fork`), the users and roles of now, and no watchers.
        """
        at = at or self.history.revision
        fork = Store(
            history=self.history.fork(at),
            leases=self.leases.fork(at, now_s),
            max_request_bytes=self.max_request_bytes,
            quota_bytes=self.quota_bytes,
        )
        fork.auth = self.auth.copy()
        return fork

    def hash_kv(self, revision: int = 0) -> HashKvResult:
        """A checksum of every version still kept up to `revision` (0: now)."""
        history = self.history
        if revision > history.revision:
            raise FutureRevision
        if 0 < revision <= history.compact_revision:
            raise Compacted
        until = revision or history.revision
        return HashKvResult(history.revision, history.checksum(until), history.compact_revision)

    # -- watching ------------------------------------------------------------------------------------------------

    def subscribe(self, key: bytes, range_end: bytes, callback: Callback) -> Callable[[], None]:
        """See `Backend.subscribe`."""
        listener = self.audience.join(interval.of(key, range_end), callback)
        return lambda: self.audience.leave(listener)

    def watch(
        self,
        key: bytes,
        range_end: bytes,
        wake: Callable[[], None],
        *,
        start_revision: int = 0,
        prev_kv: bool = False,
        no_put: bool = False,
        no_delete: bool = False,
    ) -> tuple[StoreWatcher, Listener]:
        """A watcher and its place in the audience, which `audience.leave` ends. wake: called when there is more to
        pull. An empty key stands for the least one. WatchCanceled: the interval is empty."""
        within = interval.of(key or b"\0", range_end)
        if within.empty:
            raise WatchCanceled("mvcc: watcher range is empty")
        watcher = StoreWatcher(
            within,
            start_revision,
            lambda: self.history,
            wake,
            prev_kv=prev_kv,
            no_put=no_put,
            no_delete=no_delete,
        )
        return watcher, self.audience.join(within, watcher.hear)

    # -- leases --------------------------------------------------------------------------------------------------

    def lease_grant(self, ttl_s: int, id: int, now_s: float) -> LeaseGrantResult:
        self._check_space(0)
        lease = self.leases.grant(ttl_s, id, now_s, self.history.revision)
        return LeaseGrantResult(self.history.revision, lease.id, lease.ttl_s)

    def lease_revoke(self, id: int) -> int:
        """Delete the lease's keys in one revision, then the lease."""
        self.leases.get(id)
        writing = txn.Writing(self.history, self.leases)
        for key in self.leases.keys(id, self.history):
            writing.delete(DeleteRange(key))
        self.leases.end(id, writing.revision)
        self._commit(tuple(writing.events))
        return self.history.revision

    def lease_keep_alive(self, id: int, now_s: float) -> int:
        return self.leases.renew(id, now_s).ttl_s if id in self.leases else 0

    def lease_checkpoint(self, remaining: Iterable[tuple[int, int]]) -> None:
        """See `Leases.checkpoint`; no revision is made."""
        self.leases.checkpoint(remaining)

    def lease_time_to_live(self, id: int, now_s: float, *, keys: bool = False) -> LeaseTimeToLiveResult:
        if id not in self.leases:
            return LeaseTimeToLiveResult(self.history.revision, id, -1, 0, [])
        lease = self.leases.get(id)
        left_s = int(max(lease.expires_s - now_s, 0))
        found = self.leases.keys(id, self.history) if keys else []
        return LeaseTimeToLiveResult(self.history.revision, id, left_s, lease.ttl_s, found)

    def expire(self, now_s: float) -> Iterable[int]:
        """Revoke every lease whose time is up; returns them."""
        expired = self.leases.expired(now_s)
        for id in expired:
            self.lease_revoke(id)
        return expired
