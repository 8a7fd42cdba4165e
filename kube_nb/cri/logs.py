"""The output of one container instance: lines with their time and stream, bounded, readable while it grows."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

from kube_nb.cri.runtime import LogOptions
from kube_nb.machinery.clock import Clock

#: The kubelet's containerLogMaxSize: what `kubectl logs` can still see of a container that writes more.
MAX_BYTES = 10 * 1024 * 1024
#: containerd splits longer lines.
MAX_LINE_BYTES = 16 * 1024


class Line(NamedTuple):
    """One entry; `data` ends with a newline unless the output did not."""

    time: datetime
    stream: str
    data: bytes

    def formatted(self, timestamps: bool) -> bytes:
        if not timestamps:
            return self.data
        return self.time.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() + self.data


class ContainerLog:
    """Append-only; the oldest lines go when `max_bytes` is exceeded. `close` ends those who follow."""

    def __init__(self, clock: Clock, max_bytes: int = MAX_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._lines: deque[Line] = deque()
        self._dropped = 0
        self._bytes = 0
        self._partial: dict[str, bytes] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self.closed = False

    def write(self, stream: str, data: bytes) -> None:
        """Add output of ``stdout`` or ``stderr``; what has no newline yet waits for one."""
        rest = self._partial.pop(stream, b"") + data
        while rest:
            line, newline, after = rest.partition(b"\n")
            if not newline and len(line) < MAX_LINE_BYTES:
                self._partial[stream] = rest
                break
            self._append(stream, line + newline)
            rest = after

    def close(self) -> None:
        """The container has exited: what waits for a newline becomes a line."""
        for stream, data in self._partial.items():
            self._append(stream, data)
        self._partial.clear()
        self.closed = True
        self._wake()

    def _append(self, stream: str, data: bytes) -> None:
        self._lines.append(Line(self._clock.now(), stream, data))
        self._bytes += len(data)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._lines.popleft().data)
            self._dropped += 1
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def tail(self, max_lines: int, max_bytes: int) -> str:
        text = b"".join(line.data for line in list(self._lines)[-max_lines:])
        return text[-max_bytes:].decode(errors="replace")

    def read(self, options: LogOptions) -> list[Line]:
        """The lines there are now that the options select, without limit_bytes."""
        lines = [
            line
            for line in self._lines
            if (options.since is None or line.time >= options.since) and _wanted(line, options)
        ]
        if options.tail_lines is not None:
            lines = lines[len(lines) - min(options.tail_lines, len(lines)) :]
        return lines

    async def chunks(self, options: LogOptions) -> AsyncIterator[bytes]:
        """The selected output, then, with follow, what comes until the container exits."""
        left = options.limit_bytes
        lines = self.read(options)
        position = self._dropped + len(self._lines)
        while True:
            data = b"".join(line.formatted(options.timestamps) for line in lines)
            if left is not None:
                data = data[:left]
                left -= len(data)
            if data:
                yield data
            if left == 0 or not options.follow:
                return
            while self._dropped + len(self._lines) <= position:
                if self.closed:
                    return
                await self._more()
            start = max(0, position - self._dropped)
            lines = [line for line in list(self._lines)[start:] if _wanted(line, options)]
            position = self._dropped + len(self._lines)

    async def _more(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)


def _wanted(line: Line, options: LogOptions) -> bool:
    return options.stream == "All" or options.stream.lower() == line.stream
