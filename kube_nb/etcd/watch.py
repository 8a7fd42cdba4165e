"""Who hears of which key, and what a watcher still has to be told.

`Audience` finds the listeners of a key without looking at the others: exact keys and prefixes by dictionary, odd
intervals in a tree. A `StoreWatcher` is synced while every commit reaches it at once; when it starts in the past, or
its reader falls behind, it is unsynced and reads from the history what it has missed.

Models server/storage/mvcc/{watchable_store,watcher_group}.go.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from kube_nb.etcd.backend import DELETE, PUT, Event, WatchBatch
from kube_nb.etcd.errors import Compacted
from kube_nb.etcd.history import History
from kube_nb.etcd.interval import Interval

Callback: TypeAlias = Callable[[tuple[Event, ...], int], None]

#: How many undelivered batches a synced watcher may hold before it has to read the history instead.
MAX_PENDING = 1000
#: How many events an unsynced watcher takes from the history at a time.
MAX_REPLAY = 1000


class Listener:
    """One who listens to an interval; `number` is the order of joining, in which all are told."""

    __slots__ = ("callback", "number", "within")

    def __init__(self, within: Interval, callback: Callback, number: int) -> None:
        self.within = within
        self.callback = callback
        self.number = number


class Audience:
    """The listeners of a store, found by key. The cost of `tell` does not grow with listeners that do not match."""

    def __init__(self) -> None:
        self._number = 0
        self._exact: dict[bytes, dict[int, Listener]] = {}
        self._prefixes: dict[bytes, dict[int, Listener]] = {}
        self._lengths: list[int] = []  # of the prefixes in use, sorted
        self._odd: dict[int, Listener] = {}
        self._tree: _IntervalTree | None = None

    def __len__(self) -> int:
        return sum(map(len, self._exact.values())) + sum(map(len, self._prefixes.values())) + len(self._odd)

    def join(self, within: Interval, callback: Callback) -> Listener:
        self._number += 1
        listener = Listener(within, callback, self._number)
        if (key := within.single) is not None:
            self._exact.setdefault(key, {})[listener.number] = listener
        elif (prefix := within.prefix) is not None:
            if prefix not in self._prefixes and len(prefix) not in self._lengths:
                insort(self._lengths, len(prefix))
            self._prefixes.setdefault(prefix, {})[listener.number] = listener
        else:
            self._odd[listener.number] = listener
            self._tree = None
        return listener

    def leave(self, listener: Listener) -> None:
        within = listener.within
        if (key := within.single) is not None:
            _discard(self._exact, key, listener)
        elif (prefix := within.prefix) is not None:
            _discard(self._prefixes, prefix, listener)
            if prefix not in self._prefixes:
                self._lengths = sorted({len(other) for other in self._prefixes})
        elif self._odd.pop(listener.number, None) is not None:
            self._tree = None

    def of(self, key: bytes) -> list[Listener]:
        """Everybody who listens to this key, in the order of joining."""
        found = list(self._exact[key].values()) if key in self._exact else []
        for length in self._lengths:
            group = self._prefixes.get(key[:length])
            if group is not None and len(key) >= length:
                found += group.values()
        if self._odd:
            if self._tree is None:
                self._tree = _IntervalTree(list(self._odd.values()))
            found += self._tree.stab(key)
        if len(found) > 1:
            found.sort(key=lambda listener: listener.number)
        return found

    def wake_all(self, revision: int) -> None:
        """Tell everybody that the store is at `revision` now without its having made the steps itself."""
        groups = [*self._exact.values(), *self._prefixes.values(), self._odd]
        for listener in sorted((each for group in groups for each in group.values()), key=lambda each: each.number):
            listener.callback((), revision)

    def tell(self, events: tuple[Event, ...], revision: int) -> None:
        """Call everybody whom one of the events concerns, once, with those that do."""
        if len(events) == 1:
            for listener in self.of(events[0].kv.key):
                listener.callback(events, revision)
            return
        heard: dict[Listener, list[Event]] = {}
        for event in events:
            for listener in self.of(event.kv.key):
                heard.setdefault(listener, []).append(event)
        for listener in sorted(heard, key=lambda listener: listener.number):
            listener.callback(tuple(heard[listener]), revision)


def _discard(groups: dict[bytes, dict[int, Listener]], at: bytes, listener: Listener) -> None:
    group = groups.get(at)
    if group is not None:
        group.pop(listener.number, None)
        if not group:
            del groups[at]


class _IntervalTree:
    """A static interval tree: listeners by start in an implicit balanced tree that knows the largest end below."""

    def __init__(self, listeners: list[Listener]) -> None:
        self._nodes = sorted(listeners, key=lambda listener: (listener.within.start, listener.number))
        self._starts = [listener.within.start for listener in self._nodes]
        self._ends: list[bytes | None] = [b""] * len(self._nodes)
        self._measure(0, len(self._nodes))

    def _measure(self, low: int, high: int) -> bytes | None:
        if low >= high:
            return b""
        middle = (low + high) // 2
        ends = (self._nodes[middle].within.end, self._measure(low, middle), self._measure(middle + 1, high))
        self._ends[middle] = None if None in ends else max(end for end in ends if end is not None)
        return self._ends[middle]

    def stab(self, key: bytes) -> list[Listener]:
        found: list[Listener] = []
        self._stab(key, 0, bisect_right(self._starts, key), len(self._nodes), found)
        return found

    def _stab(self, key: bytes, low: int, cut: int, high: int, found: list[Listener]) -> None:
        """Look at the nodes [low, high), of which those from `cut` on start after the key."""
        if low >= min(high, cut):
            return
        middle = (low + high) // 2
        largest = self._ends[middle]
        if largest is not None and largest <= key:
            return
        self._stab(key, low, cut, middle, found)
        if middle < cut and key in self._nodes[middle].within:
            found.append(self._nodes[middle])
        self._stab(key, middle + 1, cut, high, found)


_bare: tuple[tuple[Event, ...], tuple[Event, ...]] = ((), ())


def _without_prev_kv(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The events as most watchers want them; made once for all who hear of the same commit."""
    global _bare  # a cache of one: commits are told one after the other
    if _bare[0] is not events:
        stripped = tuple([event if event.prev_kv is None else Event(event.type, event.kv) for event in events])
        _bare = (events, stripped)
    return _bare[1]


class StoreWatcher:
    """What one watcher has yet to be told; its reader calls `pull` after each `wake`.

    start: the first revision to tell of; 0 is the one after now. `compact_revision` is set when `pull` raises
    Compacted.
    """

    def __init__(
        self,
        within: Interval,
        start: int,
        history: Callable[[], History],
        wake: Callable[[], None],
        *,
        prev_kv: bool = False,
        no_put: bool = False,
        no_delete: bool = False,
    ) -> None:
        self.within = within
        self.compact_revision = 0
        self._history = history
        self._wake = wake
        self._prev_kv = prev_kv
        self._unwanted = (PUT,) * no_put + (DELETE,) * no_delete
        self._next = start if start > 0 else history().revision + 1
        self._pending: deque[WatchBatch] = deque()
        self._synced = self._next > history().revision

    @property
    def synced(self) -> bool:
        """Whether everything so far has been pulled."""
        return self._synced and not self._pending

    @property
    def waits_for_future(self) -> bool:
        """Whether its first revision is still ahead, so that not even progress may be told."""
        return self._next > self._history().revision + 1

    def hear(self, events: tuple[Event, ...], revision: int) -> None:
        """A commit's events inside the interval; called by the audience. None: read the history instead."""
        if not events:
            self._next = self._pending[0].revision if self._pending else self._next
            self._pending.clear()
            self._synced = self._next > revision
            self._wake()
            return
        if not self._synced or revision < self._next:
            return
        wanted = self._wanted(events)
        if not wanted:
            return
        if len(self._pending) >= MAX_PENDING:
            self._next = self._pending[0].revision
            self._pending.clear()
            self._synced = False
        else:
            self._pending.append(WatchBatch(wanted, revision))
        self._wake()

    def _wanted(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        if self._unwanted:
            events = tuple(event for event in events if event.type not in self._unwanted)
        return events if self._prev_kv else _without_prev_kv(events)

    def pull(self) -> list[WatchBatch]:
        """The next batches; empty when there are none. Raises Compacted if some are forgotten."""
        if self._synced:
            found = list(self._pending)
            self._pending.clear()
            if found:
                self._next = found[-1].revision + 1
            return found
        return self._replay()

    def _replay(self) -> list[WatchBatch]:
        history = self._history()
        if self._next < history.compact_revision:
            self.compact_revision = history.compact_revision
            raise Compacted
        found: list[Event] = []
        revision = max(self._next, 2)
        for events in history.events(revision):
            found += [event for event in events if event.kv.key in self.within]
            revision += 1
            if len(found) >= MAX_REPLAY:
                break
        self._next = revision
        self._synced = revision > history.revision
        wanted = self._wanted(tuple(found))
        return [WatchBatch(wanted, revision - 1)] if wanted else []
