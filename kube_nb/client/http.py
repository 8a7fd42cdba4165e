"""`HttpTransport`: HTTPS to a real apiserver, or to a kube_nb that serves."""

import asyncio
import base64
import errno
import os
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from kube_nb.client import execcredential, websocket
from kube_nb.client.errors import Unreachable
from kube_nb.client.kubeconfig import RestConfig
from kube_nb.machinery.exchange import Request, Response, WatchEvent, WatchStream

#: Headers that aiohttp writes itself for a WebSocket.
_HANDSHAKE = ("connection", "upgrade", "sec-websocket-version", "sec-websocket-protocol")
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


class HttpTransport:
    """Carries requests over HTTPS (HTTP/1.1, kept-alive connections) with a client certificate, token or password.

    A watch is a stream of JSON lines, logs a stream of bytes, exec and its like a WebSocket. There are no time limits
    of its own: cancel the call. Use it on one loop; `close` ends what is still streaming.
    """

    def __init__(self, config: RestConfig) -> None:
        self.config = config
        self._base = URL(config.server)
        self._session: aiohttp.ClientSession | None = None
        self._credential: execcredential.Credential | None = None
        self._pumps: dict[asyncio.Task[None], None] = {}

    async def __call__(self, request: Request) -> Response:
        response = await self._send(request)
        if response.status == 401 and self.config.exec is not None:
            await self._forget_credential()
            response = await self._send(request)
        return response

    async def close(self) -> None:
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        if pumps:
            await asyncio.wait(pumps)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # -- a request -------------------------------------------------------------------------------------------------

    async def _send(self, request: Request) -> Response:
        try:
            if request.headers.get("upgrade", "").lower() == "websocket":
                return await self._upgrade(request)
            return await self._plain(request)
        except aiohttp.ClientError as error:
            raise _unreachable(error, self._base) from error

    async def _plain(self, request: Request) -> Response:
        session = await self._opened()
        body = request.body
        answer = await session.request(
            request.method,
            self._url(request),
            headers=self._headers(request),
            data=body if body is None or isinstance(body, bytes) else orjson.dumps(body),
            proxy=self.config.proxy_url or None,
            server_hostname=self.config.tls_server_name or None,
        )
        response = Response(
            status=answer.status,
            content_type=answer.content_type,
            headers={name.lower(): value for name, value in answer.headers.items()},
            warnings=[text for value in answer.headers.getall("Warning", []) for text in _warnings(value)],
        )
        if answer.status < 400 and request.param("watch") in ("true", "1"):
            response.watch = self._watch(answer)
        elif answer.status < 400 and request.method == "GET" and request.path.endswith("/log"):
            response.chunks = _chunks(answer)
        else:
            response.raw = await answer.read()
        return response

    async def _upgrade(self, request: Request) -> Response:
        session = await self._opened()
        try:
            socket = await session.ws_connect(
                self._url(request),
                method=request.method,
                protocols=websocket.protocols(request.path),
                headers=self._headers(request),
                proxy=self.config.proxy_url or None,
                server_hostname=self.config.tls_server_name or None,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            return await self._refusal(request, error.status)
        return Response(status=101, session=websocket.carrier(socket, request))

    async def _refusal(self, request: Request, status: int) -> Response:
        """Why an upgrade was refused: the handshake hides the answer's body, so ask once more without it."""
        plain = Request(request.method, request.path, request.query, _without_handshake(request.headers))
        response = await self._plain(plain)
        if response.status < 400:
            return Response(status=status, raw=b"the server refused to upgrade the connection")
        return response

    def _url(self, request: Request) -> URL:
        query = [(name, value) for name, values in request.query.items() for value in values]
        return self._base.with_path(self._base.path.rstrip("/") + request.path).with_query(query)

    def _headers(self, request: Request) -> CIMultiDict[str]:
        headers = CIMultiDict(_without_handshake(request.headers))
        config = self.config
        if config.impersonate_user:
            headers.setdefault("Impersonate-User", config.impersonate_user)
            headers.extend([("Impersonate-Group", group) for group in config.impersonate_groups])
        if "authorization" not in headers and (authorization := self._authorization()):
            headers["authorization"] = authorization
        return headers

    def _authorization(self) -> str:
        config = self.config
        if self._credential is not None and self._credential.token:
            return f"Bearer {self._credential.token}"
        if config.token_file:
            # Read anew each time: the token in it is rotated.
            return f"Bearer {Path(config.token_file).read_text().strip()}"
        if config.token:
            return f"Bearer {config.token}"
        if config.username:
            return "Basic " + base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
        return ""

    # -- connections -----------------------------------------------------------------------------------------------

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            if self.config.exec is not None:
                self._credential = await execcredential.obtain(self.config.exec)
            connector = aiohttp.TCPConnector(limit=0, ssl=self._tls())
            timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)
        return self._session

    async def _forget_credential(self) -> None:
        self._credential = None
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _tls(self) -> ssl.SSLContext | bool:
        config = self.config
        if self._base.scheme != "https":
            return True
        authority = config.certificate_authority.decode() or None
        context = ssl.create_default_context(cadata=authority)
        if config.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = config.certificate, config.key
        if self._credential is not None and self._credential.certificate:
            certificate, key = self._credential.certificate, self._credential.key
        if certificate:
            _load_certificate(context, certificate, key)
        return context

    # -- streams ---------------------------------------------------------------------------------------------------

    def _watch(self, answer: aiohttp.ClientResponse) -> WatchStream:
        """The events of a watch; closing the stream drops the connection."""

        def drop() -> None:
            pump.cancel()

        stream = WatchStream(on_close=drop)
        pump = asyncio.get_running_loop().create_task(_pump(answer, stream), name="watch over HTTP")
        self._pumps[pump] = None
        pump.add_done_callback(lambda task: self._pumps.pop(task, None))
        return stream


async def _pump(answer: aiohttp.ClientResponse, stream: WatchStream) -> None:
    """Push the lines of a watch; it ends with the connection, however that ends."""
    rest = b""
    try:
        async for piece in answer.content.iter_any():
            *lines, rest = (rest + piece).split(b"\n") if b"\n" in piece else ([rest + piece])
            for line in lines:
                if line:
                    event = orjson.loads(line)
                    stream.push(WatchEvent(event["type"], event["object"]))
    except aiohttp.ClientError:
        pass  # a lost connection ends a watch as an orderly end does: the reflector resumes
    finally:
        answer.close()
        stream.close()


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.content.iter_any():
            yield piece
    finally:
        answer.close()


def _warnings(value: str) -> list[str]:
    """The texts of a Warning header (RFC 7234): ``299 - "spec.x is deprecated"``."""
    return [re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(value)]


def _without_handshake(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _HANDSHAKE}


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """ssl reads certificates from files only; this one holds a key, so nobody else may read it and it goes at once."""
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate + b"\n" + key)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)


def _unreachable(error: aiohttp.ClientError, base: URL) -> Unreachable:
    """The error in Go's words, which kubectl prints."""
    address = f"{base.host}:{base.port}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"dial tcp: lookup {base.host}: no such host")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Unreachable(f"tls: failed to verify certificate: {error.certificate_error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        refused = error.errno == errno.ECONNREFUSED
        why = "connection refused" if refused else (error.strerror or str(error)).lower()
        return Unreachable(f"dial tcp {address}: connect: {why}")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unreachable("EOF")
    return Unreachable(str(error) or type(error).__name__)
