"""The commands that act on the shell itself."""

import asyncio

from kube_nb.cri.process import Exit, Process, execute
from kube_nb.cri.shell.interpreter import Builtin, Jump, Shell


def _number(process: Process, default: int) -> int:
    argument = process.argv[1] if len(process.argv) > 1 else ""
    return int(argument) if argument.lstrip("-").isdigit() else default


async def _nothing(shell: Shell, p: Process) -> int:
    return 0


async def _cd(shell: Shell, p: Process) -> int:
    target = p.argv[1] if len(p.argv) > 1 else shell.values.get("HOME", "/")
    target = shell.values.get("OLDPWD", "/") if target == "-" else target
    path = p.path(target)
    if not p.fs.is_dir(path):
        p.complain(f"{shell.name}: cd: can't cd to {target}: No such file or directory")
        return 2
    shell.values["OLDPWD"] = p.cwd
    p.cwd = path
    return 0


async def _pwd(shell: Shell, p: Process) -> int:
    p.print(p.cwd)
    return 0


async def _exit(shell: Shell, p: Process) -> int:
    raise Exit(_number(p, shell.status) & 255)


async def _export(shell: Shell, p: Process) -> int:
    for argument in p.argv[1:]:
        if argument.startswith("-"):
            continue
        name, equals, value = argument.partition("=")
        if equals:
            shell.assign(name, value)
        shell.exported.add(name)
    if len(p.argv) == 1:
        for name, value in sorted(shell.environment().items()):
            p.print(f"export {name}='{value}'")
    return 0


async def _local(shell: Shell, p: Process) -> int:
    for argument in p.argv[1:]:
        name, equals, value = argument.partition("=")
        if equals:
            shell.assign(name, value)
    return 0


async def _unset(shell: Shell, p: Process) -> int:
    for name in p.argv[1:]:
        shell.values.pop(name, None)
        shell.functions.pop(name, None)
        shell.exported.discard(name)
    return 0


async def _set(shell: Shell, p: Process) -> int:
    arguments = p.argv[1:]
    while arguments and arguments[0][:1] in "-+" and len(arguments[0]) > 1:
        flag = arguments.pop(0)
        if flag == "--":
            shell.positional = arguments
            return 0
        letters = {arguments.pop(0)} if flag[1:] == "o" and arguments else set(flag[1:])
        if "o" in letters and arguments:  # set -euo pipefail
            letters = (letters - {"o"}) | {arguments.pop(0)}
        letters = {{"errexit": "e", "nounset": "u", "xtrace": "x"}.get(letter, letter) for letter in sorted(letters)}
        shell.options = shell.options | letters if flag[0] == "-" else shell.options - letters
    if arguments:
        shell.positional = arguments
    return 0


async def _shift(shell: Shell, p: Process) -> int:
    count = _number(p, 1)
    if count > len(shell.positional):
        return 1
    shell.positional = shell.positional[count:]
    return 0


async def _read(shell: Shell, p: Process) -> int:
    names = [argument for argument in p.argv[1:] if not argument.startswith("-")] or ["REPLY"]
    line = await p.stdin.read_line()
    words = line.decode(errors="replace").rstrip("\n").strip(" \t").split(None, len(names) - 1)
    for index, name in enumerate(names):
        shell.assign(name, words[index] if index < len(words) else "")
    return 0 if line.endswith(b"\n") else 1


async def _eval(shell: Shell, p: Process) -> int:
    return await shell.run_text(" ".join(p.argv[1:]))


async def _source(shell: Shell, p: Process) -> int:
    if len(p.argv) < 2:
        return 2
    try:
        text = p.fs.read(p.path(p.argv[1])).decode(errors="replace")
    except OSError as error:
        p.complain(f"{shell.name}: .: can't open '{p.argv[1]}': {error.strerror}")
        raise Exit(2) from error
    return await shell.run_text(text)


async def _exec(shell: Shell, p: Process) -> int:
    child = p.child(p.argv[1:], env={**shell.environment(), "PWD": p.cwd})
    executable = shell.find(p.argv[1], child)
    if isinstance(executable, int):
        raise Exit(executable)
    if p.pid == 1:
        child.pid = 1
        p.become(child, executable)
    raise Exit(await execute(child, executable))


async def _trap(shell: Shell, p: Process) -> int:
    arguments = [argument for argument in p.argv[1:] if argument != "--"]
    if len(arguments) < 2:
        return 0
    action, *signals = arguments
    for signal in signals:
        name = {"0": "EXIT", "2": "SIGINT", "15": "SIGTERM", "1": "SIGHUP", "3": "SIGQUIT"}.get(signal, signal.upper())
        name = name if name == "EXIT" or name.startswith("SIG") else f"SIG{name}"
        if action == "-":
            shell.traps.pop(name, None)
        else:
            shell.traps[name] = action
    p.trap()
    return 0


async def _wait(shell: Shell, p: Process) -> int:
    """Waits for background commands; a trapped signal ends the wait at once."""
    wanted = [int(argument) for argument in p.argv[1:] if argument.isdigit()]
    tasks = [task for pid, task in shell.background.items() if not wanted or pid in wanted]
    if not tasks:
        return 0
    pending = set(tasks)
    signal = asyncio.get_running_loop().create_task(p.terminated()) if shell.traps else None
    try:
        while pending:
            watched = {*pending, signal} if signal is not None else pending
            done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if signal is not None and signal in done:
                p.trap().appendleft(signal.result())
                return 143
            pending.difference_update(done)
    finally:
        if signal is not None:
            signal.cancel()
    return tasks[-1].result() if wanted else 0


async def _jump(shell: Shell, p: Process) -> int:
    kind = p.argv[0]
    raise Jump(kind, _number(p, shell.status if kind == "return" else 1))


async def _command(shell: Shell, p: Process) -> int:
    """``command -v NAME``, ``type NAME``, ``which``: whether there is such a command; else run it."""
    arguments = p.argv[1:]
    if p.argv[0] == "command" and arguments[:1] not in (["-v"], ["-V"]):
        return await p.run(arguments) if arguments else 0
    status = 0
    for name in [argument for argument in arguments if not argument.startswith("-")]:
        if name in shell.functions or name in BUILTINS:
            p.print(name if p.argv[0] == "command" else f"{name} is a shell builtin")
        elif p.around.find(name) is not None:
            p.print(f"/bin/{name}" if p.argv[0] == "command" else f"{name} is /bin/{name}")
        else:
            status = 127
    return status


async def _kill(shell: Shell, p: Process) -> int:
    signal, pids = "SIGTERM", []
    for argument in p.argv[1:]:
        if argument.startswith("-"):
            name = {"9": "SIGKILL", "15": "SIGTERM", "2": "SIGINT", "1": "SIGHUP"}.get(argument[1:], argument[1:])
            signal = name if name.startswith("SIG") else f"SIG{name}"
        elif argument.isdigit():
            pids.append(int(argument))
    status = 0
    for pid in pids:
        if pid in shell.background:
            shell.background[pid].cancel()
        elif not p.around.signal(pid, signal):
            p.complain(f"{shell.name}: can't kill pid {pid}: No such process")
            status = 1
    return status


BUILTINS: dict[str, Builtin] = {
    ":": _nothing,
    "umask": _nothing,
    "ulimit": _nothing,
    "cd": _cd,
    "pwd": _pwd,
    "exit": _exit,
    "export": _export,
    "readonly": _export,
    "local": _local,
    "declare": _local,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "read": _read,
    "eval": _eval,
    ".": _source,
    "source": _source,
    "exec": _exec,
    "trap": _trap,
    "wait": _wait,
    "break": _jump,
    "continue": _jump,
    "return": _jump,
    "command": _command,
    "type": _command,
    "kill": _kill,
}
