"""The server: every service on one port of the running loop, with or without TLS.

As with etcd the port speaks gRPC, and HTTP/1.1 and HTTP/2 for the JSON gateway and the health endpoints; a connection's
first bytes tell which, a request's content type the rest.
"""

import asyncio
import contextlib
from typing import Any, cast

from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.tokens import Tokens
from kube_nb.etcd.wire import http2
from kube_nb.etcd.wire.auth import Auth
from kube_nb.etcd.wire.calls import Calls, Context, Method
from kube_nb.etcd.wire.cluster import Cluster
from kube_nb.etcd.wire.concurrency import Election, Lock
from kube_nb.etcd.wire.gateway import Gateway, Request
from kube_nb.etcd.wire.health import Health
from kube_nb.etcd.wire.http1 import Http1
from kube_nb.etcd.wire.http2 import Connection, Fault, Opened, Received, Reset
from kube_nb.etcd.wire.kv import KV
from kube_nb.etcd.wire.lease import Lease
from kube_nb.etcd.wire.maintenance import Maintenance
from kube_nb.etcd.wire.service import Served
from kube_nb.etcd.wire.tls import Tls, common_name
from kube_nb.etcd.wire.watch import Watch
from kube_nb.machinery import clock as clocks

SERVICES = (KV, Watch, Lease, Cluster, Maintenance, Lock, Election, Auth)
#: What gRPC adds to the largest request (etcd's grpcOverheadBytes).
OVERHEAD_BYTES = 512 * 1024
#: How often a member without a leader is noticed: an election timeout.
LEADER_CHECK_S = 1.0


class Server:
    """Serves one member. Everything a client can do wrong ends its own call, or its connection, only.

    max_streams: calls that one connection may have at a time (--max-concurrent-streams).
    """

    def __init__(self, member: Served, *, max_streams: int = 2**31 - 1) -> None:
        self._member = member
        self.limit_bytes = member.store.max_request_bytes + OVERHEAD_BYTES
        self.max_streams = max_streams
        tokens = Tokens(member.clock)
        self.methods: dict[bytes, Method] = {}
        for service in SERVICES:
            for name, method in service(member, tokens).methods().items():
                self.methods[f"/{service.name}/{name}".encode()] = method
        self.handled: dict[tuple[bytes, int], int] = {}
        self.gateway = Gateway(self.methods, Health(member, self.handled))
        self.http1 = Http1(self.gateway, self.limit_bytes)
        self._connections: dict[_Channel, None] = {}
        self._listener: asyncio.Server | None = None
        self._leaderless = 0
        self._monitor: asyncio.TimerHandle | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: Tls | None = None) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        context = None if tls is None else tls.context()
        self._listener = await loop.create_server(lambda: _Channel(self), host, port, ssl=context)
        self._watch_leader()
        return int(self._listener.sockets[0].getsockname()[1])

    def has_leader(self) -> bool:
        try:
            return self._member.has_leader
        except EtcdError:  # the member is down
            return False

    def _watch_leader(self) -> None:
        """Streams that want a leader end when there was none at three looks, an election timeout apart."""
        with clocks.periodic():
            self._monitor = asyncio.get_running_loop().call_later(LEADER_CHECK_S, self._watch_leader)
        self._leaderless = 0 if self.has_leader() else self._leaderless + 1
        if self._leaderless == 3:
            for channel in list(self._connections):
                channel.lost_leader()

    async def stop(self, grace_s: float | None = None) -> None:
        """Refuse new calls, end running ones after `grace_s` cluster seconds (None: at once)."""
        if self._listener is not None:
            self._listener.close()
        if self._monitor is not None:
            self._monitor.cancel()
        for channel in list(self._connections):
            channel.go_away()
        if grace_s and self._connections:
            await asyncio.sleep(grace_s)
        for channel in list(self._connections):
            channel.close()
        while self._connections:
            await asyncio.sleep(0)
        await self.http1.close()

    def joined(self, channel: "_Channel") -> None:
        self._connections[channel] = None

    def left(self, channel: "_Channel") -> None:
        self._connections.pop(channel, None)


class _Channel(asyncio.Protocol):
    """A client's connection. What is to be sent in one turn of the loop goes out in one write."""

    def __init__(self, server: Server) -> None:
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
            self._server.has_leader,
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
        self._calls.writable(False)

    def resume_writing(self) -> None:
        self._calls.writable(True)

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
