"""How many pods the controllers of some pods want. Models the finders of pkg/controller/disruption/disruption.go.

Differs: controllers without a built-in finder (custom resources with a scale subresource) are asked by their kind's
plural in lower case with an s, not through a REST mapper.
"""

from collections.abc import Sequence

from kube_nb.api import resources
from kube_nb.client import Client, errors
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR, split_api_version
from kube_nb.machinery.types import Obj

_BUILT_IN = {
    "ReplicationController": resources.REPLICATION_CONTROLLERS,
    "ReplicaSet": resources.REPLICA_SETS,
    "StatefulSet": resources.STATEFUL_SETS,
}


class Scales:
    """Finds the size that a pod's controller was given."""

    def __init__(self, context: Context) -> None:
        self._client: Client = context.client
        self._informers = {kind: context.informer(gvr) for kind, gvr in _BUILT_IN.items()}
        self._deployments = context.informer(resources.DEPLOYMENTS)

    async def wait_synced(self) -> None:
        for informer in (*self._informers.values(), self._deployments):
            await informer.wait_synced()

    async def expected(self, pods: Sequence[Obj]) -> tuple[int, list[str]]:
        """(the sum of the sizes of the pods' controllers, each counted once; names of pods without one)."""
        sizes: dict[str, int] = {}
        unmanaged: list[str] = []
        for pod in pods:
            reference = objects.owner(pod)
            if reference is None:
                unmanaged.append(objects.name(pod))
            elif reference["uid"] not in sizes:
                found = await self._find(objects.namespace(pod), reference)
                if found is not None:
                    sizes[reference["uid"]] = 0
                    sizes[found[0]] = found[1]
        return sum(sizes.values()), unmanaged

    async def _find(self, namespace: str, reference: Obj) -> tuple[str, int] | None:
        """(uid of what decides the size, the size); None if the controller is gone."""
        informer = self._informers.get(reference["kind"])
        if informer is None:
            return await self._ask(namespace, reference)
        owner = informer.get(namespace, reference["name"])
        if owner is None or objects.uid(owner) != reference["uid"]:
            return None
        above = objects.owner(owner)
        if above is not None and above["kind"] == "Deployment":
            deployment = self._deployments.get(namespace, above["name"])
            if deployment is None or objects.uid(deployment) != above["uid"]:
                return None
            owner = deployment
        replicas = owner["spec"].get("replicas")
        return objects.uid(owner), 1 if replicas is None else int(replicas)

    async def _ask(self, namespace: str, reference: Obj) -> tuple[str, int] | None:
        group, version = split_api_version(reference["apiVersion"])
        gvr = GVR(group, version, f"{reference['kind'].lower()}s")
        try:
            scale = await self._client.get(gvr, reference["name"], namespace, subresource="scale")
        except ApiError as error:
            if errors.is_not_found(error):
                raise NoScale(f"{gvr.group_resource} does not implement the scale subresource") from error
            raise
        return objects.uid(scale), int((scale.get("spec") or {}).get("replicas") or 0)


class NoScale(Exception):
    """A pod's controller cannot say how many pods it wants (a Job, a DaemonSet)."""
