"""HTTP/1.1 over virtual connections, both sides, by h11."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import urlsplit

import h11

from kube_nb.cri.network import Connection

#: More than this is refused: programs here serve pages, not films.
MAX_BODY_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class Ask:
    """A request as a server sees it. headers: names in lower case. client: the peer's address."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    client: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(slots=True)
class Answer:
    """A response. headers: as sent; names in lower case when received."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> "Answer":
        return cls(status, text.encode(), {"Content-Type": content_type})


Handler: TypeAlias = Callable[[Ask], Awaitable[Answer]]
Dial: TypeAlias = Callable[..., Awaitable[Connection]]


def reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def serve(connection: Connection, handler: Handler) -> None:
    """Answer requests on a connection until it ends; a malformed one gets 400."""
    machine = h11.Connection(h11.SERVER)
    try:
        while True:
            ask = await _next_request(connection, machine)
            if ask is None:
                return
            answer = await handler(ask)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            event = h11.Response(
                status_code=answer.status, headers=list(headers.items()), reason=reason(answer.status).encode()
            )
            data = machine.send(event) or b""
            if ask.method != "HEAD":
                data += machine.send(h11.Data(data=answer.body)) or b""
            data += machine.send(h11.EndOfMessage()) or b""
            await connection.write(data)
            if machine.our_state is h11.MUST_CLOSE:
                return
            machine.start_next_cycle()
    except h11.RemoteProtocolError as error:
        if machine.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            text = b"400 Bad Request"
            head = h11.Response(
                status_code=error.error_status_hint,
                headers=[("Content-Length", str(len(text))), ("Connection", "close")],
            )
            await connection.write((machine.send(head) or b"") + text)
    except (ConnectionError, h11.LocalProtocolError):
        return
    finally:
        connection.close()


async def _next_request(connection: Connection, machine: h11.Connection) -> Ask | None:
    ask: Ask | None = None
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            machine.receive_data(await connection.read())
        elif isinstance(event, h11.Request):
            headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
            ask = Ask(event.method.decode(), event.target.decode(), headers, b"", connection.remote[0])
        elif isinstance(event, h11.Data):
            assert ask is not None
            ask.body += bytes(event.data)
            if len(ask.body) > MAX_BODY_BYTES:
                raise h11.RemoteProtocolError("body too large", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            return ask
        else:
            return None


async def fetch(
    dial: Dial,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout_s: float = 60,
) -> Answer:
    """One request on a connection of its own.

    Raises the connection's OSError (refused, timed out, unknown name), TimeoutError while waiting for the answer, and
    ValueError for a URL that is not http.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"unsupported URL: {url}")
    async with asyncio.timeout(timeout_s):
        connection = await dial(parts.hostname, parts.port or 80, timeout_s=timeout_s)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            return await _exchange(connection, method, target, {"Host": parts.netloc, **(headers or {})}, body)
        finally:
            connection.close()


async def _exchange(
    connection: Connection, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    machine = h11.Connection(h11.CLIENT)
    sent = {**headers, "Connection": "close", **({"Content-Length": str(len(body))} if body else {})}
    data = machine.send(h11.Request(method=method, target=target, headers=list(sent.items()))) or b""
    if body:
        data += machine.send(h11.Data(data=body)) or b""
    await connection.write(data + (machine.send(h11.EndOfMessage()) or b""))
    answer = Answer()
    while True:
        try:
            event = machine.next_event()
        except h11.RemoteProtocolError as error:
            raise ConnectionResetError(104, f"malformed HTTP response: {error}") from error
        if event is h11.NEED_DATA:
            machine.receive_data(await connection.read())
        elif isinstance(event, h11.Response):
            answer.status = event.status_code
            answer.headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            answer.body += bytes(event.data)
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return answer
