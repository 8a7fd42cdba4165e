"""Run transcripts against real etcdctl and a real etcd."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.etcdctl.transcripts import ENDPOINT, Line, Names, normal

#: How long a watch is listened to.
PATIENCE_S = 0.7


def run(lines: Iterable[Line], endpoint: str) -> list[Line]:
    """What real etcdctl says, in the transcripts' normal form."""
    environment = {**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": endpoint}
    names = Names()
    return [normal(_run(line, names, environment), names) for line in lines]


def _run(line: Line, names: Names, environment: dict[str, str]) -> Line:
    argv = ["etcdctl", *Line(names.resolve(line.command)).argv]
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            raw = process.communicate(line.stdin.encode(), timeout=PATIENCE_S if streams(line) else 20)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            raw = process.communicate()
            code = 0
    out, err = (each.decode(errors="surrogateescape") for each in raw)  # -w protobuf is no text
    endpoint = environment["ETCDCTL_ENDPOINTS"]
    return Line(line.command, line.stdin, out.replace(endpoint, ENDPOINT), err.replace(endpoint, ENDPOINT), code)


def streams(line: Line) -> bool:
    """Whether the command goes on until it is stopped; stopping one counts as exit code 0."""
    return line.command.startswith("watch ") or line.command.startswith("lease keep-alive LEASE")


def write(path: Path, lines: Iterable[Line]) -> None:
    path.write_text("".join(map(str, lines)))
