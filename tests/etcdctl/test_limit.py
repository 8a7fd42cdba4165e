"""A store that does not answer: what etcdctl says, and after how long."""

import asyncio
import contextlib
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from kube_nb.etcd.backend import RangeResult
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.etcdctl import command
from kube_nb.etcdctl.result import Exit, Result
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import real
from tests.etcd.serving import loop_thread

LINES = [
    "get a",
    "get a -w json",
    "put a b",
    "del a",
    "compaction 3",
    "lease grant 10",
    "lease revoke 1",
    "member list",
    "member add x --peer-urls=http://127.0.0.1:1",
    "member remove 1",
    "endpoint health",
    "endpoint status",
    "endpoint hashkv",
    "defrag",
    "alarm list",
    "move-leader 1",
    "auth enable",
    "auth disable",
    "--dial-timeout=300ms --user=root:x get a",
]
PATIENT = ["txn", "lease list", "lease timetolive 1", "lease keep-alive --once 1"]


@contextlib.contextmanager
def dumb() -> Iterator[str]:
    """The address of a server that takes connections and never says a word, as an etcd that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def spoken(text: str) -> str:
    """Without the client library's warnings."""
    return re.sub(r"^\{.*\}\n", "", text, flags=re.MULTILINE)


def theirs(url: str, line: str) -> subprocess.Popen[str]:
    argv = ["etcdctl", "--endpoints", url, "--command-timeout=200ms", *line.split()]
    pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(argv, **pipes, text=True, env={**os.environ, "ETCDCTL_API": "3"})


async def ours(url: str, *lines: str) -> list[Result]:
    backend = remote.connect(url)
    argvs = [["--endpoints", url, "--command-timeout=200ms", *line.split()] for line in lines]
    try:
        return await asyncio.gather(*(command.run(argv, backend) for argv in argvs))
    finally:
        await backend.close()


@pytest.mark.etcd
def test_an_etcd_that_says_nothing_is_given_up_as_real_etcdctl_does() -> None:
    real.require("etcdctl")
    with dumb() as url, loop_thread() as thread:
        running = [theirs(url, line) for line in LINES]
        wanted = [(each.communicate(), each.returncode) for each in running]
        found = thread.call(ours(url, *LINES))
    for line, ((stdout, stderr), code), result in zip(LINES, wanted, found, strict=True):
        assert (line, result.text, result.stderr, result.exit_code) == (line, stdout, spoken(stderr), code)


class Dumb(LocalBackend):
    """A store that never answers."""

    async def range(self, *arguments: Any, **options: Any) -> RangeResult:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    txn = leases = lease_time_to_live = lease_keep_alive = range  # type: ignore[assignment]


def loop() -> ClusterLoop:
    found = asyncio.get_running_loop()
    assert isinstance(found, ClusterLoop)
    return found


@pytest.mark.parametrize(("flag", "seconds"), [("", 5), ("--command-timeout=1m2s", 62)])
async def test_in_the_kernel_the_limit_is_cluster_time(flag: str, seconds: float) -> None:
    result = await command.run(["get", "a", *flag.split()], Dumb(Store(), loop()))
    assert (result.stderr, result.exit_code) == ("Error: context deadline exceeded\n", Exit.ERROR)
    assert loop().time() == seconds


@pytest.mark.parametrize("line", PATIENT)
async def test_some_commands_wait_as_long_as_it_takes(line: str) -> None:
    asked = asyncio.create_task(command.run(line.split(), Dumb(Store(), loop()), stdin="\n\n\n"))
    await asyncio.sleep(1000)
    assert not asked.done()
    asked.cancel()


async def test_members_without_a_quorum_are_given_up_too() -> None:
    members = RaftCluster.of(loop(), 3, None, None)
    for id in members.founders:
        members.start(id)
    backend = members.client()
    await backend.put(b"a", b"1")
    for id in list(members.founders)[:2]:
        members.crash(id)
    began_s = loop().time()
    result = await command.run(["put", "a", "2"], backend)
    assert (result.stderr, result.exit_code) == ("Error: context deadline exceeded\n", Exit.ERROR)
    assert loop().time() == pytest.approx(began_s + 5)
    members.stop()
