"""Scaling a Deployment, also in the middle of a rollout, where all ReplicaSets share what is added or removed.

Models scale of pkg/controller/deployment/sync.go and GetReplicaSetProportion of deployment_util.go.
"""

from collections.abc import Sequence

from kube_nb.controllers.deployment import annotations, progress, surge
from kube_nb.controllers.deployment.rollout import Rollout, active, by_age
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


def is_scaling_event(deployment: Obj, replica_sets: Sequence[Obj]) -> bool:
    """Whether spec.replicas is not what the ReplicaSets were last scaled for."""
    wanted = surge.replicas(deployment)
    return any(annotations.desired_replicas(rs) not in (None, wanted) for rs in active(replica_sets))


async def sync(rollout: Rollout) -> float | None:
    """What a paused or just scaled Deployment gets: its size, no new ReplicaSet, no judgement of progress."""
    await rollout.sync_revision(create=False)
    await scale(rollout)
    if rollout.deployment["spec"].get("paused"):
        await rollout.clean_up()
    return await rollout.finish(rolling_out=False)


async def scale(rollout: Rollout) -> None:
    wanted = surge.replicas(rollout.deployment)
    if (only := _active_or_latest(rollout)) is not None:
        if surge.replicas(only) != wanted:
            await rollout.scale(only, wanted)
        return
    if _is_saturated(rollout.deployment, rollout.new):
        for replica_set in active(rollout.old):
            await rollout.scale(replica_set, 0)
    elif surge.is_rolling_update(rollout.deployment):
        for replica_set, size in _shares(rollout):
            await rollout.resize(replica_set, size)


def _active_or_latest(rollout: Rollout) -> Obj | None:
    """The only ReplicaSet with a size; without any the newest; None if there are several. Models FindActiveOrLatest."""
    found = active(rollout.all)
    if len(found) > 1:
        return None
    if found:
        return found[0]
    return rollout.new if rollout.new is not None else rollout.old[-1] if rollout.old else None


def _is_saturated(deployment: Obj, new: Obj | None) -> bool:
    """Whether the new ReplicaSet has all that the Deployment wants."""
    if new is None:
        return False
    wanted = surge.replicas(deployment)
    available = progress.status_of(new).get("availableReplicas", 0)
    return bool(surge.replicas(new) == annotations.desired_replicas(new) == available == wanted)


def _shares(rollout: Rollout) -> list[tuple[Obj, int]]:
    """Each active ReplicaSet with its new size; the largest gets what rounding leaves.

    ::
        sizes 5 and 8, for 10 replicas and surge 3; now 20 replicas, surge 3 -> sizes 9 and 14
    """
    deployment = rollout.deployment
    found = active(rollout.all)
    wanted = surge.replicas(deployment)
    allowed = wanted + surge.max_surge(deployment) if wanted else 0
    change = allowed - sum(map(surge.replicas, found))
    found = _largest_first(found, growing=change > 0)
    sizes, changed = [], 0
    for replica_set in found:
        share = _share(rollout, replica_set, change, changed)
        sizes.append(surge.replicas(replica_set) + share)
        changed += share
    if sizes and change:
        sizes[0] = max(0, sizes[0] + change - changed)
    return list(zip(found, sizes, strict=True))


def _largest_first(replica_sets: list[Obj], *, growing: bool) -> list[Obj]:
    """Of equal ones the newer first when growing, the older first when shrinking."""
    in_order = sorted(replica_sets, key=lambda rs: objects.name(rs))
    in_order.sort(key=by_age, reverse=growing)
    in_order.sort(key=surge.replicas, reverse=True)
    return in_order


def _share(rollout: Rollout, replica_set: Obj, change: int, changed: int) -> int:
    size = surge.replicas(replica_set)
    left = change - changed
    if not size or not change or not left:
        return 0
    fraction = _fraction(rollout, replica_set, size)
    return min(fraction, left) if change > 0 else max(fraction, left)


def _fraction(rollout: Rollout, replica_set: Obj, size: int) -> int:
    """How much a ReplicaSet grows or shrinks with the Deployment, rounded half away from zero."""
    wanted = surge.replicas(rollout.deployment)
    if not wanted:
        return -size
    before = annotations.max_replicas(replica_set) or progress.status_of(rollout.deployment).get("replicas", 0)
    if not before:
        return 0
    exact = size * (wanted + surge.max_surge(rollout.deployment)) / before
    return int(exact + 0.5) - size
