"""``%kube``: clusters up and down, forks of them, their time, their control plane."""

from typing import Any

from kube_magics import current
from kube_magics.arguments import AT, Text, one, revision
from kube_nb.cluster import Cluster
from kube_nb.kubectl import KubectlError
from kube_nb.machinery.loop import Pace
from kube_nb.machinery.pflag import Flag, FlagSet, Parsed

UP = FlagSet(
    (
        Flag("nodes", "int", default=3, help="worker nodes beside the control plane"),
        Flag("hollow", "int", help="nodes whose pods only walk through stages; thousands are fine"),
        Flag("pace", default="1", help="cluster seconds per second, or max"),
        Flag("seed", "int", help="equal seeds and commands give equal histories at --pace max"),
        Flag("version", help="the Kubernetes release to serve, e.g. 1.36"),
        Flag("name", default="kube", help="the cluster's name, for %kube use"),
        Flag("serve", "bool", help="listen for real clients on loopback"),
        Flag("data-dir", help="where etcd keeps its data; a cluster on it again goes on where it ended"),
        Flag("etcd-members", "int", default=1, help="3 or 5 members of etcd agree on every write by Raft"),
        Flag("store", help="a real etcd to live on, e.g. http://127.0.0.1:2379"),
        Flag("ties", help="which of equally good nodes the scheduler takes: heap, random or first"),
    )
)
FORK = FlagSet(
    (
        AT,
        Flag("name", help="the fork's name; the first cluster's with a number unless given"),
        Flag("seed", "int", help="of the fork's own chance; equal forks have equal futures without it"),
        Flag("pace", help="cluster seconds per second, or max; the first cluster's unless given"),
    )
)
SERVE = FlagSet((Flag("etcd-listen", help="HOST:PORT for etcd's own API, with client certificates"),))


def up(flags: Parsed) -> Any:
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
        data_dir=flags["data-dir"] or None,
        etcd_members=flags["etcd-members"],
        store=flags["store"] or None,
        ties=flags["ties"] or None,
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


def down(flags: Parsed) -> Any:
    names = flags.args or [current.get().name]
    for name in names:
        current.down(name)
    return Text(f"{', '.join(names)} down")


def show_status(flags: Parsed) -> Any:
    return status(current.get())


def status(cluster: Cluster) -> Any:
    """The cluster's summary: nodes, pods of the control plane, time."""
    from kube_nb.views import status as view

    return view.show(cluster)


def fork(flags: Parsed) -> Any:
    """The fork is the current cluster from now on; ``%kube use`` goes back."""
    first, wanted = current.get(), revision(flags)
    made = first.fork(
        wanted,
        seed=flags["seed"] if "seed" in flags.given else None,
        pace=_pace(flags["pace"]) if flags["pace"] else None,
        name=_free_name(flags["name"] or first.name, numbered=not flags["name"]),
    )
    current.add(made)
    return status(made)


def _free_name(name: str, *, numbered: bool) -> str:
    """``kube`` becomes ``kube-2``, or the next number that nobody has."""
    taken = {each.name for each in current.all_up()}
    if not numbered:
        if name in taken:
            raise ValueError(f'the cluster "{name}" is up already')
        return name
    return next(found for number in range(2, len(taken) + 3) if (found := f"{name}-{number}") not in taken)


def at(words: list[str]) -> Any:
    """``%kube at 312 get pods -o wide``."""
    if len(words) < 2 or not words[0].isdigit():
        raise ValueError("give a revision and a kubectl line such as: %kube at 312 get pods -o wide")
    result = current.get().kubectl(words[1:], at=int(words[0]))
    if result.exit_code and result.stderr:
        raise KubectlError(result.stderr.strip(), result.exit_code)
    return result


def use(flags: Parsed) -> Any:
    if not flags.args:
        names = [f"{'* ' if each is current.get() else '  '}{each!r}" for each in current.all_up()]
        return Text("\n".join(names) or "no cluster is up")
    return Text(repr(current.use(flags.args[0])))


def set_pace(flags: Parsed) -> Any:
    cluster = current.get()
    if flags.args:
        cluster.pace = _pace(flags.args[0])
    return Text(f"pace {cluster.pace}, cluster time {cluster.now}")


def advance(flags: Parsed) -> Any:
    cluster = current.get()
    cluster.advance(one(flags, "a duration such as 10m"))
    return Text(f"cluster time {cluster.now}")


def serve(flags: Parsed) -> Any:
    where = flags.args[0] if flags.args else "127.0.0.1:0"
    serving = current.get().serve(where, etcd_listen=flags["etcd-listen"] or None)
    lines = [serving.url, f"export KUBECONFIG={serving.kubeconfig}"]
    if serving.etcd_url:
        lines.append(f"etcd: {serving.etcd_url}, certificates in {serving.etcd_certs}")
    return Text("\n".join(lines))


def stop(flags: Parsed) -> Any:
    name = one(flags, "a component such as kube-scheduler")
    current.get().stop_component(name)
    return Text(f"{name} stopped; %kube start {name} brings it back")


def start(flags: Parsed) -> Any:
    name = one(flags, "a component such as kube-scheduler")
    current.get().start_component(name)
    return Text(f"{name} started")
