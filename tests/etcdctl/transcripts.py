"""Transcripts of real etcdctl: command lines, what stands on stdin, what came out.

A transcript is a text file: ``$ etcdctl ...`` lines; below each ``< `` lines of stdin, ``> `` lines of stdout, ``! ``
lines of stderr, ``? N`` the exit code if it is not 0. Member and cluster ids are kept: both sides have the same peer
address. What differs from run to run is replaced by names (`normal`).
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

PEER_URL = "http://127.0.0.1:23800"
#: What stands for the endpoint of either side; as long as the addresses that `real.etcd` picks.
ENDPOINT = "http://127.0.0.1:23790"


@dataclass
class Line:
    """One command and what it left."""

    command: str
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0

    @property
    def argv(self) -> list[str]:
        return shlex.split(self.command)

    def __str__(self) -> str:
        parts = [f"$ etcdctl {self.command}"]
        for mark, text in (("<", self.stdin), (">", self.stdout), ("!", self.stderr)):
            parts += [f"{mark} {line}".rstrip(" ") for line in text.splitlines()]
        if self.exit_code:
            parts.append(f"? {self.exit_code}")
        return "\n".join(parts) + "\n"


@dataclass
class Names:
    """The names of leases met so far, so that the n-th lease of both sides is called the same."""

    leases: dict[str, str] = field(default_factory=dict)

    def of_lease(self, id: str) -> str:
        return self.leases.setdefault(id, f"LEASE{len(self.leases) + 1}")

    def resolve(self, command: str) -> str:
        for id, name in self.leases.items():
            command = command.replace(name, id)
        return command


_LEASE = re.compile(r"(?<=lease )([0-9a-f]{16})(?= granted with TTL\(\d+s\)$)", re.MULTILINE)
_WARNING = re.compile(r'^\{"level":"warn".*\n', re.MULTILINE)
_KEYS = re.compile(r"(?<=attached keys\(\[)[^\]]*")
_TOOK = re.compile(r"(?<=took = )[\w.]+|(?<=\"took\":\")[\w.]+")


#: What differs between releases, and between stores: versions, sizes, the log's places, and hashes.
_DIFFERENT = [
    (re.compile(r'(?<=etcdctl version: )[\d.]+|(?<="version":")[\d.]+|(?<="Version" : ")[\d.]+'), "VERSION"),
    (re.compile(r"(?<=API version: )[\d.]+|(?<=^API VERSION:\n\t)[\d.]+", re.MULTILINE), "VERSION"),
    (
        re.compile(r", [\d.]+, [\d.]+ k?B, (true|false), (true|false), (\d+), \d+, \d+,"),
        r", V, SIZE, \1, \2, \3, N, N,",
    ),
    (re.compile(r'(?<="hash":)\d+|(?<="Hash" : )\d+|(?<=^http://127.0.0.1:23790, )\d+$', re.MULTILINE), "HASH"),
    (re.compile(r'(?<="Took" : )[\w.]+'), "TIME"),
    (re.compile(r'^\{"level":"info".*\n', re.MULTILINE), ""),
]


def normal(line: Line, names: Names) -> Line:
    """The line without what no two runs share."""
    for id in _LEASE.findall(line.stdout):
        names.of_lease(id)
    texts = []
    for text in (line.stdout, line.stderr):
        if "-w protobuf" in line.command and (raw := text.encode(errors="surrogateescape")) and min(raw) < 9:
            text = raw.hex(" ", 16) + "\n"
        for id, name in names.leases.items():
            text = text.replace(id, name).replace(str(int(id, 16)), name)
        text = re.sub(r"remaining\(\d+s\)", "remaining(N)", _WARNING.sub("", text))
        text = re.sub(r'"raftIndex":\d+|"raftAppliedIndex":\d+|"dbSize\w*":\d+', "N", text)
        text = re.sub(r'"(RaftIndex|RaftAppliedIndex|DBSize)" : \d+', r'"\1" : N', text)
        for pattern, shown in _DIFFERENT:
            text = pattern.sub(shown, text)
        text = _KEYS.sub(lambda match: " ".join(sorted(match[0].split())), text)
        texts.append(_TOOK.sub("TIME", text))
    return Line(line.command, line.stdin, texts[0], texts[1], line.exit_code)


def read(path: Path) -> list[Line]:
    lines: list[Line] = []
    for text in path.read_text().splitlines():
        mark, body = text[:1], text[2:]
        if mark == "$":
            lines.append(Line(body.removeprefix("etcdctl ").removeprefix("etcdctl")))
        elif mark == "<":
            lines[-1].stdin += body + "\n"
        elif mark == ">":
            lines[-1].stdout += body + "\n"
        elif mark == "!":
            lines[-1].stderr += body + "\n"
        elif mark == "?":
            lines[-1].exit_code = int(body)
    return lines
