"""The simulated runtime: pulls, exits, signals, logs, sessions, files."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from kube_nb.cri.files import Directory
from kube_nb.cri.images import Reference
from kube_nb.cri.process import Process
from kube_nb.cri.runtime import ContainerState, LogOptions, Mount, Resources, RuntimeFailure
from kube_nb.cri.simulated import SimulatedRuntime
from kube_nb.machinery.exchange import STDERR, STDOUT

from .conftest import Node

Make = Callable[[], Node]


@pytest.mark.parametrize(
    ("image", "normal"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("me/app", "docker.io/me/app:latest"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("host:5000/a/b:c", "host:5000/a/b:c"),
        ("nginx@sha256:" + "a" * 64, "docker.io/library/nginx@sha256:" + "a" * 64),
    ],
)
def test_a_reference_is_normalized_as_containerd_does(image: str, normal: str) -> None:
    assert str(Reference.parse(image)) == normal


@pytest.mark.parametrize("image", ["", "UPPER", "a//b", "a:b:c", "-a", "a@sha256:12", "a b"])
def test_what_is_no_reference_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="invalid reference format"):
        Reference.parse(image)


@pytest.mark.parametrize(
    ("image", "code", "text"),
    [
        pytest.param("nginx:1.161", "NotFound", "docker.io/library/nginx:1.161: not found", id="unknown tag"),
        pytest.param("nosuch", "Unknown", "pull access denied, repository does not exist", id="unknown repository"),
        pytest.param("reg.example/x", "Unknown", "lookup reg.example: no such host", id="unknown registry"),
        pytest.param("registry.k8s.io/x", "NotFound", "registry.k8s.io/x:latest: not found", id="elsewhere"),
    ],
)
async def test_an_unknown_image_fails_in_containerds_words(node: Make, image: str, code: str, text: str) -> None:
    with pytest.raises(RuntimeFailure, match=text) as failure:
        await node().runtime.pull_image(image)
    assert failure.value.code == code


async def test_a_pull_takes_time_by_size_once_and_is_shared(node: Make) -> None:
    n = node()
    runtime = SimulatedRuntime(n.clock, n.net, n.images, "node-1")
    loop = asyncio.get_running_loop()
    await asyncio.gather(runtime.pull_image("postgres"), runtime.pull_image("postgres"))
    assert 155 / 50 * 0.8 < loop.time() < 155 / 50 * 1.2 + 0.6
    began_s = loop.time()
    await runtime.pull_image("postgres")
    assert loop.time() - began_s < 0.6


async def test_equal_seeds_give_equal_ids_and_times(node: Make) -> None:
    first, second = node(), node()
    ids = []
    for n in (first, second):
        n.runtime._stream.seed(1)
        ids.append(await n.run("nginx"))
    assert ids[0] == ids[1]
    assert len(ids[0]) == 64


async def test_signals_end_programs_by_their_own_rules(node: Make) -> None:
    n = node()
    sleeper, web = await n.run("busybox", "sleep", "infinity"), await n.run("nginx")
    await asyncio.sleep(1)
    await n.runtime.stop_container(web, 30)
    assert n.runtime.container_status(web).exit_code == 0
    assert asyncio.get_running_loop().time() == 1
    await n.runtime.stop_container(sleeper, 30)
    assert n.runtime.container_status(sleeper).exit_code == 137
    assert asyncio.get_running_loop().time() == 31


async def test_a_program_of_ones_own_is_an_image(node: Make) -> None:
    n = node()

    @n.images.program("greeter")
    async def greeter(p: Process) -> int:
        p.print("hello from", p.hostname, p.env.get("NAME"))
        signal = await p.terminated()
        p.print("got", signal)
        return 7

    container = await n.run("greeter", env=lambda: {"NAME": "me"})
    await asyncio.sleep(1)
    await n.runtime.stop_container(container, 30)
    assert await n.output(container) == "hello from pod-1 me\ngot SIGTERM\n"
    assert n.runtime.container_status(container).exit_code == 7
    assert asyncio.get_running_loop().time() == 1


async def test_a_program_without_a_handler_ends_with_143_and_a_bug_with_1(node: Make) -> None:
    n = node()

    @n.images.program("forever")
    async def forever(p: Process) -> int:
        return await p.forever()

    @n.images.program("broken")
    async def broken(p: Process) -> int:
        raise RuntimeError("oh no")

    container = await n.run("forever")
    await n.runtime.stop_container(container, 30)
    assert n.runtime.container_status(container).exit_code == 143
    container = await n.run("broken")
    assert await n.ended(container) == 1
    assert "RuntimeError: oh no" in await n.output(container)


async def test_using_more_than_the_limit_is_an_oom_kill(node: Make) -> None:
    n = node()

    @n.images.program("hungry")
    async def hungry(p: Process) -> int:
        p.use(memory_bytes=50, cpu_milli=100)
        await p.sleep(10)
        p.use(memory_bytes=200)
        return 0

    container = await n.run("hungry", resources=Resources(memory_limit_bytes=100))
    await asyncio.sleep(5)
    stats = n.runtime.container_stats(container)
    assert (stats.memory_bytes, stats.cpu_milli) == (50, 100)
    assert stats.cpu_core_ns == 500_000_000
    assert await n.ended(container) == 137
    assert n.runtime.container_status(container).reason == "OOMKilled"


async def test_what_a_container_opened_is_closed_when_it_ends(node: Make) -> None:
    n = node()
    web = await n.run("nginx")
    await n.runtime.stop_container(web, 0)
    with pytest.raises(ConnectionRefusedError):
        await n.net.host.dial("10.244.1.2", 80)


async def test_nginx_and_httpd_serve_pages_and_log_who_asked(node: Make) -> None:
    n = node()
    web, apache = await n.run("nginx"), await n.run("httpd")
    output, code = await n.sh("wget -qO- 10.244.1.2 | grep title; wget -qO- 10.244.1.3; wget -qO- 10.244.1.2/nosuch")
    assert code == 1
    assert output.splitlines() == [
        "<title>Welcome to nginx!</title>",
        "<html><body><h1>It works!</h1></body></html>",
        "wget: server returned error: HTTP/1.1 404 Not Found",
    ]
    lines = (await n.output(web)).splitlines()
    assert '10.244.1.4 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 615 "-" "Wget" "-"' in lines
    assert '"GET / HTTP/1.1" 200 45' in (await n.output(apache))


async def test_nginx_obeys_its_configuration(node: Make) -> None:
    n = node()
    conf = b"""
    server { listen 8080; location / { return 200 "hi\\n"; } location /api/ { proxy_pass http://10.244.1.3/; }
             location = /gone { return 410; } }
    """
    web = await n.run("nginx", mounts=[Mount("/etc/nginx/conf.d", Directory.of({"my.conf": conf}))])
    await n.run("httpd")
    output, _ = await n.sh("wget -qO- 10.244.1.2:8080; wget -qO- 10.244.1.2:8080/api/; wget -qO- 10.244.1.2:8080/gone")
    assert "hi\n<html><body><h1>It works!</h1></body></html>\n" in output
    assert "410 Gone" in output
    assert n.runtime.container_status(web).state is ContainerState.RUNNING


async def test_a_broken_configuration_ends_nginx(node: Make) -> None:
    n = node()
    conf = Directory.of({"my.conf": b"server { listen 80\n}"})
    web = await n.run("nginx", mounts=[Mount("/etc/nginx/conf.d", conf)])
    assert await n.ended(web) == 1
    assert 'nginx: [emerg] unexpected end of file, expecting ";" or "}"' in await n.output(web)


async def test_redis_keeps_and_gives(node: Make) -> None:
    n = node()
    server = await n.run("redis")
    for command, answer in (("PING", "PONG"), ("SET a 1", "OK"), ("INCR a", "2"), ("GET a", "2")):
        result = await n.exec(server, "redis-cli", *command.split())
        assert result.stdout.decode().strip() == answer


async def test_databases_want_their_password_first(node: Make) -> None:
    n = node()
    assert await n.ended(await n.run("mysql")) == 1
    fine = await n.run("postgres", env=lambda: {"POSTGRES_PASSWORD": "x"})
    await asyncio.sleep(1)
    assert "ready to accept connections" in await n.output(fine)


async def test_the_job_tutorials_perl_prints_pi(node: Make) -> None:
    n = node()
    job = await n.run("perl:5.34", command=["perl", "-Mbignum=bpi", "-wle", "print bpi(20)"])
    assert await n.ended(job) == 0
    assert await n.output(job) == "3.1415926535897932384\n"


COUNT = "for i in 1 2 3; do echo $i; sleep 1; done; echo err >&2; echo -n end"


# -- logs --------------------------------------------------------------------------------------------------------


async def test_logs_are_tailed_dated_limited_and_followed(node: Make) -> None:
    n = node()
    container = await n.run("busybox", "sh", "-c", COUNT)

    async def read(**options: object) -> str:
        chosen = LogOptions(**options)  # type: ignore[arg-type]  # fields by name
        return b"".join([chunk async for chunk in n.runtime.logs(container, chosen)]).decode()

    assert await read(follow=True) == "1\n2\n3\nerr\nend"
    assert asyncio.get_running_loop().time() == 3
    assert await read(tail_lines=2) == "err\nend"
    assert await read(tail_lines=0) == ""
    assert await read(limit_bytes=3) == "1\n2"
    assert await read(since=n.clock.now() - timedelta(seconds=1)) == "3\nerr\nend"
    assert await read(stream="Stderr") == "err\n"
    assert (await read(timestamps=True)).startswith("2026-01-01T00:00:00.000000000Z 1\n2026-01-01T00:00:01.0")


async def test_a_log_forgets_its_oldest_lines(node: Make) -> None:
    n = node()
    container = await n.run("busybox", "sleep", "infinity")
    log = n.runtime._containers[container][0].log
    log._max_bytes = 100
    for number in range(100):
        log.write("stdout", b"%03d456789\n" % number)
    assert (await n.output(container)).splitlines()[0] == "090456789"


# -- sessions ----------------------------------------------------------------------------------------------------


class Client:
    """The far end of an exec."""

    def __init__(self, *stdin: bytes) -> None:
        self.stdin = list(stdin)
        self.got = {STDOUT: b"", STDERR: b""}

    async def read_stdin(self) -> bytes:
        await asyncio.sleep(1)
        return self.stdin.pop(0) if self.stdin else b""

    async def write(self, channel: int, data: bytes) -> None:
        self.got[channel] += data


async def test_exec_carries_streams_and_the_exit_code(node: Make) -> None:
    n = node()
    container = await n.run("busybox", "sleep", "infinity")
    client = Client(b"to stdin\n")
    code = await n.runtime.exec(container, ["sh", "-c", "cat; echo oops >&2; exit 5"], client, tty=False)
    assert (code, client.got) == (5, {STDOUT: b"to stdin\n", STDERR: b"oops\n"})


async def test_a_terminal_prompts_echoes_and_edits(node: Make) -> None:
    n = node()
    container = await n.run("busybox", "sleep", "infinity")
    client = Client(b"echo hx", b"\x7fi\r", b"exit 3\r")
    assert await n.runtime.exec(container, ["sh"], client, tty=True) == 3
    assert client.got[STDOUT].replace(b"\b \b", b"<") == b"/ # echo hx<i\r\nhi\r\n/ # exit 3\r\n"


async def test_exec_of_what_is_not_there_fails_as_runc_does(node: Make) -> None:
    n = node()
    container = await n.run("busybox", "sleep", "infinity")
    with pytest.raises(RuntimeFailure, match='exec: "nosuch": executable file not found in \\$PATH'):
        await n.exec(container, "nosuch")


async def test_exec_ends_with_its_container_or_its_time(node: Make) -> None:
    n = node()
    container = await n.run("busybox", "sleep", "10")
    with pytest.raises(RuntimeFailure, match="timeout 3s exceeded"):
        await n.runtime.exec_sync(container, ["sleep", "100"], 3)
    result = await n.exec(container, "sleep", "100")
    assert result.exit_code == 137
    assert asyncio.get_running_loop().time() == 10


async def test_containers_of_a_pod_share_volumes_and_loopback_but_not_files(node: Make) -> None:
    n = node()
    sandbox, shared = await n.sandbox(), Directory()
    mounts = [Mount("/shared", shared)]
    one = await n.run("nginx", sandbox=sandbox, mounts=mounts)
    two = await n.run("busybox", "sleep", "infinity", sandbox=sandbox, mounts=mounts)
    await n.exec(one, "sh", "-c", "echo hi > /shared/a; echo no > /tmp/b; echo mine > /usr/share/nginx/html/index.html")
    assert (await n.exec(two, "cat", "/shared/a")).stdout == b"hi\n"
    assert (await n.exec(two, "cat", "/tmp/b")).exit_code == 1
    assert (await n.exec(two, "wget", "-qO-", "127.0.0.1")).stdout == b"mine\n"
    other = await n.run("nginx")
    assert b"Welcome" in (await n.exec(other, "cat", "/usr/share/nginx/html/index.html")).stdout


async def test_a_read_only_mount_and_root_refuse_writes(node: Make) -> None:
    n = node()
    mounts = [Mount("/ro", Directory.of({"a": b"x"}), read_only=True), Mount("/rw", Directory())]
    container = await n.run("busybox", "sleep", "infinity", mounts=mounts, read_only_root=True)
    for path, code in (("/ro/b", 1), ("/tmp/b", 1), ("/rw/b", 0)):
        result = await n.exec(container, "sh", "-c", f"echo x > {path}")
        assert result.exit_code == code
        assert not code or b"Read-only file system" in result.stderr
