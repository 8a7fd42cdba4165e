"""Watch: what happened since a revision, then what happens.

Models apiserver pkg/storage/cacher and pkg/endpoints/handlers/watch.go.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from kube_nb.apiserver import reading
from kube_nb.apiserver.cacher import Cacher, Change, Watcher
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.converting import ConvertingWatcher
from kube_nb.apiserver.resource import Resource
from kube_nb.apiserver.storage import Storage, versioned
from kube_nb.etcd.backend import PUT, Event, prefix_end
from kube_nb.etcd.errors import Compacted
from kube_nb.machinery import clock, errors
from kube_nb.machinery.exchange import WatchEvent, WatchStream
from kube_nb.machinery.types import Obj

#: How often idle watches that allow bookmarks get one.
BOOKMARK_PERIOD_S = 60.0
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_TRUE = ("true", "1")
_LIST_ONLY = ("resourceVersionMatch", "limit", "continue")

Render = Callable[[WatchEvent], WatchEvent]


async def watch(call: Call, render: Render | None = None) -> WatchStream:
    """The stream of a watch request; events that a client has missed are in it already."""
    storage, resource = call.server.storage, call.resource
    options = reading.ListOptions.of(_without_match(call))
    initial = _wants_initial(call)
    selection = options.selection
    newest = await storage.newest()
    scope = resource.cacher.scope(selection.namespace, selection.name, selection.index_value)
    stream = WatchStream(on_close=lambda: _end(resource.cacher, watcher))
    bookmarks = call.request.param("allowWatchBookmarks") in _TRUE
    watcher: Watcher
    if resource.is_plain:
        watcher = Watcher(stream, scope, selection.matches, bookmarks, render=render)
    else:
        watcher = ConvertingWatcher(resource, stream, scope, selection.matches, bookmarks, render=render)
    if initial or (options.revision == 0 and call.request.param("sendInitialEvents") not in ("false", "0")):
        _send_current(call, options, watcher)
        watcher.after = newest
        if initial and watcher.bookmarks:
            watcher.push(bookmark(resource, newest, initial=True))
    elif not await _send_missed(storage, resource, watcher, options.revision or newest):
        return watcher.stream
    if not watcher.stream.closed:
        resource.cacher.add(watcher)
        _limit_time(call, watcher)
    return watcher.stream


def _without_match(call: Call) -> Call:
    """resourceVersionMatch means something else for a watch: see `_wants_initial`."""
    query = {name: values for name, values in call.request.query.items() if name not in _LIST_ONLY}
    return replace(call, request=replace(call.request, query=query))


def _wants_initial(call: Call) -> bool:
    """sendInitialEvents=true; 422 without its companions. Models ValidateListOptions (isWatchListFeatureEnabled)."""
    param = call.request.param
    text, match = param("sendInitialEvents"), param("resourceVersionMatch")
    faults = []
    if text and match != "NotOlderThan":
        detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        faults.append(errors.FieldError(errors.FORBIDDEN, "resourceVersionMatch", match, detail))
    if not text and match:
        detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        faults.append(errors.FieldError(errors.FORBIDDEN, "resourceVersionMatch", match, detail))
    if faults:
        raise errors.invalid("ListOptions", "meta.k8s.io", "", faults)
    return text in _TRUE


def _send_current(call: Call, options: reading.ListOptions, watcher: Watcher) -> None:
    for entry in reading.current(call, options.selection, ""):
        watcher.tell(Change(entry.revision, entry.key, None, entry.obj), {})


async def _send_missed(storage: Storage, resource: Resource, watcher: Watcher, revision: int) -> bool:
    """Deliver what happened after a revision; False if that is forgotten, which ends the stream with a 410 in it."""
    cacher = resource.cacher
    watcher.after = revision
    try:
        changes = await _changes_since(storage, cacher, revision)
    except Compacted:
        gone = errors.gone(f"too old resource version: {revision} ({cacher.started})")
        watcher.stream.push(WatchEvent("ERROR", gone.status()))
        watcher.stream.close()
        return False
    for change in changes:
        if watcher.scope in cacher.scopes(change):
            watcher.tell(change, {})
    if changes:
        watcher.after = changes[-1].revision
    return True


async def _changes_since(storage: Storage, cacher: Cacher, revision: int) -> Sequence[Change]:
    """From the window if it reaches back far enough, else from the store's history too. Raises Compacted."""
    changes = cacher.changes_since(revision)
    if changes is not None:
        return changes
    if revision < cacher.started:
        raise Compacted
    older = await _history(storage, cacher, revision, cacher.window_start)
    return [*older, *(cacher.changes_since(older[-1].revision) or ())]


async def _history(storage: Storage, cacher: Cacher, revision: int, last: int) -> list[Change]:
    """The changes of a kind after `revision` up to `last`, which is the revision of one of them."""
    prefix = f"{cacher.prefix}/".encode()
    found: list[Change] = []
    missed = storage.backend.watch(prefix, prefix_end(prefix), start_revision=revision + 1, prev_kv=True)
    try:
        async for batch in missed:
            found += [_change(event, len(prefix)) for event in batch.events]
            if batch.revision >= last:
                break
    finally:
        missed.cancel()
    return found


def _change(event: Event, cut: int) -> Change:
    old = event.prev_kv and versioned(orjson.loads(event.prev_kv.value), event.prev_kv.mod_revision)
    new = versioned(orjson.loads(event.kv.value), event.kv.mod_revision) if event.type is PUT else None
    return Change(event.kv.mod_revision, event.kv.key[cut:].decode(), old, new)


def _limit_time(call: Call, watcher: Watcher) -> None:
    """timeoutSeconds ends the stream; as housekeeping, for nothing waits for it."""
    text = call.request.param("timeoutSeconds")
    if text.isdigit() and int(text):
        with clock.periodic():
            watcher.timer = asyncio.get_running_loop().call_later(int(text), watcher.stream.close)


def _end(cacher: Cacher, watcher: Watcher) -> None:
    cacher.discard(watcher)
    watcher.end()
    if watcher.timer is not None:
        watcher.timer.cancel()


def bookmark(resource: Resource, revision: int, *, initial: bool = False) -> WatchEvent:
    """An event that only tells how far the watch has come."""
    metadata: Obj = {"resourceVersion": str(revision), "creationTimestamp": None}
    if initial:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    kind = resource.kind
    return WatchEvent("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata})


async def send_bookmarks(storage: Storage, resources: Callable[[], Sequence[Resource]]) -> None:
    """Tell every watch that wants it, once a minute, how far it has come; runs until cancelled."""
    while True:
        await clock.periodic_sleep(BOOKMARK_PERIOD_S)
        for resource in resources():
            event: WatchEvent | None = None
            for watcher in resource.cacher.watchers():
                if watcher.bookmarks:
                    event = event or bookmark(resource, storage.revision)
                    watcher.push(event)
