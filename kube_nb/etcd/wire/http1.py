"""HTTP/1.1 on the server's port, by aiohttp: connections that did not greet as HTTP/2 does."""

import asyncio
import contextlib

from aiohttp import web

from kube_nb.etcd.wire.gateway import Gateway, Request
from kube_nb.etcd.wire.tls import common_name


class Http1:
    """Speaks for the gateway. limit_bytes: how large a request may be."""

    def __init__(self, gateway: Gateway, limit_bytes: int) -> None:
        self._gateway = gateway
        self._limit_bytes = limit_bytes
        self._server: web.Server | None = None

    def take_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """Go on with a connection of which `data` has been read."""
        if self._server is None:
            self._server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        protocol = self._server()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    async def close(self) -> None:
        if self._server is not None:
            for connection in self._server.connections:
                if connection.transport is not None:
                    connection.transport.abort()  # or the shutdown waits, on this loop's time, for clients to leave
            await self._server.shutdown()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await self._body(request)
        if body is None:
            return web.Response(status=413, text="Request Entity Too Large\n")
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = await self._gateway.answer(
            Request(request.method, request.raw_path, headers, body, common_name(certificate))
        )
        if isinstance(answer.body, bytes):
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        async with contextlib.aclosing(answer.body) as pieces:
            await response.prepare(request)
            async for piece in pieces:
                await response.write(piece)
        return response

    async def _body(self, request: web.BaseRequest) -> bytes | None:
        """All of it; None if that is too much."""
        found = bytearray()
        async for piece in request.content.iter_any():
            found += piece
            if len(found) > self._limit_bytes:
                return None
        return bytes(found)
