"""The far end of a real etcd: what cannot be brought about on purpose in one."""

import asyncio
from typing import Any

from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import poller
from kube_nb.etcd.wire.remote import RemoteWatcher


class Stream:
    """A watch's stream that answers with given responses; requests: what it was asked for."""

    def __init__(self, *responses: pb.WatchResponse) -> None:
        self._responses = list(responses)
        self.requests: list[pb.WatchRequest] = []

    async def write(self, request: pb.WatchRequest) -> None:
        copy = pb.WatchRequest()
        copy.CopyFrom(request)
        self.requests.append(copy)

    async def read(self) -> Any:
        from grpc import aio

        return self._responses.pop(0) if self._responses else aio.EOF

    def cancel(self) -> None:
        """Nothing is open."""


async def test_a_watch_goes_on_after_what_it_was_told_not_after_where_the_store_is() -> None:
    """Of thousands of revisions etcd tells a part at a time, each with the store's own revision in its header."""
    event = pb.Event(kv=pb.KeyValue(key=b"a", mod_revision=7))
    header = pb.ResponseHeader(revision=5000)
    first, second = Stream(pb.WatchResponse(header=header, events=[event])), Stream(pb.WatchResponse(header=header))
    streams = iter([first, second])

    async def metadata() -> tuple[()]:
        return ()

    watcher = RemoteWatcher(lambda metadata: next(streams), pb.WatchCreateRequest(key=b"a", start_revision=2), metadata)
    assert [event.kv.mod_revision for event in (await anext(watcher)).events] == [7]
    assert (await anext(watcher)).revision == 5000
    assert second.requests[0].create_request.start_revision == 8


async def test_what_comes_late_for_a_closed_loop_is_not_told() -> None:
    loop = asyncio.get_running_loop()
    told: list[Any] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda loop, context: told.append(str(context["exception"])))
    try:
        poller.keep_quiet(loop)
        for message in ("Exception in callback PollerCompletionQueue._handle_events()", "Exception in callback own()"):
            loop.call_exception_handler({"message": message, "exception": RuntimeError("Event loop is closed")})
        own = {"message": "Exception in callback PollerCompletionQueue()", "exception": RuntimeError("own")}
        loop.call_exception_handler(own)
    finally:
        loop.set_exception_handler(before)
    assert told == ["Event loop is closed", "own"]
