"""What preemption does in the API: victims are told, marked and deleted, the node is promised to the pod.

Models prepareCandidate of pkg/scheduler/framework/preemption/preemption.go. Differs: the calls are made one after the
other before the next pod's cycle, where upstream may make them in the background.
"""

from typing import TYPE_CHECKING

from kube_nb.api import resources
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.preemption import Preemption

if TYPE_CHECKING:
    from kube_nb.scheduler.scheduler import Scheduler


async def carry_out(scheduler: "Scheduler", pod: PodInfo, result: Preemption) -> None:
    """Evict the victims; pods of lower priority that were promised this node have to look again."""
    nominator = scheduler.engine.handle.nominator
    for other in nominator.pods_on(result.node):
        if other.priority < pod.priority:
            nominator.remove(other.key)
            await _clear_nomination(scheduler, other)
    nominator.add(pod, result.node)
    for victim in result.victims:
        await _evict(scheduler, pod, victim, result.node)


async def _evict(scheduler: "Scheduler", pod: PodInfo, victim: PodInfo, node: str) -> None:
    if victim.key in scheduler.waiting_pods:
        scheduler.waiting_pods.reject(victim.key, "preemption", "preempted")
        return
    condition: Obj = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "PreemptionByScheduler",
        "message": f"{pod.scheduler_name}: preempting to accommodate a higher priority pod",
        "lastTransitionTime": scheduler.timestamp(),
    }
    client = scheduler.client
    patch = {"status": {"conditions": [condition]}}
    try:
        await client.patch(resources.PODS, victim.name, patch, victim.namespace, type="strategic", subresource="status")
        await client.delete(resources.PODS, victim.name, victim.namespace, uid=victim.uid)
    except ApiError as error:
        if error.code != 404:
            raise
        return
    scheduler.recorder(pod).event(victim.obj, "Normal", "Preempted", f"Preempted by pod {pod.uid} on node {node}")


async def _clear_nomination(scheduler: "Scheduler", pod: PodInfo) -> None:
    patch = {"status": {"nominatedNodeName": None}}
    try:
        await scheduler.client.patch(resources.PODS, pod.name, patch, pod.namespace, subresource="status")
    except ApiError as error:
        if error.code != 404:
            raise
