"""Building a history from its versions, oldest first."""

from sortedcontainers import SortedList

from kube_nb.etcd.backend import PUT, Event, EventType, KeyValue
from kube_nb.etcd.history import RECORD_BYTES, History


class Loader:
    """Takes every version kept, in the order of their making; `finish` gives the history.

    Versions before the compacted revision are what later reads still need; from it on every revision must be there.
    """

    def __init__(self, compact_revision: int) -> None:
        self._compacted = compact_revision
        self._current: dict[bytes, KeyValue] = {}
        self._past: dict[bytes, list[KeyValue]] = {}
        self._log: list[tuple[Event, ...]] = []
        self._log_start = max(compact_revision, 2)
        self._size_bytes = 0
        self._place = -1  # in the log, of the revision whose events are coming in
        self._events: list[Event] = []

    def add(self, type: EventType, kv: KeyValue) -> None:
        """ValueError: a version is missing before this one."""
        previous = before = self._current.get(kv.key)
        if (
            before is None
            and self._past
            and kv.key in self._past
            and self._past[kv.key][-1].mod_revision == kv.mod_revision
        ):
            before = self._past[kv.key][-2] if len(self._past[kv.key]) > 1 else None  # deleted by the same txn
        self._size_bytes += len(kv.key) + len(kv.value) + RECORD_BYTES
        if previous is not None:
            self._past.setdefault(kv.key, []).append(previous)
        if type is PUT:
            self._current[kv.key] = kv
        elif previous is not None:
            del self._current[kv.key]
            self._past[kv.key].append(kv)
        place = kv.mod_revision - self._log_start
        if place >= 0:
            if place != self._place:
                self._turn_to(place)
            self._events.append(Event(type, kv, None if kv.mod_revision == self._compacted else before))

    def _turn_to(self, place: int) -> None:
        """Begin the events of the next revision."""
        if place == 1 and self._place < 0 and self._compacted == self._log_start:
            self._log.append(())  # the compacted revision left nothing to tell
        elif place != self._place + 1:
            raise ValueError(f"revision {self._log_start + self._place + 1} is missing")
        elif self._place >= 0:
            self._log.append(tuple(self._events))
        self._place = place
        self._events = []

    def finish(self, revision: int) -> History:
        history = History(revision=revision)
        if self._place >= 0 or self._compacted == revision >= 2:
            self._log.append(tuple(self._events))
        if self._log_start + len(self._log) - 1 != max(revision, self._log_start - 1):
            raise ValueError(f"revision {self._log_start + len(self._log)} is missing")
        history.compact_revision = self._compacted
        history.size_bytes = self._size_bytes
        history.current, history.past = self._current, self._past
        history.log = self._log
        history.log_start = self._log_start
        history.keys = SortedList(self._current)
        history.dead = SortedList(key for key in self._past if key not in self._current)
        return history
