"""A pair of connected byte streams."""

import asyncio
from collections import deque
from collections.abc import Callable

#: A writer waits while its peer has this much unread.
WINDOW_BYTES = 1 << 20

Endpoint = tuple[str, int]


class Stream:
    """One side of a connection; `pair` makes both. closed: this side has been closed or reset."""

    def __init__(self, local: Endpoint, remote: Endpoint) -> None:
        self.local = local
        self.remote = remote
        self.closed = False
        self._peer: Stream
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._ended = False
        self._reset = False
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self.on_close: Callable[[Stream], None] | None = None

    @classmethod
    def pair(cls, client: Endpoint, server: Endpoint) -> "tuple[Stream, Stream]":
        """(the dialling side, the listening side)."""
        near, far = cls(client, server), cls(server, client)
        near._peer, far._peer = far, near
        return near, far

    async def read(self, limit: int = 65536) -> bytes:
        """Some bytes; empty at the end. Raises ConnectionResetError."""
        while not self._chunks:
            if self._reset:
                raise ConnectionResetError(104, "Connection reset by peer")
            if self._ended or self.closed:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        chunk = self._chunks.popleft()
        if len(chunk) > limit:
            self._chunks.appendleft(chunk[limit:])
            chunk = chunk[:limit]
        self._unread -= len(chunk)
        if self._unread < WINDOW_BYTES:
            _wake(self._writer)
        return chunk

    async def write(self, data: bytes) -> None:
        """Hand all of it to the other side. Raises BrokenPipeError when that one is closed."""
        peer = self._peer
        while peer._unread >= WINDOW_BYTES and not peer.closed and not self.closed:
            peer._writer = asyncio.get_running_loop().create_future()
            await peer._writer
        if self._reset:
            raise ConnectionResetError(104, "Connection reset by peer")
        if peer.closed or self.closed:
            raise BrokenPipeError(32, "Broken pipe")
        if data:
            peer._chunks.append(data)
            peer._unread += len(data)
            _wake(peer._reader)

    def close(self) -> None:
        """End both directions; what was written is still delivered."""
        if self.closed:
            return
        self.closed = True
        self._peer._ended = True
        for future in (self._reader, self._writer, self._peer._reader, self._peer._writer):
            _wake(future)
        if self.on_close is not None:
            self.on_close(self)

    def reset(self) -> None:
        """The host is gone: the other side gets ECONNRESET."""
        if not self.closed:
            self._peer._reset = not self._peer._ended
            self.close()


def _wake(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)
