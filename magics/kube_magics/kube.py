"""``%kube``: the table of its commands, their help, and the way from a line to one of them."""

import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from kube_magics import clusters, pictures
from kube_magics.arguments import AT, Text
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet


class Command(NamedTuple):
    """flags: None for a command that takes its words as they are. arguments, about: for the help.

    A command that `_READS` takes the cell, too.
    """

    flags: FlagSet | None
    work: Callable[[Any], Any]
    arguments: str
    about: str


_NAMESPACE = Flag("namespace", short="n", default="default")
_NONE = FlagSet(())
_PLAIN = FlagSet((_NAMESPACE,))
_THEN = FlagSet((_NAMESPACE, AT))
_GRAPH = FlagSet((_NAMESPACE, Flag("nodes", "bool", help="with the nodes"), AT))

COMMANDS = {
    "up": Command(clusters.UP, clusters.up, "", "bring a cluster up, and make it the current one"),
    "down": Command(_NONE, clusters.down, "[NAME]", "stop it; nothing is left behind"),
    "status": Command(_NONE, clusters.show_status, "", "nodes, control plane and time"),
    "use": Command(_NONE, clusters.use, "[NAME]", "make another cluster the current one, or list them"),
    "fork": Command(clusters.FORK, clusters.fork, "", "a second cluster that goes its own way, now current"),
    "at": Command(None, clusters.at, "REVISION KUBECTL-LINE", "what kubectl would have said at a revision"),
    "etcd": Command(
        _NONE, pictures.etcd, "[cut ONE [OTHER]|heal [ONE [OTHER]]]", "the store's members, live; part them"
    ),
    "pace": Command(_NONE, clusters.set_pace, "[1|10|max]", "show or change how fast cluster time runs"),
    "advance": Command(_NONE, clusters.advance, "10m", "let so much cluster time pass"),
    "serve": Command(clusters.SERVE, clusters.serve, "[HOST:PORT]", "listen for real clients and write a kubeconfig"),
    "stop": Command(_NONE, clusters.stop, "COMPONENT", "stop a part of the control plane, e.g. kube-scheduler"),
    "start": Command(_NONE, clusters.start, "COMPONENT", "start it again"),
    "graph": Command(_GRAPH, pictures.graph, "[KIND/NAME]...", "objects and what ties them together, live"),
    "match": Command(_THEN, pictures.match, "SELECTOR", "which pods a label selector matches, and which nearly"),
    "endpoints": Command(_THEN, pictures.endpoints, "SERVICE", "a service, its slices and the pods behind it"),
    "request": Command(
        pictures.REQUEST, pictures.request, "METHOD KIND [NAME]", "make a request, and see its stations"
    ),
    "timeline": Command(pictures.TIMELINE, pictures.timeline, "[KIND/NAME]...", "what was written, when, by whom, why"),
    "why": Command(_PLAIN, pictures.why, "pod/NAME", "why the scheduler put a pod where it is"),
    "why-not": Command(
        _PLAIN, pictures.why_not, "pod/NAME NODE", "what keeps a pod from a node, and what would change it"
    ),
    "weights": Command(_PLAIN, pictures.weights, "[PLUGIN=N]...", "where pods would land if plugins had other weights"),
}
#: Commands that take a cell.
_READS = ("request",)
_HELP = ("help", "--help", "-h")


def run(line: str, cell: str | None = None) -> Any:
    """Run one command; its first word is in `COMMANDS`. cell: what a request sends."""
    words = shlex.split(line)
    if not words or words[0] in _HELP:
        return Text(_help_of(words[1]) if len(words) > 1 and words[1] in COMMANDS else _help())
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise ValueError(f'%kube has no command "{name}"; it has: {", ".join(COMMANDS)}')
    if rest and rest[-1] in _HELP:
        return Text(_help_of(name))
    command = COMMANDS[name]
    if cell is not None and name not in _READS:
        raise ValueError(f"%kube {name} takes no cell; only {', '.join(_READS)} does")
    if command.flags is None:
        return command.work(rest)
    try:
        flags = command.flags.parse(rest)
        return command.work(flags) if name not in _READS else pictures.request(flags, cell)
    except FlagError as error:
        raise ValueError(f"%kube {name}: {error} (see %kube help {name})") from None


def _help() -> str:
    lines = ["%kube COMMAND; its flags: %kube help COMMAND"]
    width = max(len(f"{name} {command.arguments}") for name, command in COMMANDS.items())
    for name, command in COMMANDS.items():
        lines.append(f"  {f'{name} {command.arguments}'.ljust(width)}  {command.about}")
    return "\n".join(lines)


def _help_of(name: str) -> str:
    command = COMMANDS[name]
    flags = list(command.flags.flags.values()) if command.flags is not None else []
    lines = [f"%kube {name} {command.arguments}".rstrip() + f": {command.about}"]
    width = max((len(_shown(flag)) for flag in flags), default=0)
    return "\n".join([*lines, *(f"  {_shown(flag).ljust(width)}  {flag.help}".rstrip() for flag in flags)])


def _shown(flag: Flag) -> str:
    default: Any = flag.zero()
    short = f"-{flag.short}, " if flag.short else ""
    return f"{short}--{flag.name}" + ("" if flag.kind == "bool" or default in ("", 0) else f" {default}")
