"""The clusters that magics made, by name, and which of them the next command means."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kube_nb.cluster import Cluster

_clusters: "dict[str, Cluster]" = {}
_current: list[str] = []


class NoCluster(Exception):
    """There is no cluster to work on."""


def add(cluster: "Cluster") -> None:
    """Make a cluster known, and the current one."""
    _clusters[cluster.name] = cluster
    use(cluster.name)


def use(name: str) -> "Cluster":
    """Make the cluster of this name the current one."""
    if name not in _clusters:
        known = ", ".join(sorted(_clusters)) or "none is up"
        raise NoCluster(f'there is no cluster "{name}" (known: {known})')
    _current[:] = [name]
    return _clusters[name]


def get() -> "Cluster":
    """The current cluster."""
    if not _current or not _clusters[_current[0]].is_up:
        raise NoCluster("no cluster is up; start one with: %kube up")
    return _clusters[_current[0]]


def find(name: str) -> "Cluster | None":
    """The living cluster of this name."""
    cluster = _clusters.get(name)
    return cluster if cluster is not None and cluster.is_up else None


def all_up() -> "list[Cluster]":
    return [cluster for cluster in _clusters.values() if cluster.is_up]


def down(name: str) -> None:
    """Stop a cluster and forget it; another one that is up becomes current."""
    use(name).down()
    del _clusters[name]
    _current[:] = [each.name for each in all_up()][-1:]


def down_all() -> None:
    for cluster in list(_clusters.values()):
        down(cluster.name)
