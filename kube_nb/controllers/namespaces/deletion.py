"""`NamespaceController`: empties a namespace that is being deleted, tells how far it is, then lets it go.

Models pkg/controller/namespace and its deletion/namespaced_resources_deleter.go.
"""

from dataclasses import dataclass, field

from kube_nb.api import resources
from kube_nb.client import Client, Controller, errors
from kube_nb.controllers import discovery
from kube_nb.controllers.context import Context
from kube_nb.controllers.discovery import Discovery, Resource
from kube_nb.machinery import objects, times
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "namespace-controller"
FINALIZER = "kubernetes"
#: A deleted namespace is looked at so much later, for what is just being created in it to be there.
GRACE_S = 5.0
#: How long to wait for pods to end at the least, and for what else holds a finalizer.
DEFAULT_ESTIMATE_S = 15

_DISCOVERY = "NamespaceDeletionDiscoveryFailure"
_PARSING = "NamespaceDeletionGroupVersionParsingFailure"
_CONTENT = "NamespaceDeletionContentFailure"
_REMAINING = "NamespaceContentRemaining"
_FINALIZERS = "NamespaceFinalizersRemaining"
#: type -> (reason, message) while all is well, in upstream's order.
_FINE = {
    _DISCOVERY: ("ResourcesDiscovered", "All resources successfully discovered"),
    _PARSING: ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    _CONTENT: ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    _REMAINING: ("ContentRemoved", "All content successfully removed"),
    _FINALIZERS: ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


@dataclass
class Sweep:
    """What one go at the content met. remaining, finalizers: counts by ``pods.`` and by finalizer."""

    undiscovered: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    remaining: dict[str, int] = field(default_factory=dict)
    finalizers: dict[str, int] = field(default_factory=dict)
    estimate_s: float = 0

    @property
    def done(self) -> bool:
        return not (self.undiscovered or self.failures or self.remaining)

    def conditions(self, present: list[Obj], now: str) -> list[Obj]:
        """status.conditions after this sweep; a problem's row says what it is."""
        problems = self._problems()
        rows = list(present)
        for type, (reason, message) in _FINE.items():
            reason, message = problems.get(type, (reason, message))
            row = {"type": type, "status": "True" if type in problems else "False"}
            rows = _set(rows, {**row, "reason": reason, "message": message}, now)
        return rows

    def _problems(self) -> dict[str, tuple[str, str]]:
        problems: dict[str, tuple[str, str]] = {}
        if self.undiscovered:
            texts = ", ".join(f"{version}: {error}" for version, error in self.undiscovered.items())
            text = f"Discovery failed for some groups, {len(self.undiscovered)} failing: {texts}"
            problems[_DISCOVERY] = ("DiscoveryFailed", text)
        if self.failures:
            text = f"Failed to delete all resource types, {len(self.failures)} remaining: {', '.join(self.failures)}"
            problems[_CONTENT] = ("ContentDeletionFailed", text)
        if self.remaining:
            counts = ", ".join(
                f"{name} has {count} resource instances" for name, count in sorted(self.remaining.items())
            )
            problems[_REMAINING] = ("SomeResourcesRemain", f"Some resources are remaining: {counts}")
        if self.finalizers:
            counts = ", ".join(
                f"{name} in {count} resource instances" for name, count in sorted(self.finalizers.items())
            )
            text = f"Some content in the namespace has finalizers remaining: {counts}"
            problems[_FINALIZERS] = ("SomeFinalizersRemain", text)
        return problems


def _sorted(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items())


def _set(rows: list[Obj], row: Obj, now: str) -> list[Obj]:
    """A row whose status changed gets a new time; one that says the same stays as it is."""
    for number, present in enumerate(rows):
        if present["type"] == row["type"]:
            moved = present["status"] != row["status"]
            rows[number] = {**row, "lastTransitionTime": now if moved else present["lastTransitionTime"]}
            return rows
    return [*rows, {**row, "lastTransitionTime": now}]


class NamespaceController:
    """A key is a namespace."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._namespaces = context.informer(resources.NAMESPACES)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._namespaces.add_handler(self._consider, lambda old, new: self._consider(new))

    async def run(self) -> None:
        await self._namespaces.wait_synced()
        await self._controller.run()

    def _consider(self, namespace: Obj) -> None:
        if objects.is_deleting(namespace):
            self._controller.enqueue_after(namespace, GRACE_S)

    async def reconcile(self, key: str) -> float | None:
        if self._namespaces.get_key(key) is None:
            return None
        namespace = await self._fresh(key)
        if namespace is None or not objects.is_deleting(namespace):
            return None
        namespace = await self._mark_terminating(namespace)
        if FINALIZER not in (namespace.get("spec") or {}).get("finalizers", ()):
            return None
        sweep = await empty(self._client, self._clock, await discovery.discover(self._client), key)
        namespace = await self._write_conditions(namespace, sweep)
        if sweep.done:
            await self._let_go(namespace)
            return None
        return sweep.estimate_s / 2 + 1 if sweep.estimate_s else DEFAULT_ESTIMATE_S / 2 + 1

    async def _fresh(self, name: str) -> Obj | None:
        """Deleting content is final: ask the server, not the cache."""
        try:
            return await self._client.get(resources.NAMESPACES, name)
        except ApiError as error:
            if errors.is_not_found(error):
                return None
            raise

    async def _mark_terminating(self, namespace: Obj) -> Obj:
        status = namespace.get("status") or {}
        if status.get("phase") == "Terminating":
            return namespace
        changed = objects.with_status(namespace, {**status, "phase": "Terminating"})
        return await self._client.update_status(resources.NAMESPACES, changed)

    async def _write_conditions(self, namespace: Obj, sweep: Sweep) -> Obj:
        status = namespace.get("status") or {}
        rows = sweep.conditions(list(status.get("conditions") or ()), self._clock.timestamp())
        if rows == status.get("conditions"):
            return namespace
        changed = objects.with_status(namespace, {**status, "conditions": rows})
        return await self._client.update_status(resources.NAMESPACES, changed)

    async def _let_go(self, namespace: Obj) -> None:
        kept = [name for name in namespace["spec"].get("finalizers") or () if name != FINALIZER]
        changed = {**namespace, "spec": {**namespace["spec"], "finalizers": kept}}
        try:
            await self._client.update(resources.NAMESPACES, changed, subresource="finalize")
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


async def empty(client: Client, clock: Clock, served: Discovery, namespace: str) -> Sweep:
    """Delete everything in a namespace, pods first; what is left after that, and why.

    As long as a pod is left, nothing else is touched: what guards a pod (a NetworkPolicy, say) must outlive it."""
    sweep = Sweep(undiscovered=dict(served.failures))
    in_order = sorted(served.resources, key=lambda resource: resource.gvr != resources.PODS)
    for resource in in_order:
        if not resource.namespaced or not resource.can("delete"):
            continue
        try:
            await _delete_all(client, clock, resource, namespace, sweep)
        except ApiError as error:
            if error.code not in (404, 405):
                sweep.failures.append(f"{resource.gvr.group_resource}: {error}")
        if resource.gvr == resources.PODS and (sweep.remaining or sweep.failures):
            break
    return sweep


async def _delete_all(client: Client, clock: Clock, resource: Resource, namespace: str, sweep: Sweep) -> None:
    left = await _listed(client, resource, namespace)
    if not left:
        return
    if resource.can("deletecollection"):
        await client.delete_collection(resource.gvr, namespace, propagation="Background")
    else:
        await _delete_each(client, resource, namespace, left)
    left = await _listed(client, resource, namespace)
    if not left:
        return
    sweep.remaining[f"{resource.gvr.resource}.{resource.gvr.group}"] = len(left)
    for obj in left:
        for finalizer in objects.finalizers(obj):
            sweep.finalizers[finalizer] = sweep.finalizers.get(finalizer, 0) + 1
    sweep.estimate_s = max(sweep.estimate_s, _estimate_s(clock, resource, left))


async def _listed(client: Client, resource: Resource, namespace: str) -> list[Obj]:
    if not resource.can("list"):
        return []
    return (await client.list(resource.gvr, namespace)).get("items") or []


async def _delete_each(client: Client, resource: Resource, namespace: str, found: list[Obj]) -> None:
    for obj in found:
        try:
            await client.delete(resource.gvr, objects.name(obj), namespace, propagation="Background")
        except ApiError as error:
            if not errors.is_not_found(error):
                raise


def _estimate_s(clock: Clock, resource: Resource, left: list[Obj]) -> float:
    """How long the slowest pod may still take; a guess for what else waits for a finalizer."""
    if resource.gvr != resources.PODS:
        return 0 if not any(objects.finalizers(obj) for obj in left) else DEFAULT_ESTIMATE_S
    now = clock.now()
    ends = [objects.metadata(pod).get("deletionTimestamp") for pod in left]
    waits = [(times.parse(end) - now).total_seconds() for end in ends if end]
    return max([0.0, *waits])
