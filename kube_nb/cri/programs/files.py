"""Commands on files: cat, ls, cp, find and the like."""

import fnmatch
import posixpath
from datetime import timedelta

from kube_nb.cri.files import Device, Directory, File, Node
from kube_nb.cri.process import Main, Process
from kube_nb.cri.programs.arguments import fail, inputs, options


async def cat(p: Process) -> int:
    _, operands = options(p, "nuvAet")
    status = 0
    for path in operands or ["-"]:
        if path == "-":
            while chunk := await p.stdin.read():
                p.stdout.write(chunk)
            continue
        try:
            p.stdout.write(p.fs.read(p.path(path)))
        except OSError as error:
            status = fail(p, path, error)
    return status


def _mode(node: Node) -> str:
    kind = "d" if isinstance(node, Directory) else "c" if isinstance(node, Device) else "-"
    bits = "".join(letter if node.mode >> (8 - i) & 1 else "-" for i, letter in enumerate("rwxrwxrwx"))
    return kind + bits


def _long(p: Process, name: str, node: Node) -> str:
    now = p.clock.now()
    time = now - timedelta(seconds=p.clock.time() - node.mtime_s)
    size = len(node.data) if isinstance(node, File) else 4096 if isinstance(node, Directory) else 0
    links = 2 if isinstance(node, Directory) else 1
    return f"{_mode(node)} {links:4} root     root     {size:9} {time:%b} {time.day:2} {time:%H:%M} {name}"


async def ls(p: Process) -> int:
    found, operands = options(p, "laA1hrtRdF", words=("color",))
    status = 0
    for index, path in enumerate(operands or ["."]):
        node = p.fs.find(p.path(path))
        if node is None:
            p.complain(f"ls: {path}: No such file or directory")
            status = 1
            continue
        if isinstance(node, Directory) and "d" not in found:
            entries = {
                n: e for n, e in p.fs.list(p.path(path)).items() if not n.startswith(".") or {"a", "A"} & {*found}
            }
            if "a" in found:
                entries = {".": node, "..": node, **entries}
            if len(operands) > 1:
                p.print(("\n" if index else "") + f"{path}:")
        else:
            entries = {path: node}
        if "l" in found and isinstance(node, Directory) and "d" not in found:
            p.print(f"total {4 * len(entries)}")
        for name, entry in entries.items():
            p.print(_long(p, name, entry) if "l" in found else name)
    return status


async def mkdir(p: Process) -> int:
    found, operands = options(p, "p", "m")
    status = 0
    for path in operands:
        try:
            p.fs.mkdir(p.path(path), parents="p" in found, now_s=p.clock.time())
        except OSError as error:
            p.complain(f"mkdir: can't create directory '{path}': {error.strerror}")
            status = 1
    return status


async def rm(p: Process) -> int:
    found, operands = options(p, "rfRiv")
    status = 0
    for path in operands:
        try:
            if p.fs.is_dir(p.path(path)) and not {"r", "R"} & {*found}:
                p.complain(f"rm: '{path}' is a directory")
                status = 1
                continue
            p.fs.remove(p.path(path), recursive=True)
        except OSError as error:
            if "f" not in found or not isinstance(error, FileNotFoundError):
                p.complain(f"rm: can't remove '{path}': {error.strerror}")
                status = 1
    return status


async def rmdir(p: Process) -> int:
    status = 0
    for path in p.argv[1:]:
        try:
            p.fs.remove(p.path(path))
        except OSError as error:
            p.complain(f"rmdir: '{path}': {error.strerror}")
            status = 1
    return status


def _copied(node: Node) -> Node:
    if isinstance(node, Directory):
        return Directory({name: _copied(child) for name, child in node.entries.items()}, node.mode, node.mtime_s)
    return File(node.data, node.mode, node.mtime_s) if isinstance(node, File) else node


async def cp(p: Process) -> int:
    return _place(p, "cp", remove=False)


async def mv(p: Process) -> int:
    return _place(p, "mv", remove=True)


def _place(p: Process, name: str, *, remove: bool) -> int:
    _, operands = options(p, "rRafpiv")
    if len(operands) < 2:
        p.complain(f"{name}: missing file operand")
        return 1
    *sources, target = operands
    status = 0
    for source in sources:
        try:
            node = p.fs.node(p.path(source))
            into = (
                posixpath.join(target, posixpath.basename(source.rstrip("/")))
                if p.fs.is_dir(p.path(target))
                else target
            )
            p.fs.put(p.path(into), _copied(node))
            if remove:
                p.fs.remove(p.path(source), recursive=True)
        except OSError as error:
            p.complain(f"{name}: can't stat '{source}': {error.strerror}")
            status = 1
    return status


async def touch(p: Process) -> int:
    _, operands = options(p, "ca", "d")
    for path in operands:
        try:
            p.fs.write(p.path(path), b"", append=True, now_s=p.clock.time())
        except OSError as error:
            p.complain(f"touch: {path}: {error.strerror}")
            return 1
    return 0


async def tee(p: Process) -> int:
    found, operands = options(p, "a")
    try:
        for path in operands if "a" not in found else ():
            p.fs.write(p.path(path), b"", now_s=p.clock.time())
        while chunk := await p.stdin.read():
            p.stdout.write(chunk)
            for path in operands:
                p.fs.write(p.path(path), chunk, append=True, now_s=p.clock.time())
    except OSError as error:
        p.complain(f"tee: {error.filename}: {error.strerror}")
        return 1
    return 0


async def chmod(p: Process) -> int:
    """Octal modes and +x; others are accepted without effect on a single-user container."""
    _, operands = options(p, "R")
    mode, *paths = operands or [""]
    for path in paths:
        node = p.fs.find(p.path(path))
        if node is None:
            p.complain(f"chmod: {path}: No such file or directory")
            return 1
        if isinstance(node, File) and node.of_image:
            node = p.fs.own(p.path(path), node)
        if mode.isdigit():
            node.mode = int(mode, 8)
        elif "+" in mode and "x" in mode:
            node.mode |= 0o111
    return 0


async def find(p: Process) -> int:
    """``find PATH... [-name PATTERN] [-type f|d]``."""
    arguments = p.argv[1:]
    paths = []
    while arguments and not arguments[0].startswith("-"):
        paths.append(arguments.pop(0))
    tests = dict(zip(arguments[::2], arguments[1::2], strict=False))
    for path in paths or ["."]:
        if not p.fs.exists(p.path(path)):
            p.complain(f"find: {path}: No such file or directory")
            return 1
        for full, node in p.fs.walk(p.path(path)):
            shown = path + full.removeprefix(p.path(path)) if path != "/" else full
            kind = "d" if isinstance(node, Directory) else "f"
            if fnmatch.fnmatch(posixpath.basename(full), tests.get("-name", "*")) and tests.get("-type", kind) == kind:
                p.print(shown)
    return 0


async def du(p: Process) -> int:
    found, operands = options(p, "shkca")
    for path in operands or ["."]:
        size = sum(len(node.data) for _, node in p.fs.walk(p.path(path)) if isinstance(node, File))
        p.print(f"{max(4, -(-size // 1024))}{'.0K' if 'h' in found else ''}\t{path}")
    return 0


async def df(p: Process) -> int:
    p.print("Filesystem           1K-blocks      Used Available Use% Mounted on")
    p.print("overlay              103126160  20625232  82500928  20% /")
    for path in sorted(p.fs.mounts):
        p.print(f"/dev/vda1            103126160  20625232  82500928  20% {path}")
    return 0


async def stat(p: Process) -> int:
    _, operands = options(p, "", "c")
    for path in operands:
        node = p.fs.find(p.path(path))
        if node is None:
            p.complain(f"stat: can't stat '{path}': No such file or directory")
            return 1
        p.print(
            f"  File: {path}\n  Size: {len(node.data) if isinstance(node, File) else 4096}\tAccess: ({node.mode:04o})"
        )
    return 0


async def ln(p: Process) -> int:
    """Differs: a symbolic link here is a hard one."""
    _, operands = options(p, "sfn")
    try:
        p.fs.put(p.path(operands[1]), p.fs.node(p.path(operands[0])))
    except (OSError, IndexError) as error:
        p.complain(f"ln: {error}")
        return 1
    return 0


async def basename(p: Process) -> int:
    name = posixpath.basename(p.argv[1].rstrip("/")) if len(p.argv) > 1 else ""
    p.print(name.removesuffix(p.argv[2]) if len(p.argv) > 2 else name)
    return 0


async def dirname(p: Process) -> int:
    p.print((posixpath.dirname(p.argv[1].rstrip("/")) if len(p.argv) > 1 else "") or ".")
    return 0


async def wc(p: Process) -> int:
    found, operands = options(p, "lwc")
    contents, status = await inputs(p, operands)
    for path, data in contents:
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        shown = [str(counts[letter]) for letter in "lwc" if not found or letter in found]
        p.print(
            " ".join(shown if len(shown) == 1 else [f"{count:>9}" for count in shown]), *([path] if path != "-" else [])
        )
    return status


TOOLS: dict[str, Main] = {
    "cat": cat,
    "ls": ls,
    "mkdir": mkdir,
    "rm": rm,
    "rmdir": rmdir,
    "cp": cp,
    "mv": mv,
    "touch": touch,
    "tee": tee,
    "chmod": chmod,
    "find": find,
    "du": du,
    "df": df,
    "stat": stat,
    "ln": ln,
    "basename": basename,
    "dirname": dirname,
    "wc": wc,
    "chown": chmod,
}
