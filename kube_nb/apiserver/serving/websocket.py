"""Sessions over WebSocket: exec and attach as numbered channels, port-forward as SPDY inside.

    v4.channel.k8s.io               binary messages, the first byte is the channel
    v5.channel.k8s.io               the same; channel 255 closes the channel named by its one byte
    SPDY/3.1+portforward.k8s.io     the messages are the bytes of a SPDY/3.1 connection (see `spdy`)

Models kubelet pkg/cri/streaming/remotecommand/websocket.go, apimachinery pkg/util/httpstream/wsstream and apiserver
pkg/util/proxy/streamtunnel.go.
"""

import contextlib
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import WSMsgType, web

from kube_nb.apiserver.serving import spdy
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import ERROR, STDERR, STDOUT, Request, Response, Session

V4, V5 = "v4.channel.k8s.io", "v5.channel.k8s.io"
PORT_FORWARD = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{PORT_FORWARD}"
#: v5's channel that says which other channel is closed.
CLOSE = 255

Run = Callable[[Session], Awaitable[None]]


async def serve(request: web.BaseRequest, asked: Request, run: Run) -> web.StreamResponse:
    """Upgrade the connection and run the session on it; 400 or 403 if the client does not ask for what there is."""
    offered = [name.strip() for name in request.headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
    if request.headers.get("upgrade", "").lower() != "websocket":
        refused = Response.of_error(errors.bad_request("Upgrade request required"))
        return web.Response(status=400, body=refused.encode(), content_type="application/json")
    forwards = asked.path.endswith("/portforward")
    known = (TUNNEL, V4) if forwards else (V5, V4)
    if offered and not any(name in known for name in offered):
        why = f"unable to negotiate protocol: client supports {offered}, server supports {list(known)}"
        refused = Response.of_error(errors.bad_request(why))
        return web.Response(status=403, body=refused.encode(), content_type="application/json")
    socket = web.WebSocketResponse(protocols=known, max_msg_size=0, autoping=True, timeout=1)
    await socket.prepare(request)
    try:
        if socket.ws_protocol == TUNNEL:
            await spdy.serve(_Tunnel(socket), run)
        else:
            await _channels(socket, asked, run, forwards)
    finally:
        with contextlib.suppress(ConnectionError):
            await socket.close()
    return socket


async def _channels(socket: web.WebSocketResponse, asked: Request, run: Run, forwards: bool) -> None:
    session = ChannelSession(socket)
    if forwards:
        await _tell_ports(session, asked)
    else:
        await session.write(_first_channel(asked), b"")
    try:
        await run(session)
    except errors.ApiError as error:
        await session.write(ERROR, orjson.dumps(error.status()))


async def _tell_ports(session: "ChannelSession", asked: Request) -> None:
    """Each channel of a forwarded port starts with the port's number, two bytes, low one first."""
    ports = [int(port) for text in asked.query.get("ports", ()) for port in text.split(",")]
    for number, port in enumerate(ports):
        for channel in (2 * number, 2 * number + 1):
            await session.write(channel, port.to_bytes(2, "little"))


def _first_channel(asked: Request) -> int:
    """An empty message on the lowest channel to the client tells it that the session stands."""
    if asked.param("stdout") in ("true", "1"):
        return STDOUT
    return STDERR if asked.param("stderr") in ("true", "1") else ERROR


class ChannelSession:
    """A `Session` whose messages are channel byte and data."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._closes = socket.ws_protocol == V5

    async def read(self) -> tuple[int, bytes] | None:
        async for message in self._socket:
            if message.type == WSMsgType.BINARY:
                data: bytes = message.data
            elif message.type == WSMsgType.TEXT:
                data = message.data.encode()
            else:
                continue
            if not data:
                continue
            if data[0] == CLOSE and self._closes:
                return (data[1], b"") if len(data) > 1 else None
            if len(data) > 1:
                return data[0], data[1:]
        return None

    async def write(self, channel: int, data: bytes) -> None:
        if not self._socket.closed:
            with contextlib.suppress(ConnectionError):
                await self._socket.send_bytes(bytes([channel]) + data)

    async def close(self) -> None:
        await self._socket.close()


class _Tunnel:
    """The bytes of a connection in a WebSocket's messages."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        async for message in self._socket:
            if message.type == WSMsgType.BINARY and message.data:  # kubectl also sends messages of nothing
                return bytes(message.data)
        return b""

    async def write(self, data: bytes) -> None:
        if not self._socket.closed:
            with contextlib.suppress(ConnectionError):
                await self._socket.send_bytes(data)
