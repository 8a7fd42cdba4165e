"""`ClaimProtection`: a PersistentVolumeClaim stays while a pod uses it.

| the pod | a volume that names the claim | a volume that makes it (ephemeral) |
|---|---|---|
| has no node yet | does not use it | does not use it |
| runs or has ended | uses it | uses it, if the claim is the pod's own |
| is gone but for its finalizers | uses it | does not use it: each would wait for the other |

A kubelet starts no pod whose claim is being deleted, so one without a node need not be waited for.
Models pkg/controller/volume/pvcprotection. Differs: the pods are listed once for each claim, not for each namespace.
"""

from collections.abc import Iterator

from kube_nb.api import resources
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods import state
from kube_nb.controllers.protection.controller import ProtectionController
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

NAME = "persistentvolumeclaim-protection-controller"
_CLAIMS = "claims"


class ClaimProtection:
    """A key is a PersistentVolumeClaim."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._pods = context.informer(resources.PODS)
        self._pods.add_index(_CLAIMS, _keys_of)
        self._controller = ProtectionController(context, NAME, resources.PERSISTENT_VOLUME_CLAIMS, self._is_used)
        self._pods.add_handler(self._pod_seen, self._pod_changed, self._release)

    async def run(self) -> None:
        await self._pods.wait_synced()
        await self._controller.run()

    # -- pods that let go ------------------------------------------------------------------------------------------

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        self._pod_seen(new)
        if objects.uid(old) != objects.uid(new):
            self._release(old)

    def _pod_seen(self, pod: Obj) -> None:
        if _is_shut(pod):
            self._release(pod)

    def _release(self, pod: Obj) -> None:
        for key in _keys_of(pod):
            self._controller.enqueue(key)

    # -- who uses a claim ------------------------------------------------------------------------------------------

    async def _is_used(self, claim: Obj) -> bool:
        """As the cache knows; as it may be late, a claim that is free there is looked up in what the server has."""
        if any(_uses(pod, claim) for pod in self._pods.by_index(_CLAIMS, objects.key(claim))):
            return True
        found = await self._client.list(resources.PODS, objects.namespace(claim))
        return any(_uses(pod, claim) for pod in found["items"])


def _uses(pod: Obj, claim: Obj) -> bool:
    if not state.spec_of(pod).get("nodeName"):
        return False
    name = objects.name(claim)
    for claim_name, is_ephemeral in _claims_of(pod):
        if claim_name == name and (not is_ephemeral or (objects.is_controlled_by(claim, pod) and not _is_shut(pod))):
            return True
    return False


def _claims_of(pod: Obj) -> Iterator[tuple[str, bool]]:
    """(name of the claim, whether it is made for the pod) for each volume with a claim."""
    for volume in state.spec_of(pod).get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"], False
        elif "ephemeral" in volume:
            yield f"{objects.name(pod)}-{volume['name']}", True


def _keys_of(pod: Obj) -> list[str]:
    namespace = objects.namespace(pod)
    return [f"{namespace}/{name}" for name, _ in _claims_of(pod)]


def _is_shut(pod: Obj) -> bool:
    """The kubelet is done with it, or it was deleted by force."""
    return objects.is_deleting(pod) and pod["metadata"].get("deletionGracePeriodSeconds") == 0
