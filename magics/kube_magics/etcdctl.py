"""``%etcdctl`` and ``%%etcdctl``: the verbs and flags of etcdctl v3 on the current cluster's store."""

import shlex

from kube_magics import current
from kube_nb.etcdctl import Result


def run(line: str, cell: str | None = None) -> Result:
    """Run one command; with a cell, its lines are a script of commands, or the input of ``txn -i``."""
    cluster = current.get()
    argv = shlex.split(line)
    if cell is None or argv:
        return cluster.etcdctl(argv, stdin=cell or "")
    results = [cluster.etcdctl(shlex.split(command)) for command in _commands(cell)]
    joined = Result()
    for result in results:
        joined.text += result.text
        joined.stderr += result.stderr
        joined.exit_code = joined.exit_code or result.exit_code
    return joined


def _commands(cell: str) -> list[str]:
    """The script's lines without blanks and comments; the word etcdctl may be left out."""
    lines = [line.strip() for line in cell.splitlines()]
    return [line.removeprefix("etcdctl ") for line in lines if line and not line.startswith("#")]
