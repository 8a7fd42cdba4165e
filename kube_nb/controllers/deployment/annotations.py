"""The annotations by which Deployments and ReplicaSets remember revisions and sizes. Models deployment_util.go."""

from collections.abc import Mapping, Sequence

from kube_nb.controllers.deployment import surge
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
)
_HISTORY_LENGTH = 2000


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def revision(obj: Obj) -> int:
    """0 if there is none."""
    return _number(objects.annotations(obj).get(REVISION)) or 0


def max_revision(replica_sets: Sequence[Obj]) -> int:
    return max(map(revision, replica_sets), default=0)


def desired_replicas(replica_set: Obj) -> int | None:
    """The Deployment's size when this ReplicaSet was last scaled."""
    return _number(objects.annotations(replica_set).get(DESIRED_REPLICAS))


def max_replicas(replica_set: Obj) -> int | None:
    """Likewise, with the surge of that time."""
    return _number(objects.annotations(replica_set).get(MAX_REPLICAS))


def sizes(deployment: Obj) -> dict[str, str]:
    """What a ReplicaSet remembers of the Deployment's size."""
    total = surge.replicas(deployment)
    return {DESIRED_REPLICAS: str(total), MAX_REPLICAS: str(total + surge.max_surge(deployment))}


def for_new(deployment: Obj, present: Mapping[str, str], new_revision: int, *, exists: bool) -> dict[str, str]:
    """The annotations that the newest ReplicaSet should have.

    present: those it has. A revision that is raised goes into the history::

        rolling back to the ReplicaSet of revision 1 when 3 is the highest old one
            {revision: "1"} -> {revision: "4", revision-history: "1"}

    Models SetNewReplicaSetAnnotations.
    """
    wanted = dict(present)
    copied = objects.annotations(deployment).items()
    wanted.update({key: value for key, value in copied if key not in _NOT_COPIED})
    old = _number(present.get(REVISION)) or 0
    if old < new_revision:
        wanted[REVISION] = str(new_revision)
        if REVISION in present:
            wanted[REVISION_HISTORY] = _longer_history(present.get(REVISION_HISTORY, ""), present[REVISION])
    if not exists:
        wanted.update(sizes(deployment))
    return wanted


def _longer_history(history: str, old: str) -> str:
    """The history with one more revision; the oldest fall off where it would get too long."""
    entries = [*(history.split(",") if history else ()), old]
    while len(entries) > 1 and len(",".join(entries)) > _HISTORY_LENGTH:
        entries.pop(0)
    return ",".join(entries)
