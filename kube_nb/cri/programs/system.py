"""Commands on the system: sleep, env, date, ps, test and the like."""

import re
from collections.abc import Callable

from kube_nb.cri.files import Directory, File
from kube_nb.cri.process import Exit, Main, Process
from kube_nb.cri.programs.arguments import options

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "c": 1, "k": 1024, "K": 1024, "M": 1 << 20, "m": 1 << 20, "G": 1 << 30, "g": 1 << 30}


def seconds(text: str) -> float:
    """``1.5``, ``10s``, ``2m``. Raises ValueError."""
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)([smhd]?)", text)
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _UNITS[found[2]]


def size(text: str) -> int:
    """``512``, ``64M``, ``1G``. Raises ValueError."""
    found = re.fullmatch(r"(\d+)([ckKmMgG]?)B?", text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * _SIZES[found[2]]


async def sleep(p: Process) -> int:
    if p.argv[1:] in (["infinity"], ["inf"]):
        return await p.forever()
    if len(p.argv) < 2:
        p.complain("BusyBox v1.37.0 multi-call binary.\n\nUsage: sleep [N]...")
        return 1
    try:
        total = sum(seconds(argument) for argument in p.argv[1:])
    except ValueError as error:
        p.complain(f"sleep: invalid number '{error}'")
        return 1
    await p.sleep(total)
    return 0


async def env(p: Process) -> int:
    words = p.argv[1:]
    while words and (words[0] in ("-i", "-") or "=" in words[0]):
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if equals:
            p.env[name] = value
        else:
            p.env.clear()
    if words:
        return await p.run(words)
    for name, value in p.env.items():
        p.print(f"{name}={value}")
    return 0


async def printenv(p: Process) -> int:
    if len(p.argv) == 1:
        return await env(p)
    missing = [name for name in p.argv[1:] if name not in p.env]
    for name in p.argv[1:]:
        if name in p.env:
            p.print(p.env[name])
    return int(bool(missing))


async def date(p: Process) -> int:
    now = p.clock.now()
    words = [argument for argument in p.argv[1:] if argument.startswith("+")]
    if words:
        text = words[0][1:].replace("%s", str(int(now.timestamp()))).replace("%N", f"{now.microsecond * 1000:09}")
        p.print(now.strftime(text))
    elif {"-Iseconds", "--iso-8601=seconds", "-Is"} & {*p.argv}:
        p.print(now.strftime("%Y-%m-%dT%H:%M:%S+00:00"))
    else:
        p.print(now.strftime(f"%a %b {now.day:2} %H:%M:%S UTC %Y"))
    return 0


async def hostname(p: Process) -> int:
    if p.argv[1:] in (["-i"], ["-I"]):
        p.print(p.net.ip)
    elif p.argv[1:] == ["-f"]:
        p.print(p.hostname)
    else:
        p.print(p.hostname)
    return 0


async def id(p: Process) -> int:
    user, group = p.around.user
    if "-u" in p.argv:
        p.print(user)
    elif "-g" in p.argv:
        p.print(group)
    else:
        name = "(root)" if user == 0 else ""
        p.print(f"uid={user}{name} gid={group}{'(root)' if group == 0 else ''} groups={group}")
    return 0


async def whoami(p: Process) -> int:
    if p.around.user[0]:
        p.complain(f"whoami: unknown uid {p.around.user[0]}")
        return 1
    p.print("root")
    return 0


async def uname(p: Process) -> int:
    facts = {"s": "Linux", "n": p.hostname, "r": "6.12.48", "v": "#1 SMP", "m": "x86_64", "o": "Linux"}
    found, _ = options(p, "asnrvmo")
    letters = "snrvmo" if "a" in found else [letter for letter in "snrvmo" if letter in found] or ["s"]
    p.print(" ".join(facts[letter] for letter in letters))
    return 0


async def ps(p: Process) -> int:
    p.print("PID   USER     TIME  COMMAND")
    for pid, process in sorted(p.around.processes.items()):
        p.print(f"{pid:5} root      0:00 {' '.join(process.argv)}")
    return 0


async def true(p: Process) -> int:
    return 0


async def false(p: Process) -> int:
    return 1


async def yes(p: Process) -> int:
    text = " ".join(p.argv[1:]) or "y"
    while True:
        for _ in range(100):
            p.print(text)
        await p.sleep(0.01)


async def nproc(p: Process) -> int:
    p.print(2)
    return 0


async def uptime(p: Process) -> int:
    minutes = int(p.clock.time() // 60)
    p.print(f" {p.clock.now():%H:%M:%S} up {minutes} min,  0 users,  load average: 0.00, 0.00, 0.00")
    return 0


async def timeout(p: Process) -> int:
    import asyncio

    words = [word for word in p.argv[1:] if not word.startswith("-")]
    try:
        async with asyncio.timeout(seconds(words[0])):
            return await p.run(words[1:])
    except TimeoutError:
        return 143
    except (ValueError, IndexError):
        p.complain("timeout: invalid number")
        return 1


async def which(p: Process) -> int:
    status = 0
    for name in p.argv[1:]:
        if p.around.find(name) is None:
            status = 1
        else:
            p.print(f"/bin/{name}")
    return status


async def dd(p: Process) -> int:
    """``if= of= bs= count=``: holds one block in memory, so that a big one runs out of it."""
    given = dict(word.split("=", 1) for word in p.argv[1:] if "=" in word)
    try:
        block, count = size(given.get("bs", "512")), int(given.get("count", "1"))
    except ValueError as error:
        p.complain(f"dd: invalid number '{error}'")
        return 1
    p.use(memory_bytes=block + 1_000_000)
    await p.sleep(block * count / 1e9)
    target = given.get("of", "")
    if target and target != "/dev/null":
        p.fs.write(p.path(target), bytes(min(block * count, 1 << 24)), now_s=p.clock.time())
    p.complain(f"{count}+0 records in\n{count}+0 records out")
    return 0


async def mount(p: Process) -> int:
    p.print("overlay on / type overlay (rw,relatime)")
    for path, (_, read_only) in sorted(p.fs.mounts.items()):
        p.print(f"/dev/vda1 on {path} type ext4 ({'ro' if read_only else 'rw'},relatime)")
    return 0


async def busybox(p: Process) -> int:
    """``busybox COMMAND ARGUMENTS``."""
    if len(p.argv) < 2:
        p.print("BusyBox v1.37.0 () multi-call binary.\n\nUsage: busybox [function [arguments]...]")
        return 0
    return await p.run(p.argv[1:])


# -- test --------------------------------------------------------------------------------------------------------


async def test(p: Process) -> int:
    """``test EXPRESSION`` and ``[ EXPRESSION ]``."""
    words = p.argv[1:]
    if p.argv[0].startswith("["):
        close = "]" if p.argv[0] == "[" else "]]"
        if not words or words.pop() != close:
            p.complain(f"{p.argv[0]}: missing {close}")
            return 2
    try:
        value, rest = _either(p, words)
    except (ValueError, IndexError):
        rest = words or ["?"]
    if rest:
        p.complain(f"{p.argv[0]}: {rest[0]}: unknown operand")
        raise Exit(2)
    return int(not value)


def _either(p: Process, words: list[str]) -> tuple[bool, list[str]]:
    value, words = _both(p, words)
    while words and words[0] in ("-o", "||"):
        other, words = _both(p, words[1:])
        value = value or other
    return value, words


def _both(p: Process, words: list[str]) -> tuple[bool, list[str]]:
    value, words = _primary(p, words)
    while words and words[0] in ("-a", "&&"):
        other, words = _primary(p, words[1:])
        value = value and other
    return value, words


def _primary(p: Process, words: list[str]) -> tuple[bool, list[str]]:
    if not words:
        return False, []
    if len(words) >= 3 and words[1] in _BINARY:
        return _BINARY[words[1]](words[0], words[2]), words[3:]
    if words[0] == "!":
        value, rest = _primary(p, words[1:])
        return not value, rest
    if words[0] == "(":
        value, rest = _either(p, words[1:])
        return value, rest[1:]
    if len(words) >= 2 and re.fullmatch(r"-[efdrwxsznLtS]", words[0]):
        return _unary(p, words[0][1], words[1]), words[2:]
    return bool(words[0]), words[1:]


def _unary(p: Process, operator: str, operand: str) -> bool:
    if operator in "zn":
        return bool(operand) == (operator == "n")
    if operator in "LtS":
        return False
    node = p.fs.find(p.path(operand))
    if operator == "d":
        return isinstance(node, Directory)
    if operator == "f":
        return isinstance(node, File)
    if operator == "s":
        return isinstance(node, File) and bool(node.data)
    if operator == "x":
        return node is not None and bool(node.mode & 0o111)
    return node is not None


_BINARY: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "-eq": lambda a, b: int(a) == int(b),
    "-ne": lambda a, b: int(a) != int(b),
    "-lt": lambda a, b: int(a) < int(b),
    "-le": lambda a, b: int(a) <= int(b),
    "-gt": lambda a, b: int(a) > int(b),
    "-ge": lambda a, b: int(a) >= int(b),
}

TOOLS: dict[str, Main] = {
    "sleep": sleep,
    "env": env,
    "printenv": printenv,
    "date": date,
    "hostname": hostname,
    "id": id,
    "whoami": whoami,
    "uname": uname,
    "ps": ps,
    "true": true,
    "false": false,
    "yes": yes,
    "nproc": nproc,
    "uptime": uptime,
    "timeout": timeout,
    "which": which,
    "dd": dd,
    "mount": mount,
    "test": test,
    "[": test,
    "[[": test,
}
