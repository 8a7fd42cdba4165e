"""`Shell` runs the trees of `syntax` on a process."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from kube_nb.cri.process import Buffer, Executable, Exit, Output, Pipe, Process, execute
from kube_nb.cri.shell.expansion import Expander, ExpansionFault
from kube_nb.cri.shell.parser import SyntaxFault, parse
from kube_nb.cri.shell.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Text,
    Word,
)
from kube_nb.machinery.clock import periodic_sleep

#: A loop that never sleeps would stop the cluster's time: every so many rounds at one moment cost `ROUNDS_COST_S`.
FREE_ROUNDS = 1000
ROUNDS_COST_S = 0.5
#: Calls of shell functions may nest this deep.
MAX_CALLS = 50


class Jump(Exception):
    """Leaves loops or a function: kind is break, continue or return."""

    def __init__(self, kind: str, count: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.count = count


class FileOutput:
    """Output into a file of the container."""

    def __init__(self, process: Process, path: str, *, append: bool) -> None:
        self._process = process
        self._path = process.path(path)
        if not append or not process.fs.exists(self._path):
            self.process_write(b"", append=False)

    def process_write(self, data: bytes, *, append: bool) -> None:
        self._process.fs.write(self._path, data, append=append, now_s=self._process.clock.time())

    def write(self, data: bytes) -> None:
        self.process_write(data, append=True)


Builtin = Callable[["Shell", Process], Awaitable[int]]


class Shell:
    """One shell, or a subshell of one. name: ``$0`` and the first word of its complaints."""

    def __init__(self, process: Process, name: str = "sh", positional: Iterable[str] = ()) -> None:
        self.process = process
        self.name = name
        self.values: dict[str, str] = dict(process.env)
        self.exported: set[str] = set(process.env)
        self.positional = list(positional)
        self.functions: dict[str, Command] = {}
        self.traps: dict[str, str] = {}
        self.options: set[str] = set()
        self.status = 0
        self.background: dict[int, asyncio.Task[int]] = {}
        self.last_background = ""
        self._guarded = 0
        self._calls = 0
        self._rounds = 0
        self._rounds_at_s = -1.0
        self._expander = Expander(self, process.fs, lambda: self.process.cwd, self._substitute)

    # -- variables -----------------------------------------------------------------------------------------------

    @property
    def nounset(self) -> bool:
        return "u" in self.options

    @nounset.setter
    def nounset(self, on: bool) -> None:
        self.options.add("u") if on else self.options.discard("u")

    def special(self, name: str) -> str | None:
        match name:
            case "?":
                return str(self.status)
            case "#":
                return str(len(self.positional))
            case "$":
                return str(self.process.pid)
            case "!":
                return self.last_background
            case "0":
                return self.name
            case "-":
                return "".join(sorted(self.options))
            case "PWD":
                return self.process.cwd
            case "RANDOM":
                return str(self.process.stream.randrange(32768))
        return None

    def assign(self, name: str, value: str) -> None:
        self.values[name] = value

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in self.values.items() if name in self.exported}

    def copy(self, process: Process) -> "Shell":
        """A subshell on another process."""
        shell = Shell(process, self.name, self.positional)
        shell.values = dict(self.values)
        shell.exported = set(self.exported)
        shell.functions = dict(self.functions)
        shell.options = set(self.options)
        shell.status = self.status
        shell._guarded = self._guarded
        return shell

    # -- running -------------------------------------------------------------------------------------------------

    async def run_text(self, text: str) -> int:
        """Parse and run; a syntax error is status 2."""
        try:
            script = parse(text)
        except SyntaxFault as fault:
            self.process.complain(f"{self.name}: syntax error: {fault}")
            self.status = 2
            return 2
        return await self.run(script)

    async def run(self, script: Script) -> int:
        for item in script.items:
            await self._deliver_signals()
            self.status = await self._and_or(item)
        await self._deliver_signals()
        return self.status

    async def _deliver_signals(self) -> None:
        if not self.traps:
            return
        queue = self.process.trap()
        while queue:
            action = self.traps.get(queue.popleft())
            if action:
                status = self.status
                await self.run_text(action)
                self.status = status

    async def leave(self, code: int) -> int:
        """Run the EXIT trap; returns the exit code."""
        action = self.traps.pop("EXIT", "")
        if action:
            self.status = code
            try:
                await self.run_text(action)
            except Exit as exit:
                return exit.code
        return code

    async def _and_or(self, item: AndOr) -> int:
        if item.background:
            return self._in_background(item)
        self.status = await self._pipeline(item.first, guarded=bool(item.rest))
        for index, (operator, pipeline) in enumerate(item.rest):
            if (self.status == 0) == (operator == "&&"):
                self.status = await self._pipeline(pipeline, guarded=index + 1 < len(item.rest))
        return self.status

    def _in_background(self, item: AndOr) -> int:
        child = self.process.child(self.process.argv, stdin=Pipe(closed=True))
        shell = self.copy(child)
        task = self._spawn(shell._whole(lambda: shell._and_or(AndOr(item.first, item.rest))))
        self.background[child.pid] = task
        self.last_background = str(child.pid)
        return 0

    def _spawn(self, work: Coroutine[Any, Any, int]) -> asyncio.Task[int]:
        task = asyncio.get_running_loop().create_task(work)
        tasks = self.process.around.tasks
        tasks[task] = None
        task.add_done_callback(lambda task: tasks.pop(task, None))
        return task

    async def _whole(self, work: Callable[[], Awaitable[int]]) -> int:
        """Run as a process of its own would: an exit ends only this."""
        try:
            return await self.leave(await work())
        except Exit as exit:
            return await self.leave(exit.code)
        except Jump:
            return 0
        except BrokenPipeError:
            return 141

    async def _pipeline(self, pipeline: Pipeline, *, guarded: bool) -> int:
        """guarded: a failure here is looked at, so ``set -e`` does not end the shell."""
        guarded = guarded or pipeline.negated
        self._guarded += guarded
        try:
            if len(pipeline.commands) == 1:
                status = await self._command(pipeline.commands[0])
            else:
                status = await self._piped(pipeline.commands)
        finally:
            self._guarded -= guarded
        if pipeline.negated:
            return int(not status)
        if status and "e" in self.options and not guarded and not self._guarded:
            raise Exit(status)
        return status

    async def _piped(self, commands: tuple[Command, ...]) -> int:
        """All at once, each in a subshell, joined by pipes; the last one's status."""
        tasks = []
        stdin: Pipe | None = self.process.stdin
        for index, command in enumerate(commands):
            last = index + 1 == len(commands)
            pipe = None if last else Pipe()
            child = self.process.child(self.process.argv, stdin=stdin, stdout=pipe or self.process.stdout)
            tasks.append(self._spawn(self._stage(self.copy(child), command, stdin if index else None, pipe)))
            stdin = pipe
        try:
            statuses = [await task for task in tasks]
        finally:
            for task in tasks:
                task.cancel()
        failed = [status for status in statuses if status]
        return failed[-1] if failed and "pipefail" in self.options else statuses[-1]

    @staticmethod
    async def _stage(shell: "Shell", command: Command, stdin: Pipe | None, stdout: Pipe | None) -> int:
        try:
            return await shell._whole(lambda: shell._command(command))
        finally:
            if stdin is not None:
                stdin.reader_gone = True
            if stdout is not None:
                stdout.close()

    async def _substitute(self, script: Script) -> str:
        output = Buffer()
        shell = self.copy(self.process.child(self.process.argv, stdout=output))
        self.status = await shell._whole(lambda: shell.run(script))
        return output.text()

    # -- commands ------------------------------------------------------------------------------------------------

    async def _command(self, command: Command) -> int:
        if isinstance(command, Simple):
            return await self._simple(command)
        if isinstance(command, Function):
            self.functions[command.name] = command.body
            return 0
        return await self._redirected(command.redirects, lambda: self._compound(command))

    async def _redirected(self, redirects: tuple[Redirect, ...], work: Callable[[], Awaitable[int]]) -> int:
        """Run with the shell's own streams redirected meanwhile."""
        if not redirects:
            return await work()
        process = self.process
        saved = process.stdin, process.stdout, process.stderr
        try:
            if not await self._redirect(process, redirects):
                return 1
            return await work()
        finally:
            process.stdin, process.stdout, process.stderr = saved

    async def _compound(self, command: If | Loop | For | Case | Group) -> int:
        if isinstance(command, If):
            return await self._if(command)
        if isinstance(command, Loop):
            return await self._loop(command)
        if isinstance(command, For):
            return await self._for(command)
        if isinstance(command, Case):
            return await self._case(command)
        if command.subshell:
            shell = self.copy(self.process.child(self.process.argv))
            return await shell._whole(lambda: shell.run(command.body))
        return await self.run(command.body)

    async def condition(self, script: Script) -> bool:
        self._guarded += 1
        try:
            return await self.run(script) == 0
        finally:
            self._guarded -= 1

    async def _if(self, command: If) -> int:
        for condition, body in command.branches:
            if await self.condition(condition):
                return await self.run(body)
        self.status = 0
        return await self.run(command.otherwise) if command.otherwise else 0

    async def _loop(self, command: Loop) -> int:
        status = 0
        while await self.condition(command.condition) != command.until:
            outcome = await self._round(command.body)
            if outcome is None:
                return 0
            status = outcome
        return status

    async def _for(self, command: For) -> int:
        status = 0
        values = list(self.positional) if command.words is None else await self._expander.fields(command.words)
        for value in values:
            self.assign(command.name, value)
            outcome = await self._round(command.body)
            if outcome is None:
                return 0
            status = outcome
        return status

    async def _round(self, body: Script) -> int | None:
        """One round of a loop; None to leave it."""
        await self._yield_time()
        try:
            return await self.run(body)
        except Jump as jump:
            if jump.kind == "return":
                raise
            if jump.count > 1:
                raise Jump(jump.kind, jump.count - 1) from None
            return None if jump.kind == "break" else 0

    async def _yield_time(self) -> None:
        """Busy loops take time, as they do on a processor; see `FREE_ROUNDS`."""
        now_s = self.process.clock.time()
        self._rounds = self._rounds + 1 if now_s == self._rounds_at_s else 1
        self._rounds_at_s = now_s
        if self._rounds > FREE_ROUNDS:
            await periodic_sleep(ROUNDS_COST_S)
        elif self._rounds % 100 == 0:
            await asyncio.sleep(0)

    async def _case(self, command: Case) -> int:
        subject = await self._expander.text(command.subject)
        for patterns, body in command.items:
            for pattern in patterns:
                if (await self._expander.pattern(pattern)).match(subject):
                    self.status = 0
                    return await self.run(body)
        return 0

    async def _simple(self, command: Simple) -> int:
        from kube_nb.cri.shell.builtins import BUILTINS  # builtins need the shell's own types

        try:
            argv = await self._expander.fields(command.words)
            assigned = [(name, await self._expander.text(word)) for name, word in command.assignments]
        except ExpansionFault as fault:
            self.process.complain(f"{self.name}: {fault}")
            raise Exit(2) from fault
        if "x" in self.options and (argv or assigned):
            self.process.complain("+ " + " ".join([f"{name}={value}" for name, value in assigned] + argv))
        if not argv:
            for name, value in assigned:
                self.assign(name, value)
            substituted = any(not isinstance(part, Text) for _, word in command.assignments for part in word)
            status = self.status if substituted else 0
            return await self._redirected(command.redirects, lambda: _done(status))
        function, builtin = self.functions.get(argv[0]), BUILTINS.get(argv[0])
        if function is not None:
            return await self._redirected(command.redirects, lambda: self._call(function, argv))
        if builtin is not None:
            return await self._builtin(builtin, command, argv, assigned)
        return await self._program(command, argv, dict(assigned))

    async def _builtin(
        self, builtin: Builtin, command: Simple, argv: list[str], assigned: list[tuple[str, str]]
    ) -> int:
        for name, value in assigned:
            self.assign(name, value)

        async def run() -> int:
            self.process.argv, saved = argv, self.process.argv
            try:
                return await builtin(self, self.process)
            finally:
                self.process.argv = saved

        if argv == ["exec"]:  # keeps its redirections
            return 0 if await self._redirect(self.process, command.redirects) else 1
        return await self._redirected(command.redirects, run)

    async def _call(self, function: Command, argv: list[str]) -> int:
        if self._calls >= MAX_CALLS:
            self.process.complain(f"{self.name}: {argv[0]}: maximum function nesting level exceeded ({MAX_CALLS})")
            raise Exit(2)
        self._calls += 1
        saved, self.positional = self.positional, argv[1:]
        try:
            return await self._command(function)
        except Jump as jump:
            if jump.kind != "return":
                raise
            return jump.count
        finally:
            self.positional = saved
            self._calls -= 1

    async def _program(self, command: Simple, argv: list[str], assigned: dict[str, str]) -> int:
        child = self.process.child(argv, env={**self.environment(), **assigned, "PWD": self.process.cwd})
        if not await self._redirect(child, command.redirects):
            return 1
        executable = self.find(argv[0], child)
        if isinstance(executable, int):
            return executable
        return await execute(child, executable)

    def find(self, name: str, child: Process) -> Executable | int:
        """The executable, or the status after the complaint about its absence."""
        executable = self.process.around.find(name if "/" not in name else self.process.path(name))
        if executable is not None:
            return executable
        node = self.process.fs.find(self.process.path(name)) if "/" in name else None
        child.complain(f"{self.name}: {name}: {'Permission denied' if node else 'not found'}")
        return 126 if node else 127

    # -- redirection ---------------------------------------------------------------------------------------------

    async def _redirect(self, process: Process, redirects: tuple[Redirect, ...]) -> bool:
        """Change a process's streams; False after a complaint."""
        for redirect in redirects:
            target = await self._expander.text(redirect.target)
            try:
                self._open(process, redirect, target)
            except OSError as error:
                where = "can't open" if redirect.operator == "<" else "can't create"
                self.process.complain(f"{self.name}: {where} {target}: {error.strerror}")
                return False
        return True

    def _open(self, process: Process, redirect: Redirect, target: str) -> None:
        match redirect.operator:
            case "<":
                process.stdin = Pipe(process.fs.read(process.path(target)), closed=True)
            case "<<":
                process.stdin = Pipe(target.encode(), closed=True)
            case "<<<":
                process.stdin = Pipe((target + "\n").encode(), closed=True)
            case ">&" | "<&":
                self._set(process, redirect.fd, process.stderr if target == "2" else process.stdout)
            case "&>" | "&>>":
                process.stdout = process.stderr = FileOutput(process, target, append=redirect.operator == "&>>")
            case operator:
                self._set(process, redirect.fd, FileOutput(process, target, append=operator == ">>"))

    @staticmethod
    def _set(process: Process, fd: int, output: Output) -> None:
        if fd == 2:
            process.stderr = output
        elif fd == 1:
            process.stdout = output

    async def expand(self, word: Word) -> str:
        return await self._expander.text(word)


async def _done(status: int) -> int:
    return status
