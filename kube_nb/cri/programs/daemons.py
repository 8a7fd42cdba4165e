"""Long-runners that listen and log, and one-shot programs of well-known images.

Differs: databases accept connections and answer nothing beyond what is named here; they keep no data.
"""

import re
from collections.abc import Awaitable, Callable

from kube_nb.cri.network import Connection
from kube_nb.cri.process import Main, Process
from kube_nb.cri.programs.system import seconds, size

HELLO = """
Hello from Docker!
This message shows that your installation appears to be working correctly.

To generate this message, Docker took the following steps:
 1. The Docker client contacted the Docker daemon.
 2. The Docker daemon pulled the "hello-world" image from the Docker Hub.
    (amd64)
 3. The Docker daemon created a new container from that image which runs the
    executable that produces the output you are currently reading.
 4. The Docker daemon streamed that output to the Docker client, which sent it
    to your terminal.
"""


async def hello_world(p: Process) -> int:
    p.print(HELLO)
    return 0


async def pause(p: Process) -> int:
    return await p.forever()


async def _silent(connection: Connection) -> None:
    while await connection.read():
        pass
    connection.close()


def _listening(port: int, *lines: str, requires: tuple[str, ...] = (), complaint: str = "") -> Main:
    """A server that prints lines ({now} and {port} filled in) and accepts connections.

    requires: environment variables of which one must be set, else it prints `complaint` and exits with 1.
    """

    async def main(p: Process) -> int:
        if requires and not any(p.env.get(name) for name in requires):
            p.complain(complaint)
            return 1
        p.net.listen(port, _silent)
        for line in lines:
            p.print(line.format(now=f"{p.clock.now():%Y-%m-%d %H:%M:%S.%f}"[:-3], port=port))
        return await p.forever()

    return main


async def redis(p: Process) -> int:
    """Speaks enough of RESP for PING, SET, GET, DEL, INCR, and inline commands."""
    data: dict[bytes, bytes] = {}

    async def connected(connection: Connection) -> None:
        waiting = b""
        while chunk := await connection.read():
            waiting += chunk
            while (parsed := _resp(waiting)) is not None:
                words, waiting = parsed
                await connection.write(_redis_answer(data, words))
        connection.close()

    now = f"{p.clock.now():%d %b %Y %H:%M:%S.%f}"[:-3]
    p.net.listen(6379, connected)
    p.print(f"1:C {now} * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
    p.print(f"1:M {now} * Server initialized\n1:M {now} * Ready to accept connections tcp")
    return await p.forever()


def _resp(data: bytes) -> tuple[list[bytes], bytes] | None:
    """The next command and the rest; None if it is not complete."""
    if not data.startswith(b"*"):
        line, newline, rest = data.partition(b"\n")
        return (line.split(), rest) if newline else None
    head, newline, rest = data.partition(b"\r\n")
    words = []
    for _ in range(int(head[1:] or 0)):
        length, newline, rest = rest.partition(b"\r\n")
        count = int(length[1:] or 0)
        if not newline or len(rest) < count + 2:
            return None
        words.append(rest[:count])
        rest = rest[count + 2 :]
    return words, rest


def _redis_answer(data: dict[bytes, bytes], words: list[bytes]) -> bytes:
    match [words[0].upper() if words else b"", *words[1:]]:
        case [b"PING"]:
            return b"+PONG\r\n"
        case [b"SET", key, value, *_]:
            data[key] = value
            return b"+OK\r\n"
        case [b"GET", key]:
            found = data.get(key)
            return b"$-1\r\n" if found is None else b"$%d\r\n%s\r\n" % (len(found), found)
        case [b"INCR", key]:
            data[key] = b"%d" % (int(data.get(key, b"0")) + 1)
            return b":%s\r\n" % data[key]
        case [b"DEL", *keys]:
            return b":%d\r\n" % sum(data.pop(key, None) is not None for key in keys)
        case [b"INFO" | b"CONFIG" | b"COMMAND", *_]:
            return b"+OK\r\n"
    return b"-ERR unknown command '%s'\r\n" % (words[0] if words else b"")


async def redis_cli(p: Process) -> int:
    """``redis-cli [-h HOST] [-p PORT] COMMAND...``: prints the answer as redis-cli does when not on a terminal."""
    words = p.argv[1:]
    host, port = "127.0.0.1", 6379
    while words[:1] in (["-h"], ["-p"], ["-a"]):
        flag, value, *words = words
        host, port = (value, port) if flag == "-h" else (host, int(value) if flag == "-p" else port)
    try:
        connection = await p.net.dial(host, port)
    except OSError as error:
        p.complain(f"Could not connect to Redis at {host}:{port}: {error.strerror or error}")
        return 1
    sent = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
    await connection.write(b"*%d\r\n%s" % (len(words), sent))
    answer = (await connection.read()).decode(errors="replace")
    connection.close()
    body = answer[1:].removesuffix("\r\n")
    p.print(
        body.partition("\r\n")[2] if answer.startswith("$") else f"(error) {body}" if answer.startswith("-") else body
    )
    return 0


async def stress(p: Process) -> int:
    """polinux/stress and vish/stress: ``--vm-bytes 250M``, ``--cpu 2``, ``-cpus 2``, ``-mem-total 150Mi``."""
    given = dict(zip(p.argv[1:], p.argv[2:], strict=False))
    memory = given.get("--vm-bytes") or given.get("-mem-total", "0").removesuffix("i")
    workers = int(given.get("--cpu") or given.get("-c") or given.get("-cpus") or 0)
    p.print(f"stress: info: [1] dispatching hogs: {workers} cpu, 0 io, {given.get('--vm', '0')} vm, 0 hdd")
    total = size(memory)
    p.use(cpu_milli=1000 * workers + (500 if total else 0))
    for step in range(1, 5):
        await p.sleep(0.25)
        p.use(memory_bytes=total * step // 4 + 1_000_000)
    if "--timeout" in given or "-t" in given:
        await p.sleep(seconds(given.get("--timeout") or given["-t"]))
        return 0
    return await p.forever()


async def perl(p: Process) -> int:
    """The Job tutorial's ``perl -Mbignum=bpi -wle 'print bpi(2000)'``, and plain prints of a string."""
    code = p.argv[-1]
    digits = re.search(r"bpi\((\d+)\)", code)
    if digits:
        count = min(int(digits[1]), 10_000)
        await p.sleep(count / 500)
        p.print(pi(count))
        return 0
    text = re.fullmatch(r"\s*print\s+[\"'](.*?)(?:\\n)?[\"'];?\s*", code)
    if text:
        p.print(text[1])
        return 0
    p.complain("perl: only bpi(N) and print of a string are simulated; register a program for this image")
    return 2


def pi(digits: int) -> str:
    """Machin's formula on integers: pi to so many significant digits."""

    def arctangent(inverse: int, unit: int) -> int:
        term = total = unit // inverse
        n, sign = 3, -1
        while term:
            term //= inverse * inverse
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    unit = 10 ** (digits + 10)
    value = str(4 * (4 * arctangent(5, unit) - arctangent(239, unit)))
    return f"{value[0]}.{value[1:digits]}"


async def entrypoint(p: Process) -> int:
    """``docker-entrypoint.sh COMMAND...``: becomes the command."""
    if len(p.argv) < 2:
        return 0
    executable = p.around.find(p.argv[1])
    if executable is None:
        p.complain(f"{p.argv[0]}: line 1: exec: {p.argv[1]}: not found")
        return 127
    child = p.child(p.argv[1:])
    child.pid = p.pid
    p.become(child, executable)
    return await executable.main(child) or 0


_MYSQL = (
    "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n"
    "    You need to specify one of the following as an environment variable:\n"
    "    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD"
)
_POSTGRES = (
    "Error: Database is uninitialized and superuser password is not specified.\n"
    "       You must specify POSTGRES_PASSWORD to a non-empty value for the\n"
    '       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".'
)
_mysql = _listening(
    3306,
    "{now} [Note] [Entrypoint]: Entrypoint script for MySQL Server started.",
    "{now} 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '9.4.0'  port: {port}",
    requires=(
        "MYSQL_ROOT_PASSWORD",
        "MYSQL_ALLOW_EMPTY_PASSWORD",
        "MYSQL_RANDOM_ROOT_PASSWORD",
        "MYSQL_ROOT_PASSWORD_FILE",
        "MARIADB_ROOT_PASSWORD",
        "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
    ),
    complaint=_MYSQL,
)

_Entry = tuple[Callable[[Process], Awaitable[int | None]], int]
#: name in images.yaml -> (program, exit code on SIGTERM).
SERVERS: dict[str, _Entry] = {
    "hello-world": (hello_world, 143),
    "pause": (pause, 0),
    "entrypoint": (entrypoint, 143),
    "redis": (redis, 0),
    "redis-cli": (redis_cli, 143),
    "mysql": (_mysql, 0),
    "postgres": (
        _listening(
            5432,
            "{now} UTC [1] LOG:  starting PostgreSQL 18.0 on x86_64-pc-linux-gnu",
            '{now} UTC [1] LOG:  listening on IPv4 address "0.0.0.0", port {port}',
            "{now} UTC [1] LOG:  database system is ready to accept connections",
            requires=("POSTGRES_PASSWORD", "POSTGRES_HOST_AUTH_METHOD", "POSTGRES_PASSWORD_FILE"),
            complaint=_POSTGRES,
        ),
        0,
    ),
    "mongo": (
        _listening(
            27017,
            '{{"t":"{now}","s":"I","c":"NETWORK","msg":"Waiting for connections","attr":{{"port":{port}}}}}',
        ),
        0,
    ),
    "memcached": (_listening(11211), 0),
    "rabbitmq": (_listening(5672, "{now} [info] <0.9.0> Server startup complete"), 0),
    "listener": (_listening(8080, "{now} listening on port {port}"), 143),
    "stress": (stress, 143),
    "perl": (perl, 143),
}
