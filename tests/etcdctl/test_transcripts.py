"""Our etcdctl says what real etcdctl 3.4 says, line by line."""

import asyncio
import os
from pathlib import Path

import pytest

from kube_nb.etcd import members
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.etcd.wire import remote
from kube_nb.etcdctl import command, verbs
from kube_nb.etcdctl.result import Result
from kube_nb.machinery.loop import ClusterLoop
from tests.etcd import real, serving
from tests.etcdctl import record
from tests.etcdctl.transcripts import ENDPOINT, PEER_URL, Line, Names, normal, read

#: What Debian's etcdctl 3.4 does not have.
OURS = {("auth", "status"), ("help",)}
FOLDER = Path(__file__).parent
NAMES = ["kv", "lease", "members", "maintenance", "auth", "formats", "finding"]


@pytest.mark.parametrize("name", NAMES)
async def test_the_library_says_what_real_etcdctl_says(name: str) -> None:
    expected = read(FOLDER / f"{name}.transcript")
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    member = members.new("default", [PEER_URL], [ENDPOINT])
    backend = LocalBackend(Store(), loop, member=member)
    names = Names()
    found = [normal(await _say(line, backend, names), names) for line in expected]
    backend.close()
    assert "".join(map(str, found)) == "".join(map(str, expected))


async def _say(line: Line, backend: Backend, names: Names) -> Line:
    argv = ["--endpoints", ENDPOINT, *Line(names.resolve(line.command)).argv]
    result = Result()
    running = command.run(argv, backend, stdin=line.stdin, result=result)
    try:
        await asyncio.wait_for(running, 1 if record.streams(line) else None)
    except TimeoutError:
        result.exit_code = 0
    return Line(line.command, line.stdin, result.text, result.stderr, result.exit_code)


@pytest.mark.etcd
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_library_says_the_same_of_a_real_etcd(name: str) -> None:
    expected = read(FOLDER / f"{name}.transcript")

    async def run(url: str) -> list[Line]:
        backend, names = remote.connect(url), Names()
        try:
            return [normal(_placed(await _say(line, backend, names), url), names) for line in expected]
        finally:
            await backend.close()

    with real.etcd(PEER_URL) as url, serving.loop_thread() as thread:
        found = asyncio.run_coroutine_threadsafe(run(url), thread.loop).result(120)
    assert "".join(map(str, found)) == "".join(map(str, expected))


def _placed(line: Line, url: str) -> Line:
    return Line(line.command, line.stdin, line.stdout.replace(url, ENDPOINT), line.stderr, line.exit_code)


@pytest.mark.etcd
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_our_server_answers_real_etcdctl_as_a_real_etcd_does(name: str) -> None:
    real.require("etcdctl")
    expected = read(FOLDER / f"{name}.transcript")
    with serving.ours(PEER_URL) as endpoint:
        found = record.run(expected, endpoint)
    assert "".join(map(str, found)) == "".join(map(str, expected))


@pytest.mark.etcd
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_transcripts_are_what_real_etcdctl_says_today(name: str) -> None:
    """Set KUBE_NB_REWRITE=1 to write them anew."""
    path = FOLDER / f"{name}.transcript"
    expected = read(path)
    with real.etcd(PEER_URL) as endpoint:
        found = record.run(expected, endpoint)
    if os.environ.get("KUBE_NB_REWRITE") == "1":
        record.write(path, found)
    assert "".join(map(str, found)) == "".join(map(str, expected))


def test_there_are_more_than_four_hundred_lines_and_every_verb_and_form_is_among_them() -> None:
    lines = [line for name in NAMES for line in read(FOLDER / f"{name}.transcript")]
    assert len(lines) > 400
    said = [line.command for line in lines]
    theirs = [" ".join(words) for words in verbs.COMMANDS if words not in OURS]
    assert [verb for verb in theirs if not any(command.startswith(verb) for command in said)] == []
    for form in ("simple", "json", "fields", "table", "protobuf"):
        assert sum(f"-w {form}" in command for command in said) > 30
