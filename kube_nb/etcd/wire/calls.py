"""gRPC's calls on an HTTP/2 connection: finding the method, its messages, its deadline's end, its status.

A method is a coroutine or an asynchronous generator over messages; an `EtcdError` that it raises is the call's status.
Texts are those that grpc-go gives a client in the same case. Models grpc-go, server.go and
internal/transport/http2_server.go. Differs: a client's deadline is the client's to keep, it resets the call; and no
message may be compressed.
"""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from h2.errors import ErrorCodes

from kube_nb.etcd.errors import Code, EtcdError, NoLeader
from kube_nb.etcd.wire import http2
from kube_nb.etcd.wire.http2 import Connection, Stream

_prefix = struct.Struct(">BI")
_HEADERS = [(b":status", b"200"), (b"content-type", b"application/grpc")]
_OK = [(b"grpc-status", b"0")]
#: How much may wait to be read by one client before no more of its calls are begun.
MAX_PENDING_BYTES = 16 << 20
#: How long a status' text may get on the wire.
_MAX_TEXT_BYTES = 8_000


class Kind(Enum):
    """UNARY: one message in, one out. RESPONSES: one in, a stream out. STREAM: streams both ways. PLAIN: no gRPC."""

    UNARY = auto()
    RESPONSES = auto()
    STREAM = auto()
    PLAIN = auto()


class Method(NamedTuple):
    """request: the message class. function: what serves it, with the message (or an iterator of them) and a Context."""

    kind: Kind
    request: Any
    function: Callable[[Any, "Context"], Any]


class Context(NamedTuple):
    """What a call comes with. common_name: of the client's certificate, empty without one."""

    headers: http2.Headers
    common_name: str

    def get(self, name: bytes) -> str:
        """The first header of that name, empty without one."""
        return next((value.decode(errors="replace") for key, value in self.headers if key == name), "")


class Call:
    """One call under way; also the iterator over its request messages."""

    __slots__ = (
        "_arrival",
        "buffer",
        "has_ended",
        "messages",
        "method",
        "owner",
        "room",
        "started",
        "stream",
        "task",
        "wants_leader",
    )

    def __init__(self, owner: "Calls", stream: Stream, method: Method) -> None:
        self.owner = owner
        self.stream = stream
        self.method = method
        self.buffer = bytearray()
        self.messages: deque[tuple[Any, int]] = deque()
        self.has_ended = False  # no more messages come
        self.started = False  # headers are sent
        self.wants_leader = False
        self.task: asyncio.Task[None] | None = None
        self.room: asyncio.Future[None] | None = None
        self._arrival: asyncio.Future[None] | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while not self.messages:
            if self.has_ended:
                raise StopAsyncIteration
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        message, size = self.messages.popleft()
        self.owner.consumed(self.stream, size)
        return message

    def arrived(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def take(self, data: bytes, limit_bytes: int) -> None:
        """Split what has come into messages; EtcdError for one that is none, or is too large."""
        self.buffer += data
        if self.method.kind is Kind.PLAIN:
            if len(self.buffer) > limit_bytes:
                raise EtcdError(f"the request is larger than {limit_bytes} bytes", Code.RESOURCE_EXHAUSTED)
            return
        while len(self.buffer) >= 5:
            compressed, size = _prefix.unpack_from(self.buffer)
            if compressed:
                text = 'grpc: Decompressor is not installed for grpc-encoding "gzip"'
                raise EtcdError(text, Code.UNIMPLEMENTED)
            if size > limit_bytes:
                text = f"grpc: received message larger than max ({size} vs. {limit_bytes})"
                raise EtcdError(text, Code.RESOURCE_EXHAUSTED)
            if len(self.buffer) < 5 + size:
                return
            self.messages.append((self._parsed(bytes(self.buffer[5 : 5 + size])), 5 + size))
            del self.buffer[: 5 + size]

    def _parsed(self, raw: bytes) -> Any:
        try:
            return self.method.request.FromString(raw)
        except DecodeError as error:
            raise EtcdError(f"grpc: error unmarshalling request: {error}", Code.INTERNAL) from None


class Calls:
    """The calls of one connection.

    plain: serves requests that are no gRPC, body and Context in; status, header fields and body (or its pieces) out.
    has_leader: asked for calls that want one (metadata ``hasleader: true``).
    flush: called when the connection has something to send. handled: counts calls that ended by (path, code).
    """

    def __init__(
        self,
        methods: Mapping[bytes, Method],
        plain: Callable[[bytes, Context], Awaitable[Any]],
        has_leader: Callable[[], bool],
        connection: Connection,
        flush: Callable[[], None],
        *,
        common_name: str,
        limit_bytes: int,
        handled: dict[tuple[bytes, int], int],
    ) -> None:
        self._methods = methods
        self._plain = Method(Kind.PLAIN, None, plain)
        self._has_leader = has_leader
        self._handled = handled
        self._connection = connection
        self._flush = flush
        self._common_name = common_name
        self._limit_bytes = limit_bytes
        self._calls: dict[int, Call] = {}
        self._backlog: list[asyncio.Future[None]] = []

    # -- what the connection tells -------------------------------------------------------------------------------

    def opened(self, stream: Stream, ends: bool) -> None:
        path = _field(stream, b":path")
        is_grpc = _field(stream, b"content-type").startswith(b"application/grpc")
        method = self._methods.get(path) if is_grpc else self._plain
        if method is None:
            self._refuse(stream, EtcdError(self._unknown(path.decode(errors="replace")), Code.UNIMPLEMENTED))
            return
        call = self._calls[stream.id] = Call(self, stream, method)
        call.wants_leader = is_grpc and _field(stream, b"hasleader") == b"true"
        call.has_ended = ends
        if ends or method.kind is Kind.STREAM:
            self._start(call)

    def _unknown(self, path: str) -> str:
        service, slash, method = path.removeprefix("/").rpartition("/")
        if not slash:
            return f'malformed method name: "{path}"'
        known = any(each.startswith(f"/{service}/".encode()) for each in self._methods)
        return f"unknown method {method} for service {service}" if known else f"unknown service {service}"

    def received(self, stream: Stream, data: bytes, ends: bool) -> None:
        call = self._calls.get(stream.id)
        if call is None:
            return
        call.has_ended = ends
        try:
            call.take(data, self._limit_bytes)
            if call.method.kind is not Kind.STREAM and len(call.messages) > 1:
                raise EtcdError("grpc: a second message for a call that takes one", Code.INTERNAL)
        except EtcdError as error:
            self._drop(call)
            self._refuse(stream, error, started=call.started)
            return
        if call.method.kind is Kind.STREAM:
            call.arrived()
        else:
            self.consumed(stream, len(data))
            if ends:
                self._start(call)

    def reset(self, stream: Stream) -> None:
        call = self._calls.get(stream.id)
        if call is not None:
            self._drop(call)

    def unblocked(self, stream: Stream) -> None:
        call = self._calls.get(stream.id)
        if call is not None and call.room is not None and not call.room.done():
            call.room.set_result(None)
        self._next_turn()

    def close(self) -> None:
        for call in list(self._calls.values()):
            self._drop(call)

    def _drop(self, call: Call) -> None:
        self._calls.pop(call.stream.id, None)
        if call.task is not None:
            call.task.cancel()
        self._next_turn()

    def consumed(self, stream: Stream, size: int) -> None:
        if stream.is_open:
            self._connection.consumed(stream, size)
            self._flush()

    # -- running -------------------------------------------------------------------------------------------------

    def _start(self, call: Call) -> None:
        runs = {Kind.UNARY: self._run_unary, Kind.PLAIN: self._run_plain}
        run = runs.get(call.method.kind, self._run_stream)
        call.task = asyncio.get_running_loop().create_task(run(call))

    async def _turn(self) -> None:
        """Return once not too much waits to be read by this client."""
        while self._connection.pending_bytes > MAX_PENDING_BYTES:
            self._backlog.append(asyncio.get_running_loop().create_future())
            await self._backlog[-1]

    def _next_turn(self) -> None:
        if self._backlog and self._connection.pending_bytes <= MAX_PENDING_BYTES:
            waiting, self._backlog = self._backlog, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    async def _run_unary(self, call: Call) -> None:
        try:
            self._check_leader(call)
            await self._turn()
            response = await call.method.function(self._request(call), self._context(call))
            self._respond(call, response.SerializeToString())
        except EtcdError as error:
            self._end(call, error)
        except Exception as error:
            self._end(call, self._bug(error))

    def _request(self, call: Call) -> Any:
        if not call.messages:
            raise EtcdError("grpc: the request has no message", Code.INTERNAL)
        return call.messages.popleft()[0]

    def _context(self, call: Call) -> Context:
        return Context(call.stream.headers, self._common_name)

    async def _run_stream(self, call: Call) -> None:
        try:
            self._check_leader(call)
            await self._turn()
            given = call if call.method.kind is Kind.STREAM else self._request(call)
            responses = call.method.function(given, self._context(call))
            try:
                async for response in responses:
                    await self._send(call, response.SerializeToString())
            finally:
                await responses.aclose()
            self._end(call, None)
        except EtcdError as error:
            self._end(call, error)
        except Exception as error:
            self._end(call, self._bug(error))

    def _check_leader(self, call: Call) -> None:
        if call.wants_leader and not self._has_leader():
            raise NoLeader

    def lost_leader(self) -> None:
        """End the streams that want a leader."""
        for call in list(self._calls.values()):
            if call.wants_leader and call.method.kind is not Kind.UNARY:
                self._drop(call)
                self._refuse(call.stream, NoLeader(), started=call.started)

    async def _run_plain(self, call: Call) -> None:
        """A request of HTTP's own kind on the same connection."""
        stream, connection = call.stream, self._connection
        try:
            await self._turn()
            status, fields, body = await call.method.function(bytes(call.buffer), self._context(call))
            connection.send_headers(stream, [(b":status", b"%d" % status), *fields])
            call.started = True
            if isinstance(body, bytes):
                connection.send_data(stream, body)
            else:
                async for piece in body:
                    await self._send_raw(call, piece)
        except Exception as error:
            self._bug(error)
            connection.reset(stream, ErrorCodes.INTERNAL_ERROR)
        self._calls.pop(stream.id, None)
        connection.end(stream)
        self._flush()

    def _bug(self, error: Exception) -> EtcdError:
        """Tell the loop of what should not have happened; the client learns that something did."""
        context = {"message": "a gRPC method failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
        return EtcdError(f"etcdserver: internal error: {type(error).__name__}", Code.UNKNOWN)

    # -- answering -----------------------------------------------------------------------------------------------

    def _respond(self, call: Call, message: bytes) -> None:
        self._calls.pop(call.stream.id, None)
        if not call.stream.is_open:
            return
        connection, stream = self._connection, call.stream
        connection.send_headers(stream, _HEADERS)
        connection.send_data(stream, _prefix.pack(0, len(message)) + message)
        connection.end(stream, _OK)
        self._count(stream, 0)
        self._flush()

    def _count(self, stream: Stream, code: int) -> None:
        key = (_field(stream, b":path"), code)
        if key[0] in self._methods:
            self._handled[key] = self._handled.get(key, 0) + 1

    async def _send(self, call: Call, message: bytes) -> None:
        """Send one message of a stream; returns when there is room for the next."""
        if not call.started:
            call.started = True
            self._connection.send_headers(call.stream, _HEADERS)
        await self._send_raw(call, _prefix.pack(0, len(message)) + message)

    async def _send_raw(self, call: Call, data: bytes) -> None:
        self._connection.send_data(call.stream, data)
        self._flush()
        while call.stream.pending_bytes:
            call.room = asyncio.get_running_loop().create_future()
            await call.room

    def _end(self, call: Call, error: EtcdError | None) -> None:
        self._calls.pop(call.stream.id, None)
        if error is not None:
            self._refuse(call.stream, error, started=call.started)
        elif call.stream.is_open:
            if not call.started:
                self._connection.send_headers(call.stream, _HEADERS)
            self._connection.end(call.stream, _OK)
            self._count(call.stream, 0)
            self._flush()

    def _refuse(self, stream: Stream, error: EtcdError, *, started: bool = False) -> None:
        if stream.is_open:
            text = _percent_encoded(error.message)
            status = [(b"grpc-status", b"%d" % error.code), (b"grpc-message", text)]
            self._connection.end(stream, status if started else _HEADERS + status)
            self._count(stream, int(error.code))
            self._flush()


def _field(stream: Stream, name: bytes) -> bytes:
    return next((value for key, value in stream.headers if key == name), b"")


def _percent_encoded(text: str) -> bytes:
    """A status' text as gRPC writes it: printable ASCII but ``%``, the rest as ``%XX``."""
    raw = text.encode()[: _MAX_TEXT_BYTES // 3]
    return b"".join(b"%c" % byte if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte for byte in raw)
