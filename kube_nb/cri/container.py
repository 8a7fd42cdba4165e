"""One simulated container: its files, log, main process, and the ways it ends."""

import asyncio
import traceback
from collections.abc import Callable, Sequence
from typing import Literal

from kube_nb.cri import programs
from kube_nb.cri.files import Device, Directory, File, FileSystem
from kube_nb.cri.images import Image
from kube_nb.cri.logs import ContainerLog
from kube_nb.cri.network import NetworkNamespace
from kube_nb.cri.process import (
    SIGNALS,
    Buffer,
    Executable,
    Net,
    OutOfMemory,
    Output,
    Pipe,
    Process,
    Sink,
    Surroundings,
    execute,
)
from kube_nb.cri.runtime import (
    ContainerConfig,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    ExecResult,
    RuntimeFailure,
    Streams,
)
from kube_nb.cri.sessions import Outbox, feed
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.exchange import STDERR, STDOUT

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Tap = Callable[[Literal["stdout", "stderr"], bytes], None]


class Container:
    """See the module's docstring. changed is called after each change of `status.state`."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        namespace: NetworkNamespace,
        hostname: str,
        image: Image,
        config: ContainerConfig,
        status: ContainerStatus,
        changed: Callable[["Container"], None],
    ) -> None:
        self.config = config
        self.status = status
        self.image = image
        self.log = ContainerLog(clock)
        self.stdin = Pipe(closed=not config.stdin)
        self._clock = clock
        self._changed = changed
        self._taps: list[Tap] = []
        self._task: asyncio.Task[tuple[int, str]] | None = None
        self._main: Process | None = None
        self._executable: Executable | None = None
        self._fate: tuple[int, str] | None = None
        self._exited: asyncio.Future[None] | None = None
        self._memory_bytes = image.memory_bytes
        self._cpu_milli = image.cpu_milli
        self._cpu_core_ns = 0
        self._cpu_since_s = 0.0
        fs = FileSystem(self._make_root, read_only_root=config.read_only_root)
        for mount in config.mounts:
            fs.mount(mount.container_path, mount.node, read_only=mount.read_only)
        self.around = Surroundings(
            clock,
            fs,
            Net(namespace),
            hostname,
            self.find,
            self._use,
            self._signal_process,
            self._become,
            seed=seed,
            user=self.status.user,
        )

    # -- what the container contains -----------------------------------------------------------------------------

    def _make_root(self) -> Directory:
        root = programs.root_of(self.image).layer()
        devices: dict[str, Device] = {
            "null": Device(lambda: b"", lambda data: None),
            "zero": Device(lambda: bytes(1 << 16), lambda data: None),
            "urandom": Device(lambda: self.around.stream.randbytes(1 << 10), lambda data: None),
            "stdout": Device(lambda: b"", lambda data: self.output("stdout", data)),
            "stderr": Device(lambda: b"", lambda data: self.output("stderr", data)),
        }
        root.entries["dev"] = Directory({**devices})
        streams = Directory({"1": devices["stdout"], "2": devices["stderr"]})
        root.entries["proc"] = Directory({"1": Directory({"fd": streams})})
        return root

    def find(self, name: str) -> Executable | None:
        """The executable of a name in $PATH, or of an absolute path: the image's, a tool, or a script in the files."""
        executables = self.image.executables
        found = executables.get(name) or executables.get(name.rpartition("/")[2])
        if found is None:
            found = programs.tool(self.image.tools, name)
        if found is None and "/" in name:
            node = self.around.fs.find(name)
            if isinstance(node, File) and node.mode & 0o111:
                return programs.script(node.data)
        return found

    def environment(self) -> dict[str, str]:
        home = "/root" if self.status.user[0] == 0 else "/"
        own = {"PATH": PATH, "HOSTNAME": self.around.hostname, **self.image.env, **self.config.env()}
        return {"HOME": home, **own}

    def argv(self) -> list[str]:
        """What runs: command replaces the entrypoint (and the image's cmd), args replace the cmd."""
        if self.config.command:
            return [*self.config.command, *self.config.args]
        return [*self.image.entrypoint, *(self.config.args or self.image.cmd)]

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the main process. Raises RuntimeFailure, leaving the container exited with StartError."""
        argv = self.argv()
        executable = self.find(argv[0]) if argv else None
        if executable is None:
            self._cannot_start(argv)
        assert executable is not None
        self._executable = executable
        self._exited = asyncio.get_running_loop().create_future()
        self._main = Process(
            self.around,
            argv,
            self.environment,
            cwd=self.config.working_dir or self.image.working_dir,
            stdin=self.stdin,
            stdout=Sink(lambda data: self.output("stdout", data)),
            stderr=Sink(lambda data: self.output("stdout" if self.config.tty else "stderr", data)),
            tty=self.config.tty,
        )
        self.status.state = ContainerState.RUNNING
        self.status.started_at = self._clock.now()
        self._cpu_since_s = self._clock.time()
        self._task = asyncio.get_running_loop().create_task(self._run(self._main, executable))
        self._task.add_done_callback(self._ended)
        self._changed(self)

    def _cannot_start(self, argv: Sequence[str]) -> None:
        if not argv:
            raise RuntimeFailure("Unknown", "failed to generate container spec: no command specified")
        why = f'exec: "{argv[0]}": executable file not found in $PATH'
        if argv[0].startswith("/"):
            found = self.around.fs.find(argv[0])
            why = f'exec: "{argv[0]}": ' + (
                "permission denied" if found else f"stat {argv[0]}: no such file or directory"
            )
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: error during container init: {why}"
        )
        self._finish(128, "StartError", message)
        raise RuntimeFailure("Unknown", message)

    async def _run(self, process: Process, executable: Executable) -> tuple[int, str]:
        """(exit code, reason)."""
        try:
            code = await execute(process, executable)
        except OutOfMemory:
            return 137, "OOMKilled"
        except Exception as error:  # a program's bug is its container's exit, as any crash
            self.output("stderr", "".join(traceback.format_exception(error)).encode())
            code = 1
        return code, "Error" if code else "Completed"

    def _ended(self, task: "asyncio.Task[tuple[int, str]]") -> None:
        """The main process is gone: so is all else in the container. A task can be cancelled before it ever ran."""
        code, reason = (self._fate or (137, "Error")) if task.cancelled() else task.result()
        for other in list(self.around.tasks):
            other.cancel()
        self.around.net.close()
        self._finish(code, reason, "")

    def _finish(self, code: int, reason: str, message: str) -> None:
        status = self.status
        status.state = ContainerState.EXITED
        status.finished_at = self._clock.now()
        status.exit_code, status.reason, status.message = code, reason, message
        self._use_of_processor()
        self._cpu_milli = self._memory_bytes = 0
        self.log.close()
        if self._exited is not None and not self._exited.done():
            self._exited.set_result(None)
        self._changed(self)

    def output(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self.log.write(stream, data)
        for tap in self._taps:
            tap(stream, data)

    def signal(self, name: str) -> None:
        """A signal to the main process, by the rules of `process`."""
        if self._main is None or self._executable is None or self.status.state is not ContainerState.RUNNING:
            return
        if name == "SIGKILL":
            self.kill(137)
        elif self._main.handles_signals:
            self._main.deliver(name)
        elif self._executable.on_term != "ignore":
            code = self._executable.on_term
            self.kill(128 + SIGNALS.get(name, 15) if code >= 128 else code)

    def _signal_process(self, pid: int, name: str) -> bool:
        """A signal from inside the container; the kernel shields process 1 from SIGKILL of its own container."""
        if self._main is not None and pid == self._main.pid:
            if name != "SIGKILL":
                self.signal(name)
            return True
        process = self.around.processes.get(pid)
        if process is not None and process.handles_signals:
            process.deliver(name)
        return process is not None

    def _become(self, child: Process, executable: Executable) -> None:
        self._main, self._executable = child, executable

    def kill(self, code: int, reason: str = "") -> None:
        """End it at once."""
        if self._task is not None and self._fate is None and not self._task.done():
            self._fate = (code, reason or ("Error" if code else "Completed"))
            self._task.cancel()

    async def stop(self, timeout_s: float) -> None:
        """Stop signal, wait, SIGKILL, wait. One that was never started is over at once."""
        if self.status.state is ContainerState.CREATED:
            self._finish(137, "Error", "")
        if self._exited is None or self._exited.done():
            return
        self.signal(self.image.stop_signal)
        try:
            async with asyncio.timeout(max(timeout_s, 0.0)):
                await asyncio.shield(self._exited)
        except TimeoutError:
            self.signal("SIGKILL")
            await asyncio.shield(self._exited)

    # -- resources -----------------------------------------------------------------------------------------------

    def _use(self, memory_bytes: int | None, cpu_milli: int | None) -> None:
        self._use_of_processor()
        if cpu_milli is not None:
            limit = self.status.resources.cpu_limit_milli
            self._cpu_milli = min(cpu_milli, limit) if limit else cpu_milli
        if memory_bytes is not None:
            self._memory_bytes = memory_bytes
            limit = self.status.resources.memory_limit_bytes
            if limit and memory_bytes > limit:
                self.kill(137, "OOMKilled")
                raise OutOfMemory

    def _use_of_processor(self) -> int:
        now_s = self._clock.time()
        if self.status.started_at is not None:
            self._cpu_core_ns += int((now_s - self._cpu_since_s) * self._cpu_milli * 1_000_000)
        self._cpu_since_s = now_s
        return self._cpu_core_ns

    def stats(self) -> ContainerStats:
        return ContainerStats(self._cpu_milli, self._use_of_processor(), self._memory_bytes)

    # -- sessions ------------------------------------------------------------------------------------------------

    async def exec(
        self, command: Sequence[str], *, stdin: Pipe | None = None, stdout: Output, stderr: Output, tty: bool = False
    ) -> int:
        """Run another program in the container; 137 if the container ends first."""
        if self.status.state is not ContainerState.RUNNING:
            raise RuntimeFailure("Unknown", "failed to exec in container: container is in CONTAINER_EXITED state")
        executable = self.find(command[0]) if command else None
        if executable is None:
            name = command[0] if command else ""
            why = f'exec: "{name}": ' + (
                f"stat {name}: no such file or directory"
                if name.startswith("/")
                else "executable file not found in $PATH"
            )
            raise RuntimeFailure(
                "Unknown",
                "failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: "
                f"unable to start container process: {why}",
            )
        process = Process(
            self.around,
            command,
            self.environment,
            cwd=self.config.working_dir or self.image.working_dir,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            tty=tty,
        )
        task = asyncio.get_running_loop().create_task(execute(process, executable))
        self.around.tasks[task] = None
        try:
            return await task
        except OutOfMemory:
            return 137
        except asyncio.CancelledError:
            if task.cancelled() and self.status.finished_at is not None:
                return 137
            raise
        finally:
            task.cancel()
            self.around.tasks.pop(task, None)

    async def exec_sync(self, command: Sequence[str], timeout_s: float) -> ExecResult:
        stdout, stderr = Buffer(), Buffer()
        try:
            async with asyncio.timeout(timeout_s or None):
                code = await self.exec(command, stdout=stdout, stderr=stderr)
        except TimeoutError:
            text = f"failed to exec in container: timeout {timeout_s:g}s exceeded: context deadline exceeded"
            raise RuntimeFailure("DeadlineExceeded", text) from None
        return ExecResult(code, bytes(stdout.data), bytes(stderr.data))

    async def exec_streams(self, command: Sequence[str], streams: Streams, *, tty: bool) -> int:
        stdin, outbox = Pipe(), Outbox(streams, tty=tty)
        feeding = asyncio.get_running_loop().create_task(feed(streams, stdin, outbox if tty else None))
        try:
            stdout = Sink(lambda data: outbox.put(STDOUT, data))
            stderr = Sink(lambda data: outbox.put(STDERR, data))
            return await self.exec(command, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty)
        finally:
            feeding.cancel()
            await outbox.close()

    async def attach(self, streams: Streams, *, tty: bool) -> None:
        """Until the main process exits, or the client of a session with stdin leaves."""
        if self._exited is None or self.status.state is not ContainerState.RUNNING:
            raise RuntimeFailure("Unknown", "failed to attach: container is not running")
        outbox = Outbox(streams, tty=tty)

        def tap(stream: str, data: bytes) -> None:
            outbox.put(STDERR if stream == "stderr" else STDOUT, data)

        self._taps.append(tap)
        feeding = asyncio.get_running_loop().create_task(
            feed(streams, self.stdin, outbox if tty else None, close=self.config.stdin_once)
        )
        try:
            await asyncio.shield(self._exited)
        finally:
            self._taps.remove(tap)
            feeding.cancel()
            await outbox.close()
