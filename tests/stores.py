"""The spine's tests run on every store that a cluster can stand on; `stored` is the fixture that says which."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from kube_nb import Cluster
from tests.etcd.real import etcd

#: A real etcd lives in wall time, so a cluster on it has a finite pace.
PACE = 20
#: Members that hear of each other ten times a second leave a busy machine little time at a high pace.
MEMBERS_PACE = 5
EVERY = ["memory", "members", pytest.param("etcd", marks=pytest.mark.etcd)]


@contextlib.contextmanager
def cluster_on(store: str, **options: Any) -> Iterator[Cluster]:
    """A cluster on a fresh store of a kind. options: of `Cluster`."""
    with contextlib.ExitStack() as stack:
        if store == "members":
            options["etcd_members"] = 3
            if "pace" in options:
                options["pace"] = min(options["pace"], MEMBERS_PACE)
        elif store == "etcd":
            options["store"] = stack.enter_context(etcd())
            options.setdefault("pace", PACE)
        yield stack.enter_context(Cluster(**options))


def written(cluster: Cluster, since: int) -> list[Any]:
    """What was written after a revision but for housekeeping, which goes on by itself at a finite pace."""
    return [step for step in cluster.timeline(since + 1) if step["kind"] != "Node"]
