"""`ProtectionController`: holds the objects of a kind by its finalizer while they are used.

| the object | has the finalizer | has it not |
|---|---|---|
| is being deleted | taken off, unless the object is used | nothing |
| is not | nothing | added: it was made before admission did that, or somebody took it off |

Models pkg/controller/util/protectionutil and the sync of the controllers that use it.
"""

from collections.abc import Awaitable, Callable

from kube_nb.api.protection import FINALIZERS
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj


class ProtectionController:
    """A key is an object of the kind. is_used: asked about one that is being deleted; when its answer may have changed,
    the asker enqueues the object's key."""

    def __init__(self, context: Context, name: str, gvr: GVR, is_used: Callable[[Obj], Awaitable[bool]]) -> None:
        self._client = context.client
        self._gvr, self._finalizer, self._is_used = gvr, FINALIZERS[gvr], is_used
        self._objects = context.informer(gvr)
        self._controller = Controller(name, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._objects.add_handler(self._changed, lambda old, new: self._changed(new))

    def enqueue(self, key: str) -> None:
        self._controller.enqueue(key)

    async def run(self) -> None:
        await self._objects.wait_synced()
        await self._controller.run()

    async def reconcile(self, key: str) -> None:
        found = self._objects.get_key(key)
        if found is None or not self._is_due(found):
            return
        held = list(objects.finalizers(found))
        if not objects.is_deleting(found):
            await self._write(found, [*held, self._finalizer])
        elif not await self._is_used(found):
            await self._write(found, [each for each in held if each != self._finalizer])

    def _changed(self, obj: Obj) -> None:
        if self._is_due(obj):
            self._controller.enqueue(obj)

    def _is_due(self, obj: Obj) -> bool:
        return objects.is_deleting(obj) == (self._finalizer in objects.finalizers(obj))

    async def _write(self, obj: Obj, finalizers: list[str]) -> None:
        try:
            await self._client.update(self._gvr, objects.with_metadata(obj, finalizers=finalizers))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise
