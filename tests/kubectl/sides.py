"""Two equal API servers, one asked by the machine's kubectl over HTTPS, the other by ours: what do they print?"""

import asyncio
import contextlib
import difflib
import os
import re
import shlex
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kube_nb import kubectl
from kube_nb.apiserver import ApiServer
from kube_nb.apiserver.serving.http import Front
from kube_nb.client import Client, InKernelTransport
from kube_nb.cluster import kubeconfig
from kube_nb.cluster.pki import Authority
from kube_nb.cluster.serving import load_pair
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery.exchange import NodeEndpoint, User
from kube_nb.machinery.types import Obj

ADMIN = User("admin", ("system:masters",))


@contextlib.asynccontextmanager
async def session(
    setup: Sequence[Obj] = (), *, nodes: Mapping[str, NodeEndpoint] | None = None
) -> AsyncIterator[kubectl.Session]:
    """Our kubectl on a server that holds the objects of `setup`, statuses included."""
    clock = asyncio.get_running_loop()
    backend = LocalBackend(Store(), clock)
    server = ApiServer(backend, clock, nodes=(nodes or {}).get, advertised=("192.168.0.1", 6443))
    await server.start()
    client = Client(InKernelTransport(lambda: server.handle, ADMIN), user_agent="kubectl/v1.37.0")
    try:
        made = kubectl.Session(client, kubectl.Mapper(client), clock, read=read)
        for obj in setup:
            await put(made, obj)
        yield made
    finally:
        await server.stop()
        backend.close()


async def put(session: kubectl.Session, obj: Obj) -> None:
    """Create an object, then its status, which a create drops."""
    from kube_nb.machinery.gvk import GVK

    mapping = await session.mapper.kind(GVK.of(obj))
    assert mapping is not None, obj["kind"]
    namespace = obj["metadata"].get("namespace", "default") if mapping.namespaced else None
    stored = await session.client.create(mapping.gvr, obj, namespace)
    if "status" in obj and "status" in mapping.subresources:
        await session.client.update_status(mapping.gvr, {**stored, "status": obj["status"]}, namespace)


def read(path: str) -> dict[str, bytes]:
    """A file, or the manifests of a folder, as the notebook's kernel reads them."""
    found = Path(path)
    if found.is_dir():
        return {str(each): each.read_bytes() for each in sorted(found.iterdir())}
    return {path: found.read_bytes()} if found.is_file() else {}


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed, with what differs between any two servers replaced."""

    text: str
    stderr: str
    exit_code: int

    def __str__(self) -> str:
        return f"{self.text}--- stderr\n{self.stderr}--- exit code {self.exit_code}\n"


_VARYING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} UTC"), "<time>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "<time>"),
    (re.compile(r'(resourceVersion"?: "?)\d+'), r"\1<version>"),
    (re.compile(r"\b\d+s\b"), "<age>"),
    (re.compile(r"\b10\.96\.\d+\.\d+"), "<address>"),
    (re.compile(r" +(?=\n|$)"), ""),
    (re.compile(r" {2,}"), "  "),
    (re.compile(r"-{3,}"), "---"),
)


def normal(text: str) -> str:
    """Without times, uids and versions; runs of blanks (whose length depends on those) made equal in such lines."""
    lines = []
    for line in text.splitlines(keepends=True):
        changed = line
        for pattern, instead in _VARYING[:6]:
            changed = pattern.sub(instead, changed)
        if changed != line:
            for pattern, instead in _VARYING[6:]:
                changed = pattern.sub(instead, changed)
        lines.append(changed)
    return "".join(lines)


@dataclass(slots=True)
class Sides:
    """Both kubectls, each with its server. folder: where both find the files that command lines name."""

    ours: kubectl.Session
    folder: Path
    environment: dict[str, str]

    async def run(self, line: str, stdin: str = "") -> tuple[Printed, Printed]:
        """(real, ours): what a command line prints."""
        argv = [each.replace("$DIR", str(self.folder)) for each in shlex.split(line)]
        return await self._real(argv, stdin), await self._ours(argv, stdin)

    async def _real(self, argv: Sequence[str], stdin: str) -> Printed:
        done = await asyncio.to_thread(
            subprocess.run,
            ["kubectl", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            env=self.environment,
            check=False,
        )
        return Printed(normal(done.stdout), normal(done.stderr), done.returncode)

    async def _ours(self, argv: Sequence[str], stdin: str) -> Printed:
        self.ours.stdin = stdin
        result = await kubectl.run(argv, self.ours)
        return Printed(normal(result.text), normal(result.stderr), result.exit_code)


@contextlib.asynccontextmanager
async def sides(
    folder: Path, setup: Sequence[Obj] = (), *, nodes: Mapping[str, NodeEndpoint] | None = None
) -> AsyncIterator[Sides]:
    """Two servers with the same objects; the first listens with HTTPS."""
    async with session(setup, nodes=nodes) as real, session(setup, nodes=nodes) as ours:
        clock = asyncio.get_running_loop()
        authority = Authority.random("tests", clock.now())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=authority.certificate.decode())
        load_pair(context, authority.server("kube-apiserver", ["127.0.0.1"]))
        front = Front(real.client.transport._handler())
        port = await front.start("127.0.0.1", 0, context)
        try:
            config = kubeconfig.admin(
                "kind",
                f"https://127.0.0.1:{port}",
                authority.certificate,
                authority.client("admin", ["system:masters"]),
            )
            path = folder / "kubeconfig"
            kubeconfig.write(path, config)
            environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(path), "TZ": "UTC"}
            ours.config = config
            yield Sides(ours, folder, environment)
        finally:
            await front.stop()


def difference(real: Printed, ours: Printed) -> str:
    """A unified diff, empty if both printed the same."""
    return "".join(
        difflib.unified_diff(str(real).splitlines(True), str(ours).splitlines(True), "kubectl", "kube_nb", n=1)
    )
