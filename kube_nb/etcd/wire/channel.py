"""A client's connection to the server: bytes between the transport and the calls."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

from kube_nb.etcd.wire import http2
from kube_nb.etcd.wire.calls import Calls, Context
from kube_nb.etcd.wire.gateway import Request
from kube_nb.etcd.wire.http2 import Connection, Fault, Opened, Received, Reset
from kube_nb.etcd.wire.tls import common_name

if TYPE_CHECKING:
    from kube_nb.etcd.wire.server import Server


class Channel(asyncio.Protocol):
    """A client's connection. What is to be sent in one turn of the loop goes out in one write."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._connection = Connection(max(4 << 20, server.limit_bytes + 64), server.max_streams)
        self._flushing = False
        self._greeting: bytes | None = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self._calls = Calls(
            self._server.methods,
            self._answer,
            lambda: self._server.has_leader,
            self._connection,
            self._flush_soon,
            common_name=common_name(transport.get_extra_info("peercert")),
            limit_bytes=self._server.limit_bytes,
            handled=self._server.handled,
        )
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._greeting is not None:
            data = self._greeting = self._greeting + data
            if data[: len(http2.PREFACE)] != http2.PREFACE[: len(data)]:
                self._server.left(self)
                self._server.http1.take_over(self._transport, data)
                return
            if len(data) < len(http2.PREFACE):
                return
            self._greeting = None
        try:
            events = self._connection.receive(data)
        except Fault:
            self._flush()
            self._transport.close()
            return
        for event in events:
            self._tell(event)
        self._flush_soon()

    def _tell(self, event: http2.Event) -> None:
        if isinstance(event, Received):
            self._calls.received(*event)
        elif isinstance(event, Opened):
            self._calls.opened(*event)
        elif isinstance(event, Reset):
            self._calls.reset(event.stream)
        else:
            self._calls.unblocked(event.stream)

    async def _answer(self, body: bytes, context: Context) -> Any:
        """A request over HTTP/2 that is no gRPC."""
        fields = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in context.headers}
        request = Request(fields.get(":method", ""), fields.get(":path", "/"), fields, body, context.common_name)
        status, out, told = await self._server.gateway.answer(request)
        return status, [(name.lower().encode(), value.encode()) for name, value in out.items()], told

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        out = self._connection.take_out()
        if out and not self._transport.is_closing():
            self._transport.write(out)

    def pause_writing(self) -> None:
        self._connection.hold(True)

    def resume_writing(self) -> None:
        for event in self._connection.hold(False):
            self._tell(event)
        self._flush_soon()

    def connection_lost(self, error: Exception | None) -> None:
        self._calls.close()
        self._server.left(self)

    def lost_leader(self) -> None:
        self._calls.lost_leader()

    def go_away(self) -> None:
        self._connection.go_away()
        self._flush()

    def close(self) -> None:
        """End at once; running calls are cancelled."""
        self._calls.close()
        with contextlib.suppress(OSError):
            self._transport.abort()

    def eof_received(self) -> Any:
        return None
