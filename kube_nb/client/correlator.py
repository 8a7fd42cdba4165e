"""Keeps a chatty component from flooding the cluster with events: counts repeats, folds look-alikes, drops spam.

Plain logic on given times. Models client-go tools/record/events_cache.go with its default numbers.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from kube_nb.client.ratelimit import Bucket
from kube_nb.machinery.types import Obj

#: How many recent keys each of the three caches remembers.
CACHE_SIZE = 4096
#: So many different messages of one kind within `SIMILAR_INTERVAL_S` are folded into one event.
SIMILAR_EVENTS = 10
SIMILAR_INTERVAL_S = 600.0
#: Per source and object: so many at once, then one per 5 minutes.
SPAM_BURST = 25
SPAM_QPS = 1 / 300

COMBINED = "(combined from similar events): "

V = TypeVar("V")


class Correlated(NamedTuple):
    """What is to be written: `event` as a new object, or `patch` onto the one named ``event.metadata.name``."""

    event: Obj
    patch: Obj | None


class _Lru(Generic[V]):
    """The most recently used entries."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._size = size
        self._entries: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: Hashable, entry: V) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


class _Similar:
    """The messages seen for one (source, object, type, reason)."""

    __slots__ = ("last_s", "messages")

    def __init__(self) -> None:
        self.messages: dict[str, None] = {}
        self.last_s = float("-inf")


@dataclass(frozen=True, slots=True)
class _Observed:
    """What was last written for one event key."""

    count: int
    first_timestamp: str
    name: str
    resource_version: str


class Correlator:
    """Turns events into creations, patches or nothing. time_s: the clock's; name_of: a new name for an event."""

    def __init__(self, time_s: Callable[[], float], name_of: Callable[[str], str]) -> None:
        self._time_s = time_s
        self._name_of = name_of
        self._similar: _Lru[_Similar] = _Lru()
        self._observed: _Lru[_Observed] = _Lru()
        self._spam: _Lru[Bucket[str]] = _Lru()

    def correlate(self, event: Obj) -> Correlated | None:
        """What to write for this new event (count 1); None if it is spam."""
        aggregated, key = self._aggregate(event)
        correlated = self._observe(aggregated, key)
        return correlated if self._allowed(correlated.event) else None

    def written(self, event: Obj) -> None:
        """The server's answer to a write: later repeats refer to this object."""
        self._observed.put(
            _event_key(event),
            _Observed(
                int(event.get("count") or 0),
                event.get("firstTimestamp") or "",
                event["metadata"]["name"],
                event["metadata"].get("resourceVersion", ""),
            ),
        )

    def _aggregate(self, event: Obj) -> tuple[Obj, Hashable]:
        """The event itself, or the one that stands for all its look-alikes."""
        key = _aggregate_key(event)
        now_s = self._time_s()
        record = self._similar.get(key)
        if record is None or now_s - record.last_s > SIMILAR_INTERVAL_S:
            record = _Similar()
        record.messages[event["message"]] = None
        record.last_s = now_s
        self._similar.put(key, record)
        if len(record.messages) < SIMILAR_EVENTS:
            return event, _event_key(event)
        record.messages.pop(next(iter(record.messages)))
        meta = {**event["metadata"], "name": self._name_of(event["involvedObject"].get("name", ""))}
        return {**event, "metadata": meta, "message": COMBINED + event["message"]}, key

    def _observe(self, event: Obj, key: Hashable) -> Correlated:
        """Count repeats: the second and later ones patch the first one's object."""
        last = self._observed.get(key)
        patch = None
        if last is not None and last.count > 0:
            count = last.count + 1
            event = {
                **event,
                "metadata": {**event["metadata"], "name": last.name, "resourceVersion": last.resource_version},
                "firstTimestamp": last.first_timestamp,
                "count": count,
            }
            patch = {"count": count, "lastTimestamp": event["lastTimestamp"], "message": event["message"]}
        meta = event["metadata"]
        observed = _Observed(event["count"], event["firstTimestamp"], meta["name"], meta.get("resourceVersion", ""))
        self._observed.put(key, observed)
        return Correlated(event, patch)

    def _allowed(self, event: Obj) -> bool:
        key = (*_source(event), *_involved(event))
        bucket = self._spam.get(key)
        if bucket is None:
            bucket = Bucket(SPAM_QPS, SPAM_BURST, self._time_s)
        self._spam.put(key, bucket)
        return bucket.allow()


def _source(event: Obj) -> tuple[str, str]:
    source = event["source"]
    return source.get("component", ""), source.get("host", "")


def _involved(event: Obj) -> tuple[str, ...]:
    involved = event["involvedObject"]
    return tuple(involved.get(field, "") for field in ("kind", "namespace", "name", "uid", "apiVersion"))


def _aggregate_key(event: Obj) -> Hashable:
    reporting = (event.get("reportingComponent", ""), event.get("reportingInstance", ""))
    return (*_source(event), *_involved(event), event["type"], event["reason"], *reporting)


def _event_key(event: Obj) -> Hashable:
    path = event["involvedObject"].get("fieldPath", "")
    return (*_source(event), *_involved(event), path, event["type"], event["reason"], event["message"])
