"""Clients that break off, never read, send nonsense or ask for too much: their own loss, and nobody else's."""

import asyncio
import random
import struct
from typing import Any

import pytest
from grpc import StatusCode, aio

from kube_nb.etcd import errors
from kube_nb.etcd.backend import DeleteRange, Put, Range, Txn
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.wire import calls
from tests.etcd.frames import DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, frame
from tests.etcd.test_http2 import PUT, Client, message
from tests.etcd.test_wire import Served, create

ALL = (b"\0", b"\0")


async def compacted(backend: Any) -> Any:
    for number in range(5):
        await backend.put(b"k", b"%d" % number)
    await backend.compact(4)
    return await backend.range(b"k", revision=2)


@pytest.mark.parametrize(
    ("operation", "code", "text"),
    [
        (lambda b: b.put(b""), 3, "etcdserver: key is not provided"),
        (lambda b: b.put(b"k" * 1_600_000), 3, "etcdserver: request is too large"),
        (lambda b: b.put(b"k", b"x" * 1_600_000), 3, "etcdserver: request is too large"),
        (lambda b: b.put(b"k", b"x" * 3_000_000), 8, "grpc: received message larger than max (3000008 vs. 2097152)"),
        (
            lambda b: b.txn([], [Put(b"%d" % n) for n in range(129)]),
            3,
            "etcdserver: too many operations in txn request",
        ),
        (lambda b: b.txn([], [Put(b"a"), Put(b"a")]), 3, "etcdserver: duplicate key given in txn request"),
        (lambda b: b.txn([], [Put(b"a"), DeleteRange(b"a")]), 3, "etcdserver: duplicate key given in txn request"),
        (lambda b: b.txn([], [Txn([], [Range(b"")])]), 3, "etcdserver: key is not provided"),
        (lambda b: b.range(b"k", revision=99), 11, "etcdserver: mvcc: required revision is a future revision"),
        (compacted, 11, "etcdserver: mvcc: required revision has been compacted"),
        (lambda b: b.compact(99), 11, "etcdserver: mvcc: required revision is a future revision"),
        (lambda b: b.put(b"k", lease=5), 5, "etcdserver: requested lease not found"),
        (lambda b: b.lease_revoke(5), 5, "etcdserver: requested lease not found"),
        (lambda b: b.lease_grant(9_000_000_001), 11, "etcdserver: too large lease TTL"),
        (lambda b: b.put(b"k", b"v", ignore_value=True), 3, "etcdserver: value is provided"),
        (lambda b: b.put(b"k", lease=1, ignore_lease=True), 3, "etcdserver: lease is provided"),
        (lambda b: b.put(b"k", ignore_value=True), 3, "etcdserver: key not found"),
        (lambda b: b.range(b"k", sort_order=9), 3, "etcdserver: invalid sort option"),
        (lambda b: b.member_remove(77), 5, "etcdserver: member not found"),
    ],
)
async def test_a_refusal_has_etcds_code_and_text(operation: Any, code: int, text: str) -> None:
    async with Served() as served:
        with pytest.raises(errors.EtcdError) as caught:
            await operation(served.remote)
        assert (int(caught.value.code), str(caught.value)) == (code, text)
        revision = served.backend.store.revision
        assert (await served.remote.put(b"ok")).revision == revision + 1


async def test_negative_limits_revisions_and_times_mean_none() -> None:
    async with Served() as served:
        await served.remote.put(b"a")
        await served.remote.put(b"b")
        assert len((await served.remote.range(*ALL, limit=-1)).kvs) == 2
        assert (await served.remote.range(b"a", revision=-7)).count == 1
        assert (await served.remote.lease_grant(-5, 7)).ttl_s == 2


async def test_bytes_that_are_no_message_are_refused_by_every_method() -> None:
    async with Client() as client:
        for number, path in enumerate(client.server.methods):
            client.call(2 * number + 1, path.decode(), message(b"\xff\xff\xff\x07"))
            status, text, _ = await client.status(2 * number + 1)
            assert (status, text[:34]) == ("13", "grpc: error unmarshalling request:"), path
        assert len(client.server.methods) > 45
        client.call(9999, "/etcdserverpb.KV/Put", PUT)
        assert (await client.status(9999))[0] == "0"


async def test_random_bytes_end_their_own_connection_only() -> None:
    async with Client() as client:
        chance = random.Random(3)
        address = client.writer.get_extra_info("peername")[:2]
        for size in (1, 10, 30, 300, 5000):
            reader, writer = await asyncio.open_connection(*address)
            opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" if chance.random() < 0.5 else b""
            writer.write(opening + chance.randbytes(size))
            writer.write_eof()
            await reader.read()
            writer.close()
        client.call(1, "/etcdserverpb.KV/Put", PUT)
        assert (await client.status(1))[0] == "0"


TXN = message(
    pb.TxnRequest(
        success=[pb.RequestOp(request_put=pb.PutRequest(key=b"%d" % n, value=b"x" * 1000)) for n in range(100)]
    ).SerializeToString()
)


async def test_who_vanishes_in_the_middle_of_a_txn_leaves_nothing_of_it() -> None:
    async with Client() as client:
        fields = [(":method", "POST"), (":path", "/etcdserverpb.KV/Txn"), ("content-type", "application/grpc")]
        client.writer.write(frame(HEADERS, END_HEADERS, 1, client.encoder.encode(fields)))
        client.writer.write(frame(DATA, 0, 1, TXN[:16_000]))
        client.call(3, "/etcdserverpb.KV/Put", PUT)
        assert (await client.status(3))[0] == "0"
        client.writer.transport.abort()
        while client.server._connections:
            await asyncio.sleep(0)
        assert client.backend.store.revision == 2
        assert (await client.backend.range(*ALL)).count == 1


@pytest.mark.parametrize("turns", range(6))
async def test_who_vanishes_after_a_txn_leaves_all_of_it_or_nothing(turns: int) -> None:
    async with Client() as client:
        fields = [(":method", "POST"), (":path", "/etcdserverpb.KV/Txn"), ("content-type", "application/grpc")]
        client.writer.write(frame(HEADERS, END_HEADERS, 1, client.encoder.encode(fields)))
        for start in range(0, len(TXN), 16_000):
            ends = END_STREAM if start + 16_000 >= len(TXN) else 0
            client.writer.write(frame(DATA, ends, 1, TXN[start : start + 16_000]))
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        client.writer.transport.abort()
        while client.server._connections:
            await asyncio.sleep(0)
        assert ((await client.backend.range(*ALL)).count, client.backend.store.revision) in ((0, 1), (100, 2))


async def test_a_watch_that_is_never_read_holds_little_and_misses_nothing_when_it_is() -> None:
    async with Client() as client:
        request = pb.WatchRequest(create_request=pb.WatchCreateRequest(key=b"a")).SerializeToString()
        fields = [(":method", "POST"), (":path", "/etcdserverpb.Watch/Watch"), ("content-type", "application/grpc")]
        client.writer.write(frame(HEADERS, END_HEADERS, 1, client.encoder.encode(fields)))
        client.writer.write(frame(DATA, 0, 1, message(request)))
        while not client.backend.store.audience:
            await asyncio.sleep(0)
        (channel,) = client.server._connections
        largest = 0
        for _ in range(4000):
            client.backend.store.put(Put(b"a", b"x" * 10_000))
            await asyncio.sleep(0)
            largest = max(largest, channel._connection.pending_bytes + channel._transport.get_write_buffer_size())
        assert largest < 1_000_000
        (listener,) = client.backend.store.audience.of(b"a")
        assert len(listener.callback.__self__._pending) <= 1000  # type: ignore[attr-defined]  # a StoreWatcher's
        heard: list[int] = []
        body = b""
        client.writer.write(frame(8, 0, 0, struct.pack(">I", 2**30)) + frame(8, 0, 1, struct.pack(">I", 2**30)))
        while len(heard) < 4000:
            kind, _, _, payload = await client.frame()
            body += payload if kind == DATA else b""
            while len(body) >= 5 and len(body) >= 5 + (size := struct.unpack(">I", body[1:5])[0]):
                response = pb.WatchResponse.FromString(body[5 : 5 + size])
                heard += [event.kv.mod_revision for event in response.events]
                body = body[5 + size :]
        assert heard == list(range(2, 4002))


async def test_answers_that_nobody_reads_stop_further_calls_of_that_client_only(monkeypatch: Any) -> None:
    monkeypatch.setattr(calls, "MAX_PENDING_BYTES", 3_000_000)
    async with Client() as client:
        client.backend.store.put(Put(b"big", b"x" * 1_000_000))
        wanted = message(pb.RangeRequest(key=b"big").SerializeToString())
        for id in range(1, 200, 2):
            client.call(id, "/etcdserverpb.KV/Range", wanted)
        (channel,) = client.server._connections
        while not channel._calls._backlog:
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert channel._connection.pending_bytes < 5_000_000
        other = aio.insecure_channel("{}:{}".format(*client.writer.get_extra_info("peername")))
        await other.unary_unary("/etcdserverpb.KV/Put")(PUT[5:])
        await other.close()
        client.writer.write(frame(8, 0, 0, struct.pack(">I", 2**30)))
        for id in range(1, 200, 2):
            client.writer.write(frame(8, 0, id, struct.pack(">I", 2**30 - 70_000)))
        answered = 0
        while answered < 100:
            kind, flags, _, _ = await client.frame()
            answered += kind == HEADERS and bool(flags & END_STREAM)


async def test_watchers_that_are_given_up_are_forgotten() -> None:
    async with Served() as served:
        stream = served.watch_stream()
        for number in range(2_000):
            await stream.write(create(b"k%d" % number))
        for _ in range(2_000):
            await stream.read()
        assert len(served.backend.store.audience) == 2_000
        for number in range(1_999):
            await stream.write(pb.WatchRequest(cancel_request=pb.WatchCancelRequest(watch_id=number)))
        for _ in range(1_999):
            await stream.read()
        assert len(served.backend.store.audience) == 1
        stream.cancel()
        while served.backend.store.audience:
            await served.remote.range(b"x")


async def test_a_call_given_up_while_it_waits_for_a_lock_gives_its_place_up() -> None:
    async with Client() as client:
        lock = message(pb.LockRequest(name=b"l").SerializeToString())
        client.call(1, "/v3lockpb.Lock/Lock", lock)
        assert (await client.status(1))[0] == "0"
        client.call(3, "/v3lockpb.Lock/Lock", lock)
        while (await client.backend.range(b"l/", b"l0")).count < 2:
            await asyncio.sleep(0)
        client.writer.write(frame(RST_STREAM, 0, 3, b"\0\0\0\x08"))
        while (await client.backend.range(b"l/", b"l0")).count > 1:
            await asyncio.sleep(0)


def test_the_codes_are_grpcs() -> None:
    assert {code.name: code.value for code in errors.Code} == {
        status.name.replace("CANCELLED", "CANCELED"): status.value[0]
        for status in StatusCode
        if status.name.replace("CANCELLED", "CANCELED") in errors.Code.__members__
    }
