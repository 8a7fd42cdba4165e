"""The HTTP/2 connection and the calls on it, byte by byte."""

import asyncio
import struct
from typing import Any

import hpack
import pytest

from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import http2
from kube_nb.etcd.wire.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Connection,
    Fault,
    Opened,
    Received,
    Reset,
    Unblocked,
    frame,
)
from kube_nb.etcd.wire.server import Server
from kube_nb.machinery.loop import ClusterLoop

REQUEST = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/etcdserverpb.KV/Put"),
    (":authority", "x"),
    ("te", "t"),
]
SETTINGS_FRAME = frame(SETTINGS, 0, 0)


def window(id: int, grown: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, id, struct.pack(">I", grown))


def request(encoder: hpack.Encoder, id: int, body: bytes = b"body") -> bytes:
    head = frame(HEADERS, END_HEADERS, id, encoder.encode(REQUEST))
    return head + frame(DATA, END_STREAM, id, body)


def frames(raw: bytes) -> list[tuple[int, int, int, bytes]]:
    """(kind, flags, stream, payload) of each frame."""
    found = []
    while raw:
        word, flags, id = struct.unpack_from(">IBI", raw)
        found.append((word & 0xFF, flags, id, raw[9 : 9 + (word >> 8)]))
        raw = raw[9 + (word >> 8) :]
    return found


def sent(connection: Connection) -> list[tuple[int, int, int, bytes]]:
    out, connection.out = b"".join(connection.out), []
    return frames(out)


def opened(id: int = 1) -> tuple[Connection, Any]:
    """A connection with one request on it."""
    connection = Connection()
    (event, _) = connection.receive(PREFACE + SETTINGS_FRAME + request(hpack.Encoder(), id))
    assert isinstance(event, Opened)
    sent(connection)
    return connection, event.stream


def test_the_same_bytes_say_the_same_however_they_are_cut() -> None:
    encoder = hpack.Encoder()
    raw = PREFACE + SETTINGS_FRAME + b"".join(request(encoder, id, b"x" * id) for id in (1, 3, 5, 7))
    told = []
    for size in (1, 7, 1000):
        connection = Connection()
        events = [event for n in range(0, len(raw), size) for event in connection.receive(raw[n : n + size])]
        told.append(
            [
                (
                    type(event).__name__,
                    event.stream.id,
                    event.data if isinstance(event, Received) else event.stream.headers,
                )
                for event in events
            ]
        )
    assert told[0] == told[1] == told[2]
    assert [each[1:] for each in told[0] if each[0] == "Received"] == [(id, b"x" * id) for id in (1, 3, 5, 7)]
    assert {(b":path", b"/etcdserverpb.KV/Put")} <= set(told[0][-2][2])


def test_headers_in_parts_and_padding_are_taken_off() -> None:
    connection = Connection()
    block = hpack.Encoder().encode(REQUEST)
    raw = PREFACE + frame(HEADERS, PADDED, 1, b"\x03" + block[:5] + b"\0\0\0")
    raw += frame(CONTINUATION, 0, 1, block[5:9]) + frame(CONTINUATION, END_HEADERS, 1, block[9:])
    raw += frame(DATA, PADDED | END_STREAM, 1, b"\x02body\0\0")
    first, second = connection.receive(raw)
    assert isinstance(first, Opened)
    assert (b":method", b"POST") in first.stream.headers
    assert second == Received(first.stream, b"body", True)


def test_a_block_met_again_is_read_anew_when_the_table_has_changed() -> None:
    encoder, connection = hpack.Encoder(), Connection()
    connection.receive(PREFACE)
    for id, value in ((1, "a"), (3, "a"), (5, "b"), (7, "b"), (9, "a")):
        block = encoder.encode([*REQUEST, ("token", value)])
        (event,) = connection.receive(frame(HEADERS, END_HEADERS, id, block))
        assert isinstance(event, Opened)
        assert event.stream.headers[-1] == (b"token", value.encode())


def test_a_response_waits_for_the_peers_windows_and_goes_on_piece_by_piece() -> None:
    connection, stream = opened()
    connection.send_headers(stream, b"\x88")
    connection.send_data(stream, b"x" * 100_000)
    connection.end(stream, b"\x88")
    pieces = sent(connection)
    assert sum(len(payload) for kind, _, _, payload in pieces if kind == DATA) == 65_535
    assert max(len(payload) for *_, payload in pieces) == http2.FRAME_BYTES
    assert connection.receive(window(1, 1_000_000)) == []
    assert connection.receive(window(0, 30_000)) == []
    assert stream.pending_bytes == 100_000 - 95_535
    assert connection.receive(window(0, 10_000)) == [Unblocked(stream)]
    assert sent(connection)[-1] == (HEADERS, END_HEADERS | END_STREAM, 1, b"\x88")
    assert connection.streams == {}


def test_a_smaller_initial_window_counts_for_streams_that_are_open() -> None:
    connection, stream = opened()
    connection.receive(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 10)))
    connection.send_data(stream, b"x" * 11)
    assert [payload for kind, _, _, payload in sent(connection) if kind == DATA] == [b"x" * 10]


def test_a_client_may_send_no_more_than_was_consumed() -> None:
    connection = Connection(window_bytes=20_000)
    block = hpack.Encoder().encode(REQUEST)
    (event,) = connection.receive(PREFACE + frame(HEADERS, END_HEADERS, 1, block))
    connection.receive(frame(DATA, 0, 1, b"x" * 15_000))
    connection.consumed(event.stream, 12_000)
    assert (WINDOW_UPDATE, 0, 1, struct.pack(">I", 12_000)) in sent(connection)
    connection.receive(frame(DATA, 0, 1, b"x" * 16_000))
    assert connection.receive(frame(DATA, 0, 1, b"x" * 2_000)) == [Reset(event.stream)]
    assert sent(connection) == [(RST_STREAM, 0, 1, struct.pack(">I", http2.FLOW_CONTROL_ERROR))]


def test_pings_and_settings_are_answered_unknown_frames_passed_over() -> None:
    connection, _ = opened()
    assert connection.receive(frame(PING, 0, 0, b"12345678") + frame(99, 0, 0, b"?") + SETTINGS_FRAME) == []
    assert sent(connection) == [(PING, 1, 0, b"12345678"), (SETTINGS, 1, 0, b"")]


def test_a_request_given_up_is_told_and_what_was_on_its_way_is_passed_over() -> None:
    connection, stream = opened()
    assert connection.receive(frame(RST_STREAM, 0, 1, b"\0\0\0\x08")) == [Reset(stream)]
    connection.send_data(stream, b"late")
    connection.end(stream, b"\x88")
    assert connection.receive(frame(DATA, 0, 1, b"late") + window(1, 5)) == []
    assert sent(connection) == []


def test_more_streams_than_allowed_are_refused_one_by_one() -> None:
    encoder, connection = hpack.Encoder(), Connection(max_streams=2)
    events = connection.receive(PREFACE + b"".join(request(encoder, id) for id in (1, 3, 5)))
    assert [event.stream.id for event in events if isinstance(event, Opened)] == [1, 3]
    assert sent(connection)[-1] == (RST_STREAM, 0, 5, struct.pack(">I", http2.REFUSED_STREAM))


BLOCK = hpack.Encoder().encode(REQUEST)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", http2.PROTOCOL_ERROR, id="another protocol"),
        pytest.param(PREFACE + frame(DATA, 0, 1, b"x"), http2.PROTOCOL_ERROR, id="data before headers"),
        pytest.param(PREFACE + frame(DATA, 0, 0, b"x" * 20_000), http2.FRAME_SIZE_ERROR, id="a frame too large"),
        pytest.param(PREFACE + frame(HEADERS, END_HEADERS, 2, BLOCK), http2.PROTOCOL_ERROR, id="an even stream"),
        pytest.param(PREFACE + frame(HEADERS, END_HEADERS, 1, b"\xfe\xff"), http2.COMPRESSION_ERROR, id="no headers"),
        pytest.param(
            PREFACE + frame(HEADERS, 0, 1, BLOCK) + frame(PING, 0, 0, b"12345678"),
            http2.PROTOCOL_ERROR,
            id="torn block",
        ),
        pytest.param(
            PREFACE + frame(HEADERS, 0, 1, BLOCK) + frame(CONTINUATION, 0, 1, b"\0" * 16_000) * 5,
            http2.ENHANCE_YOUR_CALM,
            id="a block without end",
        ),
        pytest.param(PREFACE + frame(CONTINUATION, 0, 1, BLOCK), http2.PROTOCOL_ERROR, id="a continuation of nothing"),
        pytest.param(PREFACE + frame(5, 0, 1, b"\0" * 4), http2.PROTOCOL_ERROR, id="a push"),
        pytest.param(PREFACE + frame(RST_STREAM, 0, 7, b"\0" * 4), http2.PROTOCOL_ERROR, id="a reset of nothing"),
        pytest.param(PREFACE + frame(PING, 0, 0, b"1"), http2.FRAME_SIZE_ERROR, id="a short ping"),
        pytest.param(PREFACE + window(0, 0), http2.FLOW_CONTROL_ERROR, id="a window that grows by nothing"),
        pytest.param(PREFACE + window(0, 2**31 - 1), http2.FLOW_CONTROL_ERROR, id="a window too large"),
        pytest.param(
            PREFACE + frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + BLOCK), http2.PROTOCOL_ERROR, id="all padding"
        ),
        pytest.param(
            PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31)), http2.FLOW_CONTROL_ERROR, id="odd settings"
        ),
    ],
)
def test_who_breaks_the_protocol_is_told_how(raw: bytes, code: int) -> None:
    with pytest.raises(Fault) as caught:
        Connection().receive(raw)
    assert caught.value.code == code


class Client:
    """A socket to a server, frames in and out."""

    async def __aenter__(self) -> "Client":
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.backend = LocalBackend(Store(), loop)
        self.server = Server(self.backend)
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", await self.server.start())
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.writer.write(PREFACE + SETTINGS_FRAME)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.writer.close()
        await self.server.stop()
        self.backend.close()

    def call(self, id: int, path: str, body: bytes) -> None:
        headers = [(":method", "POST"), (":path", path), ("content-type", "application/grpc")]
        self.writer.write(frame(HEADERS, END_HEADERS, id, self.encoder.encode(headers)))
        self.writer.write(frame(DATA, END_STREAM, id, body))

    async def frame(self) -> tuple[int, int, int, bytes]:
        word, flags, id = struct.unpack(">IBI", await self.reader.readexactly(9))
        return word & 0xFF, flags, id, await self.reader.readexactly(word >> 8)

    async def status(self, id: int) -> tuple[str, str, bytes]:
        """grpc-status, grpc-message and the body of a call."""
        body, found = b"", {}
        while True:
            kind, flags, stream, payload = await self.frame()
            if stream == id and kind == DATA:
                body += payload
            elif kind == HEADERS:
                found = dict(self.decoder.decode(payload))
                if stream == id and flags & END_STREAM:
                    return found["grpc-status"], found.get("grpc-message", ""), body


def message(raw: bytes, compressed: int = 0) -> bytes:
    return struct.pack(">BI", compressed, len(raw)) + raw


PUT = message(pb.PutRequest(key=b"a", value=b"1").SerializeToString())


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/etcdserverpb.KV/Put", PUT, "0", ""),
        ("/etcdserverpb.KV/Nothing", PUT, "12", "unknown method Nothing for service etcdserverpb.KV"),
        ("/nobody.Knows/Put", PUT, "12", "unknown service nobody.Knows"),
        ("nothing", PUT, "12", 'malformed method name: "nothing"'),
        ("/etcdserverpb.KV/Put", message(b"\xff\xff\xff\xff"), "13", "grpc: error unmarshalling request"),
        ("/etcdserverpb.KV/Put", message(b"", 1), "12", 'grpc: Decompressor is not installed for grpc-encoding "gzip"'),
        (
            "/etcdserverpb.KV/Put",
            struct.pack(">BI", 0, 2_097_153),
            "8",
            "grpc: received message larger than max (2097153 vs. 2097152)",
        ),
        ("/etcdserverpb.KV/Put", b"", "13", "grpc: the request has no message"),
        ("/etcdserverpb.KV/Put", PUT + PUT, "13", "grpc: a second message for a call that takes one"),
        ("/etcdserverpb.Lease/LeaseKeepAlive", b"", "0", ""),
    ],
)
async def test_a_call_ends_with_the_status_that_grpc_go_gives(path: str, body: bytes, status: str, text: str) -> None:
    async with Client() as client:
        client.call(1, path, body)
        found, told, _ = await client.status(1)
        assert (found, told[: len(text)]) == (status, text)
        client.call(3, "/etcdserverpb.KV/Put", PUT)
        assert (await client.status(3))[0] == "0"


async def test_a_broken_connection_is_told_and_closed_and_the_next_one_served() -> None:
    async with Client() as client:
        client.writer.write(frame(PING, 0, 0, b"short"))
        while (kind := (await client.frame())[0]) != GOAWAY:
            assert kind in (SETTINGS, WINDOW_UPDATE)
        assert await client.reader.read() == b""


async def test_a_thousand_calls_begun_and_given_up_leave_nothing_behind() -> None:
    async with Client() as client:
        for id in range(1, 2001, 2):
            client.call(
                id, "/etcdserverpb.Watch/Watch", message(pb.WatchRequest(create_request={}).SerializeToString())
            )
            client.writer.write(frame(RST_STREAM, 0, id, b"\0\0\0\x08"))
        client.call(2001, "/etcdserverpb.KV/Put", PUT)
        assert (await client.status(2001))[0] == "0"
        assert len(client.backend.store.audience) == 0
        (channel,) = client.server._connections
        assert channel._connection.streams == {}
        assert channel._calls._calls == {}


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 255, 300, 20_000])
def test_a_header_of_any_length_can_be_read(size: int) -> None:
    block = http2.literal(b"grpc-message", b"x" * size)
    assert hpack.Decoder().decode(block) == [("grpc-message", "x" * size)]
