"""`FakeServer` behind a socket: what a real apiserver does on the wire, as little of it as these tests need."""

import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import WSMsgType, web

from kube_nb.machinery import loop
from kube_nb.machinery.exchange import Request, Response, Session

T = TypeVar("T")


def on_the_wall_clock(body: Callable[[], Awaitable[T]]) -> T:
    """Run on a loop whose time is real: sockets take real time, which a loop at pace "max" would jump over."""
    running = loop.ClusterLoop(pace=1)
    try:
        return running.run_command(body())
    finally:
        running.run_until_complete(loop.cancel_all_tasks())
        running.close()


class HttpServer:
    def __init__(self, handler: Callable[[Request], Awaitable[Response]]) -> None:
        self.handler = handler
        self.seen: list[web.Request] = []

    async def start(self, context: ssl.SSLContext | None = None) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"{'https' if context else 'http'}://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _serve(self, incoming: web.Request) -> web.StreamResponse:
        self.seen.append(incoming)
        query: dict[str, list[str]] = {}
        for name, value in incoming.query.items():
            query.setdefault(name, []).append(value)
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        body = await incoming.read()
        response = await self.handler(Request(incoming.method, incoming.path, query, headers, body or None))
        if response.session is not None:
            return await self._session(incoming, response)
        if response.watch is not None or response.chunks is not None:
            return await self._stream(incoming, response)
        outgoing = web.Response(
            status=response.status, body=response.encode(), content_type="application/json", headers=response.headers
        )
        for warning in response.warnings:
            outgoing.headers.add("Warning", f'299 - "{warning}"')
        return outgoing

    async def _stream(self, incoming: web.Request, response: Response) -> web.StreamResponse:
        outgoing = web.StreamResponse(headers={"Content-Type": "application/json"})
        await outgoing.prepare(incoming)
        if response.chunks is not None:
            async for piece in response.chunks:
                await outgoing.write(piece)
            return outgoing
        async for event in response.watch:
            line = event.encoded()
            await outgoing.write(line[:7])
            await outgoing.write(line[7:])
        return outgoing

    async def _session(self, incoming: web.Request, response: Response) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"))
        await socket.prepare(incoming)
        await response.session(_SocketSession(socket))
        await socket.close()
        return socket


class _SocketSession(Session):
    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> tuple[int, bytes] | None:
        message = await self._socket.receive()
        if message.type != WSMsgType.BINARY:
            return None
        if message.data[0] == 255:
            return message.data[1], b""
        return message.data[0], message.data[1:]

    async def write(self, channel: int, data: bytes) -> None:
        await self._socket.send_bytes(bytes((channel,)) + data)

    async def close(self) -> None:
        await self._socket.close()
