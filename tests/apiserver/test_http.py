"""The HTTPS front by an HTTP client: who one is, bodies, streams, sessions."""

import asyncio
import gc
import io
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kube_nb.apiserver.authn.authenticator import StaticTokens
from kube_nb.apiserver.serving.http import Front
from kube_nb.machinery.exchange import ConnectionCut, Request, Response, User
from tests.apiserver.certificates import Authority
from tests.apiserver.https import Https, at_walls_pace, listening
from tests.apiserver.nodes import EchoNode
from tests.apiserver.serving import CONFIG_MAPS, PODS, config_map, pod


async def ask(
    server: Https, method: str, path: str, *, who: str = "admin", context: ssl.SSLContext | None = None, **more: Any
) -> tuple[int, Any, Any]:
    """(status, headers, decoded body) of one request."""
    connector = aiohttp.TCPConnector(ssl=context or server.authority.client_context(who))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.request(method, server.url + path, **more) as response,
    ):
        return response.status, response.headers, await response.json(content_type=None)


def test_a_client_certificate_names_user_and_groups(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            status, _, found = await ask(server, "GET", PODS)
            assert (status, found["kind"]) == (200, "PodList")
            status, _, found = await ask(server, "GET", PODS, who="bob")
            assert status == 403
            assert found["message"] == (
                'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"'
            )

    at_walls_pace(story())


def test_tokens_and_no_credentials(tmp_path: Path) -> None:
    async def story() -> None:
        tokens = StaticTokens({"secret": User("carol", ("system:masters",))})
        async with listening(tmp_path, authenticators=[tokens]) as server:
            plain = server.authority.client_context()
            bearer = {"Authorization": "Bearer secret"}
            assert (await ask(server, "GET", PODS, context=plain, headers=bearer))[0] == 200
            wrong = {"Authorization": "Bearer wrong"}
            status, _, found = await ask(server, "GET", PODS, context=plain, headers=wrong)
            assert (status, found["reason"]) == (401, "Unauthorized")
            status, _, found = await ask(server, "GET", PODS, context=plain)
            assert status == 403
            assert 'User "system:anonymous" cannot list resource "pods"' in found["message"]
            assert (await ask(server, "GET", "/version", context=plain))[0] == 200

    at_walls_pace(story())


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        pytest.param("application/json", b'{"metadata": {"name": "a"}, "data": {"k": "v"}}', 201, id="JSON"),
        pytest.param("application/yaml", b"metadata:\n  name: a\ndata:\n  k: v\n", 201, id="YAML"),
        pytest.param("application/json", b'{"metadata": {"name": "a"', 400, id="half a JSON document"),
        pytest.param("application/yaml", b"a: b: c", 400, id="no YAML document"),
        pytest.param("text/csv", b"a,b", 415, id="another type"),
        pytest.param("application/json", b" " * 4_000_000, 413, id="too much"),
        pytest.param("application/json", b'{"a":' * 10_000, 400, id="too deep"),
        pytest.param("application/yaml", b"[" * 10_000, 400, id="too deep in YAML"),
        pytest.param(
            "application/yaml",
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%b]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
            400,
            id="aliases that explode",
        ),
    ],
)
def test_bodies(tmp_path: Path, content_type: str, body: bytes, status: int) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            headers = {"Content-Type": content_type}
            found, _, answer = await ask(server, "POST", CONFIG_MAPS, data=io.BytesIO(body), headers=headers)
            assert (found, answer["kind"]) == (status, "ConfigMap" if status == 201 else "Status")

    at_walls_pace(story())


def test_a_warning_is_a_header(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            body = {**config_map(), "daata": {}}
            _, headers, _ = await ask(server, "POST", CONFIG_MAPS, json=body)
            assert headers["Warning"] == '299 - "unknown field \\"daata\\""'

    at_walls_pace(story())


def test_a_watch_comes_line_by_line_and_ends_with_its_client(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            connector = aiohttp.TCPConnector(ssl=server.authority.client_context("admin"))
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(f"{server.url}{CONFIG_MAPS}?watch=true") as response,
            ):
                await server.api.create(CONFIG_MAPS, config_map("a"))
                await server.api.create(CONFIG_MAPS, config_map("b"))
                lines = [await response.content.readline() for _ in range(2)]
                assert [b'"name":"a"' in lines[0], b'"name":"b"' in lines[1]] == [True, True]
                cacher = server.api.server.cacher("configmaps")
                assert len(cacher.watchers()) == 1
            await asyncio.sleep(0.05)
            assert cacher.watchers() == []

    at_walls_pace(story())


def test_exec_over_a_websocket(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path, nodes={"node-1": EchoNode()}) as server:
            await server.api.create(PODS, pod())
            await server.api.create(f"{PODS}/web/binding", {"target": {"kind": "Node", "name": "node-1"}})
            connector = aiohttp.TCPConnector(ssl=server.authority.client_context("admin"))
            url = f"{server.url}{PODS}/web/exec?command=cat&stdin=true&stdout=true"
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.ws_connect(url, protocols=("v5.channel.k8s.io",)) as socket,
            ):
                assert socket.protocol == "v5.channel.k8s.io"
                assert await socket.receive_bytes() == b"\x01"
                await socket.send_bytes(b"\x00hello")
                assert await socket.receive_bytes() == b"\x01hello"
                await socket.send_bytes(b"\xff\x00")
                assert (await socket.receive_bytes()).startswith(b'\x03{"metadata":{},"status":"Success"}')

    at_walls_pace(story())


def test_logs_and_proxies(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path, nodes={"node-1": EchoNode()}) as server:
            await server.api.create(PODS, pod())
            await server.api.create(f"{PODS}/web/binding", {"target": {"kind": "Node", "name": "node-1"}})
            connector = aiohttp.TCPConnector(ssl=server.authority.client_context("admin"))
            async with aiohttp.ClientSession(connector=connector) as session:
                async with session.get(f"{server.url}{PODS}/web/log") as response:
                    assert await response.text() == "web/main started\nready\n"
                async with session.get(f"{server.url}{PODS}/web:8080/proxy/some/path") as response:
                    assert await response.text() == "GET web:8080/some/path"

    at_walls_pace(story())


@pytest.mark.parametrize(
    ("query", "agent", "is_pretty"),
    [
        ("", "kubectl/v1", False),
        ("?pretty=true", "kubectl/v1", True),
        ("", "curl/8", True),
        ("?pretty=0", "curl/8", False),
    ],
)
def test_json_is_indented_for_those_who_look_at_it(tmp_path: Path, query: str, agent: str, is_pretty: bool) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            await server.api.create(CONFIG_MAPS, config_map("a"))
            connector = aiohttp.TCPConnector(ssl=server.authority.client_context("admin"))
            async with aiohttp.ClientSession(connector=connector, headers={"User-Agent": agent}) as session:
                for path in (CONFIG_MAPS, f"{CONFIG_MAPS}/a", f"{CONFIG_MAPS}/missing"):
                    async with session.get(server.url + path + query) as response:
                        text = await response.text()
                        assert ("\n  " in text) is is_pretty

    at_walls_pace(story())


def test_protobuf_alone_is_not_acceptable_and_json_beside_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            protobuf = "application/vnd.kubernetes.protobuf"
            status, _, found = await ask(server, "GET", PODS, headers={"Accept": protobuf})
            assert (status, found["reason"]) == (406, "NotAcceptable")
            both = {"Accept": f"{protobuf},application/json"}
            status, headers, _ = await ask(server, "GET", PODS, headers=both)
            assert (status, headers["Content-Type"]) == (200, "application/json")
            cbor = {"Accept": "application/cbor"}
            assert (await ask(server, "GET", PODS, headers=cbor))[0] == 406

    at_walls_pace(story())


def test_a_request_whose_server_has_ended_loses_its_connection() -> None:
    async def ended(request: Request) -> Response:
        raise ConnectionCut

    async def story() -> None:
        front = Front(ended)
        port = await front.start("127.0.0.1", 0, None)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(f"http://127.0.0.1:{port}{PODS}")
        await front.stop()

    at_walls_pace(story())


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0)


def test_a_connection_that_was_given_up_is_cut_when_the_server_stops(tmp_path: Path) -> None:
    """Its client left while nobody read: asyncio keeps the socket open, and aiohttp has forgotten it."""
    authority = Authority(tmp_path)

    async def unasked(request: Request) -> Response:
        raise AssertionError(request)

    async def story() -> None:
        front, loop = Front(unasked), asyncio.get_running_loop()
        port = await front.start("127.0.0.1", 0, authority.server_context())
        server: Any = front._http
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=authority.client_context())
        await until(lambda: bool(server.connections))
        (connection,) = server.connections
        connection.transport.pause_reading()
        file = connection.transport.get_extra_info("socket").fileno()
        writer.transport.abort()
        await until(lambda: file not in loop._selector.get_map())  # type: ignore[attr-defined]  # asyncio's own
        connection.force_close()
        assert len(server.transports) == 1
        await front.stop()
        await until(lambda: not server.transports)

    at_walls_pace(story())
    gc.collect()
