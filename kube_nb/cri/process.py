"""`Process`: what a program sees of the world, and all that it may touch.

A program is ``async def main(p: Process) -> int``: its result is the exit code (None is 0), `Exit` ends it from deeper
down, any other exception prints its traceback on stderr and gives exit code 1. Signals follow Linux's rules for the
first process of a container: SIGTERM does what the program's `Executable` says (most shells ignore it, which is why
deleting a busybox pod takes its full grace period), unless the program waits for it with `terminated` or `trap`.
"""

import asyncio
import posixpath
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from kube_nb.cri import http
from kube_nb.cri.files import FileSystem
from kube_nb.cri.network import Connection, DatagramHandler, Listener, NetworkNamespace, StreamHandler
from kube_nb.machinery.clock import Clock, periodic_sleep

Main: TypeAlias = Callable[["Process"], Awaitable[int | None]]

#: After so many sleeps a container is taken to go on for ever: `settle` no longer waits for it.
SLEEPS_THAT_COUNT = 10
#: Exit codes of a process that a signal ended: 128 + its number.
SIGNALS = {"SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGKILL": 9, "SIGUSR1": 10, "SIGTERM": 15}


class Exit(Exception):
    """Ends the program with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class OutOfMemory(Exception):
    """The container has used more than its memory limit; the kernel kills it with SIGKILL."""


@dataclass(frozen=True, slots=True)
class Executable:
    """A program file. on_term: what SIGTERM does when the program has no handler: ``ignore``, or exit with the code."""

    main: Main
    on_term: Literal["ignore"] | int = 143


class Output(Protocol):
    """Where a process writes."""

    def write(self, data: bytes) -> None:
        """Raises BrokenPipeError when nobody reads any more."""


@dataclass(slots=True)
class Sink:
    """An output that hands each write to a function."""

    write_to: Callable[[bytes], None]

    def write(self, data: bytes) -> None:
        self.write_to(data)


class Buffer:
    """An output kept in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    def text(self) -> str:
        return self.data.decode(errors="replace")


class Pipe:
    """Bytes from a writer to one reader; also every process's stdin."""

    def __init__(self, data: bytes = b"", *, closed: bool = False) -> None:
        self._chunks: deque[bytes] = deque([data] if data else [])
        self._waiter: asyncio.Future[None] | None = None
        self.closed = closed
        self.reader_gone = False

    def write(self, data: bytes) -> None:
        if self.reader_gone:
            raise BrokenPipeError(32, "Broken pipe")
        if data:
            self._chunks.append(data)
            self._wake()

    def close(self) -> None:
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def read(self, limit: int = 65536) -> bytes:
        """Some bytes; empty at the end."""
        while not self._chunks:
            if self.closed:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        chunk = self._chunks.popleft()
        if len(chunk) > limit:
            self._chunks.appendleft(chunk[limit:])
        return chunk[:limit]

    async def read_line(self) -> bytes:
        """A line with its newline; what is left at the end; empty after that."""
        line = b""
        while chunk := await self.read():
            head, newline, rest = chunk.partition(b"\n")
            line += head + newline
            if newline:
                if rest:
                    self._chunks.appendleft(rest)
                break
        return line

    async def read_all(self) -> bytes:
        data = bytearray()
        while chunk := await self.read():
            data += chunk
        return bytes(data)


class Net:
    """A process's network: its pod's namespace, with everything it opened closed when its container exits."""

    def __init__(self, namespace: NetworkNamespace) -> None:
        self.namespace = namespace
        self._listeners: list[Listener] = []
        self._connections: list[Connection] = []

    @property
    def ip(self) -> str:
        """The pod's primary address."""
        return self.namespace.ips[0] if self.namespace.ips else ""

    def listen(self, port: int, handler: StreamHandler) -> Listener:
        """Serve connections to this port; each runs as its own task. Raises OSError if the port is taken."""
        listener = self.namespace.listen(port, handler)
        self._listeners.append(listener)
        return listener

    def listen_datagrams(self, port: int, handler: DatagramHandler) -> Listener:
        """Answer UDP datagrams."""
        listener = self.namespace.listen_datagrams(port, handler)
        self._listeners.append(listener)
        return listener

    def serve_http(self, port: int, handler: http.Handler) -> Listener:
        """Serve HTTP/1.1: ``async def handler(request) -> http.Answer``."""

        async def connected(connection: Connection) -> None:
            await http.serve(connection, handler)

        return self.listen(port, connected)

    async def dial(self, host: str, port: int, *, timeout_s: float = 127.0) -> Connection:
        """Connect to a name or address."""
        connection = await self.namespace.dial(host, port, timeout_s=timeout_s)
        self._connections = [c for c in self._connections if not getattr(c, "closed", False)]
        self._connections.append(connection)
        return connection

    async def http(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = 60,
    ) -> http.Answer:
        """One HTTP request: ``await p.net.http("GET", "http://web.default/")``."""
        return await http.fetch(self.dial, method, url, headers=headers, body=body, timeout_s=timeout_s)

    async def resolve(self, name: str) -> list[str]:
        """The name's addresses. Raises socket.gaierror."""
        return list((await self.namespace.resolve(name)).records)

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for connection in self._connections:
            connection.close()
        self._listeners.clear()
        self._connections.clear()


@dataclass(slots=True)
class Surroundings:
    """What all processes of one container share.

    find: the executable of a name or path, None if there is none. use: reports use of memory and processor time,
    raising OutOfMemory. signal: sends a signal to a process id, False if there is none. become: the main process runs
    another program from now on. processes: the living ones, for `ps`; the first is the main process.
    """

    clock: Clock
    fs: FileSystem
    net: Net
    hostname: str
    find: Callable[[str], Executable | None]
    use: Callable[[int | None, int | None], None]
    signal: Callable[[int, str], bool]
    become: Callable[["Process", Executable], None]
    seed: int = 0
    user: tuple[int, int] = (0, 0)
    processes: dict[int, "Process"] = field(default_factory=dict)
    tasks: dict[asyncio.Task[int], None] = field(default_factory=dict)
    last_pid: int = 0
    sleeps: int = 0
    _stream: random.Random | None = None

    @property
    def stream(self) -> random.Random:
        if self._stream is None:
            self._stream = random.Random(self.seed)
        return self._stream


class Process:
    """One running program; see the module's docstring. stdin, stdout and stderr carry bytes, `print` takes text."""

    def __init__(
        self,
        around: Surroundings,
        argv: Sequence[str],
        env: Callable[[], Mapping[str, str]],
        *,
        cwd: str = "/",
        stdin: Pipe | None = None,
        stdout: Output,
        stderr: Output,
        tty: bool = False,
    ) -> None:
        self.around = around
        self.argv = list(argv)
        self._make_env = env
        self._env: dict[str, str] | None = None
        self.cwd = cwd
        self.stdin = stdin if stdin is not None else Pipe(closed=True)
        self.stdout = stdout
        self.stderr = stderr
        self.tty = tty
        around.last_pid += 1
        self.pid = around.last_pid
        self.handles_signals = False
        self._signals: deque[str] = deque()
        self._signal_waiter: asyncio.Future[None] | None = None

    # -- what is around ------------------------------------------------------------------------------------------

    @property
    def env(self) -> dict[str, str]:
        """The environment variables; the process's own copy."""
        if self._env is None:
            self._env = dict(self._make_env())
        return self._env

    @property
    def clock(self) -> Clock:
        return self.around.clock

    @property
    def stream(self) -> random.Random:
        """The container's own random numbers."""
        return self.around.stream

    @property
    def fs(self) -> FileSystem:
        return self.around.fs

    @property
    def net(self) -> Net:
        return self.around.net

    @property
    def hostname(self) -> str:
        return self.around.hostname

    def path(self, path: str) -> str:
        """An absolute path from one relative to the working directory."""
        return posixpath.normpath(posixpath.join(self.cwd, path))

    # -- output --------------------------------------------------------------------------------------------------

    def print(self, *values: object, sep: str = " ", end: str = "\n") -> None:
        """Text on stdout."""
        self.stdout.write((sep.join(map(str, values)) + end).encode())

    def complain(self, *values: object) -> None:
        """Text on stderr."""
        self.stderr.write((" ".join(map(str, values)) + "\n").encode())

    # -- time and signals ----------------------------------------------------------------------------------------

    async def sleep(self, seconds: float) -> None:
        """Let cluster time pass."""
        self.around.sleeps += 1
        if self.around.sleeps > SLEEPS_THAT_COUNT:
            await periodic_sleep(seconds)
        else:
            await asyncio.sleep(seconds)

    async def terminated(self) -> str:
        """Wait for a signal that asks the program to end, and return its name; from now on none ends it by itself."""
        self.handles_signals = True
        while not self._signals:
            self._signal_waiter = asyncio.get_running_loop().create_future()
            await self._signal_waiter
        return self._signals.popleft()

    async def forever(self) -> int:
        """Run until killed."""
        await asyncio.get_running_loop().create_future()
        return 0

    def trap(self) -> deque[str]:
        """Handle signals from now on; they queue here."""
        self.handles_signals = True
        return self._signals

    def deliver(self, signal: str) -> None:
        """A signal arrives that the program handles."""
        self._signals.append(signal)
        if self._signal_waiter is not None and not self._signal_waiter.done():
            self._signal_waiter.set_result(None)

    def become(self, child: "Process", executable: Executable) -> None:
        """``exec``: signals now go to the child, which stands in for this process."""
        self.around.become(child, executable)

    # -- resources and children ----------------------------------------------------------------------------------

    def use(self, *, memory_bytes: int | None = None, cpu_milli: int | None = None) -> None:
        """Report what the program now uses; the container is OOM-killed above its memory limit."""
        self.around.use(memory_bytes, cpu_milli)

    def child(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: Pipe | None = None,
        stdout: Output | None = None,
        stderr: Output | None = None,
    ) -> "Process":
        """A process of the same container that inherits what is not given."""
        return Process(
            self.around,
            argv,
            (lambda: self.env) if env is None else (lambda: env),
            cwd=self.cwd if cwd is None else cwd,
            stdin=self.stdin if stdin is None else stdin,
            stdout=self.stdout if stdout is None else stdout,
            stderr=self.stderr if stderr is None else stderr,
            tty=self.tty and stdin is None and stdout is None,
        )

    async def run(self, argv: Sequence[str]) -> int:
        """Run another program of the container to its end; 127 if there is none of this name."""
        child = self.child(argv)
        executable = self.around.find(argv[0])
        if executable is None:
            child.complain(f"{self.argv[0]}: {argv[0]}: not found")
            return 127
        return await execute(child, executable)


async def execute(process: Process, executable: Executable) -> int:
    """Run a program in this task and return its exit code. Cancellation and OutOfMemory pass through."""
    around = process.around
    around.processes[process.pid] = process
    try:
        return await executable.main(process) or 0
    except Exit as exit:
        return exit.code
    except BrokenPipeError:
        return 141
    finally:
        around.processes.pop(process.pid, None)
