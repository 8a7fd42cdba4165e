"""``%kubectl``: the line goes to kubectl of the current cluster; what follows or waits prints as it comes."""

import shlex
import sys
from collections.abc import Iterable

from IPython.core.interactiveshell import InteractiveShell

from kube_magics import current
from kube_nb.cluster import STREAM_LIMIT_S, Cluster
from kube_nb.kubectl import KubectlError, Result
from kube_nb.kubectl.run import GLOBAL_FLAGS, locate
from kube_nb.machinery import duration
from kube_nb.machinery.pflag import FlagError, FlagSet, Parsed
from kube_nb.views import edit

#: verb -> the flags that make it go on for as long as it is let.
_ENDLESS = {
    "kubectl get": ("watch", "watch-only"),
    "kubectl logs": ("follow",),
    "kubectl events": ("watch",),
    "kubectl attach": (),
}
#: Verbs that end by themselves, but tell on the way how far they are.
_TELLING = ("kubectl rollout status",)
#: A verb with an end of its own is not cut off.
_NO_LIMIT_S = 10.0 * 365 * 86400


def run(line: str, cell: str | None = None, shell: InteractiveShell | None = None) -> Result | None:
    """Run one command; KubectlError with its words if it is refused.

    An endless one ends with Ctrl-C, or after ``--request-timeout`` (60 s of cluster time by default), and leaves its
    result. ``edit`` puts the object into a new ``%%manifest`` cell.
    """
    cluster = current.get()
    argv = shlex.split(line)
    path, parsed = _parsed(argv)
    if path == "kubectl edit" and shell is not None and parsed is not None and not parsed["help"]:
        _edit(cluster, argv, shell)
        return None
    if parsed is not None and not parsed["help"] and is_endless(path, parsed):
        return _checked(_stream(cluster, argv, cell or "", _limit_s(parsed)))
    if path in _TELLING:
        return _checked(_stream(cluster, argv, cell or "", _NO_LIMIT_S))
    return _checked(cluster.kubectl(argv, stdin=cell or ""))


def _parsed(argv: list[str]) -> tuple[str, Parsed | None]:
    """The command's full name and its flags; None if they are wrong, which kubectl itself will say."""
    try:
        command, path, rest = locate(argv[1:] if argv[:1] == ["kubectl"] else argv)
        if command is None:
            return path, None
        own = {flag.name for flag in command.flags}
        return path, FlagSet((*command.flags, *(f for f in GLOBAL_FLAGS if f.name not in own))).parse(rest)
    except (KubectlError, FlagError):
        return "", None


def is_endless(path: str, parsed: Parsed) -> bool:
    """Whether the command prints for as long as it is let: ``get -w``, ``logs -f``, ``events --watch``."""
    flags = _ENDLESS.get(path)
    return flags is not None and (not flags or any(parsed.values.get(flag) for flag in flags))


def _limit_s(parsed: Parsed) -> float:
    text = str(parsed.values.get("request-timeout") or "0")
    try:
        return duration.parse(text if not text.isdecimal() else f"{text}s") or STREAM_LIMIT_S
    except ValueError:
        raise KubectlError(f'error: invalid argument "{text}" for "--request-timeout" flag') from None


def _stream(cluster: Cluster, argv: list[str], stdin: str, limit_s: float) -> Result:
    result = Result()
    printed(cluster.stream(argv, limit_s=limit_s, stdin=stdin, result=result))
    return Streamed(result)


def printed(pieces: Iterable[str]) -> None:
    """Print pieces as they come; Ctrl-C ends them, which is the way to end what is endless."""
    try:
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stdout.write("^C\n")


def _checked(result: Result) -> Result:
    """The result, unless it is a refusal; what came before a refusal is shown. ``diff`` leaves with 1 without one."""
    if not result.exit_code or not result.stderr:
        return result
    if result.text and not isinstance(result, Streamed):
        sys.stdout.write(result.text)
    raise KubectlError(result.stderr.strip(), result.exit_code)


def _edit(cluster: Cluster, argv: list[str], shell: InteractiveShell) -> None:
    """Models kubectl edit. Differs: the editor is a cell, and running it applies server-side."""
    words = ["get", *(word for word in argv if word not in ("kubectl", "edit")), "-o", "json"]
    objects = _checked(cluster.kubectl(words)).objects
    shell.set_next_input("%%manifest\n" + edit.text(objects))
    sys.stdout.write("change it in the cell below, and run that\n")


class Streamed(Result):
    """A result whose text has been printed already; showing it again would double it."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.text, result.stderr, result.exit_code, result.objects, result.tables, result.sheets)

    def _ipython_display_(self) -> None:
        """IPython's protocol: what is left to be shown are warnings."""
        sys.stderr.write(self.stderr)
