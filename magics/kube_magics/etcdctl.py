"""``%etcdctl`` and ``%%etcdctl``: the verbs and flags of etcdctl v3 on the current cluster's store."""

import shlex
import sys
from collections.abc import Iterator
from html import escape

from kube_magics import current
from kube_magics.kubectl import printed
from kube_nb.cluster import STREAM_LIMIT_S, Cluster
from kube_nb.etcdctl import Result, verb
from kube_nb.kubectl import KubectlError
from kube_nb.machinery import duration

#: Not every page that shows a saved notebook gives ``pre`` its usual font.
_MONO = "font-family:SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
#: What a txn reads: compares, what then, what else.
_TXN_BLOCKS = 3
#: Verbs that go on until they are cancelled.
_ENDLESS = ("watch", "lease keep-alive", "lock", "elect")


class Shown(Result):
    """A result that a notebook shows as its text."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.text, result.stderr, result.exit_code, result.responses)

    def __repr__(self) -> str:
        return str(self).rstrip("\n")

    def _repr_html_(self) -> str:
        text = repr(self)
        lines = "white-space:pre-wrap;overflow-wrap:anywhere"
        if text.startswith("+-"):  # a table, which reads badly when its lines are broken
            lines = "white-space:pre;overflow-x:auto"
        return f'<pre style="margin:0;{_MONO};{lines}">{escape(text)}</pre>'


class Streamed(Shown):
    """A result whose text has been printed already; showing it again would double it."""

    def _ipython_display_(self) -> None:
        """IPython's protocol: nothing is left to be shown."""


def run(line: str, cell: str | None = None) -> Shown:
    """Run one command; with a cell, its lines are a script of commands, or the input of ``txn -i``.

    An endless one ends with Ctrl-C, or after ``--command-timeout`` (60 s of cluster time by default).
    """
    cluster = current.get()
    argv = _words(line)
    if cell is None or argv:
        return _checked(_run(cluster, argv, cell or ""))
    joined = Result()
    for argv, stdin in _commands(cell):
        result = _run(cluster, argv, stdin)
        joined.text += result.text
        joined.stderr += result.stderr
        joined.responses += result.responses
        joined.exit_code = joined.exit_code or result.exit_code
    return _checked(Shown(joined))


def _run(cluster: Cluster, argv: list[str], stdin: str) -> Shown:
    if not is_endless(argv):
        return Shown(cluster.etcdctl(argv, stdin=stdin))
    result = Result()
    printed(cluster.stream_etcdctl(argv, limit_s=_limit_s(argv), stdin=stdin, result=result))
    return Streamed(result)


def _words(line: str) -> list[str]:
    argv = shlex.split(line)
    return argv[1:] if argv[:1] == ["etcdctl"] else argv


def is_endless(argv: list[str]) -> bool:
    return verb(argv) in _ENDLESS and not {"-h", "--help"} & set(argv)


def _limit_s(argv: list[str]) -> float:
    for number, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name == "--command-timeout":
            text = value if equals else argv[number + 1] if number + 1 < len(argv) else ""
            return duration.parse(text) if text else STREAM_LIMIT_S
    return STREAM_LIMIT_S


def _checked(result: Shown) -> Shown:
    """The result, unless it is a refusal; what came before a refusal is shown."""
    if not result.exit_code:
        return result
    if result.text and not isinstance(result, Streamed):
        sys.stdout.write(result.text)
    raise KubectlError(result.stderr.strip() or f"etcdctl left with status {result.exit_code}", result.exit_code)


def _commands(cell: str) -> Iterator[tuple[list[str], str]]:
    """The script's commands, each with its standard input; blank lines and comments between them do not count, and the
    word etcdctl may be left out. A ``txn`` reads on: compares, requests, and requests else, each ended by a blank line.
    """
    lines = iter(cell.splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        argv = _words(line)
        yield argv, "".join(_blocks(lines, _TXN_BLOCKS)) if _reads(argv) else ""


def _reads(argv: list[str]) -> bool:
    return verb(argv) == "txn" and not {"-h", "--help"} & set(argv)


def _blocks(lines: Iterator[str], count: int) -> Iterator[str]:
    """The lines up to the end of so many blocks."""
    for line in lines:
        yield f"{line}\n"
        count -= not line.strip()
        if not count:
            return
