"""`PodControl`: makes and deletes pods for their owners, and says so in events.

Models RealPodControl of pkg/controller/controller_utils.go.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from kube_nb.api import resources
from kube_nb.client import Client, EventRecorder, errors
from kube_nb.machinery import names, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: No controller makes or deletes more pods of one owner in one go.
BURST = 500
SLOW_START = 1


def is_namespace_terminating(error: Exception) -> bool:
    """A creation refused because the namespace is going away: nothing to report, nothing to try again."""
    causes = (error.details or {}).get("causes") or () if isinstance(error, ApiError) else ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def pod_from_template(
    template: Obj,
    owner: Obj,
    *,
    generate_name: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    finalizers: Sequence[str] = (),
    spec: Obj | None = None,
) -> Obj:
    """A pod to create. generate_name: instead of ``owner-``; labels, annotations, finalizers: beside the template's;
    spec: instead of the template's. Models GetPodFromTemplate."""
    given = template.get("metadata") or {}
    metadata: Obj = {"generateName": generate_name or name_prefix(objects.name(owner))}
    if namespace := objects.namespace(owner):
        metadata["namespace"] = namespace
    if merged := {**(given.get("labels") or {}), **(labels or {})}:
        metadata["labels"] = merged
    if merged := {**(given.get("annotations") or {}), **(annotations or {})}:
        metadata["annotations"] = merged
    metadata["ownerReferences"] = [objects.owner_reference(owner)]
    if both := [*(given.get("finalizers") or ()), *finalizers]:
        metadata["finalizers"] = both
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec or template.get("spec") or {}}


def name_prefix(owner_name: str) -> str:
    """``web-``, or the bare name where a dash would make it too long."""
    prefix = f"{owner_name}-"
    return owner_name if names.is_dns1123_subdomain(prefix[:-1]) or len(prefix) > 253 else prefix


class PodControl:
    """Creates and deletes, with events on the owner; raises what the server refuses."""

    def __init__(self, client: Client, recorder: EventRecorder) -> None:
        self._client = client
        self._recorder = recorder

    async def create(self, pod: Obj, owner: Obj) -> Obj:
        try:
            created = await self._client.create(resources.PODS, pod)
        except ApiError as error:
            if not is_namespace_terminating(error):
                self._recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {objects.name(created)}")
        return created

    async def delete(self, pod: Obj, owner: Obj) -> None:
        """A pod that is gone already raises NotFound too."""
        name = objects.name(pod)
        try:
            await self._client.delete(resources.PODS, name, objects.namespace(pod))
        except ApiError as error:
            if not errors.is_not_found(error):
                self._recorder.event(owner, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")


async def slow_start(count: int, create: Callable[[], Awaitable[object]]) -> tuple[int, Exception | None]:
    """Call `create` so many times, in batches of 1, 2, 4 ... ; after a batch with a failure no other begins.

    Returns how often it succeeded, and the first failure: a full quota is not asked a thousand times.
    Models slowStartBatch. Differs: the calls of a batch are made one after the other, in a fixed order.
    """
    done, batch, failure = 0, SLOW_START, None
    while count > 0 and failure is None:
        for _ in range(min(batch, count)):
            try:
                await create()
                done += 1
            except ApiError as error:
                failure = failure or error
        count -= batch
        batch *= 2
    return done, failure
