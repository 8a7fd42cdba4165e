"""The Watch service: many watchers on one stream, told in order by one writer.

Memory stays bounded whoever does not read: the writer waits for the transport, and a watcher that gets too far behind
falls back to the store's history (`etcd.watch`). Models server/etcdserver/api/v3rpc/watch.go.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from kube_nb.etcd.backend import Event, WatchBatch
from kube_nb.etcd.errors import Compacted, EtcdError
from kube_nb.etcd.guard import Guarded
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.watch import Listener, StoreWatcher
from kube_nb.etcd.wire import codec
from kube_nb.etcd.wire.calls import Context, Method
from kube_nb.etcd.wire.service import Served, Service, stream
from kube_nb.machinery import clock as clocks

#: Above this a response is split for watchers that asked for fragments: the request limit and gRPC's overhead.
FRAGMENT_BYTES = 1_572_864 + 512 * 1024


class Watch(Service):
    """The one method, Watch."""

    name = "etcdserverpb.Watch"

    def methods(self) -> dict[str, Method]:
        return {"Watch": stream(pb.WatchRequest, self.watch)}

    async def watch(self, requests: AsyncIterator[pb.WatchRequest], context: Context) -> AsyncIterator[Any]:
        watching = _Stream(self.member, self.header, lambda: self.guarded(context))
        reader = asyncio.create_task(watching.read(requests))
        try:
            async for response in watching.responses():
                yield response
        finally:  # nothing is awaited here: a stream whose client vanished is closed by the garbage collector
            reader.cancel()
            watching.close()


@dataclass(slots=True)
class _Watcher:
    id: int
    watcher: StoreWatcher
    listener: Listener
    fragment: bool
    progress_notify: bool
    idle: bool = True


class _Stream:
    """One client's stream. `_control` are responses that must go out first, `_ready` the watchers with more to tell."""

    def __init__(
        self,
        member: Served,
        header: Callable[[int | None], pb.ResponseHeader],
        guarded: Callable[[], Guarded],
    ) -> None:
        self._member = member
        self._guarded = guarded
        self._header = header
        self._watchers: dict[int, _Watcher] = {}
        self._next_id = 0
        self._control: deque[pb.WatchResponse] = deque()
        self._ready: dict[int, None] = {}
        self._progress_wanted = False
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    # -- what the client asks ------------------------------------------------------------------------------------

    async def read(self, requests: AsyncIterator[pb.WatchRequest]) -> None:
        """Do what is asked. Who asks no more may go on to listen."""
        async for request in requests:
            match request.WhichOneof("request_union"):
                case "create_request":
                    self._create(request.create_request)
                case "cancel_request":
                    self._cancel(request.cancel_request.watch_id)
                case "progress_request":
                    self._progress_wanted = True
            self._news.set()

    def _create(self, request: pb.WatchCreateRequest) -> None:
        id = request.watch_id or self._free_id()
        if id in self._watchers:
            self._refuse("mvcc: duplicate watch ID provided on the WatchStream")
            return
        try:
            self._guarded().check_watch(request.key, request.range_end)
        except EtcdError as error:
            self._refuse(f"rpc error: code = {error.code.title} desc = {error.message}")
            return
        try:
            watcher, listener = self._member.store.watch(
                request.key,
                request.range_end,
                lambda: self._wake(id),
                start_revision=request.start_revision,
                prev_kv=request.prev_kv,
                no_put=0 in request.filters,
                no_delete=1 in request.filters,
            )
        except EtcdError as error:
            self._refuse(error.message)
            return
        self._watchers[id] = _Watcher(id, watcher, listener, request.fragment, request.progress_notify)
        self._control.append(pb.WatchResponse(header=self._header(None), watch_id=id, created=True))
        self._ready[id] = None
        if request.progress_notify:
            self._arm()

    def _free_id(self) -> int:
        while self._next_id in self._watchers:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1

    def _refuse(self, reason: str) -> None:
        response = pb.WatchResponse(
            header=self._header(None), watch_id=-1, created=True, canceled=True, cancel_reason=reason
        )
        self._control.append(response)

    def _cancel(self, id: int) -> None:
        if id in self._watchers:
            self._forget(id)
            self._control.append(pb.WatchResponse(header=self._header(None), watch_id=id, canceled=True))

    def _forget(self, id: int) -> None:
        watcher = self._watchers.pop(id)
        self._ready.pop(id, None)
        self._member.store.audience.leave(watcher.listener)

    def close(self) -> None:
        for id in list(self._watchers):
            self._forget(id)
        if self._timer is not None:
            self._timer.cancel()

    # -- what the client is told ---------------------------------------------------------------------------------

    def _wake(self, id: int) -> None:
        self._ready[id] = None
        self._news.set()

    async def responses(self) -> AsyncIterator[pb.WatchResponse]:
        while True:
            while self._control:
                yield self._control.popleft()
            if self._ready:
                for response in self._pull(next(iter(self._ready))):
                    yield response
            elif self._progress_wanted:
                self._progress_wanted = False
                if all(watcher.watcher.synced for watcher in self._watchers.values()):
                    yield pb.WatchResponse(header=self._header(None), watch_id=-1)
            else:
                self._news.clear()
                await self._news.wait()

    def _pull(self, id: int) -> list[pb.WatchResponse]:
        watcher = self._watchers[id]
        try:
            batches = watcher.watcher.pull()
        except Compacted:
            self._forget(id)
            compacted = watcher.watcher.compact_revision
            return [pb.WatchResponse(header=self._header(0), watch_id=id, canceled=True, compact_revision=compacted)]
        if watcher.watcher.synced:
            self._ready.pop(id, None)
        if batches:
            watcher.idle = False
        return [response for batch in batches for response in self._messages(watcher, batch)]

    def _messages(self, watcher: _Watcher, batch: WatchBatch) -> list[pb.WatchResponse]:
        header = self._header(batch.revision)
        parts = _fragments(batch.events) if watcher.fragment else [batch.events]
        return [
            pb.WatchResponse(
                header=header,
                watch_id=watcher.id,
                events=map(codec.event_message, part),
                fragment=number < len(parts),
            )
            for number, part in enumerate(parts, 1)
        ]

    # -- periodic progress ---------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is None:
            with clocks.periodic():
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._member.progress_interval_s, self._tell_progress)

    def _tell_progress(self) -> None:
        self._timer = None
        for watcher in self._watchers.values():
            quiet = watcher.progress_notify and watcher.idle and watcher.watcher.synced
            if quiet and not watcher.watcher.waits_for_future:
                self._control.append(pb.WatchResponse(header=self._header(None), watch_id=watcher.id))
            watcher.idle = True
        self._news.set()
        self._arm()


def _fragments(events: tuple[Event, ...]) -> list[tuple[Event, ...]]:
    """The events in parts below the limit, in order."""
    parts: list[list[Event]] = [[]]
    size_bytes = 0
    for event in events:
        weight = len(event.kv.key) + len(event.kv.value) + (len(event.prev_kv.value) if event.prev_kv else 0) + 64
        if parts[-1] and size_bytes + weight > FRAGMENT_BYTES:
            parts.append([])
            size_bytes = 0
        parts[-1].append(event)
        size_bytes += weight
    return [tuple(part) for part in parts]
