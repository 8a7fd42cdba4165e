"""The client's end of exec, attach and port-forward: a pair of queues, whatever carries the bytes between."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson

from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import ERROR, RESIZE, STDERR, STDIN, STDOUT, Session
from kube_nb.machinery.types import Obj


class _FarEnd:
    """The `Session` that the node's side (or the WebSocket that leads there) works with."""

    def __init__(self) -> None:
        self.to_node: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self.to_client: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self._ended = False

    async def read(self) -> tuple[int, bytes] | None:
        if self._ended:
            return None
        message = await self.to_node.get()
        self._ended = message is None
        return message

    async def write(self, channel: int, data: bytes) -> None:
        self.to_client.put_nowait((channel, data))

    async def close(self) -> None:
        self.to_client.put_nowait(None)


class RemoteSession:
    """A running exec, attach or port-forward.

    Write to STDIN, close it with `close_stdin`, read (channel, data) pairs until None; `error` then holds the refusal
    or the exit status, if the command failed. `close` (or leaving ``async with``) ends everything.
    """

    def __init__(self, carry: Callable[[Session], Awaitable[None]]) -> None:
        self._far = _FarEnd()
        self._task = asyncio.create_task(self._carry(carry))
        self._ended = False
        #: The metav1.Status that came on the error channel; None while it runs.
        self.status: Obj | None = None

    async def _carry(self, carry: Callable[[Session], Awaitable[None]]) -> None:
        try:
            await carry(self._far)
        finally:
            self._far.to_client.put_nowait(None)

    async def read(self) -> tuple[int, bytes] | None:
        """The next data of stdout, stderr or a port; None at the end."""
        while not self._ended:
            message = await self._far.to_client.get()
            if message is None:
                self._ended = True
            elif message[0] != ERROR or self._is_port_error(message[1]):
                return message
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
            raise error
        return None

    def _is_port_error(self, data: bytes) -> bool:
        """Whether channel 3 carries something else than a Status: port 1's error text. Keeps the Status."""
        try:
            status = orjson.loads(data)
        except orjson.JSONDecodeError:
            return bool(data)
        if isinstance(status, dict) and status.get("kind", "Status") == "Status" and "status" in status:
            self.status = status
            return False
        return True

    async def write(self, data: bytes, channel: int = STDIN) -> None:
        """Send data; empty data closes the channel."""
        self._far.to_node.put_nowait((channel, data))

    async def close_stdin(self) -> None:
        await self.write(b"")

    async def resize(self, width: int, height: int) -> None:
        """Tell a terminal its size."""
        await self.write(orjson.dumps({"Width": width, "Height": height}), RESIZE)

    async def output(self) -> tuple[bytes, bytes]:
        """Read to the end: (stdout, stderr)."""
        parts: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
        while message := await self.read():
            parts.setdefault(message[0], []).append(message[1])
        return b"".join(parts[STDOUT]), b"".join(parts[STDERR])

    @property
    def exit_code(self) -> int | None:
        """0 for success, the command's own code, or None while it runs or if it never ran (see `error`)."""
        if self.status is None:
            return None
        if self.status.get("status") == "Success":
            return 0
        for cause in (self.status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode":
                return int(cause["message"])
        return None

    @property
    def error(self) -> ApiError | None:
        """What went wrong, as the error channel told it."""
        if self.status is None or self.status.get("status") == "Success":
            return None
        return ApiError.from_status(self.status)

    async def close(self) -> None:
        """End the session on both sides."""
        self._far.to_node.put_nowait(None)
        if not self._task.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()  # `read` has raised it, or nobody wants to know any more

    async def __aenter__(self) -> "RemoteSession":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
