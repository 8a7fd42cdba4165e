"""Every version of every key, by key and by revision; the data structure under the store.

By key: `current` holds the live version, `past` the ones before it with tombstones, oldest first; a key with one
version costs one dict entry. By revision: `log[r - log_start]` holds the events of revision r, so a watcher's replay is
a slice.

A fork is a history with a `base`: it reads the base up to `base_revision` and copies a key's versions when it first
writes that key. The base may go on, because it only ever appends; where it has to forget (compaction) while forks exist
it starts a copy (`flat`) and leaves the old one to them.

Models server/storage/mvcc/{key_index,index,kvstore}.go. Differs: everything is in memory.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterator
from itertools import chain, islice
from operator import attrgetter
from zlib import crc32

from sortedcontainers import SortedList

from kube_nb.etcd.backend import DELETE, PUT, Event, KeyValue
from kube_nb.etcd.errors import Compacted, FutureRevision
from kube_nb.etcd.interval import Interval

_mod_revision = attrgetter("mod_revision")
_key = attrgetter("key")
_EVERYTHING = Interval(b"", None)

#: What a version costs beside its key and value, for `size_bytes`: about what etcd's own record takes.
RECORD_BYTES = 48


def size_of(kv: KeyValue) -> int:
    return len(kv.key) + len(kv.value) + RECORD_BYTES


class History:
    """See the module's docstring. Writers call `put` and `delete` for the next revision, then `commit` once."""

    def __init__(self, base: "History | None" = None, revision: int = 1) -> None:
        self.revision = revision
        self.compact_revision: int = base.compact_revision if base else -1
        self.size_bytes: int = base.size_bytes if base else 0
        self.base = base
        self.base_revision = revision
        self.shared = False
        self.current: dict[bytes, KeyValue] = {}
        self.past: dict[bytes, list[KeyValue]] = {}
        self.keys: SortedList[bytes] = SortedList()
        self.dead: SortedList[bytes] = SortedList()  # keys with a past but no current version
        self.log: list[tuple[Event, ...]] = []
        self.log_start = revision + 1

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, key: bytes) -> KeyValue | None:
        """The live version, uncommitted writes included."""
        kv = self.current.get(key)
        if kv is None and self.base is not None and key not in self.past:
            return self.base.at(key, self.base_revision)
        return kv

    def at(self, key: bytes, revision: int) -> KeyValue | None:
        """The version that was live after `revision`."""
        kv = self.current.get(key)
        if kv is not None and kv.mod_revision <= revision:
            return kv
        versions = self.past.get(key)
        if versions is not None:
            place = bisect_right(versions, revision, key=_mod_revision) - 1
            return versions[place] if place >= 0 and versions[place].version else None
        if kv is None and self.base is not None:
            return self.base.at(key, min(revision, self.base_revision))
        return None

    def scan(self, within: Interval, revision: int | None = None) -> Iterator[KeyValue]:
        """The versions live after `revision` (None: now, uncommitted writes included), in key order."""
        found = self._own(within, revision)
        if self.base is None:
            return found
        cap = self.base_revision if revision is None else min(revision, self.base_revision)
        below = (kv for kv in self.base.scan(within, cap) if kv.key not in self.current and kv.key not in self.past)
        return heapq.merge(found, below, key=_key)

    def _own(self, within: Interval, revision: int | None) -> Iterator[KeyValue]:
        live = self.keys.irange(within.start, within.end, (True, False))
        if revision is None:
            return map(self.current.__getitem__, live)
        dead = self.dead.irange(within.start, within.end, (True, False))
        keys = heapq.merge(live, dead) if self.dead else live
        return (kv for key in keys if (kv := self.at(key, revision)) is not None)

    def count(self, within: Interval, revision: int | None = None) -> int:
        """How many keys `scan` would give; cheap for now."""
        if within.empty:
            return 0
        if revision is not None or self.base is not None:
            return sum(1 for _ in self.scan(within, revision))
        end = len(self.keys) if within.end is None else self.keys.bisect_left(within.end)
        return int(end - self.keys.bisect_left(within.start))

    def events(self, since: int) -> Iterator[tuple[Event, ...]]:
        """The events of each committed revision from `since` on; Compacted if they are forgotten."""
        if since < self.compact_revision:
            raise Compacted
        before: Iterator[tuple[Event, ...]] = iter(())
        if self.base is not None and since <= self.base_revision:
            before = islice(self.base.events(since), self.base_revision - max(since, 2) + 1)
        return chain(before, islice(self.log, max(since - self.log_start, 0), None))

    def checksum(self, revision: int) -> int:
        """A CRC-32 of every version kept up to `revision`. Differs: not the number that etcd has for the same data."""
        total = 0
        for kv in self.scan(_EVERYTHING, max(self.compact_revision, 0)):
            total = crc32(repr(kv).encode(), total)
        first = max(self.compact_revision + 1, 2)
        for events in islice(self.events(first), max(revision + 1 - first, 0)):
            for event in events:
                total = crc32(repr(event.kv).encode(), total)
        return total

    # -- writing -------------------------------------------------------------------------------------------------

    def put(self, key: bytes, value: bytes, lease: int, old: KeyValue | None) -> Event:
        """Write the key's next version. old: what `get` says now."""
        revision = self.revision + 1
        if old is None:
            kv = KeyValue(key, value, revision, revision, 1, lease)
            if key in self.past:
                self.dead.remove(key)
            elif self.base is not None:
                self._adopt(key)
                self.dead.discard(key)
            self.keys.add(key)
        else:
            kv = KeyValue(key, value, old.create_revision, revision, old.version + 1, lease)
            self._bury(key, old)
        self.current[key] = kv
        self.size_bytes += len(key) + len(value) + RECORD_BYTES
        if old is None and key in self.past and self.past[key][-1].mod_revision == revision:
            old = self.at(key, self.revision)  # deleted by the same txn: what was before it
        return Event(PUT, kv, old)

    def delete(self, old: KeyValue) -> Event:
        """Write a tombstone over the live version `old`."""
        key = old.key
        self._bury(key, old)
        tombstone = KeyValue(key, b"", 0, self.revision + 1)
        self.past[key].append(tombstone)
        del self.current[key]
        self.keys.remove(key)
        self.dead.add(key)
        self.size_bytes += len(key) + RECORD_BYTES
        before = old if old.mod_revision <= self.revision else self.at(key, self.revision)
        return Event(DELETE, tombstone, before)

    def _bury(self, key: bytes, old: KeyValue) -> None:
        if self.base is not None:
            self._adopt(key)
        versions = self.past.get(key)
        if versions is None:
            self.past[key] = [old]
        else:
            versions.append(old)

    def _adopt(self, key: bytes) -> None:
        """Copy the base's versions of a key that was never written here."""
        if key in self.current or key in self.past:
            return
        assert self.base is not None
        versions = self.base.versions(key, self.base_revision)
        if versions and versions[-1].version:
            self.current[key] = versions.pop()
            self.keys.add(key)
        elif versions:
            self.dead.add(key)
        if versions:
            self.past[key] = versions

    def versions(self, key: bytes, revision: int) -> list[KeyValue]:
        """A new list of every version up to `revision`, tombstones included."""
        kv, past = self.current.get(key), self.past.get(key)
        if kv is None and past is None:
            return self.base.versions(key, min(revision, self.base_revision)) if self.base else []
        found = past[: bisect_right(past, revision, key=_mod_revision)] if past else []
        if kv is not None and kv.mod_revision <= revision:
            found.append(kv)
        return found

    def commit(self, events: tuple[Event, ...]) -> None:
        """Close the revision that `events` were written for."""
        self.log.append(events)
        self.revision += 1

    # -- forgetting and forking ----------------------------------------------------------------------------------

    def fork(self, at: int) -> "History":
        """An independent history that starts after revision `at`; takes the same time whatever the size."""
        if at > self.revision:
            raise FutureRevision
        if at < self.compact_revision:
            raise Compacted
        base = self
        while base.base is not None and (at <= base.base_revision or not base.log):
            base = base.base
        base.shared = True
        fork = History(base, at)
        fork.compact_revision = self.compact_revision
        return fork

    def flat(self) -> "History":
        """A copy that stands alone."""
        copy = History(revision=self.revision)
        copy.compact_revision, copy.size_bytes = self.compact_revision, self.size_bytes
        copy.current = {kv.key: kv for kv in self.scan(_EVERYTHING)}
        copy.log = list(self.events(max(self.compact_revision, 0)))
        copy.log_start = self.revision + 1 - len(copy.log)
        for key in dict.fromkeys(chain(copy.current, self._every_key())):
            versions = self.versions(key, self.revision)
            older = versions[:-1] if key in copy.current else versions
            if older:
                copy.past[key] = older
        copy.keys = SortedList(copy.current)
        copy.dead = SortedList(key for key in copy.past if key not in copy.current)
        return copy

    def _every_key(self) -> Iterator[bytes]:
        return chain(self.base._every_key() if self.base else (), self.keys, self.dead)

    def compact(self, revision: int) -> None:
        """Forget what no read at `revision` or later can see. The events of `revision` itself stay for watchers,
        without what was before them. Only on a history that stands alone."""
        done = self.log[: max(revision + 1 - self.log_start, 0)]
        for key in dict.fromkeys(event.kv.key for events in done for event in events):
            self._forget(key, revision)
        if done:
            self.log[len(done) - 1] = tuple(event._replace(prev_kv=None) for event in done[-1])
            del self.log[: len(done) - 1]
            self.log_start += len(done) - 1
        self.compact_revision = revision

    def _forget(self, key: bytes, revision: int) -> None:
        kv, versions = self.current.get(key), self.past.get(key)
        if versions is None:
            return
        if kv is not None and kv.mod_revision <= revision:
            cut = len(versions)
        else:
            cut = bisect_right(versions, revision, key=_mod_revision) - 1
            if cut >= 0 and not versions[cut].version:
                cut += 1
        self.size_bytes -= sum(map(size_of, versions[: max(cut, 0)]))
        del versions[: max(cut, 0)]
        if not versions:
            del self.past[key]
            if kv is None:
                self.dead.remove(key)
