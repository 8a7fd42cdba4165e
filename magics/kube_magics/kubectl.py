"""``%kubectl``: the line goes to kubectl of the current cluster; ``-w`` and ``-f`` print as it comes."""

import shlex
import sys

from kube_magics import current
from kube_nb.cluster import STREAM_LIMIT_S, Cluster
from kube_nb.kubectl import Result
from kube_nb.kubectl.printers import html
from kube_nb.machinery import duration

def run(line: str, cell: str | None = None) -> Result:
    """Run one command. A stream ends with Ctrl-C, or after ``--request-timeout`` (60 s of cluster time by default)."""
    cluster = current.get()
    argv = shlex.split(line)
    if is_stream(argv):
        return _stream(cluster, argv, cell or "")
    return cluster.kubectl(argv, stdin=cell or "")


def is_stream(argv: list[str]) -> bool:
    """Whether the command prints for as long as it is let: ``get -w``, ``logs -f``, ``events --watch``."""
    verb = next((word for word in argv if not word.startswith("-")), "")
    follows = {"get": {"-w", "--watch", "--watch-only"}, "logs": {"-f", "--follow"}, "events": {"-w", "--watch"}}
    return bool(follows.get(verb, set()) & set(argv))


def _stream(cluster: Cluster, argv: list[str], stdin: str) -> Result:
    result = Result()
    try:
        for piece in cluster.stream(argv, limit_s=_limit_s(argv), stdin=stdin, result=result):
            sys.stdout.write(piece)
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    return Streamed(result)


def _limit_s(argv: list[str]) -> float:
    for number, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name == "--request-timeout":
            text = value if equals else argv[number + 1] if number + 1 < len(argv) else "0"
            return duration.parse(text) or STREAM_LIMIT_S
    return STREAM_LIMIT_S


class Streamed(Result):
    """A result whose text has been printed already; showing it again would double it."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.text, result.stderr, result.exit_code, result.objects, result.tables)

    def __repr__(self) -> str:
        return self.stderr.rstrip("\n")

    def _repr_html_(self) -> str:
        return html.render([], "", self.stderr)
