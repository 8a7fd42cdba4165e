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
from kube_nb.etcd.wire.http2 import PREFACE, Connection, Fault, Opened, Received, Reset, Unblocked
from kube_nb.etcd.wire.server import Server
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)

HEAD: http2.Headers = [(b":status", b"200")]
TAIL: http2.Headers = [(b"grpc-status", b"0")]


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
    return frames(connection.take_out())


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


def test_a_response_waits_for_the_peers_windows_and_goes_on_piece_by_piece() -> None:
    connection, stream = opened()
    connection.send_headers(stream, HEAD)
    connection.send_data(stream, b"x" * 100_000)
    connection.end(stream, TAIL)
    pieces = sent(connection)
    assert sum(len(payload) for kind, _, _, payload in pieces if kind == DATA) == 65_535
    assert max(len(payload) for *_, payload in pieces) == 16_384
    assert connection.receive(window(1, 1_000_000)) == []
    assert connection.receive(window(0, 30_000)) == []
    assert stream.pending_bytes == 100_000 - 95_535
    assert connection.receive(window(0, 10_000)) == [Unblocked(stream)]
    assert sent(connection)[-1][:3] == (HEADERS, END_HEADERS | END_STREAM, 1)
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
    with pytest.raises(Fault):
        connection.receive(frame(DATA, 0, 1, b"x" * 2_000))


def test_pings_and_settings_are_answered_unknown_frames_passed_over() -> None:
    connection, _ = opened()
    assert connection.receive(frame(PING, 0, 0, b"12345678") + frame(99, 0, 0, b"?") + SETTINGS_FRAME) == []
    assert sent(connection) == [(PING, 1, 0, b"12345678"), (SETTINGS, 1, 0, b"")]


def test_a_request_given_up_is_told_and_what_was_on_its_way_is_passed_over() -> None:
    connection, stream = opened()
    assert connection.receive(frame(RST_STREAM, 0, 1, b"\0\0\0\x08")) == [Reset(stream)]
    connection.send_data(stream, b"late")
    connection.end(stream, TAIL)
    assert connection.receive(frame(DATA, 0, 1, b"late") + window(1, 5)) == []
    assert [kind for kind, *_ in sent(connection)] == [RST_STREAM]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(PREFACE + frame(DATA, 0, 1, b"x"), id="data before headers"),
        pytest.param(PREFACE + frame(HEADERS, END_HEADERS, 1, b"\xfe\xff"), id="no headers"),
        pytest.param(PREFACE + frame(PING, 0, 0, b"1"), id="a short ping"),
    ],
)
def test_who_breaks_the_protocol_is_told(raw: bytes) -> None:
    connection = Connection()
    with pytest.raises(Fault):
        connection.receive(raw)
    assert sent(connection)[-1][0] == GOAWAY


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


def test_another_protocol_is_a_fault() -> None:
    with pytest.raises(Fault):
        Connection().receive(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


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
