"""One HTTP/2 connection, the server's end, without I/O: bytes in, events out; what is to be sent waits in `take_out`.

The protocol is the package h2's. On top stands what a gRPC server wants: a `Stream` that keeps what waits for the
peer's windows, and credit that is given back when a message was really consumed.

Differs from grpcio's server, which stood here before: that one hands every call over between two threads, so writes
never met in one batch.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from h2 import events as h2_events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from kube_nb.etcd.wire.headers import Decoder, Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: How much of all streams together may be on its way to us.
CONNECTION_WINDOW_BYTES = 8 << 20
#: How long a request's headers may be, decoded.
MAX_HEADER_BYTES = 64 << 10
_DEFAULT_WINDOW_BYTES = 65_535

Headers: TypeAlias = list[tuple[bytes, bytes]]


class Fault(Exception):
    """The peer has broken the protocol; the GOAWAY that says so waits to be sent."""


class Stream:
    """One request and its response. owed: bytes consumed that the peer does not know of.

    pending: what waits for the peer's window; trailers: what comes after that.
    """

    __slots__ = ("has_ended", "headers", "id", "is_open", "owed", "pending", "pending_bytes", "trailers")

    def __init__(self, id: int, headers: Headers) -> None:
        self.id = id
        self.headers = headers
        self.has_ended = False
        self.is_open = True
        self.owed = 0
        self.pending: deque[memoryview] = deque()
        self.pending_bytes = 0
        self.trailers: Headers | None = None


class Opened(NamedTuple):
    """A request's headers have come. ends: that is all of it."""

    stream: Stream
    ends: bool


class Received(NamedTuple):
    """A piece of a request's body, empty if only its end has come. To be credited by `Connection.consumed`."""

    stream: Stream
    data: bytes
    ends: bool


class Reset(NamedTuple):
    """The peer has given the request up."""

    stream: Stream


class Unblocked(NamedTuple):
    """All that was pending on a stream is sent."""

    stream: Stream


Event: TypeAlias = Opened | Received | Reset | Unblocked


class Connection:
    """The server's end. window_bytes: how much of one request may be on its way. max_streams: at a time."""

    def __init__(self, window_bytes: int = 4 << 20, max_streams: int = 2**31 - 1) -> None:
        self.streams: dict[int, Stream] = {}
        self._window_bytes = window_bytes
        self._taken = 0
        self._last_id = 0
        self._blocked: dict[int, Stream] = {}
        self._held = False
        self.pending_bytes = 0  # of all streams
        self._farewell = b""
        self._h2 = H2Connection(_CONFIG)
        self._h2.encoder, self._h2.decoder = Encoder(), Decoder(MAX_HEADER_BYTES)
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.INITIAL_WINDOW_SIZE: window_bytes,
                SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADER_BYTES,
                SettingCodes.MAX_CONCURRENT_STREAMS: max_streams,
            },
        )
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW_BYTES - _DEFAULT_WINDOW_BYTES)

    def take_out(self) -> bytes:
        """What is to be sent, once."""
        out, self._farewell = self._h2.data_to_send() + self._farewell, b""
        return out

    # -- receiving -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes say. Raises Fault."""
        try:
            told = self._h2.receive_data(data)
        except ProtocolError as error:
            raise Fault(str(error)) from error
        found: list[Event] = []
        for event in told:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event, found)
        return found

    def _on_request(self, event: h2_events.RequestReceived, found: list[Event]) -> None:
        self._last_id = event.stream_id
        stream = self.streams[event.stream_id] = Stream(event.stream_id, event.headers)
        stream.has_ended = event.stream_ended is not None
        found.append(Opened(stream, stream.has_ended))

    def _on_data(self, event: h2_events.DataReceived, found: list[Event]) -> None:
        size = event.flow_controlled_length
        self._taken += size
        if self._taken >= CONNECTION_WINDOW_BYTES // 2:
            self._h2.increment_flow_control_window(self._taken)
            self._taken = 0
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.owed += size - len(event.data)
            stream.has_ended = event.stream_ended is not None
            found.append(Received(stream, event.data, stream.has_ended))

    def _on_trailers(self, event: h2_events.TrailersReceived, found: list[Event]) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.has_ended = True
            found.append(Received(stream, b"", True))

    def _on_reset(self, event: h2_events.StreamReset, found: list[Event]) -> None:
        stream = self._closed(event.stream_id)
        if stream is not None:
            found.append(Reset(stream))

    def _on_room(self, event: h2_events.WindowUpdated, found: list[Event]) -> None:
        blocked = self._blocked
        streams = list(blocked.values()) if event.stream_id == 0 else [blocked.get(event.stream_id)]
        for stream in streams:
            if stream is not None:
                self._pump(stream, found)

    def _on_settings(self, event: h2_events.RemoteSettingsChanged, found: list[Event]) -> None:
        for stream in list(self._blocked.values()):
            self._pump(stream, found)

    def _closed(self, id: int) -> Stream | None:
        stream = self.streams.pop(id, None)
        if stream is not None:
            stream.is_open = False
            self._blocked.pop(id, None)
            self.pending_bytes -= stream.pending_bytes
            stream.pending.clear()
            stream.pending_bytes = 0
        return stream

    def consumed(self, stream: Stream, size: int) -> None:
        """The peer may send that much more of this request; it is told when that is worth a frame."""
        stream.owed += size
        if stream.owed >= self._window_bytes // 2 and stream.is_open and not stream.has_ended:
            self._h2.increment_flow_control_window(stream.owed, stream.id)
            stream.owed = 0

    # -- sending -------------------------------------------------------------------------------------------------

    def send_headers(self, stream: Stream, headers: Headers) -> None:
        if stream.is_open:
            self._h2.send_headers(stream.id, headers)

    def send_data(self, stream: Stream, data: bytes) -> None:
        """Send, or keep until the peer has room; `stream.pending_bytes` tells."""
        if stream.is_open:
            stream.pending.append(memoryview(data))
            stream.pending_bytes += len(data)
            self.pending_bytes += len(data)
            self._blocked[stream.id] = stream
            self._pump(stream, [])

    def end(self, stream: Stream, trailers: Headers | None = None) -> None:
        """Send the trailers, if there are any, after everything else, and close the stream."""
        if stream.pending:
            stream.trailers = trailers or []
        elif stream.is_open:
            self._finish(stream, trailers or [])

    def _finish(self, stream: Stream, trailers: Headers) -> None:
        if trailers:
            self._h2.send_headers(stream.id, trailers, end_stream=True)
        else:
            self._h2.end_stream(stream.id)
        if not stream.has_ended:
            self._h2.reset_stream(stream.id, ErrorCodes.NO_ERROR)
        self._closed(stream.id)

    def reset(self, stream: Stream, code: ErrorCodes) -> None:
        """Give a stream up."""
        if self._closed(stream.id) is not None:
            self._h2.reset_stream(stream.id, code)

    def hold(self, yes: bool) -> list[Event]:
        """Keep all data, for the transport is full; or go on with what was kept."""
        self._held = yes
        found: list[Event] = []
        for stream in list(self._blocked.values()):
            self._pump(stream, found)
        return found

    def go_away(self) -> None:
        """No request after the last one seen will be served; those under way go on (h2's own GOAWAY would end them)."""
        self._farewell += GoAwayFrame(0, last_stream_id=self._last_id, error_code=ErrorCodes.NO_ERROR).serialize()

    def _pump(self, stream: Stream, found: list[Event]) -> None:
        """Send of what is pending as much as the windows allow."""
        while stream.pending and not self._held:
            first = stream.pending[0]
            room = min(self._h2.local_flow_control_window(stream.id), self._h2.max_outbound_frame_size)
            if room <= 0 < len(first):
                return
            piece = first[:room]
            if len(first) > room:
                stream.pending[0] = first[room:]
            else:
                stream.pending.popleft()
            stream.pending_bytes -= len(piece)
            self.pending_bytes -= len(piece)
            self._h2.send_data(stream.id, piece.tobytes())
        if self._held:
            return
        self._blocked.pop(stream.id, None)
        found.append(Unblocked(stream))
        if stream.trailers is not None:
            self._finish(stream, stream.trailers)


#: Headers are compared and copied as they are: gRPC's clients and we write them right.
_CONFIG = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
_HANDLERS: dict[type, Callable[[Connection, Any, list[Event]], None]] = {
    h2_events.RequestReceived: Connection._on_request,
    h2_events.DataReceived: Connection._on_data,
    h2_events.TrailersReceived: Connection._on_trailers,
    h2_events.StreamReset: Connection._on_reset,
    h2_events.WindowUpdated: Connection._on_room,
    h2_events.RemoteSettingsChanged: Connection._on_settings,
}
