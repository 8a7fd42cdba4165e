"""As much of SPDY/3.1 as kubectl port-forward speaks: streams with headers, data, half-close, reset, ping.

A forwarded connection is a pair of streams with one requestID: an error stream, which the client half-closes at once,
and a data stream. Frames are those of draft-mbelshe-httpbis-spdy-00 (SPDY 3); header blocks are deflated with a shared
dictionary over the whole connection.

Models kubelet pkg/cri/streaming/portforward/httpstream.go. Differs: no flow-control windows, as in moby/spdystream.
"""

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Session

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, HEADERS = 1, 2, 3, 6, 8
FIN = 0x01
_VERSION = 3

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
    "iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    """Section 2.6.10.1: words with their lengths, then bare text."""
    words = (word.replace("_", " ").encode() for word in _WORDS.split())
    return b"".join(struct.pack(">I", len(word)) + word for word in words) + _TAIL.encode()


DICTIONARY = _dictionary()


class Frame(NamedTuple):
    """kind: None for data. stream: 0 for frames of the connection. headers: of SYN_STREAM, SYN_REPLY and HEADERS."""

    kind: int | None
    stream: int
    flags: int
    data: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Codec:
    """Frames to bytes and back; both directions keep their own compression state."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. ValueError for what is no SPDY/3."""
        self._buffer += data
        frames = []
        while len(self._buffer) >= 8:
            size = int.from_bytes(self._buffer[5:8], "big")
            if len(self._buffer) < 8 + size:
                break
            head, body = bytes(self._buffer[:8]), bytes(self._buffer[8 : 8 + size])
            del self._buffer[: 8 + size]
            frames.append(self._frame(head, body))
        return frames

    def _frame(self, head: bytes, body: bytes) -> Frame:
        flags = head[4]
        if not head[0] & 0x80:
            return Frame(None, int.from_bytes(head[:4], "big"), flags, body)
        version, kind = struct.unpack(">HH", head[:4])
        if version & 0x7FFF != _VERSION:
            raise ValueError(f"not SPDY/3: version {version & 0x7FFF}")
        stream = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        if kind == SYN_STREAM:
            return Frame(kind, stream, flags, headers=self._headers(body[10:]))
        if kind in (SYN_REPLY, HEADERS):
            return Frame(kind, stream, flags, headers=self._headers(body[4:]))
        return Frame(kind, stream, flags, body)

    def _headers(self, block: bytes) -> tuple[tuple[str, str], ...]:
        text = self._inflate.decompress(block)
        (count,) = struct.unpack_from(">I", text)
        place, fields = 4, []
        for _ in range(2 * count):
            (size,) = struct.unpack_from(">I", text, place)
            fields.append(text[place + 4 : place + 4 + size].decode())
            place += 4 + size
        return tuple(zip(fields[::2], fields[1::2], strict=True))

    def encode(self, frame: Frame) -> bytes:
        if frame.kind is None:
            return struct.pack(">I", frame.stream) + _flagged(frame.flags, frame.data)
        body = frame.data
        if frame.kind in (SYN_STREAM, SYN_REPLY, HEADERS):
            middle = struct.pack(">IH", 0, 0) if frame.kind == SYN_STREAM else b""
            body = struct.pack(">I", frame.stream) + middle + self._block(frame.headers)
        return struct.pack(">HH", 0x8000 | _VERSION, frame.kind) + _flagged(frame.flags, body)

    def _block(self, headers: tuple[tuple[str, str], ...]) -> bytes:
        parts = [struct.pack(">I", len(headers))]
        for name, value in headers:
            for text in (name.encode(), value.encode()):
                parts += [struct.pack(">I", len(text)), text]
        return self._deflate.compress(b"".join(parts)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _flagged(flags: int, body: bytes) -> bytes:
    return bytes([flags]) + len(body).to_bytes(3, "big") + body


class Pipe(Protocol):
    """A byte stream; an empty read is its end."""

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class _Connection:
    """One forwarded connection: a `Session` with data on channel 0 and errors on channel 1."""

    def __init__(self, forwarding: "Forwarding", port: int) -> None:
        self.port = port
        self.data_stream = 0
        self.error_stream = 0
        self.incoming: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self._forwarding = forwarding
        self._ended: set[int] = set()

    async def read(self) -> tuple[int, bytes] | None:
        return await self.incoming.get()

    async def write(self, channel: int, data: bytes) -> None:
        stream = self.error_stream if channel % 2 else self.data_stream
        if data and stream not in self._ended:
            await self._forwarding.send(Frame(None, stream, 0, data))
        elif not data:
            await self._end(stream)

    async def close(self) -> None:
        for stream in (self.error_stream, self.data_stream):
            await self._end(stream)

    async def _end(self, stream: int) -> None:
        if stream not in self._ended:
            self._ended.add(stream)
            await self._forwarding.send(Frame(None, stream, FIN))


class Forwarding:
    """The server's side of one SPDY connection that carries forwarded connections."""

    def __init__(self, pipe: Pipe, run: Callable[[Session], Awaitable[None]]) -> None:
        self._pipe = pipe
        self._run = run
        self._codec = Codec()
        self._connections: dict[str, _Connection] = {}
        self._streams: dict[int, tuple[_Connection, bool]] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def serve(self) -> None:
        """Until the client goes."""
        try:
            while data := await self._pipe.read():
                for frame in self._codec.feed(data):
                    await self._handle(frame)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(self, frame: Frame) -> None:
        await self._pipe.write(self._codec.encode(frame))

    async def _handle(self, frame: Frame) -> None:
        if frame.kind is None:
            self._received(frame)
        elif frame.kind == SYN_STREAM:
            await self._opened(frame)
        elif frame.kind == RST_STREAM:
            self._reset(frame.stream)
        elif frame.kind == PING:
            await self.send(frame)

    async def _opened(self, frame: Frame) -> None:
        headers = {name.lower(): value for name, value in frame.headers}
        await self.send(Frame(SYN_REPLY, frame.stream, 0))
        port = int(headers.get("port", "0"))
        connection = self._connections.setdefault(headers.get("requestid", ""), _Connection(self, port))
        is_error = headers.get("streamtype") == "error"
        self._streams[frame.stream] = (connection, is_error)
        if is_error:
            connection.error_stream = frame.stream
        else:
            connection.data_stream = frame.stream
        if connection.error_stream and connection.data_stream:
            task = asyncio.create_task(self._carry(connection))
            self._tasks[task] = None
            task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _carry(self, connection: _Connection) -> None:
        try:
            await self._run(connection)
        except ApiError as error:
            await connection.write(1, error.message.encode())
        finally:
            await connection.close()
            for stream in (connection.error_stream, connection.data_stream):
                self._streams.pop(stream, None)

    def _received(self, frame: Frame) -> None:
        connection, is_error = self._streams.get(frame.stream, (None, True))
        if connection is None or is_error:
            return
        if frame.data:
            connection.incoming.put_nowait((0, frame.data))
        if frame.flags & FIN:
            connection.incoming.put_nowait((0, b""))

    def _reset(self, stream: int) -> None:
        connection, _ = self._streams.pop(stream, (None, True))
        if connection is not None:
            connection.incoming.put_nowait(None)


async def serve(pipe: Pipe, run: Callable[[Session], Awaitable[None]]) -> None:
    """Carry forwarded connections over a pipe; run: handles one `Session` (a `_Connection`, whose `port` is asked)."""
    await Forwarding(pipe, run).serve()
