"""What a cluster is made of, and which of it goes together."""

from dataclasses import dataclass, field
from pathlib import Path

from kube_nb.api import definitions
from kube_nb.cluster.policies import Policies
from kube_nb.cluster.scheduling import Scheduling
from kube_nb.machinery.loop import Pace
from kube_nb.machinery.refusals import BadArgument


@dataclass(frozen=True, slots=True)
class Options:
    """See `Cluster`, which makes it of its arguments."""

    nodes: int = 3
    hollow: int = 0
    version: str | None = None
    scheduling: Scheduling = field(default_factory=Scheduling)
    data_dir: Path | None = None
    etcd_members: int = 1
    store: str | None = None
    policies: Policies = field(default_factory=Policies)

    def check(self, pace: Pace) -> None:
        """ValueError for numbers that make no sense, and for a store that contradicts its surroundings."""
        for name, number in (("nodes", self.nodes), ("hollow", self.hollow)):
            if number < 0:
                raise BadArgument(f"{name} is a number of nodes, not {number}")
        if self.version is not None and self.version not in definitions.versions():
            raise BadArgument(f"release {self.version!r} is not known; known are {', '.join(definitions.versions())}")
        if self.etcd_members not in (1, 3, 5):
            raise BadArgument(f"etcd_members is 1, 3 or 5, not {self.etcd_members}")
        if self.store is None:
            return
        if self.data_dir is not None or self.etcd_members > 1:
            raise BadArgument(
                "a store elsewhere keeps its own data and members: give store, or data_dir and etcd_members"
            )
        if pace == "max":
            raise BadArgument("a store outside the kernel lives in wall time: give a finite pace, e.g. pace=1")


def check_pace(pace: Pace) -> None:
    """ValueError for what is no pace."""
    if pace != "max" and not (isinstance(pace, (int, float)) and pace > 0):
        raise BadArgument(f'pace is a number above 0, or "max"; not {pace!r}')
