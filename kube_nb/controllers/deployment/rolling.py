"""RollingUpdate: the new ReplicaSet up, the old ones down, within maxSurge and maxUnavailable.

Models pkg/controller/deployment/rolling.go.
"""

from kube_nb.controllers.deployment import progress, surge
from kube_nb.controllers.deployment.rollout import Rollout, active
from kube_nb.machinery.types import Obj


async def roll(rollout: Rollout) -> float | None:
    """One step: up if there is room, else down if enough are available; seconds until the next look."""
    await rollout.sync_revision(create=True)
    assert rollout.new is not None
    if not await _scale_new(rollout, rollout.new) and not await _scale_old(rollout, rollout.new):
        await rollout.clean_up()
    return await rollout.finish(rolling_out=True)


async def _scale_new(rollout: Rollout, new: Obj) -> bool:
    size, wanted = surge.replicas(new), surge.replicas(rollout.deployment)
    if size == wanted:
        return False
    return await rollout.scale(new, wanted if size > wanted else rollout.size_of_new(size))


async def _scale_old(rollout: Rollout, new: Obj) -> bool:
    """Never go below what must be available; pods that are not available anyway go first."""
    if not active(rollout.old):
        return False
    least = surge.replicas(rollout.deployment) - surge.max_unavailable(rollout.deployment)
    missing = surge.replicas(new) - _available(new)
    room = sum(map(surge.replicas, rollout.all)) - least - missing
    if room <= 0:
        return False
    cleaned = await _remove_unhealthy(rollout, room)
    scaled = await _remove_available(rollout, least)
    return cleaned + scaled > 0


def _available(replica_set: Obj) -> int:
    return int(progress.status_of(replica_set).get("availableReplicas") or 0)


async def _remove_unhealthy(rollout: Rollout, room: int) -> int:
    removed = 0
    for replica_set in active(rollout.old):
        size = surge.replicas(replica_set)
        count = min(room - removed, size - _available(replica_set))
        if count > 0:
            await rollout.scale(replica_set, size - count)
            removed += count
    return removed


async def _remove_available(rollout: Rollout, least: int) -> int:
    surplus = sum(map(_available, rollout.all)) - least
    removed = 0
    for replica_set in active(rollout.old):
        count = min(surge.replicas(replica_set), surplus - removed)
        if count > 0:
            await rollout.scale(replica_set, surge.replicas(replica_set) - count)
            removed += count
    return removed
