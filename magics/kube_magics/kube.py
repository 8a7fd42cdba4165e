"""``%kube``: clusters up and down, their time, and the views of what happens in them."""

import shlex
from collections.abc import Callable, Sequence
from typing import Any

from kube_magics import current
from kube_nb.cluster import Cluster
from kube_nb.machinery.loop import Pace
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet, Parsed

_UP = FlagSet(
    (
        Flag("nodes", "int", default=3, help="worker nodes beside the control plane"),
        Flag("hollow", "int", help="nodes whose pods only walk through stages; thousands are fine"),
        Flag("pace", default="1", help="cluster seconds per second, or max"),
        Flag("seed", "int", help="equal seeds and commands give equal histories at --pace max"),
        Flag("version", help="the Kubernetes release to serve, e.g. 1.36"),
        Flag("name", default="kube", help="the cluster's name, for %kube use"),
        Flag("serve", "bool", help="listen for real clients on loopback"),
    )
)
_NAMESPACED = FlagSet((Flag("namespace", short="n", default="default"), Flag("nodes", "bool")))
_NONE = FlagSet(())


def run(line: str) -> Any:
    """Run one command; its first word is in `COMMANDS`."""
    words = shlex.split(line)
    if not words or words[0] in ("help", "--help", "-h"):
        return Text(_help())
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise ValueError(f'%kube has no command "{name}"; it has: {", ".join(COMMANDS)}')
    flags, work, _, _ = COMMANDS[name]
    try:
        return work(flags.parse(rest))
    except FlagError as error:
        raise ValueError(f"%kube {name}: {error} (see %kube help)") from None


class Text(str):
    """Text that a notebook shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


# -- clusters ----------------------------------------------------------------------------------------------------------


def _up(flags: Parsed) -> Any:
    name = flags["name"]
    if current.find(name) is not None:
        raise ValueError(f'the cluster "{name}" is up already; %kube down ends it, %kube up --name NAME makes another')
    cluster = Cluster(
        flags["nodes"],
        hollow=flags["hollow"],
        pace=_pace(flags["pace"]),
        seed=flags["seed"],
        version=flags["version"] or None,
        name=name,
    )
    current.add(cluster)
    if flags["serve"]:
        cluster.serve()
    return status(cluster)


def _pace(text: str) -> Pace:
    if text == "max":
        return "max"
    try:
        pace = float(text)
    except ValueError:
        raise ValueError(f'the pace is a number or max, not "{text}"') from None
    if not 0 < pace < 1e6:
        raise ValueError(f"the pace must be above 0 and below a million, not {text}")
    return pace


def _down(flags: Parsed) -> Any:
    names = flags.args or [current.get().name]
    for name in names:
        current.down(name)
    return Text(f"{', '.join(names)} down")


def _status(flags: Parsed) -> Any:
    return status(current.get())


def status(cluster: Cluster) -> Any:
    """The cluster's summary: nodes, pods of the control plane, time."""
    from kube_nb.views import status as view

    return view.show(cluster)


def _use(flags: Parsed) -> Any:
    if not flags.args:
        names = [f"{'* ' if each is current.get() else '  '}{each!r}" for each in current.all_up()]
        return Text("\n".join(names) or "no cluster is up")
    return Text(repr(current.use(flags.args[0])))


def _set_pace(flags: Parsed) -> Any:
    cluster = current.get()
    if flags.args:
        cluster.pace = _pace(flags.args[0])
    return Text(f"pace {cluster.pace}, cluster time {cluster.now}")


def _advance(flags: Parsed) -> Any:
    cluster = current.get()
    cluster.advance(_one(flags, "a duration such as 10m"))
    return Text(f"cluster time {cluster.now}")


def _serve(flags: Parsed) -> Any:
    serving = current.get().serve(flags.args[0] if flags.args else "127.0.0.1:0")
    return Text(f"{serving.url}\nexport KUBECONFIG={serving.kubeconfig}")


def _stop(flags: Parsed) -> Any:
    name = _one(flags, "a component such as kube-scheduler")
    current.get().stop_component(name)
    return Text(f"{name} stopped; %kube start {name} brings it back")


def _start(flags: Parsed) -> Any:
    name = _one(flags, "a component such as kube-scheduler")
    current.get().start_component(name)
    return Text(f"{name} started")


def _one(flags: Parsed, what: str) -> str:
    if len(flags.args) != 1:
        raise ValueError(f"give {what}")
    return flags.args[0]


# -- views -------------------------------------------------------------------------------------------------------------


def _graph(flags: Parsed) -> Any:
    from kube_nb.views import graph

    return graph.show(current.get(), namespace=flags["namespace"], include_nodes=flags["nodes"], only=flags.args)


def _match(flags: Parsed) -> Any:
    from kube_nb.views import match

    return match.show(current.get(), _one(flags, "a selector such as 'app in (web)'"), namespace=flags["namespace"])


def _endpoints(flags: Parsed) -> Any:
    from kube_nb.views import endpoints

    return endpoints.show(current.get(), _one(flags, "a service's name"), namespace=flags["namespace"])


def _why(flags: Parsed) -> Any:
    from kube_nb.views import why

    return why.show(current.get(), _one(flags, "a pod such as pod/web-0"), namespace=flags["namespace"])


def _weights(flags: Parsed) -> Any:
    from kube_nb.views import placement

    weights: dict[str, int] = {}
    for word in flags.args:
        plugin, _, weight = word.partition("=")
        if not weight.isdigit():
            raise ValueError(f'give PLUGIN=WEIGHT such as NodeResourcesFit=5, not "{word}"')
        weights[plugin] = int(weight)
    return placement.of_cluster(current.get(), flags["namespace"], weights)


#: name -> flags, work, arguments, what it does.
COMMANDS: dict[str, tuple[FlagSet, Callable[[Parsed], Any], str, str]] = {
    "up": (_UP, _up, "", "bring a cluster up, and make it the current one"),
    "down": (_NONE, _down, "[NAME]", "stop it; nothing is left behind"),
    "status": (_NONE, _status, "", "nodes, control plane and time"),
    "use": (_NONE, _use, "[NAME]", "make another cluster the current one, or list them"),
    "pace": (_NONE, _set_pace, "[1|10|max]", "show or change how fast cluster time runs"),
    "advance": (_NONE, _advance, "10m", "let so much cluster time pass"),
    "serve": (_NONE, _serve, "[HOST:PORT]", "listen for real clients and write a kubeconfig"),
    "stop": (_NONE, _stop, "COMPONENT", "stop a part of the control plane, e.g. kube-scheduler"),
    "start": (_NONE, _start, "COMPONENT", "start it again"),
    "graph": (_NAMESPACED, _graph, "[KIND/NAME]...", "objects and what ties them together, live"),
    "match": (_NAMESPACED, _match, "SELECTOR", "which pods a label selector matches, and which nearly"),
    "endpoints": (_NAMESPACED, _endpoints, "SERVICE", "a service, its slices and the pods behind it"),
    "why": (_NAMESPACED, _why, "pod/NAME", "why the scheduler put a pod where it is"),
    "weights": (_NAMESPACED, _weights, "[PLUGIN=N]...", "where pods would land if plugins had other weights"),
}


def _help() -> str:
    lines = ["%kube COMMAND"]
    width = max(len(f"{name} {arguments}") for name, (_, _, arguments, _) in COMMANDS.items())
    for name, (_, _, arguments, about) in COMMANDS.items():
        lines.append(f"  {f'{name} {arguments}'.ljust(width)}  {about}")
    lines.append("flags of up:")
    lines += [f"  {_shown(flag).ljust(width)}  {flag.help}" for flag in _UP.flags.values()]
    return "\n".join(lines)


def _shown(flag: Flag) -> str:
    default: Any = flag.zero()
    return f"--{flag.name}" + ("" if flag.kind == "bool" or default in ("", 0) else f" {default}")


def names() -> Sequence[str]:
    return list(COMMANDS)
