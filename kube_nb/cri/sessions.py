"""The client's end of an exec or attach: ordered output, and the line discipline of a terminal."""

import asyncio

from kube_nb.cri.process import Pipe
from kube_nb.cri.runtime import Streams
from kube_nb.machinery.exchange import STDOUT

CTRL_C, CTRL_D, BACKSPACE = 0x03, 0x04, (0x08, 0x7F)


class Outbox:
    """Programs write without waiting; this sends their output in order. On a terminal stderr is stdout."""

    def __init__(self, streams: Streams, *, tty: bool) -> None:
        self._streams = streams
        self._tty = tty
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._send())

    def put(self, channel: int, data: bytes) -> None:
        if self._tty:
            channel, data = STDOUT, data.replace(b"\n", b"\r\n")
        self._queue.put_nowait((channel, data))

    async def _send(self) -> None:
        while (item := await self._queue.get()) is not None:
            try:
                await self._streams.write(*item)
            except ConnectionError:
                return

    async def close(self) -> None:
        """Send what waits."""
        self._queue.put_nowait(None)
        await self._task


async def feed(streams: Streams, stdin: Pipe, terminal: Outbox | None, *, close: bool = True) -> None:
    """Carry the client's input to a program until the client closes it.

    terminal: where a terminal echoes; with one, input goes on a line at a time and can be edited.
    Differs: Ctrl-C ends the line and the input instead of signalling the foreground program.
    """
    line = bytearray()
    while data := await streams.read_stdin():
        if terminal is None:
            stdin.write(data)
        elif not _edit(data, line, stdin, terminal):
            break
    if close:
        stdin.write(bytes(line))
        stdin.close()


def _edit(data: bytes, line: bytearray, stdin: Pipe, terminal: Outbox) -> bool:
    """Apply keys to the line; False once the input has been ended by a key."""
    for key in data:
        if key in (0x0D, 0x0A):
            terminal.put(STDOUT, b"\n")
            stdin.write(bytes(line) + b"\n")
            line.clear()
        elif key in BACKSPACE:
            if line:
                line.pop()
                terminal.put(STDOUT, b"\b \b")
        elif key == CTRL_C or (key == CTRL_D and not line):
            line.clear()
            return False
        elif key >= 0x20:
            line.append(key)
            terminal.put(STDOUT, bytes((key,)))
    return True
