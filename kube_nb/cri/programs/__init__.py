"""The programs and images that every cluster knows, and the decorator that adds more.

`images.yaml` has a row per image; `web` and `daemons` hold the servers named in its rows, `files`, `text`, `system` and
`net` the commands found in images. `IMAGES` is the registry that every cluster's own registry extends:

>>> from kube_nb.cri.programs import program
>>> @program("hello-web", "docker.io/me/hello-web")
... async def hello_web(p):
...     ...
"""

import weakref
from collections.abc import Mapping
from importlib import resources
from typing import Any

import yaml

from kube_nb.cri.files import Directory
from kube_nb.cri.images import Image, ImageRegistry
from kube_nb.cri.process import Executable, Exit, Main, Process
from kube_nb.cri.programs import daemons, expr, files, net, system, text, web
from kube_nb.cri.shell.command import sh
from kube_nb.cri.shell.interpreter import Jump, Shell

#: Sets of commands: name -> (command -> executable). Tools as first process ignore SIGTERM, as the kernel has it.
TOOLS: dict[str, dict[str, Executable]] = {
    "coreutils": {
        name: Executable(main, "ignore")
        for name, main in {**files.TOOLS, **text.TOOLS, **system.TOOLS, **expr.TOOLS, "sh": sh}.items()
    },
    "bash": {"bash": Executable(sh, "ignore")},
    "ash": {"ash": Executable(sh, "ignore"), "busybox": Executable(system.busybox, "ignore")},
    "curl": {"curl": Executable(net.curl, "ignore")},
    "net": {name: Executable(main, "ignore") for name, main in net.TOOLS.items()},
}
#: Long-running programs that rows of `images.yaml` name; the number is how SIGTERM ends them.
SERVERS: dict[str, tuple[Main, int]] = {**web.SERVERS, **daemons.SERVERS}

_OS_RELEASE = {
    "ash": b'PRETTY_NAME="Alpine Linux v3.22"\nNAME="Alpine Linux"\nID=alpine\n',
    "bash": b'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nID=debian\n',
}


def tool(sets: tuple[str, ...], name: str) -> Executable | None:
    """A command of the sets, by name or by its path in a bin directory."""
    directory, _, base = name.rpartition("/")
    if directory and directory.rsplit("/", 1)[-1] not in ("bin", "sbin"):
        return None
    for one in sets:
        if base in TOOLS[one]:
            return TOOLS[one][base]
    return None


def script(data: bytes) -> Executable:
    """A file of shell commands as an executable."""

    async def main(p: Process) -> int:
        shell = Shell(p, p.argv[0], p.argv[1:])
        try:
            code = await shell.run_text(data.decode(errors="replace"))
        except Exit as exit:
            code = exit.code
        except Jump:
            code = shell.status
        return await shell.leave(code)

    return Executable(main, "ignore")


_ROOTS: "weakref.WeakKeyDictionary[Image, Directory]" = weakref.WeakKeyDictionary()


def root_of(image: Image) -> Directory:
    """The image's own tree, which containers layer theirs over."""
    root = _ROOTS.get(image)
    if root is None:
        root = _ROOTS[image] = Directory.of({**_base_files(image.tools), **image.files})
        for path in image.executables:
            root.put(path if path.startswith("/") else f"/usr/local/bin/{path}", b"\x7fELF", 0o755)
    return root


def _base_files(sets: tuple[str, ...]) -> Mapping[str, bytes]:
    """The files that any image with these tools has."""
    found: dict[str, bytes] = {
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
        "etc/group": b"root:x:0:\nnobody:x:65534:\n",
    }
    if not sets:
        return found
    for directory in ("root", "tmp", "home", "usr/bin", "usr/share", "var/log", "var/lib", "var/run", "opt", "srv"):
        found[directory + "/"] = b""
    found["etc/os-release"] = _OS_RELEASE["ash" if "ash" in sets else "bash"]
    for one in sets:
        found.update({f"bin/{name}": b"\x7fELF" for name in TOOLS[one]})
    return found


def _image(row: Mapping[str, Any]) -> Image:
    executables = {}
    for name, server in (row.get("programs") or {}).items():
        main, on_term = SERVERS[server]
        executables[name] = Executable(main, on_term)
    return Image(
        tuple(row["names"]),
        tags=row.get("tags", ".*"),
        size_bytes=int(row.get("size_mb", 20) * 1_000_000),
        entrypoint=tuple(row.get("entrypoint", ())),
        cmd=tuple(row.get("cmd", ())),
        env={name: str(value) for name, value in (row.get("env") or {}).items()},
        working_dir=row.get("working_dir", "/"),
        user=tuple(row.get("user", (0, 0))),
        stop_signal=row.get("stop_signal", "SIGTERM"),
        start_s=tuple(row.get("start_s", (0.05, 0.3))),
        memory_bytes=int(row.get("memory_mb", 4) * 1024 * 1024),
        cpu_milli=row.get("cpu_milli", 1),
        tools=tuple(row.get("tools", ())),
        executables=executables,
        files={path.lstrip("/"): content.encode() for path, content in (row.get("files") or {}).items()},
    )


def _load() -> ImageRegistry:
    registry = ImageRegistry()
    rows = yaml.load(resources.files(__name__).joinpath("images.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    for row in rows:
        registry.add(_image(row))
    return registry


#: What every cluster can pull.
IMAGES = _load()
#: Adds an image to `IMAGES`; a cluster's own registry has the same method.
program = IMAGES.program
