"""The server against bad and odd clients; TLS with client certificates."""

import asyncio
import datetime
import ipaddress
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc import StatusCode, aio

from kube_nb.etcd import errors
from kube_nb.etcd.backend import Put, Txn
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.proto import rpc_pb2 as pb
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.etcd.wire.server import Server
from kube_nb.etcd.wire.tls import Tls
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import real, serving


class Served:
    """A server, a raw channel to it, and a backend over it."""

    async def __aenter__(self) -> "Served":
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.backend = LocalBackend(Store(), loop)
        self.server = Server(self.backend)
        port = await self.server.start()
        self.channel = aio.insecure_channel(f"127.0.0.1:{port}")
        self.remote = remote.connect(f"http://127.0.0.1:{port}")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.remote.close()
        await self.channel.close()
        await self.server.stop()
        self.backend.close()

    def watch_stream(self) -> Any:
        return self.channel.stream_stream(
            "/etcdserverpb.Watch/Watch", pb.WatchRequest.SerializeToString, pb.WatchResponse.FromString
        )()


def create(key: bytes = b"a", **fields: Any) -> pb.WatchRequest:
    return pb.WatchRequest(create_request=pb.WatchCreateRequest(key=key, **fields))


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        pytest.param(lambda b: b.put(b""), errors.EmptyKey, id="empty key"),
        pytest.param(lambda b: b.put(b"a", b"x" * 1_600_000), errors.RequestTooLarge, id="value too large"),
        pytest.param(lambda b: b.range(b"a", revision=99), errors.FutureRevision, id="future revision"),
        pytest.param(lambda b: b.put(b"a", lease=5), errors.LeaseNotFound, id="unknown lease"),
        pytest.param(lambda b: b.txn([], [Put(b"a")] * 129), errors.TooManyOps, id="129 operations"),
        pytest.param(lambda b: b.txn([], [Put(b"a")] * 2), errors.DuplicateKey, id="duplicate keys"),
        pytest.param(lambda b: b.compact(99), errors.FutureRevision, id="compact the future"),
        pytest.param(lambda b: b.range(b"a", sort_target=77), errors.InvalidSortOption, id="unknown sort target"),
    ],
)
async def test_a_refusal_arrives_as_the_same_error(operation: Any, error: type[errors.EtcdError]) -> None:
    async with Served() as served:
        with pytest.raises(error):
            await operation(served.remote)
        assert (await served.remote.put(b"ok")).revision == 2


async def test_bytes_that_are_no_message_end_their_own_call_only() -> None:
    async with Served() as served:
        call = served.channel.unary_unary("/etcdserverpb.KV/Range")
        with pytest.raises(aio.AioRpcError) as caught:
            await call(b"\xff\xff\xff\xff")
        assert caught.value.code() in (StatusCode.INTERNAL, StatusCode.UNKNOWN)
        with pytest.raises(aio.AioRpcError) as caught:
            await served.channel.unary_unary("/etcdserverpb.KV/Nothing")(b"")
        assert caught.value.code() is StatusCode.UNIMPLEMENTED
        assert (await served.remote.put(b"ok")).revision == 2


async def test_watch_ids_are_given_taken_and_never_double() -> None:
    async with Served() as served:
        stream = served.watch_stream()
        ids = []
        for request in (create(), create(watch_id=7), create(watch_id=7), create()):
            await stream.write(request)
            response = await stream.read()
            assert response.created
            ids.append((response.watch_id, response.canceled, response.cancel_reason))
        duplicate = "mvcc: duplicate watch ID provided on the WatchStream"
        assert ids == [(0, False, ""), (7, False, ""), (-1, True, duplicate), (1, False, "")]
        await stream.write(pb.WatchRequest(cancel_request=pb.WatchCancelRequest(watch_id=7)))
        response = await stream.read()
        assert (response.watch_id, response.canceled, response.created) == (7, True, False)
        stream.cancel()


async def test_progress_is_told_on_request_once_everything_is_told() -> None:
    async with Served() as served:
        stream = served.watch_stream()
        await stream.write(create())
        await stream.read()
        for number in range(3):
            await served.remote.put(b"a", b"%d" % number)
        await stream.write(pb.WatchRequest(progress_request=pb.WatchProgressRequest()))
        seen = 0
        while (response := await stream.read()).watch_id != -1:
            seen += len(response.events)
        assert (seen, response.header.revision) == (3, 4)
        stream.cancel()


async def test_a_big_revision_is_split_only_for_those_who_ask() -> None:
    async with Served() as served:
        served.backend.store.max_request_bytes = 10_000_000
        whole, parts = served.watch_stream(), served.watch_stream()
        for stream, fragment in ((whole, False), (parts, True)):
            await stream.write(create(b"k", range_end=b"l", fragment=fragment))
            await stream.read()
        served.backend.store.txn(  # straight into the store: more than a request may carry
            Txn([], [Put(b"k%d" % n, b"x" * 1_000_000) for n in range(5)])
        )
        fragments = []
        while True:
            response = await parts.read()
            fragments.append((len(response.events), response.fragment))
            if not response.fragment:
                break
        assert fragments == [(2, True), (2, True), (1, False)]
        whole.cancel()
        parts.cancel()


async def test_a_client_that_never_reads_and_one_that_vanishes_leave_the_others_alone() -> None:
    async with Served() as served:
        silent, vanishing = served.watch_stream(), served.watch_stream()
        for stream in (silent, vanishing):
            await stream.write(create(b"\0", range_end=b"\0"))
        await vanishing.read()
        vanishing.cancel()
        for number in range(3000):
            served.backend.store.put(Put(b"a", b"x" * 1000))
            if number % 300 == 0:
                assert (await served.remote.range(b"a")).revision == number + 2
        await asyncio.sleep(0)
        listeners = served.backend.store.audience.of(b"a")
        assert len(listeners) <= 2
        silent.cancel()


async def test_ten_thousand_watchers_on_one_stream_do_not_slow_an_unrelated_put() -> None:
    async with Served() as served:
        stream = served.watch_stream()
        for number in range(10_000):
            await stream.write(create(b"k%d" % number))
        for _ in range(10_000):
            await stream.read()
        assert served.backend.store.audience.of(b"elsewhere") == []
        await served.remote.put(b"k77", b"x")
        assert (await stream.read()).watch_id == 77
        stream.cancel()


async def test_a_range_in_chunks_equals_the_range_in_one() -> None:
    async with Served() as served:
        for number in range(40):
            served.backend.store.put(Put(b"k%02d" % number, b"x" * 100_000))
        call = served.channel.unary_stream(
            "/etcdserverpb.KV/RangeStream", pb.RangeRequest.SerializeToString, pb.RangeStreamResponse.FromString
        )
        merged = pb.RangeResponse()
        chunks = 0
        async for response in call(pb.RangeRequest(key=b"k", range_end=b"l", limit=35)):
            merged.MergeFrom(response.range_response)
            chunks += 1
        whole = served.channel.unary_unary(
            "/etcdserverpb.KV/Range", pb.RangeRequest.SerializeToString, pb.RangeResponse.FromString
        )
        assert chunks == 4
        assert merged == await whole(pb.RangeRequest(key=b"k", range_end=b"l", limit=35))


async def test_a_remote_watch_resumes_where_it_was_when_the_server_comes_back() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    backend = LocalBackend(Store(), loop)
    server = Server(backend)
    port = await server.start(port=real.free_port())
    through = remote.connect(f"http://127.0.0.1:{port}")
    watcher = through.watch(b"a")
    first = asyncio.ensure_future(anext(watcher))
    await through.range(b"a")
    while not backend.store.audience:
        await through.range(b"a")
    await backend.put(b"a", b"1")
    assert (await first).events[0].kv.value == b"1"
    await server.stop()
    await backend.put(b"a", b"2")
    again = Server(backend)
    await again.start(port=port)
    assert (await anext(watcher)).events[0].kv.value == b"2"
    watcher.cancel()
    await through.close()
    await again.stop()


def certificates(folder: Path) -> dict[str, bytes]:
    """A CA, a server's and a client's certificate; the client is called alice. Files lie in the folder too."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    made: dict[str, bytes] = {}
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    for who in ("ca", "localhost", "alice"):
        key = ca_key if who == "ca" else ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)]))
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now.replace(year=2046))
            .add_extension(x509.BasicConstraints(ca=who == "ca", path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
        )
        certificate = builder.sign(ca_key, hashes.SHA256())
        made[f"{who}.crt"] = certificate.public_bytes(serialization.Encoding.PEM)
        made[f"{who}.key"] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return made


@pytest.mark.etcd
@pytest.mark.slow
def test_real_etcdctl_comes_in_with_a_client_certificate_and_not_without(tmp_path: Path) -> None:
    real.require("etcdctl")
    files = certificates(tmp_path)
    tls = Tls(files["localhost.crt"], files["localhost.key"], files["ca.crt"])
    with serving.ours(tls=tls) as endpoint:
        trusted = ["etcdctl", "--endpoints", endpoint, "--cacert", str(tmp_path / "ca.crt")]
        named = ["--cert", str(tmp_path / "alice.crt"), "--key", str(tmp_path / "alice.key")]
        environment = {"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"}

        def run(*argv: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=20, check=False)

        assert run(*trusted, *named, "put", "a", "1").stdout == "OK\n"
        assert run(*trusted, "--command-timeout=1s", "--dial-timeout=1s", "get", "a").returncode != 0
        for change in (
            "user add root --no-password",
            "user add alice --no-password",
            "role add r",
            "role grant-permission r read a",
            "user grant-role alice r",
        ):
            assert run(*trusted, *named, *change.split()).returncode == 0
        assert run(*trusted, *named, "auth", "enable").stdout == "Authentication Enabled\n"
        assert run(*trusted, *named, "get", "a").stdout == "a\n1\n"
        assert "permission denied" in run(*trusted, *named, "put", "a", "2").stderr


def test_several_loops_that_speak_grpc_do_not_log_each_others_wake_ups(caplog: pytest.LogCaptureFixture) -> None:
    with serving.ours() as first, serving.ours() as second, serving.loop_thread() as one, serving.loop_thread() as two:

        async def talk(url: str) -> None:
            backend = remote.connect(url)
            await asyncio.gather(*(backend.put(b"%d" % n) for n in range(50)))
            await backend.close()

        futures = [
            asyncio.run_coroutine_threadsafe(talk(url), thread.loop) for url, thread in ((first, one), (second, two))
        ]
        for future in futures:
            future.result(30)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
