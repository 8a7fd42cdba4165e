"""The current objects of one kind in decoded form, and the fan-out of their changes to watchers.

Models apiserver pkg/storage/cacher. A change costs what the watchers that see it cost: watchers are found by
namespace, by name and by the kind's indexed field (``spec.nodeName`` of pods), never by walking over all of them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sortedcontainers import SortedDict

from kube_nb.apiserver import story
from kube_nb.machinery.exchange import WatchEvent, WatchStream
from kube_nb.machinery.types import Obj

#: How many changes a kind keeps in memory; watches from further back are served from the store's history.
WINDOW = 2048


@dataclass(slots=True)
class Entry:
    """One stored object. key: ``namespace/name`` or ``name``; obj: the shared view, resourceVersion in it."""

    key: str
    obj: Obj
    value: bytes
    revision: int


@dataclass(slots=True)
class Change:
    """One write: old is None for a creation, new is None for a deletion."""

    revision: int
    key: str
    old: Obj | None
    new: Obj | None


@dataclass(slots=True, eq=False)
class Watcher:
    """One watch. scope: what it is indexed by (see `Cacher.watch`); matches: None if every object in scope does."""

    stream: WatchStream
    scope: tuple[str, str]
    matches: Callable[[Obj], bool] | None = None
    bookmarks: bool = False
    #: Objects up to this revision were already delivered.
    after: int = 0
    #: Renders an event as a Table, another version, metadata only.
    render: Callable[[WatchEvent], WatchEvent] | None = None
    timer: asyncio.TimerHandle | None = None

    def finish(self) -> None:
        """Close the stream behind what was told."""
        self.stream.close()

    def end(self) -> None:
        """The stream is closed."""

    def push(self, event: WatchEvent) -> None:
        self.stream.push(event if self.render is None else self.render(event))

    def tell(self, change: Change, events: dict[str, WatchEvent]) -> bool:
        """Push what this watch sees of a change; events: as `seen`. False: it sees nothing."""
        if change.revision <= self.after:
            return False
        event = self.seen(change, events)
        if event is not None:
            self.push(event)
        return event is not None

    def seen(self, change: Change, events: dict[str, WatchEvent]) -> WatchEvent | None:
        """A change as this watch sees it: an object that starts or stops to match is added or deleted for it.

        events: those already made of this change, by type, to be shared between watches.
        """
        matches = self.matches
        was = change.old is not None and (matches is None or matches(change.old))
        now = change.new is not None and (matches is None or matches(change.new))
        if not (was or now):
            return None
        kind = "MODIFIED" if was and now else "ADDED" if now else "DELETED"
        event = events.get(kind)
        if event is None:
            event = events[kind] = _event(kind, change)
        return event


EVERYTHING = ("", "")


class Cacher:
    """See the module's docstring. prefix: of the storage keys, ``/registry/pods``; index: a dotted path or ""."""

    def __init__(self, prefix: str, *, namespaced: bool, index: str = "") -> None:
        self.prefix = prefix
        self.namespaced = namespaced
        self.index = index
        self._index_path = tuple(index.split(".")) if index else ()
        self.entries: SortedDict = SortedDict()
        self._by_index: dict[str, dict[str, Entry]] = {}
        self._watchers: dict[tuple[str, str], dict[Watcher, None]] = {}
        self._window: deque[Change] = deque(maxlen=WINDOW)
        #: Called with every change, before the watchers.
        self.listeners: list[Callable[[Change], None]] = []
        #: Rises with every change, for those who keep something made from the objects.
        self.version = 0
        #: Changes after this revision are in the window.
        self.window_start = 0
        #: The revision at which this cacher was filled; it knows nothing of what was before.
        self.started = 0
        #: How many events were told to watchers.
        self.events = 0

    # -- reading ---------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        entry: Entry | None = self.entries.get(key)
        return entry

    def select(self, namespace: str = "", start: str = "", index_value: str | None = None) -> Iterator[Entry]:
        """Entries in key order from `start` on; index_value: only those with this value of the indexed field."""
        if not self.entries:
            return
        if index_value is not None:
            found = self._by_index.get(index_value, {})
            below = f"{namespace}/" if namespace and self.namespaced else ""
            yield from (found[key] for key in sorted(found) if key >= start and key.startswith(below))
            return
        if namespace and self.namespaced:
            first, last = f"{namespace}/", f"{namespace}0"
            keys: Iterable[str] = self.entries.irange(max(first, start), last, inclusive=(True, False))
        elif start:
            keys = self.entries.irange(start)
        else:
            yield from self.entries.values()
            return
        entries = self.entries
        yield from (entries[key] for key in keys)

    def index_value(self, obj: Obj) -> str:
        value: object = obj
        for part in self._index_path:
            value = value.get(part) if isinstance(value, dict) else None
        return str(value) if value else ""

    # -- writing ---------------------------------------------------------------------------------------------------

    def load(self, entry: Entry) -> None:
        """Add an object without telling anybody; at start."""
        self.entries[entry.key] = entry
        self.version += 1
        if self.index:
            self._by_index.setdefault(self.index_value(entry.obj), {})[entry.key] = entry

    def put(self, entry: Entry) -> None:
        """An object was created or changed."""
        old: Entry | None = self.entries.get(entry.key)
        self.entries[entry.key] = entry
        if self.index:
            self._reindex(entry, old)
        self._tell(Change(entry.revision, entry.key, old.obj if old else None, entry.obj))

    def remove(self, key: str, revision: int) -> None:
        """An object was deleted at this revision; its last state is told with that revision in it."""
        old: Entry | None = self.entries.pop(key, None)
        if old is None:
            return
        if self.index:
            self._by_index.get(self.index_value(old.obj), {}).pop(key, None)
        self._tell(Change(revision, key, old.obj, None))

    def _reindex(self, entry: Entry, old: Entry | None) -> None:
        value = self.index_value(entry.obj)
        if old is not None and (before := self.index_value(old.obj)) != value:
            group = self._by_index[before]
            del group[entry.key]
            if not group:
                del self._by_index[before]
        self._by_index.setdefault(value, {})[entry.key] = entry

    # -- watching --------------------------------------------------------------------------------------------------

    def scope(self, namespace: str = "", name: str = "", index_value: str | None = None) -> tuple[str, str]:
        """The narrowest index that holds everything a watch may see."""
        if name and (namespace or not self.namespaced):
            return ("name", f"{namespace}/{name}" if self.namespaced else name)
        if index_value is not None:
            return ("index", index_value)
        return ("namespace", namespace) if namespace else EVERYTHING

    def add(self, watcher: Watcher) -> None:
        self._watchers.setdefault(watcher.scope, {})[watcher] = None

    def discard(self, watcher: Watcher) -> None:
        group = self._watchers.get(watcher.scope)
        if group is not None:
            group.pop(watcher, None)
            if not group:
                del self._watchers[watcher.scope]

    def watchers(self) -> list[Watcher]:
        return [watcher for group in self._watchers.values() for watcher in group]

    def changes_since(self, revision: int) -> Sequence[Change] | None:
        """The changes after a revision; None if the window no longer reaches back to it."""
        if revision < self.window_start:
            return None
        if not self._window or self._window[-1].revision <= revision:
            return ()
        return [change for change in self._window if change.revision > revision]

    def forget(self, revision: int) -> None:
        """What was told up to this revision is not the whole history: a watch from before it must not start here."""
        self._window.clear()
        self.window_start = revision

    def _tell(self, change: Change) -> None:
        self.version += 1
        if len(self._window) == WINDOW:
            self.window_start = self._window[0].revision
        self._window.append(change)
        for listener in self.listeners:
            listener(change)
        if not self._watchers:
            return
        events: dict[str, WatchEvent] = {}
        heard = 0
        for scope in self.scopes(change):
            group = self._watchers.get(scope)
            if group:
                for watcher in list(group):
                    heard += watcher.tell(change, events)
        self.events += heard
        if (told := story.current()) is not None:
            told.tell("watchers", f"{heard} of {len(self.watchers())} see {', '.join(events) or 'nothing'}")

    def scopes(self, change: Change) -> list[tuple[str, str]]:
        scopes = [EVERYTHING, ("name", change.key)]
        if self.namespaced:
            scopes.append(("namespace", change.key.partition("/")[0]))
        if self.index:
            values = [self.index_value(obj) for obj in (change.old, change.new) if obj is not None]
            scopes += [("index", value) for value in dict.fromkeys(values)]
        return scopes


class LateCacher(Cacher):
    """A cacher that is filled when somebody first looks; for a store that nobody else writes to.

    fill: loads what the store has.
    """

    def __init__(
        self, prefix: str, *, namespaced: bool, index: str = "", fill: Callable[["LateCacher"], object]
    ) -> None:
        super().__init__(prefix, namespaced=namespaced, index=index)
        self._fill = fill
        del self.entries

    def __getattr__(self, name: str) -> SortedDict:
        """Called for what is not there yet."""
        if name != "entries":
            raise AttributeError(name)
        self.entries = SortedDict()
        self._fill(self)
        return self.entries


def _event(kind: str, change: Change) -> WatchEvent:
    if kind != "DELETED":
        assert change.new is not None
        return WatchEvent(kind, change.new)
    assert change.old is not None
    metadata = {**change.old["metadata"], "resourceVersion": str(change.revision)}
    return WatchEvent(kind, {**change.old, "metadata": metadata})
