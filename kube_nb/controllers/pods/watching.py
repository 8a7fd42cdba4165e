"""`OwnedPods`: what a pod's event means to the controller that owns it, or that might adopt it.

Models the addPod, updatePod and deletePod handlers that pkg/controller/{replicaset,daemon,statefulset} share.
"""

from collections.abc import Callable

from kube_nb.client import Controller, Informer
from kube_nb.controllers import indices
from kube_nb.controllers.pods.expectations import Expectations
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


def owner_key(owners: Informer, kind: str, obj: Obj) -> str | None:
    """The key of the controller that the object names, if it is of this kind, there, and the same incarnation."""
    reference = objects.owner(obj)
    if reference is None or reference["kind"] != kind:
        return None
    found = owners.get(objects.namespace(obj), reference["name"])
    return objects.key(found) if found is not None and objects.uid(found) == reference["uid"] else None


class OwnedPods:
    """Enqueues the owner of each pod that changes, and of a pod without one everybody who selects it.

    owners: indexed `by_selector`. selects(owner, pod): whether the owner would take the pod. expectations: are told
    which creations and deletions were seen.
    """

    def __init__(
        self,
        kind: str,
        owners: Informer,
        pods: Informer,
        expectations: Expectations,
        controller: Controller,
        selects: Callable[[Obj, Obj], bool],
    ) -> None:
        self._kind = kind
        self._owners = owners
        self._expectations = expectations
        self._controller = controller
        self._selects = selects
        pods.add_handler(self._added, self._changed, self._gone)

    def _key(self, pod: Obj) -> str | None:
        return owner_key(self._owners, self._kind, pod)

    def _added(self, pod: Obj) -> None:
        if objects.is_deleting(pod):
            self._gone(pod)
        elif objects.owner(pod) is None:
            self._enqueue_selecting(pod)
        elif key := self._key(pod):
            self._expectations.creation_observed(key)
            self._controller.enqueue(key)

    def _changed(self, old: Obj, new: Obj) -> None:
        if objects.is_deleting(new):
            # Its slot is free once the deletion has begun, however long its containers take to end.
            self._gone(new)
            if objects.labels(old) != objects.labels(new):
                self._gone(old)
            return
        before, now = objects.owner(old), objects.owner(new)
        if before is not None and before != now and (key := self._key(old)):
            self._controller.enqueue(key)
        if now is not None:
            if key := self._key(new):
                self._controller.enqueue(key)
        elif before is not None or objects.labels(old) != objects.labels(new):
            self._enqueue_selecting(new)

    def _gone(self, pod: Obj) -> None:
        if key := self._key(pod):
            self._expectations.deletion_observed(key, objects.uid(pod))
            self._controller.enqueue(key)

    def _enqueue_selecting(self, pod: Obj) -> None:
        for owner in indices.selecting(self._owners, pod, self._selects):
            self._controller.enqueue(owner)
