"""`GarbageCollector`: deletes what nobody owns any more. Models pkg/controller/garbagecollector/garbagecollector.go."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kube_nb.client import Controller, errors
from kube_nb.controllers import discovery
from kube_nb.controllers.context import Context, run_all
from kube_nb.controllers.discovery import Discovery, Resource
from kube_nb.controllers.garbagecollector.graph import Identity, Node
from kube_nb.controllers.garbagecollector.graph_builder import FOREGROUND, NAME, ORPHAN, GraphBuilder
from kube_nb.machinery import clock, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: How long to wait while the server does not answer at the start.
FIRST_RETRY_S = 1.0
_log = logging.getLogger(__name__)

#: From an object's metadata to the fields of it to merge, None for no change.
Change = Callable[[Obj], Obj | None]


class UnknownOwnerKind(Exception):
    """An ownerReference names a kind that the server does not have (yet)."""


class References(NamedTuple):
    """An object's ownerReferences by what became of the owners."""

    solid: list[Obj]
    dangling: list[Obj]
    waiting: list[Obj]


class GarbageCollector:
    """Keys are uids of nodes of the graph."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._period_s = context.options.discovery_period_s
        workers = context.options.workers
        self._deleting = Controller(NAME, self._attempt_to_delete, workers=workers, clock=context.clock)
        self._orphaning = Controller(NAME, self._attempt_to_orphan, workers=workers, clock=context.clock)
        self._builder = GraphBuilder(context, self._deleting.enqueue, self._orphaning.enqueue)
        self._served = Discovery([], {})

    async def run(self) -> None:
        while not await self._try_to_discover():
            await clock.periodic_sleep(FIRST_RETRY_S)
        await run_all(self._deleting, self._orphaning, _Rediscovery(self))

    async def _discover(self) -> None:
        served = await discovery.discover(self._client)
        if served.resources != self._served.resources:
            self._served = served
            self._builder.monitor(served.deletable())
        await self._builder.wait_synced()

    async def rediscover_forever(self) -> None:
        """Take up kinds that came, leave those that went; an unreachable server is asked again next time."""
        while True:
            await clock.periodic_sleep(self._period_s)
            await self._try_to_discover()

    async def _try_to_discover(self) -> bool:
        try:
            await self._discover()
        except (ApiError, errors.Unreachable) as error:
            _log.debug("discovery failed", extra={"error": str(error)})
            return False
        return True

    # -- deleting --------------------------------------------------------------------------------------------------

    async def _attempt_to_delete(self, uid: str) -> None:
        node = self._builder.graph.nodes.get(uid)
        if node is None or (node.deleting and not node.waiting):
            return
        resource = self._resource(node.identity)
        latest = await self._get(resource, node.identity)
        if latest is None:
            self._builder.forget(uid)
        elif node.waiting:
            await self._let_go_or_wait(resource, node)
        elif references := objects.owner_references(latest):
            await self._judge(resource, node, latest, references)
        if latest is not None and node.virtual:
            self._deleting.queue.add_rate_limited(uid)  # until an informer shows it

    async def _judge(self, resource: Resource, node: Node, latest: Obj, references: Sequence[Obj]) -> None:
        found = await self._classify(node, references)
        if found is None:
            return
        if found.solid:
            if found.dangling or found.waiting:
                await self._remove_references(resource, node, [*found.dangling, *found.waiting])
        elif found.waiting and node.dependents:
            if any(dependent.waiting for dependent in node.dependents.values()):
                await self._unblock(resource, node)  # or a circle of owners would wait for itself
            await self._delete(resource, node.identity, "Foreground")
        else:
            await self._delete(resource, node.identity, _policy(latest))

    async def _classify(self, node: Node, references: Sequence[Obj]) -> References | None:
        """None if a reference can never be right: nothing is done about such an object."""
        found = References([], [], [])
        for reference in references:
            identity = Identity(
                reference["apiVersion"], reference["kind"], reference["name"], reference["uid"], node.identity.namespace
            )
            resource = self._resource(identity)
            if resource.namespaced and not node.identity.namespace:
                return None  # a cluster-wide object cannot have an owner in a namespace
            owner = await self._get(resource, identity)
            if owner is None:
                found.dangling.append(reference)
            elif objects.is_deleting(owner) and FOREGROUND in objects.finalizers(owner):
                found.waiting.append(reference)
            else:
                found.solid.append(reference)
        return found

    async def _let_go_or_wait(self, resource: Resource, node: Node) -> None:
        blocking = node.blocking_dependents()
        if not blocking:
            await self._remove_finalizer(resource, node.identity, FOREGROUND)
        for dependent in blocking:
            if not dependent.waiting:
                self._deleting.enqueue(dependent.identity.uid)

    # -- orphaning -------------------------------------------------------------------------------------------------

    async def _attempt_to_orphan(self, uid: str) -> None:
        node = self._builder.graph.nodes.get(uid)
        if node is None:
            return
        for dependent in list(node.dependents.values()):
            row = {"uid": uid}
            await self._remove_references(self._resource(dependent.identity), dependent, [row])
        await self._remove_finalizer(self._resource(node.identity), node.identity, ORPHAN)

    # -- requests --------------------------------------------------------------------------------------------------

    def _resource(self, identity: Identity) -> Resource:
        found = self._served.of_kind(identity.api_version, identity.kind)
        if found is None:
            raise UnknownOwnerKind(f"unable to get REST mapping for {identity.api_version}/{identity.kind}.")
        return found

    async def _get(self, resource: Resource, identity: Identity) -> Obj | None:
        """The live object; None if it is gone or another one has its name."""
        namespace = identity.namespace if resource.namespaced else None
        try:
            found = await self._client.get(resource.gvr, identity.name, namespace)
        except ApiError as error:
            if errors.is_not_found(error):
                return None
            raise
        return found if objects.uid(found) == identity.uid else None

    async def _delete(self, resource: Resource, identity: Identity, propagation: str) -> None:
        namespace = identity.namespace if resource.namespaced else None
        try:
            await self._client.delete(resource.gvr, identity.name, namespace, propagation=propagation, uid=identity.uid)
        except ApiError as error:
            if not errors.is_not_found(error) and not errors.is_conflict(error):
                raise

    async def _remove_references(self, resource: Resource, node: Node, references: Sequence[Obj]) -> None:
        gone = [row["uid"] for row in references]
        await self._edit(resource, node.identity, lambda meta: _without_owners(meta, gone))

    async def _unblock(self, resource: Resource, node: Node) -> None:
        await self._edit(resource, node.identity, _unblocked)

    async def _remove_finalizer(self, resource: Resource, identity: Identity, finalizer: str) -> None:
        await self._edit(resource, identity, lambda meta: _without_finalizer(meta, finalizer))

    async def _edit(self, resource: Resource, identity: Identity, change: Change) -> None:
        """Merge a change of the live object's metadata, guarded by its revision; a conflict raises, to be retried."""
        live = await self._get(resource, identity)
        changed = None if live is None else change(live["metadata"])
        if live is None or changed is None:
            return
        patch = {"metadata": {"resourceVersion": objects.resource_version(live), **changed}}
        namespace = identity.namespace if resource.namespaced else None
        try:
            await self._client.patch(resource.gvr, identity.name, patch, namespace)
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


class _Rediscovery:
    """The collector's periodic part, as something to run beside its workers."""

    def __init__(self, collector: GarbageCollector) -> None:
        self._collector = collector

    async def run(self) -> None:
        await self._collector.rediscover_forever()


def _without_owners(metadata: Obj, uids: list[str]) -> Obj | None:
    rows = metadata.get("ownerReferences") or []
    kept = [row for row in rows if row["uid"] not in uids]
    return None if len(kept) == len(rows) else {"ownerReferences": kept or None}


def _unblocked(metadata: Obj) -> Obj | None:
    rows = metadata.get("ownerReferences") or []
    changed = [{**row, "blockOwnerDeletion": False} if row.get("blockOwnerDeletion") else row for row in rows]
    return None if changed == rows else {"ownerReferences": changed}


def _without_finalizer(metadata: Obj, finalizer: str) -> Obj | None:
    present = metadata.get("finalizers") or []
    kept = [name for name in present if name != finalizer]
    return None if len(kept) == len(present) else {"finalizers": kept or None}


def _policy(obj: Obj) -> str:
    """What the object's finalizers ask for."""
    present = objects.finalizers(obj)
    return "Orphan" if ORPHAN in present else "Foreground" if FOREGROUND in present else "Background"
