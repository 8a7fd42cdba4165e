"""The apiserver's side of the store: objects in, bytes kept; changes out, decoded once and fanned out per kind.

Stored bytes are the object's JSON without metadata.resourceVersion, always starting with apiVersion, kind and metadata,
so that a list can be joined from stored bytes with the version spliced in (`joined`). A writer's own dict becomes the
shared view of what it wrote, so an in-kernel write is encoded once and never decoded.

Models apiserver pkg/storage/etcd3/store.go.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias

import orjson

from kube_nb.apiserver import story
from kube_nb.apiserver.cacher import Cacher, Entry, LateCacher
from kube_nb.etcd.backend import DELETE, Backend, Event, KeyValue, prefix_end
from kube_nb.etcd.errors import Compacted, EtcdError
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.cause import current as current_cause
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.exchange import ConnectionCut
from kube_nb.machinery.types import Obj

logger = logging.getLogger(__name__)

ROOT = b"/registry/"
ROOT_END = b"/registry0"
#: The key-value pairs of ``[key, range_end)``, without waiting.
AtHand: TypeAlias = Callable[[bytes, bytes], Iterable[KeyValue]]
_METADATA = b'"metadata":{'
#: How many writes' causes are kept.
CAUSES = 200_000
#: What watchers and list pages find objects by besides their names.
INDEXED = {"/registry/pods": "spec.nodeName", "/registry/services/specs": "spec.clusterIP"}


def encode(obj: Obj) -> bytes:
    """The stored form: apiVersion, kind, metadata first, no resourceVersion."""
    metadata = obj["metadata"]
    if "resourceVersion" in metadata:
        metadata = {field: value for field, value in metadata.items() if field != "resourceVersion"}
    return orjson.dumps({"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, **_rest(obj)})


def _rest(obj: Obj) -> Obj:
    return {field: value for field, value in obj.items() if field not in ("apiVersion", "kind", "metadata")}


def versioned(obj: Obj, revision: int) -> Obj:
    """The object with metadata.resourceVersion set."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def joined(entries: Iterable[Entry]) -> bytes:
    """The JSON of views, with commas between them, from their stored bytes as far as they have any.

    ``{...,"metadata":{"resourceVersion":"7",...``: the version is put in its place, and each byte is copied once.
    """
    parts: list[bytes | memoryview] = []
    for entry in entries:
        value = entry.value
        if value:
            place = value.find(_METADATA) + len(_METADATA)
            view = memoryview(value)
            parts += (view[:place], b'"resourceVersion":"%d",' % entry.revision, view[place:], b",")
        else:
            parts += (orjson.dumps(entry.obj), b",")
    return b"".join(parts[:-1])


class Storage:
    """The cachers of every kind over one backend.

    causes: revision -> the `Cause` of that write, bounded. revision: the last one that the cachers have seen. A local
    backend keeps the cachers exact; over a remote one they trail the store by a message, and `catch_up` waits.
    at_hand: reads a store that nobody else writes to; then each kind is loaded when it is first looked at.
    """

    def __init__(self, backend: Backend, clock: Clock, at_hand: AtHand | None = None) -> None:
        self.backend = backend
        self.clock = clock
        self._at_hand = at_hand
        self.causes: dict[int, Cause] = {}
        self.revision = 0
        self._cachers: dict[str, Cacher] = {}
        #: The bytes that are being written just now, with what they were made from.
        self._writing: tuple[bytes, Obj] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._moved: list[tuple[int, asyncio.Future[None]]] = []
        #: Nothing is heard of the store any more.
        self.stopped = False

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Follow the store from here on. Kinds may be added before and after."""
        found = await self.backend.range(ROOT, ROOT_END, limit=0 if self._at_hand is None else 1)
        self.revision = found.revision
        for cacher in self._cachers.values():
            cacher.window_start = cacher.started = found.revision
        for kv in found.kvs if self._at_hand is None else ():
            self._loaded(kv)
        self._unsubscribe = self.backend.subscribe(ROOT, ROOT_END, self._committed)
        if self._unsubscribe is None:
            self._watch = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Hear no more of the store; who waits in `catch_up` would wait for ever, and is told so."""
        self.stopped = True
        for _, future in self._moved:
            if not future.done():
                future.set_exception(ConnectionCut())
        self._moved.clear()
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def add(self, prefix: str, *, namespaced: bool) -> Cacher:
        """The cacher of a storage prefix, made and filled if it is new."""
        cacher = self._cachers.get(prefix)
        if cacher is None:
            cacher = self._cachers[prefix] = self._new(prefix, namespaced)
            cacher.window_start = cacher.started = self.revision
            if self._at_hand is None and (self._unsubscribe is not None or self._watch is not None):
                await self._fill(cacher)
        return cacher

    def _new(self, prefix: str, namespaced: bool) -> Cacher:
        index = INDEXED.get(prefix, "")
        if self._at_hand is None:
            return Cacher(prefix, namespaced=namespaced, index=index)
        return LateCacher(prefix, namespaced=namespaced, index=index, fill=self._fill_late)

    def _fill_late(self, cacher: Cacher) -> None:
        assert self._at_hand is not None
        start = f"{cacher.prefix}/".encode()
        for kv in self._at_hand(start, prefix_end(start)):
            self._loaded(kv)

    async def _fill(self, cacher: Cacher) -> None:
        start = f"{cacher.prefix}/".encode()
        found = await self.backend.range(start, prefix_end(start))
        cacher.window_start = cacher.started = found.revision
        for kv in found.kvs:
            self._loaded(kv)

    def remove(self, prefix: str) -> None:
        """Forget a kind; its watchers' streams end."""
        cacher = self._cachers.pop(prefix, None)
        for watcher in cacher.watchers() if cacher else ():
            watcher.finish()

    # -- what the store tells --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Hear of every key: others may write beside `ROOT`, and `catch_up` waits for the revisions of that, too."""
        while True:
            watcher = self.backend.watch(b"\0", b"\0", start_revision=self.revision + 1, progress_notify=True)
            try:
                async for batch in watcher:
                    # What is told of a long past may end before the revision that the store is at.
                    seen = batch.events[-1].kv.mod_revision if batch.events else batch.revision
                    self._committed(batch.events, seen)
            except EtcdError as error:
                logger.warning("The watch on the store ended, err=%s", error)
                if not (isinstance(error, Compacted) and await self._read_again()):
                    await asyncio.sleep(1)
            finally:
                watcher.cancel()

    async def _read_again(self) -> bool:
        """The store has forgotten what came after `revision`: find out by comparing, and tell the differences.

        Who watches from a revision in between has to list again. False if the store does not answer.
        """
        try:
            found = await self.backend.range(ROOT, ROOT_END)
        except EtcdError:
            return False
        there: dict[str, set[str]] = {prefix: set() for prefix in self._cachers}
        for kv in sorted(found.kvs, key=lambda kv: kv.mod_revision):
            place = self._place(kv.key)
            if place is None:
                continue
            cacher, key = place
            there[cacher.prefix].add(key)
            known = cacher.get(key)
            if known is not None and known.revision < kv.create_revision:  # another one by that name
                cacher.remove(key, kv.create_revision)
            if (known is None or known.revision < kv.mod_revision) and (entry := self._entry(key, kv)) is not None:
                cacher.put(entry)
        for cacher in self._cachers.values():
            for key in [key for key in cacher.entries if key not in there[cacher.prefix]]:
                cacher.remove(key, found.revision)
            cacher.forget(found.revision)
        self._committed((), found.revision)
        return True

    def _committed(self, events: tuple[Event, ...], revision: int) -> None:
        for event in events:
            place = self._place(event.kv.key)
            if place is None:
                continue
            cacher, key = place
            if event.type is DELETE:
                cacher.remove(key, event.kv.mod_revision)
            elif (entry := self._entry(key, event.kv)) is not None:
                cacher.put(entry)
        self.revision = max(self.revision, revision)
        if self._moved:
            self._wake()

    def _loaded(self, kv: KeyValue) -> None:
        place = self._place(kv.key)
        if place is not None and (entry := self._entry(place[1], kv)) is not None:
            place[0].load(entry)

    def _place(self, key: bytes) -> tuple[Cacher, str] | None:
        """``/registry/services/specs/default/web`` -> (cacher of /registry/services/specs, "default/web")."""
        text = key.decode("utf-8", "replace")
        end = text.find("/", len(ROOT))
        while end > 0:
            cacher = self._cachers.get(text[:end])
            if cacher is not None:
                return cacher, text[end + 1 :]
            end = text.find("/", end + 1)
        return None

    def _entry(self, key: str, kv: KeyValue) -> Entry | None:
        """The view of stored bytes; None for bytes that are no object (somebody wrote past the apiserver)."""
        writing = self._writing
        if writing is not None and writing[0] is kv.value:
            return Entry(key, versioned(writing[1], kv.mod_revision), kv.value, kv.mod_revision)
        try:
            return Entry(key, versioned(orjson.loads(kv.value), kv.mod_revision), kv.value, kv.mod_revision)
        except (ValueError, KeyError, TypeError):
            logger.warning("Stored bytes are no object, key=%s", kv.key.decode("utf-8", "replace"))
            return None

    async def catch_up(self, revision: int) -> None:
        """Wait until the cachers have seen a revision; at once in-kernel. Raises ConnectionCut after `stop`."""
        if self.revision < revision:
            if self.stopped:
                raise ConnectionCut
            future = asyncio.get_running_loop().create_future()
            self._moved.append((revision, future))
            await future

    def _wake(self) -> None:
        waiting = [row for row in self._moved if row[0] > self.revision]
        for revision, future in self._moved:
            if revision <= self.revision and not future.done():
                future.set_result(None)
        self._moved = waiting

    # -- reading ---------------------------------------------------------------------------------------------------

    async def get(self, cacher: Cacher, key: str) -> Entry | None:
        """The newest state, from the store itself if it is remote."""
        if self._unsubscribe is not None:
            return cacher.get(key)
        found = await self.backend.range(f"{cacher.prefix}/{key}".encode())
        return self._entry(key, found.kvs[0]) if found.kvs else None

    async def newest(self) -> int:
        """The store's revision, with the cachers caught up to it."""
        if self._unsubscribe is None:
            await self.catch_up((await self.backend.range(ROOT, count_only=True)).revision)
        return self.revision

    async def at(self, cacher: Cacher, revision: int, namespace: str, start: str) -> Iterable[Entry]:
        """The objects as they were at a revision, in key order from `start` on; `EtcdError` if it is compacted."""
        below = f"{cacher.prefix}/{namespace}/" if namespace and cacher.namespaced else f"{cacher.prefix}/"
        first = max(below, f"{cacher.prefix}/{start}").encode()
        found = await self.backend.range(first, prefix_end(below.encode()), revision=revision)
        cut = len(cacher.prefix) + 1
        entries = (self._entry(kv.key.decode()[cut:], kv) for kv in found.kvs)
        return (entry for entry in entries if entry is not None)

    # -- writing ---------------------------------------------------------------------------------------------------

    async def put(self, cacher: Cacher, key: str, obj: Obj, expected_revision: int, lease: int = 0) -> Obj | None:
        """Write if the key still is at `expected_revision` (0: not there); the view written, None if it is not."""
        value = encode(obj)
        self._writing = (value, obj)
        try:
            done = await self.backend.optimistic_put(
                f"{cacher.prefix}/{key}".encode(), value, expected_revision, lease=lease
            )
        finally:
            self._writing = None
        if not done.succeeded:
            return None
        self._record(done.revision)
        if (told := story.current()) is not None:
            told.tell("store", f"{len(value)} bytes at {cacher.prefix}/{key}, revision {done.revision}")
        entry = cacher.get(key)
        if entry is not None and entry.revision == done.revision:
            return entry.obj
        await self.catch_up(done.revision)
        return versioned(obj, done.revision)

    async def delete(self, cacher: Cacher, key: str, expected_revision: int) -> int | None:
        """Delete if the key still is at `expected_revision`; the revision of the deletion, None if it is not."""
        done = await self.backend.optimistic_delete(f"{cacher.prefix}/{key}".encode(), expected_revision)
        if not done.succeeded:
            return None
        self._record(done.revision)
        if (told := story.current()) is not None:
            told.tell("store", f"{cacher.prefix}/{key} is gone, revision {done.revision}")
        await self.catch_up(done.revision)
        return done.revision

    def _record(self, revision: int) -> None:
        self.causes[revision] = current_cause.get()
        if len(self.causes) > CAUSES:
            del self.causes[next(iter(self.causes))]
