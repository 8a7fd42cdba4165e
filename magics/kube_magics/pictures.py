"""``%kube``: the views of what happens in a cluster, and why."""

from typing import Any

from kube_magics import current
from kube_magics.arguments import one, revision
from kube_nb.machinery.pflag import Flag, FlagSet, Parsed

REQUEST = FlagSet(
    (
        Flag("namespace", short="n", default="default"),
        Flag("as", help="who asks; the administrator unless given"),
        Flag("as-group", "array", help="a group of theirs; may be given several times"),
        Flag("type", default="strategic", help="of a PATCH: strategic, merge, json or apply"),
        Flag("dry-run", "bool", help="every station, but nothing is stored"),
    )
)
TIMELINE = FlagSet(
    (
        Flag("namespace", short="n", help="only objects of this namespace"),
        Flag("since", "int", default=1, help="from this revision of the store on"),
        Flag("all", "bool", help="with renewed leases and events"),
    )
)


def graph(flags: Parsed) -> Any:
    from kube_nb.views import graph

    return graph.show(
        current.get(),
        namespace=flags["namespace"],
        include_nodes=flags["nodes"],
        only=flags.args,
        at=revision(flags),
    )


def match(flags: Parsed) -> Any:
    from kube_nb.views import match

    selector = one(flags, "a selector such as 'app in (web)'")
    return match.show(current.get(), selector, namespace=flags["namespace"], at=revision(flags))


def endpoints(flags: Parsed) -> Any:
    from kube_nb.views import endpoints

    service = one(flags, "a service's name")
    return endpoints.show(current.get(), service, namespace=flags["namespace"], at=revision(flags))


def etcd(flags: Parsed) -> Any:
    """``cut`` and ``heal`` change the network between members first."""
    from kube_nb.views import etcd

    cluster, words = current.get(), flags.args
    if words:
        change = {"cut": cluster.cut_etcd, "heal": cluster.heal_etcd}.get(words[0])
        if change is None or len(words) > 3 or words == ["cut"]:
            raise ValueError("say: %kube etcd, %kube etcd cut etcd-0 [etcd-1], or %kube etcd heal [etcd-0 [etcd-1]]")
        change(*words[1:])
    return etcd.show(cluster)


def timeline(flags: Parsed) -> Any:
    from kube_nb.views import timeline

    return timeline.show(
        current.get(),
        flags.args,
        namespace=flags["namespace"] or None,
        since=flags["since"],
        housekeeping=flags["all"],
    )


def request(flags: Parsed, cell: str | None = None) -> Any:
    from kube_nb.views import request

    if len(flags.args) < 2:
        raise ValueError("give a method and a kind such as: %kube request GET pods, or %%kube request POST pods")
    method, *what = flags.args
    return request.show(
        current.get(),
        method,
        " ".join(what),
        body=cell,
        namespace=flags["namespace"],
        user=flags["as"],
        groups=flags["as-group"],
        patch_type=flags["type"],
        dry_run=flags["dry-run"],
    )


def why(flags: Parsed) -> Any:
    from kube_nb.views import why

    return why.show(current.get(), one(flags, "a pod such as pod/web-0"), namespace=flags["namespace"])


def why_not(flags: Parsed) -> Any:
    from kube_nb.views import whynot

    if len(flags.args) != 2:
        raise ValueError("give a pod and a node such as: %kube why-not pod/web-0 node-3")
    return whynot.show(current.get(), *flags.args, namespace=flags["namespace"])


def weights(flags: Parsed) -> Any:
    from kube_nb.views import placement

    weights: dict[str, int] = {}
    for word in flags.args:
        plugin, _, weight = word.partition("=")
        if not weight.isdigit():
            raise ValueError(f'give PLUGIN=WEIGHT such as NodeResourcesFit=5, not "{word}"')
        weights[plugin] = int(weight)
    return placement.of_cluster(current.get(), flags["namespace"], weights)
