"""The spine's tests run on every store that a cluster can stand on; `stored` is the fixture that says which."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from kube_nb import Cluster
from tests.etcd.real import etcd

#: A real etcd lives in wall time, so a cluster on it has a finite pace.
PACE = 20
#: More would ask too much of a busy machine: members hear of each other ten times a second of cluster time.
CALM_PACES = {"members": 5, "etcd": 10}
EVERY = ["memory", "members", pytest.param("etcd", marks=pytest.mark.etcd)]


def every_in_groups(name: str) -> list[Any]:
    """The same, so that all tests on one store run in one worker."""
    marks = {"memory": [], "members": [], "etcd": [pytest.mark.etcd]}
    return [
        pytest.param(store, marks=[*own, pytest.mark.xdist_group(f"{name}-{store}")]) for store, own in marks.items()
    ]


@contextlib.contextmanager
def cluster_on(store: str, **options: Any) -> Iterator[Cluster]:
    """A cluster on a fresh store of a kind. options: of `Cluster`."""
    with contextlib.ExitStack() as stack:
        if store == "members":
            options["etcd_members"] = 3
        elif store == "etcd":
            options["store"] = stack.enter_context(etcd())
        if store in CALM_PACES and "pace" in options:
            options["pace"] = min(options["pace"], CALM_PACES[store])
        if store == "etcd":
            options.setdefault("pace", PACE)
        yield stack.enter_context(Cluster(**options))


@contextlib.contextmanager
def flags_of(store: str) -> Iterator[str]:
    """What ``%kube up`` is told for a fresh store of a kind."""
    if store == "members":
        yield "--etcd-members 3"
        return
    with etcd() as url:
        yield f"--store {url}"


def written(cluster: Cluster, since: int) -> list[Any]:
    """What was written after a revision but for housekeeping, which goes on by itself at a finite pace."""
    return [step for step in cluster.timeline(since + 1) if step["kind"] != "Node"]
