r"""The contract: the values that go into and out of the store, and the `Backend` that serves them.

Field names and defaults are those of etcd's messages (rpc.proto, kv.proto). A single key is the interval
``(key, b"")``; ``range_end=b"\0"`` means from `key` on, `prefix_end(key)` gives all keys with the prefix `key`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol, TypeAlias


class KeyValue(NamedTuple):
    """One version of one key. A tombstone has `key` and `mod_revision` only, all else empty or 0."""

    key: bytes
    value: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    version: int = 0
    lease: int = 0


class EventType(IntEnum):
    """What happened to a key."""

    PUT = 0
    DELETE = 1


PUT, DELETE = EventType.PUT, EventType.DELETE


class Event(NamedTuple):
    """One change. kv: the new version, or the tombstone. prev_kv: what was there before, None if nothing was, or if the
    watcher did not ask for it, or if it is compacted away."""

    type: EventType
    kv: KeyValue
    prev_kv: KeyValue | None = None

    @property
    def is_create(self) -> bool:
        return self.type is PUT and self.kv.version == 1


class WatchBatch(NamedTuple):
    """What a watcher gets at a time: the events of one revision in the order of their making; of several while it
    catches up with the past; none as a sign of progress.

    revision: everything up to it has been delivered; an event's own is its `kv.mod_revision`.
    """

    events: tuple[Event, ...]
    revision: int


class SortTarget(IntEnum):
    """What a range is sorted by."""

    KEY = 0
    VERSION = 1
    CREATE = 2
    MOD = 3
    VALUE = 4


class SortOrder(IntEnum):
    """NONE is the order of keys; with another target than KEY it acts as ASCEND."""

    NONE = 0
    ASCEND = 1
    DESCEND = 2


class CompareTarget(IntEnum):
    """Which field a compare looks at."""

    VERSION = 0
    CREATE = 1
    MOD = 2
    VALUE = 3
    LEASE = 4


class CompareResult(IntEnum):
    """The relation that must hold."""

    EQUAL = 0
    GREATER = 1
    LESS = 2
    NOT_EQUAL = 3


# -- operations ------------------------------------------------------------------------------------------------------


class Range(NamedTuple):
    """A read. revision 0 is now; limit 0 or less is none."""

    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    sort_order: int = SortOrder.NONE
    sort_target: int = SortTarget.KEY
    serializable: bool = False
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: int = 0
    max_mod_revision: int = 0
    min_create_revision: int = 0
    max_create_revision: int = 0


class Put(NamedTuple):
    """A write of one key. ignore_value and ignore_lease keep what the key has."""

    key: bytes
    value: bytes = b""
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class DeleteRange(NamedTuple):
    """A deletion of every key in the interval."""

    key: bytes
    range_end: bytes = b""
    prev_kv: bool = False


class Compare(NamedTuple):
    """A condition on one key, or on every key of an interval. value: an int, or bytes where target is VALUE."""

    key: bytes
    target: int = CompareTarget.MOD
    result: int = CompareResult.EQUAL
    value: int | bytes = 0
    range_end: bytes = b""


class Txn(NamedTuple):
    """If all of `compare` hold then `success` else `failure`, at one revision."""

    compare: Sequence[Compare] = ()
    success: "Sequence[Op]" = ()
    failure: "Sequence[Op]" = ()


Op: TypeAlias = Range | Put | DeleteRange | Txn


# -- results: `revision` is the response header's --------------------------------------------------------------------


class RangeResult(NamedTuple):
    """count: how many keys the interval has, whatever the limit. more: the limit cut some off."""

    revision: int
    kvs: list[KeyValue]
    count: int  # type: ignore[assignment]  # etcd's name; hides tuple.count, which nobody needs
    more: bool = False


class PutResult(NamedTuple):
    """prev_kv: None unless asked for and there."""

    revision: int
    prev_kv: KeyValue | None = None


class DeleteRangeResult(NamedTuple):
    """prev_kvs: empty unless asked for."""

    revision: int
    deleted: int
    prev_kvs: list[KeyValue]


class TxnResult(NamedTuple):
    """responses: one result per operation of the branch that ran."""

    revision: int
    succeeded: bool
    responses: "list[OpResult]"


OpResult: TypeAlias = RangeResult | PutResult | DeleteRangeResult | TxnResult


class OptimisticResult(NamedTuple):
    """kv: after success of a put what was written, of a delete what was deleted; after failure what is there, if asked
    for and there."""

    revision: int
    succeeded: bool
    kv: KeyValue | None = None


class LeaseGrantResult(NamedTuple):
    """ttl_s: what the store granted, at least its minimum."""

    revision: int
    id: int
    ttl_s: int


class LeaseTimeToLiveResult(NamedTuple):
    """ttl_s: seconds left, -1 if there is no such lease; keys in order, if asked for."""

    revision: int
    id: int
    ttl_s: int
    granted_ttl_s: int
    keys: list[bytes]


class StatusResult(NamedTuple):
    """One member's state, as `Maintenance.Status` tells it."""

    revision: int
    version: str = ""
    db_size_bytes: int = 0
    db_size_in_use_bytes: int = 0
    leader: int = 0
    raft_index: int = 0
    raft_term: int = 0
    raft_applied_index: int = 0
    errors: tuple[str, ...] = ()
    is_learner: bool = False
    cluster_id: int = 0
    member_id: int = 0


class Member(NamedTuple):
    """One server of a cluster; `name` is empty until it has started."""

    id: int
    name: str
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False


class Identity(NamedTuple):
    """What the header of a response says of the server."""

    cluster_id: int
    member_id: int
    raft_term: int


class HashKvResult(NamedTuple):
    """hash: of every version up to the asked revision; equal on members that hold the same."""

    revision: int
    hash: int
    compact_revision: int


class AlarmType(IntEnum):
    """What a member can raise the alarm about; NONE stands for any in a request."""

    NONE = 0
    NOSPACE = 1
    CORRUPT = 2


class Alarm(NamedTuple):
    """A raised alarm."""

    member_id: int
    type: AlarmType


class Watcher(Protocol):
    """A stream of batches, ``async for batch in watcher``.

    Ends after `cancel`. Raises `errors.Compacted` (then `compact_revision` is set) when the store has forgotten what
    the watcher still had to see, and `errors.WatchCanceled` for every other end that the store brought about.
    """

    compact_revision: int

    def __aiter__(self) -> AsyncIterator[WatchBatch]: ...

    async def __anext__(self) -> WatchBatch: ...

    def cancel(self) -> None: ...


class Backend(Protocol):
    """A store. The in-kernel one never suspends, so awaiting it costs a function call; others cross a network.

    Every method raises `errors.EtcdError`. The keyword arguments are the fields of `Range`, `Put` and `DeleteRange`.
    """

    async def range(
        self,
        key: bytes,
        range_end: bytes = b"",
        *,
        limit: int = 0,
        revision: int = 0,
        sort_order: int = SortOrder.NONE,
        sort_target: int = SortTarget.KEY,
        serializable: bool = False,
        keys_only: bool = False,
        count_only: bool = False,
        min_mod_revision: int = 0,
        max_mod_revision: int = 0,
        min_create_revision: int = 0,
        max_create_revision: int = 0,
    ) -> RangeResult: ...

    async def put(
        self,
        key: bytes,
        value: bytes = b"",
        *,
        lease: int = 0,
        prev_kv: bool = False,
        ignore_value: bool = False,
        ignore_lease: bool = False,
    ) -> PutResult: ...

    async def delete_range(self, key: bytes, range_end: bytes = b"", *, prev_kv: bool = False) -> DeleteRangeResult: ...

    async def txn(
        self, compare: Sequence[Compare] = (), success: Sequence[Op] = (), failure: Sequence[Op] = ()
    ) -> TxnResult: ...

    async def optimistic_put(
        self, key: bytes, value: bytes, expected_revision: int, *, lease: int = 0, get_on_failure: bool = False
    ) -> OptimisticResult:
        """Put if the key's mod_revision is `expected_revision`; 0: if the key is not there.

        Models client/v3/kubernetes; what kube-apiserver's creates and updates are.
        """

    async def optimistic_delete(
        self, key: bytes, expected_revision: int, *, get_on_failure: bool = False
    ) -> OptimisticResult:
        """Delete if the key's mod_revision is `expected_revision`."""

    async def compact(self, revision: int, *, physical: bool = False) -> int:
        """Forget what was before `revision`; returns the header's revision."""

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
    ) -> Watcher:
        """Events from `start_revision` on; 0: those after now. Faults show at the first iteration."""

    def subscribe(
        self, key: bytes, range_end: bytes, callback: Callable[[tuple[Event, ...], int], None]
    ) -> Callable[[], None] | None:
        """The in-kernel hot path: `callback(events, revision)` runs inside each commit, before the writer goes on.

        Events carry prev_kv. Returns what ends the subscription; None where the store is not in this kernel, so that
        the caller has to `watch`. A callback must not raise; what it writes commits after all have seen this commit.
        """

    async def lease_grant(self, ttl_s: int, id: int = 0) -> LeaseGrantResult: ...

    async def lease_revoke(self, id: int) -> int:
        """Delete the lease and its keys; returns the header's revision."""

    async def lease_keep_alive(self, id: int) -> int:
        """Start the lease's time anew; returns its TTL in seconds, 0 if there is no such lease."""

    async def lease_time_to_live(self, id: int, *, keys: bool = False) -> LeaseTimeToLiveResult: ...

    async def leases(self) -> list[int]: ...

    async def status(self) -> StatusResult: ...

    async def member_list(self) -> list[Member]: ...

    async def hash_kv(self, revision: int = 0) -> HashKvResult: ...


class Maintained(Backend, Protocol):
    """A backend with what its operator needs besides."""

    def at(self, endpoint: str) -> "Maintained":
        """The member with this client address; a backend of one member gives itself."""

    async def alarms(self) -> list[Alarm]: ...

    async def alarm_disarm(self, type: AlarmType = AlarmType.NONE) -> list[Alarm]:
        """Take alarms back; returns those that were on."""

    async def defragment(self) -> None: ...

    def snapshot(self) -> AsyncIterator[bytes]:
        """The whole store as a file, in pieces; its last 32 bytes are the SHA-256 of those before."""

    async def move_leader(self, to: int) -> None: ...

    async def member_add(self, name: str, peer_urls: tuple[str, ...], *, learner: bool = False) -> Member: ...

    async def member_remove(self, id: int) -> list[Member]: ...

    async def member_update(self, id: int, peer_urls: tuple[str, ...]) -> list[Member]: ...

    async def member_promote(self, id: int) -> list[Member]: ...


def prefix_end(prefix: bytes) -> bytes:
    r"""The end of the interval of all keys with this prefix; ``\0`` (from key on) if there is no greater one."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"
