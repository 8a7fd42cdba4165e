"""The ``sh`` executable: ``sh -c TEXT``, ``sh FILE``, or commands from stdin, with a prompt on a terminal."""

from kube_nb.cri.process import Exit, Process
from kube_nb.cri.shell.interpreter import Jump, Shell
from kube_nb.cri.shell.parser import Incomplete, SyntaxFault, parse


async def sh(p: Process) -> int:
    """Also run as bash and ash."""
    name = p.argv[0].rpartition("/")[2].removeprefix("-")
    options: list[str] = []
    arguments = p.argv[1:]
    text: str | None = None
    while arguments and arguments[0][:1] in ("-", "+") and len(arguments[0]) > 1:
        flag = arguments.pop(0)
        if flag == "--":
            break
        options += [letter for letter in flag[1:] if letter in "euxlic"]
        if flag.endswith("o") and arguments:
            options.append(arguments.pop(0))
    if "c" in options:
        if not arguments:
            p.complain(f"{name}: -c requires an argument")
            return 2
        text, *arguments = arguments
    elif arguments:
        text, code = _script(p, name, arguments[0])
        if text is None:
            return code
    shell = Shell(p, arguments[0] if arguments else name, arguments[1:])
    shell.options |= {option for option in options if option in ("e", "u", "x", "pipefail")}
    try:
        code = await (_interactive(shell) if text is None else shell.run_text(text))
    except Exit as exit:
        code = exit.code
    except Jump:
        code = shell.status
    return await shell.leave(code)


def _script(p: Process, name: str, path: str) -> tuple[str | None, int]:
    try:
        return p.fs.read(p.path(path)).decode(errors="replace"), 0
    except OSError as error:
        p.complain(f"{name}: can't open '{path}': {error.strerror}")
        return None, 2


async def _interactive(shell: Shell) -> int:
    """Read commands from stdin until it ends."""
    p = shell.process
    text = ""
    while True:
        if p.tty:
            prompt = "> " if text else f"{p.cwd if p.cwd != shell.values.get('HOME') else '~'} # "
            p.stdout.write(prompt.encode())
        line = await p.stdin.read_line()
        if not line and not text:
            return shell.status
        text += line.decode(errors="replace")
        try:
            script = parse(text)
        except Incomplete:
            if line:
                continue
            p.complain(f"{shell.name}: syntax error: unexpected end of file")
            return 2
        except SyntaxFault as fault:
            p.complain(f"{shell.name}: syntax error: {fault}")
            shell.status = 2
        else:
            await shell.run(script)
        text = ""
