"""The HTTPS front: aiohttp on the cluster's loop, translating sockets to `Request` and `Response`.

It decides nothing but who the peer of a TLS connection is. Differs: HTTP/1.1 only, no compression.
"""

import asyncio
import contextvars
import ssl
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from kube_nb.apiserver import deadline
from kube_nb.apiserver.decode import BODY_LIMIT_BYTES
from kube_nb.apiserver.serving import websocket
from kube_nb.machinery import clock, errors
from kube_nb.machinery.exchange import Handler, Request, Response, User
from kube_nb.machinery.loop import ClusterLoop

#: How many events may wait for a client that does not read fast enough; then its connection is cut.
WAITING_EVENTS = 10_000
#: How many bytes of events are written at a time.
_BATCH_BYTES = 256 * 1024


class _Server(web.Server):
    """aiohttp's, with the transport of each connection until it is closed.

    A handler that gives its connection up forgets the transport at once, but TLS may wait for the peer's goodbye.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.transports: dict[web.RequestHandler, asyncio.Transport] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.transports[handler] = transport

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self.transports.pop(handler, None)


class Front:
    """One listening socket for one handler, from `start` to `stop`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._http: _Server | None = None

    async def start(self, host: str, port: int, ssl_context: ssl.SSLContext | None) -> int:
        """Listen; returns the port, which is a free one if 0 was asked for.

        The timers of connections (keep-alive) are housekeeping; each request runs in a context of its own.
        """
        with clock.periodic():
            self._http = _Server(self._serve, handler_cancellation=True, access_log=None)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._http, host, port, ssl=ssl_context, backlog=512)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is not None:
            self._server.close()
        if self._http is not None:
            for transport in list(self._http.transports.values()):
                transport.abort()  # or the shutdown waits, on this loop's time, for clients to leave
            await self._http.shutdown()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        if isinstance(loop, ClusterLoop):
            loop.allow_settling()
        return await asyncio.create_task(self._answer(request), context=contextvars.Context())

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._respond(request)
        except ConnectionResetError:  # the client went away, or the server did: nobody reads or writes what is left
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await _body(request)
        except errors.ApiError as error:
            return _plain(Response.of_error(error))
        asked = Request(
            request.method,
            request.path,
            _query(request),
            _headers(request),
            body,
            peer(request.transport),
            limit_s=deadline.LONGEST_S,
        )
        response = await self._handler(asked)
        if response.session is not None:
            return await websocket.serve(request, asked, response.session)
        if response.watch is not None:
            return await _watch(request, response)
        if response.chunks is not None:
            return await _chunks(request, response)
        return _plain(response, pretty=_wants_pretty(asked))


async def _body(request: web.BaseRequest) -> bytes | None:
    """The body up to the limit; 413 as soon as it is passed."""
    if not request.body_exists:
        return None
    if (request.content_length or 0) > BODY_LIMIT_BYTES:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> errors.ApiError:
    return errors.request_entity_too_large(f"limit is {BODY_LIMIT_BYTES}")


def _query(request: web.BaseRequest) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query.items():
        found.setdefault(name, []).append(value)
    return found


def _headers(request: web.BaseRequest) -> Mapping[str, str]:
    """Keys in lower case; a header that came more than once is joined by commas."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def peer(transport: Any) -> User | None:
    """The user of a verified client certificate: its common name, in the groups of its organizations."""
    certificate = transport.get_extra_info("peercert") if transport is not None else None
    if not certificate:
        return None
    name, groups = "", []
    for relative_name in certificate.get("subject", ()):
        for key, value in relative_name:
            if key == "commonName":
                name = value
            elif key == "organizationName":
                groups.append(value)
    return User(name, tuple(groups)) if name else None


# -- responses -----------------------------------------------------------------------------------------------------


def _response_headers(response: Response) -> dict[str, str]:
    own = {"Cache-Control": "no-cache, private", "Content-Type": response.content_type}
    return {**own, **(response.flow_headers or {}), **response.headers}


def _wants_pretty(request: Request) -> bool:
    """Whether JSON is to be indented: the query says so, or the client is one that people look at.

    Models apiserver pkg/endpoints/handlers/negotiation isPrettyPrint."""
    asked = request.param("pretty")
    if asked:
        return asked in ("1", "t", "T", "true", "TRUE", "True")
    return request.headers.get("user-agent", "").startswith(("curl", "Wget", "Mozilla/5.0"))


def _plain(response: Response, *, pretty: bool = False) -> web.Response:
    headers = _response_headers(response)
    body = response.encode()
    if pretty and response.obj is not None and response.content_type.startswith("application/json"):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    found = web.Response(status=response.status, body=body, headers=headers)
    for text in response.warnings:
        found.headers.add("Warning", warning(text))
    return found


def warning(text: str) -> str:
    """A warning as the value of its header."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    quoted = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'


async def _stream(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    headers = _response_headers(response)
    found = web.StreamResponse(status=response.status, headers=headers)
    found.enable_chunked_encoding()
    await found.prepare(request)
    return found


async def _watch(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    """One JSON document per event and line. A client that goes away cancels this, which ends the watch."""
    stream = response.watch
    assert stream is not None
    stream.limit = stream.waiting + WAITING_EVENTS  # the first ones come all at once
    if request.transport is not None:
        stream.on_overflow = request.transport.abort
    try:
        found = await _stream(request, response)
        while events := await stream.batch():
            waiting: list[bytes] = []
            size = 0
            for event in events:
                waiting.append(event.encoded())
                size += len(waiting[-1])
                if size > _BATCH_BYTES:
                    await found.write(b"".join(waiting))
                    waiting, size = [], 0
            if waiting:
                await found.write(b"".join(waiting))
        await found.write_eof()
        return found
    finally:
        stream.close()


async def _chunks(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    """A log, as it comes."""
    assert response.chunks is not None
    found = await _stream(request, response)
    async for chunk in response.chunks:
        if chunk:
            await found.write(chunk)
    await found.write_eof()
    return found
