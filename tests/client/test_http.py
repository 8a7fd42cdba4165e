import asyncio
import ssl
from datetime import UTC, datetime

import orjson
import pytest

from kube_nb.client.errors import Unreachable
from kube_nb.client.http import HttpTransport
from kube_nb.client.informer import InformerFactory
from kube_nb.client.kubeconfig import RestConfig
from kube_nb.client.rest import Client
from kube_nb.cluster import pki
from kube_nb.machinery.errors import ApiError, not_found
from kube_nb.machinery.exchange import ERROR, STDOUT, Request, Response, Session
from kube_nb.machinery.gvk import GVR
from tests.client.fakeserver import FakeServer
from tests.client.httpserver import HttpServer, on_the_wall_clock

THINGS = GVR("", "v1", "things")
DEFAULT = "/api/v1/namespaces/default/things"


class Served:
    """A fake server behind a socket and a client for it, within ``async with``."""

    def __init__(self, **config) -> None:
        self.fake = FakeServer()
        self.http = HttpServer(self._decode)
        self._config = config

    async def _decode(self, request: Request) -> Response:
        if request.body is not None:
            request.body = orjson.loads(request.body)
        return await self.fake.handle(request)

    async def __aenter__(self) -> "Served":
        self.client = Client(HttpTransport(RestConfig(await self.http.start(), **self._config)), field_manager="me")
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.client.close()
        self.fake.end_watches()
        await self.http.stop()


def test_verbs_and_refusals_are_the_same_as_in_the_kernel():
    async def body() -> None:
        async with Served() as served:
            client = served.client
            await client.create(THINGS, {"metadata": {"name": "a:b", "namespace": "default"}, "spec": 1})
            found = await client.get(THINGS, "a:b", "default")
            assert found["spec"] == 1
            assert [each["metadata"]["name"] for each in (await client.list(THINGS))["items"]] == ["a:b"]
            await client.patch(THINGS, "a:b", {"spec": 2}, "default")
            with pytest.raises(ApiError) as refusal:
                await client.update(THINGS, found)
            assert (refusal.value.code, refusal.value.reason) == (409, "Conflict")
            await client.delete(THINGS, "a:b", "default", grace_period_s=0)
            with pytest.raises(ApiError) as refusal:
                await client.get(THINGS, "a:b", "default")
            assert refusal.value.reason == "NotFound"

    on_the_wall_clock(body)


def test_what_a_selector_says_arrives_as_it_was_sent():
    async def body() -> None:
        async with Served() as served:
            selector = "env in (a,b),tier!=x+y z,a%2Fb"
            await served.client.list(THINGS, label_selector=selector)
            assert served.fake.requests[-1].param("labelSelector") == selector

    on_the_wall_clock(body)


def test_an_informer_follows_a_watch_and_survives_its_end():
    async def body() -> None:
        async with Served() as served:
            fake = served.fake
            factory = InformerFactory(served.client)
            seen: asyncio.Queue[str] = asyncio.Queue()
            informer = factory.informer(THINGS)
            informer.add_handler(lambda obj: seen.put_nowait(obj["metadata"]["name"]))
            await factory.start()
            await factory.wait_synced()
            fake.put(f"{DEFAULT}/a", {"text": "x" * 300_000})
            assert await seen.get() == "a"
            await asyncio.sleep(0.05)
            fake.end_watches()
            fake.put(f"{DEFAULT}/b", {})
            assert await seen.get() == "b"
            assert fake.count("GET") == 1
            await factory.stop()

    on_the_wall_clock(body)


def test_logs_come_in_pieces_as_they_are_written():
    async def pieces():
        yield b"one\n"
        await asyncio.sleep(0.01)
        yield b"two\n"

    async def body() -> None:
        async with Served() as served:
            served.fake.answer = lambda request: Response(chunks=pieces())
            assert [piece async for piece in await served.client.logs("default", "web")] == [b"one\n", b"two\n"]

    on_the_wall_clock(body)


async def _upper(session: Session) -> None:
    """A command that writes its input in capitals and fails with 3."""
    while (message := await session.read()) and message[1]:
        await session.write(STDOUT, message[1].upper())
    causes = [{"reason": "ExitCode", "message": "3"}]
    status = {"status": "Failure", "reason": "NonZeroExitCode", "message": "exit 3", "details": {"causes": causes}}
    await session.write(ERROR, orjson.dumps(status))


def test_exec_carries_input_its_end_output_and_the_exit_code():
    async def body() -> None:
        async with Served() as served:
            served.fake.answer = lambda request: Response(session=_upper)
            session = await served.client.exec("default", "web", ["tr", "a b"], stdin=True)
            async with session:
                await session.write(b"hello")
                await session.close_stdin()
                assert await session.output() == (b"HELLO", b"")
            assert session.exit_code == 3
            assert served.fake.requests[-1].query["command"] == ["tr", "a b"]

    on_the_wall_clock(body)


def test_a_refused_exec_says_why():
    def refuse(request: Request) -> Response:
        raise not_found("pods", "web")

    async def body() -> None:
        async with Served() as served:
            served.fake.answer = refuse
            with pytest.raises(ApiError, match='pods "web" not found'):
                await served.client.exec("default", "web", ["ls"])

    on_the_wall_clock(body)


def test_port_forward_hides_the_port_numbers_that_open_its_channels():
    async def forward(session: Session) -> None:
        for channel in (0, 1):
            await session.write(channel, (8080).to_bytes(2, "little"))
        channel, data = await session.read()
        await session.write(channel, b"got " + data)

    async def body() -> None:
        async with Served() as served:
            served.fake.answer = lambda request: Response(session=forward)
            async with await served.client.port_forward("default", "web", [8080]) as session:
                await session.write(b"GET /", 0)
                assert await session.read() == (0, b"got GET /")
                assert await session.read() is None

    on_the_wall_clock(body)


def test_warnings_of_the_server_come_with_the_response():
    async def body() -> None:
        async with Served() as served:
            served.fake.answer = lambda request: Response(obj={}, warnings=['unknown field \\"spec.x\\"'])
            response = await served.client.raw("GET", "/api")
            assert response.warnings == ['unknown field "spec.x"']

    on_the_wall_clock(body)


@pytest.mark.parametrize(
    ("config", "header"),
    [({"token": "t0"}, "Bearer t0"), ({"username": "u", "password": "p"}, "Basic dTpw"), ({}, None)],
    ids=["a bearer token", "a password", "nothing"],
)
def test_credentials_are_sent(config, header):
    async def body() -> None:
        async with Served(**config) as served:
            await served.client.list(THINGS)
            assert served.http.seen[-1].headers.get("Authorization") == header

    on_the_wall_clock(body)


def test_nobody_there_reads_as_kubectl_prints_it():
    async def body() -> None:
        client = Client(HttpTransport(RestConfig("http://127.0.0.1:1")))
        with pytest.raises(Unreachable, match=r"dial tcp 127\.0\.0\.1:1: connect: connection refused"):
            await client.raw("GET", "/version")
        await client.close()

    on_the_wall_clock(body)


def test_a_client_certificate_is_shown_and_the_servers_is_checked(tmp_path):
    authority = pki.Authority.random("kubernetes", datetime.now(UTC))  # noqa: TID251 - TLS looks at the wall clock
    server, user = authority.server("kube-apiserver", ["127.0.0.1"]), authority.client("admin", ["system:masters"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    (tmp_path / "server.pem").write_bytes(server.certificate + server.key)
    context.load_cert_chain(tmp_path / "server.pem")

    async def body() -> None:
        fake = FakeServer()
        http = HttpServer(fake.handle)
        address = await http.start(context)
        config = RestConfig(
            address, certificate_authority=authority.certificate, certificate=user.certificate, key=user.key
        )
        client = Client(HttpTransport(config))
        await client.list(THINGS)
        shown = http.seen[-1].get_extra_info("peercert")["subject"]
        await client.close()
        stranger = Client(HttpTransport(RestConfig(address)))
        with pytest.raises(Unreachable, match="tls: failed to verify certificate"):
            await stranger.list(THINGS)
        await stranger.close()
        await http.stop()
        assert (("commonName", "admin"),) in shown

    on_the_wall_clock(body)
