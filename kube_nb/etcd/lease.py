"""Leases: promises of the store to delete keys unless somebody renews in time.

Times are given (`now_s`, cluster seconds), so nothing here waits. Which keys hang on a lease is an index over the
keys' own `lease` fields; a fork starts without it and builds it when first asked.

Models server/lease/lessor.go. Differs: a lease expires at its very second, not at the next half-second check.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count

from kube_nb.etcd.errors import LeaseExists, LeaseNotFound, LeaseTTLTooLarge
from kube_nb.etcd.history import History
from kube_nb.etcd.interval import Interval

#: etcd's floor with its default election timeout of a second: one and a half of it, rounded up.
MIN_TTL_S = 2
MAX_TTL_S = 9_000_000_000
#: Where ids start if nobody gives them; as long as etcd's own.
FIRST_ID = 0x694D_71AD_0000_0001


@dataclass(slots=True)
class Lease:
    """granted_at: the store's revision then. ended_at: the revision that its end made, 0 while it lives. remaining_s:
    what was left when the leader last told everybody, 0 if it has not, or since a renewal."""

    id: int
    ttl_s: int
    expires_s: float
    granted_at: int = 0
    ended_at: int = 0
    remaining_s: int = 0


class Leases:
    """The leases of one store, by id. ids: gives the id of a lease whose owner did not choose one."""

    def __init__(self, ids: Callable[[], int], min_ttl_s: int = MIN_TTL_S) -> None:
        self._ids = ids
        self._min_ttl_s = min_ttl_s
        self._leases: dict[int, Lease] = {}
        self._ended: list[Lease] = []
        self._keys: dict[int, dict[bytes, None]] | None = {}
        self.journal: list[tuple[int, int]] | None = None  # for who keeps them on disk: (id, TTL granted or 0: ended)
        self._due: list[tuple[float, int]] = []  # a heap; entries of renewed or ended leases are dropped when met

    def __contains__(self, id: int) -> bool:
        return id in self._leases

    def __len__(self) -> int:
        return len(self._leases)

    def get(self, id: int) -> Lease:
        lease = self._leases.get(id)
        if lease is None:
            raise LeaseNotFound
        return lease

    def ids(self) -> list[int]:
        """Every lease, the one that expires first in front."""
        return sorted(self._leases, key=lambda id: (self._leases[id].expires_s, id))

    def grant(self, ttl_s: int, id: int, now_s: float, revision: int) -> Lease:
        if ttl_s > MAX_TTL_S:
            raise LeaseTTLTooLarge
        while not id:
            id = self._ids()
            id = 0 if id in self._leases else id
        if id in self._leases:
            raise LeaseExists
        ttl_s = max(ttl_s, self._min_ttl_s)
        lease = self._leases[id] = Lease(id, ttl_s, now_s + ttl_s, revision)
        heapq.heappush(self._due, (lease.expires_s, id))
        if self.journal is not None:
            self.journal.append((id, ttl_s))
        return lease

    def renew(self, id: int, now_s: float) -> Lease:
        lease = self.get(id)
        lease.remaining_s = 0
        return self._expire_at(lease, now_s + lease.ttl_s)

    def _expire_at(self, lease: Lease, at_s: float) -> Lease:
        lease.expires_s = at_s
        heapq.heappush(self._due, (at_s, lease.id))
        return lease

    def end(self, id: int, revision: int) -> None:
        """Forget the lease, whose keys were deleted at `revision`."""
        lease = self._leases.pop(id)
        if self._keys is not None:
            self._keys.pop(id, None)
        lease.ended_at = revision
        self._ended.append(lease)
        if self.journal is not None:
            self.journal.append((id, 0))

    def next_expiry_s(self) -> float | None:
        due = self._due
        while due and not self._is_current(*due[0]):
            heapq.heappop(due)
        return due[0][0] if due else None

    def expired(self, now_s: float) -> list[int]:
        """The leases whose time is up, in the order of their expiry."""
        found = []
        while (at := self.next_expiry_s()) is not None and at <= now_s:
            found.append(heapq.heappop(self._due)[1])
        return found

    def _is_current(self, expires_s: float, id: int) -> bool:
        lease = self._leases.get(id)
        return lease is not None and lease.expires_s == expires_s

    @classmethod
    def restored(cls, leases: Iterable[Lease], like: "Leases") -> "Leases":
        """These leases, with ids and floor as of `like`; their keys are found when first asked for."""
        found = cls(like._ids, like._min_ttl_s)
        found._keys = None
        found._leases = {lease.id: lease for lease in leases}
        found._due = [(lease.expires_s, lease.id) for lease in found._leases.values()]
        heapq.heapify(found._due)
        return found

    def promote(self, now_s: float) -> None:
        """Give every lease its whole time again, or what a checkpoint has left of it, as a new leader does."""
        for lease in self._leases.values():
            self._expire_at(lease, now_s + (lease.remaining_s or lease.ttl_s))

    def remaining(self, now_s: float, above_s: float) -> tuple[tuple[int, int], ...]:
        """What is left of every lease granted for longer than `above_s`: (id, seconds)."""
        return tuple(
            (lease.id, max(int(lease.expires_s - now_s), 1)) for lease in self._leases.values() if lease.ttl_s > above_s
        )

    def checkpoint(self, remaining: Iterable[tuple[int, int]]) -> None:
        """Remember what the leader says is left, for the next leader to go on from; 0: all of it."""
        for id, left_s in remaining:
            if id in self._leases:
                self._leases[id].remaining_s = left_s

    # -- keys ----------------------------------------------------------------------------------------------------

    def move(self, key: bytes, old: int, new: int) -> None:
        """The key hung on lease `old` and hangs on `new` from now on; 0 is none."""
        if old == new or self._keys is None:
            return
        if old and old in self._keys:
            self._keys[old].pop(key, None)
        if new:
            self._keys.setdefault(new, {})[key] = None

    def keys(self, id: int, history: History) -> list[bytes]:
        """The keys that hang on the lease, in order."""
        if self._keys is None:
            self._keys = {}
            for kv in history.scan(Interval(b"", None)):
                if kv.lease:
                    self._keys.setdefault(kv.lease, {})[kv.key] = None
        return sorted(self._keys.get(id, ()))

    # -- forks and compaction ------------------------------------------------------------------------------------

    def fork(self, at: int, now_s: float) -> "Leases":
        """The leases as of revision `at`. One that has ended since is alive again with its whole time before it. New
        ids follow the greatest of that moment, so neither side's leases show in the other's."""
        alive = {lease.id: replace(lease) for lease in self._leases.values() if lease.granted_at <= at}
        for lease in self._ended:
            if lease.granted_at <= at < lease.ended_at and lease.id not in alive:
                alive[lease.id] = replace(lease, expires_s=now_s + lease.ttl_s, ended_at=0)
        known = [lease.id for lease in (*alive.values(), *self._ended) if lease.granted_at <= at]
        fork = Leases.restored(alive.values(), self)
        fork._ids = count(max((id for id in known if id < 1 << 62), default=FIRST_ID - 1) + 1).__next__
        return fork

    def forget(self, revision: int) -> None:
        """Drop what only forks before `revision` could ask for."""
        self._ended = [lease for lease in self._ended if lease.ended_at > revision]
