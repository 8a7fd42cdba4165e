"""What client and apiserver hand each other: a request in, a response out, whatever carries them.

An in-kernel transport passes these values by reference, an HTTPS one writes them to a socket. A `Response` holds
exactly one of: an object, a stream of watch events, a stream of bytes (logs), or a session (exec, port-forward).
Objects in a response are shared with the store and with other readers: never change them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from kube_nb.machinery.cause import Cause
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Json, Obj


@dataclass(slots=True)
class User:
    """Who asks. Models authentication.k8s.io UserInfo."""

    name: str
    groups: Sequence[str] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Request:
    """One API call.

    path: decoded, without the query (``/api/v1/namespaces/default/pods/web``). query: repeated parameters stay in
    order (``{"command": ["ls", "-l"]}``). headers: keys in lower case. body: bytes off the wire, or an already decoded
    value that the caller will not change any more. user: set by transports that are authenticated by construction.
    limit_s: how long the transport lets it take if the query does not say; 0 for as long as it takes.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Json | None = None
    user: User | None = None
    cause: Cause | None = None
    limit_s: float = 0.0

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


class WatchEvent:
    """ADDED, MODIFIED, DELETED, BOOKMARK or ERROR with its object. `encoded` is made once and shared by all sockets."""

    __slots__ = ("_encoded", "object", "type")

    def __init__(self, type: str, object: Obj) -> None:
        self.type = type
        self.object = object
        self._encoded: bytes | None = None

    def encoded(self) -> bytes:
        """The event as one line of JSON with its newline."""
        if self._encoded is None:
            self._encoded = orjson.dumps({"type": self.type, "object": self.object}) + b"\n"
        return self._encoded

    def __repr__(self) -> str:
        meta = self.object.get("metadata", {})
        return f"WatchEvent({self.type} {self.object.get('kind')} {meta.get('name')} @{meta.get('resourceVersion')})"


#: How many events may wait for a watcher in this kernel.
LIMIT = 100_000


class WatchStream:
    """A buffer between one producer, which pushes without waiting, and one consumer, which takes batches.

    limit: how many events may wait; one more closes the stream and frees them (a slow watcher is dropped, others are
    not harmed).
    """

    def __init__(self, limit: int = LIMIT, on_close: Callable[[], None] | None = None) -> None:
        self._events: deque[WatchEvent] = deque()
        self.limit = limit
        self._waiter: asyncio.Future[None] | None = None
        #: Called once, when the stream is closed.
        self.on_close: list[Callable[[], None]] = [] if on_close is None else [on_close]
        #: Called if the consumer is too slow; what waits for it is thrown away.
        self.on_overflow: Callable[[], None] | None = None
        self.closed = False

    @property
    def waiting(self) -> int:
        return len(self._events)

    def push(self, event: WatchEvent) -> None:
        if self.closed:
            return
        if len(self._events) >= self.limit:
            self.overflow()
            return
        self._events.append(event)
        self._wake()

    def close(self) -> None:
        """End the stream; events that wait are still delivered. May be called from either side, more than once."""
        if not self.closed:
            self.closed = True
            for told in self.on_close:
                told()
            self._wake()

    def overflow(self) -> None:
        """Give up on a consumer that is too slow, with all that waits for it."""
        self._events.clear()
        self.close()
        if self.on_overflow is not None:
            self.on_overflow()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def batch(self) -> list[WatchEvent]:
        """Everything that waits, at least one event; an empty list when the stream has ended."""
        while not self._events:
            if self.closed:
                return []
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        events = list(self._events)
        self._events.clear()
        return events

    async def __aiter__(self) -> AsyncIterator[WatchEvent]:
        while batch := await self.batch():
            for event in batch:
                yield event


#: Channels of an exec or attach session, as kubectl numbers them.
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)


class Session(Protocol):
    """A duplex session as the node's side sees it: numbered byte channels.

    For port-forward, channel 2n carries port n's data and 2n+1 its error.
    """

    async def read(self) -> tuple[int, bytes] | None:
        """The next (channel, data) from the client; data is empty when that channel was closed; None at the end."""

    async def write(self, channel: int, data: bytes) -> None:
        """Send data on a channel."""

    async def close(self) -> None:
        """End the session."""


@dataclass(slots=True)
class Response:
    """status: HTTP code. Exactly one of obj, raw, watch, chunks, session is set; `raw` beside `obj` is its encoding."""

    status: int = 200
    obj: Obj | None = None
    raw: bytes | None = None
    watch: WatchStream | None = None
    chunks: AsyncIterator[bytes] | None = None
    session: Callable[[Session], Awaitable[None]] | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    #: Headers that many responses share, for transports that have any: which priority level let the request in.
    flow_headers: Mapping[str, str] | None = None

    def object(self) -> Obj:
        """The decoded body, shared: do not change it."""
        if self.obj is None:
            self.obj = orjson.loads(self.raw or b"null")
        return self.obj or {}

    def encode(self) -> bytes:
        """The body's bytes."""
        if self.raw is None:
            self.raw = orjson.dumps(self.obj)
        return self.raw

    @classmethod
    def of_error(cls, error: ApiError) -> "Response":
        headers = {}
        retry = (error.details or {}).get("retryAfterSeconds")
        if retry:
            headers["Retry-After"] = str(retry)
        return cls(status=error.code, obj=error.status(), headers=headers)


class ConnectionCut(ConnectionResetError):
    """The server ended before it had answered; what it was asked may be done or not."""


class Handler(Protocol):
    """An apiserver as a transport sees it."""

    async def __call__(self, request: Request) -> Response:
        """Never raises ApiError: a refusal is a Response with a Status in it. Raises ConnectionCut."""


class NodeEndpoint(Protocol):
    """What a kubelet serves to the apiserver: logs and sessions of the pods on its node.

    Models the kubelet's /containerLogs, /exec, /attach and /portForward endpoints. Errors are `ApiError`.
    """

    async def logs(
        self, namespace: str, pod: str, container: str, query: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[bytes]:
        """The container's log; query: PodLogOptions (follow, previous, tailLines, sinceSeconds, timestamps, ...)."""

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, tty: bool, session: Session
    ) -> None:
        """Run a command with the session's channels; ends with a Status on the ERROR channel."""

    async def attach(self, namespace: str, pod: str, container: str, *, tty: bool, session: Session) -> None:
        """Join the main process's streams."""

    async def port_forward(self, namespace: str, pod: str, ports: Sequence[int], session: Session) -> None:
        """Carry connections to ports of the pod."""

    async def proxy(self, namespace: str, pod: str, port: str, request: Request) -> Response:
        """One HTTP request to a port (number or name) of the pod."""
