"""Recreate: all old pods down and gone, then the new ones up. Models pkg/controller/deployment/recreate.go."""

from kube_nb.client import Informer
from kube_nb.controllers import indices
from kube_nb.controllers.deployment import progress, surge
from kube_nb.controllers.deployment.rollout import Rollout, active
from kube_nb.controllers.pods import state
from kube_nb.machinery import objects


async def recreate(rollout: Rollout, pods: Informer) -> float | None:
    """One step; seconds until the next look."""
    await rollout.sync_revision(create=False)
    scaled_down = False
    for replica_set in active(rollout.old):
        scaled_down = await rollout.scale(replica_set, 0) or scaled_down
    if not scaled_down and not _old_pods_run(rollout, pods):
        if rollout.new is None:
            await rollout.sync_revision(create=True)
        assert rollout.new is not None
        await rollout.scale(rollout.new, surge.replicas(rollout.deployment))
        if progress.is_complete(rollout.deployment, progress.status_of(rollout.deployment)):
            await rollout.clean_up()
    return await rollout.finish(rolling_out=True)


def _old_pods_run(rollout: Rollout, pods: Informer) -> bool:
    if progress.total(rollout.old, "replicas"):
        return True
    for replica_set in rollout.old:
        for pod in pods.by_index(indices.CONTROLLER, objects.uid(replica_set)):
            if not state.is_terminal(pod):
                return True
    return False
