"""One HTTP/2 connection, the server's end, without I/O: bytes in, events out; what is to be sent collects in `out`.

As much of RFC 9113 as a gRPC server needs: no push, no priorities, no dynamic table for what we send. A `Fault` ends
the connection with a GOAWAY; what concerns one stream resets that stream only.

Differs from grpcio's server, which stood here before: that one hands every call over between two threads, so writes
never met in one batch, and a call cost four times the processor time.
"""

import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0x0, 0x1, 0x2, 0x3
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 0x6, 0x7, 0x8, 0x9, 0xB
_INITIAL_WINDOW, _MAX_FRAME, _MAX_STREAMS, _MAX_HEADERS = 0x4, 0x5, 0x3, 0x6

#: The largest frame that we take: the protocol's default, which is also what we send unless told otherwise.
FRAME_BYTES = 16_384
#: How much of all streams together may be on its way to us.
CONNECTION_WINDOW_BYTES = 8 << 20
#: How long a request's headers may be, decoded and encoded.
MAX_HEADER_BYTES = 64 << 10
_DEFAULT_WINDOW_BYTES = 65_535
_MAX_WINDOW_BYTES = 2**31 - 1

_head = struct.Struct(">IBI")  # length and type in one word, flags, stream
_number = struct.Struct(">I")
_setting = struct.Struct(">HI")

Headers: TypeAlias = list[tuple[bytes, bytes]]


class Fault(Exception):
    """The peer has broken the protocol; `code` goes into the GOAWAY."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Stream:
    """One request and its response.

    taken: bytes received that the peer does not know to be consumed, of which `owed` are. pending: what waits for the
    peer's window; trailers: what comes after that.
    """

    __slots__ = (
        "has_ended",
        "headers",
        "id",
        "is_open",
        "owed",
        "pending",
        "pending_bytes",
        "taken",
        "trailers",
        "window",
    )

    def __init__(self, id: int, headers: Headers, window: int) -> None:
        self.id = id
        self.headers = headers
        self.window = window
        self.has_ended = False
        self.is_open = True
        self.taken = self.owed = 0
        self.pending: deque[memoryview] = deque()
        self.pending_bytes = 0
        self.trailers: bytes | None = None


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


def literal(name: bytes, value: bytes) -> bytes:
    """A header field that no table learns of (RFC 7541, 6.2.2)."""
    return b"\0" + _length(len(name)) + name + _length(len(value)) + value


def _length(count: int) -> bytes:
    """A string's length as an integer with a 7-bit prefix."""
    if count < 127:
        return bytes((count,))
    coded, rest = bytearray(b"\x7f"), count - 127
    while rest >= 128:
        coded.append(rest & 127 | 128)
        rest >>= 7
    coded.append(rest)
    return bytes(coded)


def frame(kind: int, flags: int, id: int, payload: bytes = b"") -> bytes:
    return _head.pack(len(payload) << 8 | kind, flags, id) + payload


class Connection:
    """The server's end. window_bytes: how much of one request may be on its way. max_streams: at a time."""

    def __init__(self, window_bytes: int = 4 << 20, max_streams: int = 2**32 - 1) -> None:
        self.streams: dict[int, Stream] = {}
        self._window_bytes = window_bytes
        self._max_streams = max_streams
        self._buffer = bytearray()
        self._greeted = False
        self._last_id = 0
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADER_BYTES)
        self._known_blocks: dict[bytes, Headers] = {}
        self._assembling: tuple[int, bool, bytearray] | None = None
        self._taken = 0
        self._window = _DEFAULT_WINDOW_BYTES
        self._peer_window = _DEFAULT_WINDOW_BYTES
        self._peer_frame = FRAME_BYTES
        self._blocked: dict[int, Stream] = {}
        settings = [(_INITIAL_WINDOW, window_bytes), (_MAX_HEADERS, MAX_HEADER_BYTES)]
        settings += [(_MAX_STREAMS, max_streams)] if max_streams < 2**32 - 1 else []
        grown = _number.pack(CONNECTION_WINDOW_BYTES - _DEFAULT_WINDOW_BYTES)
        self.out: list[bytes | memoryview] = [
            frame(SETTINGS, 0, 0, b"".join(_setting.pack(*each) for each in settings)),
            frame(WINDOW_UPDATE, 0, 0, grown),
        ]
        self._handlers: dict[int, Callable[[int, int, bytes, list[Event]], None]] = {
            DATA: self._on_data,
            HEADERS: self._on_headers,
            RST_STREAM: self._on_reset,
            SETTINGS: self._on_settings,
            PUSH_PROMISE: self._on_push,
            PING: self._on_ping,
            WINDOW_UPDATE: self._on_window,
            CONTINUATION: self._on_continuation,
        }

    # -- receiving -----------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes say. Raises Fault."""
        buffer = self._buffer
        buffer += data
        events: list[Event] = []
        place = self._greet()
        while self._greeted and len(buffer) - place >= 9:
            word, flags, id = _head.unpack_from(buffer, place)
            length, kind = word >> 8, word & 0xFF
            if length > FRAME_BYTES:
                raise Fault(FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            if len(buffer) - place < 9 + length:
                break
            payload = bytes(buffer[place + 9 : place + 9 + length])
            place += 9 + length
            if self._assembling is not None and kind != CONTINUATION:
                raise Fault(PROTOCOL_ERROR, "a frame between the parts of a header block")
            handler = self._handlers.get(kind)
            if handler is not None:
                handler(flags, id & 0x7FFFFFFF, payload, events)
        del buffer[:place]
        return events

    def _greet(self) -> int:
        """Where the frames begin, once the preface is there."""
        if self._greeted or len(self._buffer) < len(PREFACE):
            return 0
        if not self._buffer.startswith(PREFACE):
            raise Fault(PROTOCOL_ERROR, "no HTTP/2 preface")
        self._greeted = True
        return len(PREFACE)

    def _on_headers(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        payload = _unpadded(flags, payload)
        if flags & HAS_PRIORITY:
            payload = payload[5:]
        if flags & END_HEADERS:
            self._take_headers(id, payload, bool(flags & END_STREAM), events)
        else:
            self._assembling = (id, bool(flags & END_STREAM), bytearray(payload))

    def _on_continuation(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        if self._assembling is None or self._assembling[0] != id:
            raise Fault(PROTOCOL_ERROR, "a continuation of nothing")
        _, ends, block = self._assembling
        block += payload
        if len(block) > MAX_HEADER_BYTES:
            raise Fault(ENHANCE_YOUR_CALM, "a header block without end")
        if flags & END_HEADERS:
            self._assembling = None
            self._take_headers(id, bytes(block), ends, events)

    def _take_headers(self, id: int, block: bytes, ends: bool, events: list[Event]) -> None:
        headers = self._decoded(block)
        stream = self.streams.get(id)
        if stream is not None:  # trailers
            self._end(stream, ends, events)
        elif id % 2 == 0:
            raise Fault(PROTOCOL_ERROR, f"a request on stream {id}")
        elif id > self._last_id:
            self._last_id = id
            if len(self.streams) >= self._max_streams:
                self.out.append(frame(RST_STREAM, 0, id, _number.pack(REFUSED_STREAM)))
                return
            stream = self.streams[id] = Stream(id, headers, self._peer_window)
            stream.has_ended = ends
            events.append(Opened(stream, ends))

    def _end(self, stream: Stream, ends: bool, events: list[Event]) -> None:
        if not ends or stream.has_ended:
            raise Fault(PROTOCOL_ERROR, f"a second header block on stream {stream.id}")
        stream.has_ended = True
        events.append(Received(stream, b"", True))

    def _decoded(self, block: bytes) -> Headers:
        """Blocks of nothing but indexes mean the same until a table entry is added, and most are met again."""
        known = self._known_blocks.get(block)
        if known is not None:
            return known
        try:
            headers: Headers = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except hpack.OversizedHeaderListError as error:
            raise Fault(ENHANCE_YOUR_CALM, str(error)) from error
        except hpack.HPACKError as error:
            raise Fault(COMPRESSION_ERROR, str(error)) from error
        if block and all(0x80 <= byte < 0xFF for byte in block):
            if len(self._known_blocks) < 100:
                self._known_blocks[block] = headers
        else:
            self._known_blocks.clear()
        return headers

    def _on_data(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        size = len(payload)
        self._taken += size
        if self._taken >= CONNECTION_WINDOW_BYTES // 2:
            self.out.append(frame(WINDOW_UPDATE, 0, 0, _number.pack(self._taken)))
            self._taken = 0
        stream = self.streams.get(id)
        if stream is None:
            if id == 0 or id > self._last_id:
                raise Fault(PROTOCOL_ERROR, f"data on idle stream {id}")
            return  # it was on its way when we closed the stream
        stream.taken += size
        if stream.has_ended or stream.taken > self._window_bytes:
            self.reset(stream, FLOW_CONTROL_ERROR)
            events.append(Reset(stream))
            return
        stream.has_ended = bool(flags & END_STREAM)
        data = _unpadded(flags, payload)
        stream.owed += size - len(data)
        events.append(Received(stream, data, stream.has_ended))

    def _on_reset(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) != 4:
            raise Fault(FRAME_SIZE_ERROR, "a reset of another size than 4")
        if id == 0 or id > self._last_id:
            raise Fault(PROTOCOL_ERROR, f"a reset of idle stream {id}")
        stream = self.streams.pop(id, None)
        if stream is not None:
            stream.is_open = False
            self._blocked.pop(id, None)
            events.append(Reset(stream))

    def _on_settings(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        if id or len(payload) % 6 or (flags & ACK and payload):
            raise Fault(FRAME_SIZE_ERROR, "settings that are none")
        if flags & ACK:
            return
        for name, value in _setting.iter_unpack(payload):
            if name == _INITIAL_WINDOW:
                self._change_peer_window(value, events)
            elif name == _MAX_FRAME:
                if not FRAME_BYTES <= value < 1 << 24:
                    raise Fault(PROTOCOL_ERROR, f"frames of {value} bytes")
                self._peer_frame = value
        self.out.append(frame(SETTINGS, ACK, 0))

    def _change_peer_window(self, size: int, events: list[Event]) -> None:
        if size > _MAX_WINDOW_BYTES:
            raise Fault(FLOW_CONTROL_ERROR, f"a window of {size} bytes")
        for stream in self.streams.values():
            stream.window += size - self._peer_window
        self._peer_window = size
        self._pump_blocked(events)

    def _on_push(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        raise Fault(PROTOCOL_ERROR, "a push from a client")

    def _on_ping(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) != 8 or id:
            raise Fault(FRAME_SIZE_ERROR, "a ping of another size than 8")
        if not flags & ACK:
            self.out.append(frame(PING, ACK, 0, payload))

    def _on_window(self, flags: int, id: int, payload: bytes, events: list[Event]) -> None:
        if len(payload) != 4:
            raise Fault(FRAME_SIZE_ERROR, "a window update of another size than 4")
        grown = _number.unpack(payload)[0] & 0x7FFFFFFF
        if id == 0:
            self._window += grown
            if not grown or self._window > _MAX_WINDOW_BYTES:
                raise Fault(FLOW_CONTROL_ERROR, "the connection's window")
            self._pump_blocked(events)
            return
        stream = self.streams.get(id)
        if stream is None:
            return
        stream.window += grown
        if not grown or stream.window > _MAX_WINDOW_BYTES:
            self.reset(stream, FLOW_CONTROL_ERROR)
            events.append(Reset(stream))
        elif stream.pending:
            self._pump(stream, events)

    def consumed(self, stream: Stream, size: int) -> None:
        """The peer may send that much more of this request; it is told when that is worth a frame."""
        stream.owed += size
        if stream.owed >= self._window_bytes // 2 and not stream.has_ended:
            self.out.append(frame(WINDOW_UPDATE, 0, stream.id, _number.pack(stream.owed)))
            stream.taken -= stream.owed
            stream.owed = 0

    # -- sending -------------------------------------------------------------------------------------------------

    def send_headers(self, stream: Stream, block: bytes) -> None:
        if stream.is_open:
            self.out.append(frame(HEADERS, END_HEADERS, stream.id, block))

    def send_data(self, stream: Stream, data: bytes) -> None:
        """Send, or keep until the peer has room; `stream.pending_bytes` tells."""
        if not stream.is_open:
            return
        if stream.pending or len(data) > min(stream.window, self._window, self._peer_frame):
            stream.pending.append(memoryview(data))
            stream.pending_bytes += len(data)
            self._blocked[stream.id] = stream
            self._pump(stream, [])
        else:
            stream.window -= len(data)
            self._window -= len(data)
            self.out.append(frame(DATA, 0, stream.id, data))

    def end(self, stream: Stream, trailers: bytes = b"") -> None:
        """Send the trailers, if there are any, after everything else, and close the stream."""
        if stream.pending:
            stream.trailers = trailers
        elif stream.is_open:
            self._finish(stream, trailers)

    def _finish(self, stream: Stream, trailers: bytes) -> None:
        if trailers:
            self.out.append(frame(HEADERS, END_HEADERS | END_STREAM, stream.id, trailers))
        else:
            self.out.append(frame(DATA, END_STREAM, stream.id))
        stream.is_open = False
        self.streams.pop(stream.id, None)
        if not stream.has_ended:
            self.out.append(frame(RST_STREAM, 0, stream.id, _number.pack(NO_ERROR)))

    def reset(self, stream: Stream, code: int) -> None:
        """Give a stream up."""
        if self.streams.pop(stream.id, None) is not None:
            stream.is_open = False
            self._blocked.pop(stream.id, None)
            self.out.append(frame(RST_STREAM, 0, stream.id, _number.pack(code)))

    def go_away(self, code: int, text: str = "") -> None:
        """The last frame: no request after the last one seen is looked at."""
        self.out.append(frame(GOAWAY, 0, 0, struct.pack(">II", self._last_id, code) + text.encode()))

    def _pump_blocked(self, events: list[Event]) -> None:
        for stream in list(self._blocked.values()):
            if self._window <= 0:
                return
            self._pump(stream, events)

    def _pump(self, stream: Stream, events: list[Event]) -> None:
        """Send of what is pending as much as the windows allow."""
        while stream.pending:
            room = min(stream.window, self._window, self._peer_frame)
            if room <= 0:
                return
            first = stream.pending[0]
            piece = first[:room]
            if len(first) > room:
                stream.pending[0] = first[room:]
            else:
                stream.pending.popleft()
            stream.pending_bytes -= len(piece)
            stream.window -= len(piece)
            self._window -= len(piece)
            self.out += (_head.pack(len(piece) << 8 | DATA, 0, stream.id), piece)
        self._blocked.pop(stream.id, None)
        events.append(Unblocked(stream))
        if stream.trailers is not None:
            self._finish(stream, stream.trailers)


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Fault(PROTOCOL_ERROR, "more padding than frame")
    return payload[1 : len(payload) - payload[0]]
