"""Logs, exec, port-forward and proxy through the API server to a node."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from kube_nb.machinery.errors import ApiError

from .conftest import World

Start = Callable[..., AbstractAsyncContextManager[World]]


async def logs(w: World, **options: object) -> str:
    chunks = await w.client.logs("default", "web", **options)  # type: ignore[arg-type]  # options by name
    return b"".join([chunk async for chunk in chunks]).decode()


async def test_logs_come_whole_by_tail_and_from_the_instance_before(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sh, -c, 'echo one; echo two; sleep 5; exit 1']}")
        await w.restarts(1)
        assert await logs(w) == "one\ntwo\n"
        assert await logs(w, tail_lines=1) == "two\n"
        assert await logs(w, previous=True) == "one\ntwo\n"


async def test_following_ends_with_the_container(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sh, -c, 'echo one; sleep 5; echo two']}", restartPolicy="Never")
        await w.ready()
        assert await logs(w, follow=True) == "one\ntwo\n"
        assert asyncio.get_running_loop().time() == 5


@pytest.mark.parametrize(
    ("container", "options", "message"),
    [
        pytest.param(
            "{image: 'nginx:1.161'}", {}, 'container "c" in pod "web" is waiting to start: image can\'t be pulled',
            id="no image yet",
        ),
        pytest.param(
            "{image: nginx}", {"previous": True}, 'previous terminated container "c" in pod "web" not found',
            id="no instance before",
        ),
    ],
)  # fmt: skip
async def test_logs_that_are_not_there_are_a_bad_request(
    world: Start, container: str, options: dict[str, object], message: str
) -> None:
    async with world() as w:
        await w.run(container)
        await asyncio.sleep(1)
        with pytest.raises(ApiError) as refused:
            await logs(w, **options)
        assert (refused.value.code, refused.value.message) == (400, message)


async def test_exec_gives_output_and_exit_code(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}")
        await w.ready()
        session = await w.client.exec("default", "web", ["sh", "-c", "echo out; echo err >&2; exit 3"])
        stdout, stderr = await session.output()
        assert (stdout, stderr, session.exit_code) == (b"out\n", b"err\n", 3)


async def test_exec_of_what_is_not_there_says_what_runc_says(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}")
        await w.ready()
        session = await w.client.exec("default", "web", ["nosuch"])
        await session.output()
        error = session.error
        assert error is not None
        assert 'exec: "nosuch": executable file not found in $PATH' in error.message


async def test_a_forwarded_port_carries_bytes_both_ways(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx}")
        await w.ready()
        session = await w.client.port_forward("default", "web", [80])
        await session.write(b"GET / HTTP/1.0\r\n\r\n", 0)
        got = b""
        while b"</html>" not in got:
            message = await session.read()
            assert message is not None
            got += message[1]
        assert b"HTTP/1.1 200 OK" in got
        await session.close()


async def test_the_proxy_answers_with_the_pods_page_or_its_refusal(world: Start) -> None:
    async with world() as w:
        await w.run("{image: nginx, ports: [{containerPort: 80}]}")
        await w.ready()
        answer = await w.client.raw("GET", "/api/v1/namespaces/default/pods/web/proxy/")
        assert b"Welcome to nginx!" in answer.encode()
        with pytest.raises(ApiError, match="connection refused"):
            await w.client.raw("GET", "/api/v1/namespaces/default/pods/web:81/proxy/")
