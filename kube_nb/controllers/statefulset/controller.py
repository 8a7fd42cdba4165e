"""`StatefulSetController`: watches sets, their pods and claims. Models pkg/controller/statefulset/stateful_set.go.

Differs: a set also looks again when a claim of a pod is gone, where upstream waits for the next event of a pod."""

from kube_nb.api import resources
from kube_nb.client import Controller, Informer
from kube_nb.controllers import history, indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods.expectations import Expectations
from kube_nb.controllers.pods.ownership import Claims
from kube_nb.controllers.pods.watching import OwnedPods
from kube_nb.controllers.statefulset import identity, status
from kube_nb.controllers.statefulset.claims import ClaimControl
from kube_nb.controllers.statefulset.syncing import Sync
from kube_nb.machinery import labels, objects
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

NAME = "statefulset-controller"
KIND = "StatefulSet"


class StatefulSetController:
    """A key is ``namespace/name``."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._sets = indices.by_selector(context.informer(resources.STATEFUL_SETS))
        self._pods = indices.by_controller(context.informer(resources.PODS))
        self._revisions = indices.by_controller(context.informer(resources.CONTROLLER_REVISIONS))
        claims = context.informer(resources.PERSISTENT_VOLUME_CLAIMS)
        self._claims = ClaimControl(context.client, claims, self._recorder)
        self._informers = (self._sets, self._pods, self._revisions, claims)
        self._expectations = Expectations(context.clock)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._controller.watch(self._sets)
        OwnedPods(KIND, self._sets, self._pods, self._expectations, self._controller, _selects)
        claims.add_handler(on_delete=self._claim_gone)

    async def run(self) -> None:
        for informer in self._informers:
            await informer.wait_synced()
        await self._controller.run()

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _claim_gone(self, claim: Obj) -> None:
        for stateful_set in self._sets.list(objects.namespace(claim)):
            templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
            prefixes = tuple(f"{objects.name(each)}-{objects.name(stateful_set)}-" for each in templates)
            if objects.name(claim).startswith(prefixes):
                self._controller.enqueue(stateful_set)

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> float | None:
        stateful_set = self._sets.get_key(key)
        if stateful_set is None:
            self._expectations.forget(key)
            return None
        if not self._expectations.satisfied(key):
            return None  # what was asked for is not seen yet: its event brings the key back
        update, others, collisions = await self._revision(stateful_set)
        current = self._current_revision(stateful_set, update, others)
        pods = await self._claimed_pods(stateful_set)
        now = self._clock.now()
        sync = Sync(
            self._client,
            self._recorder,
            self._claims,
            self._expectations,
            stateful_set,
            pods,
            (current, update),
            now,
        )
        failure = None if objects.is_deleting(stateful_set) else await sync.run()
        await self._write_status(stateful_set, sync.status(collisions))
        await self._clean_up(stateful_set, pods, current, others)
        if failure is not None:
            raise failure
        return status.next_available_s(stateful_set, pods, now)

    async def _revision(self, stateful_set: Obj) -> tuple[Obj, list[Obj], int]:
        """(the revision of the set's template, the others, oldest first, how many names were taken)"""
        found = await self._claim(stateful_set, resources.CONTROLLER_REVISIONS, self._revisions)
        collisions = (stateful_set.get("status") or {}).get("collisionCount") or 0
        while True:
            try:
                update, others = await history.current(
                    self._client, stateful_set, found, collisions, hash_label=history.PLAIN_HASH_LABEL
                )
            except history.HashCollision:
                collisions += 1
            else:
                return update, others, collisions

    def _current_revision(self, stateful_set: Obj, update: Obj, others: list[Obj]) -> Obj:
        """The one that the status names; at the beginning the newest."""
        name = (stateful_set.get("status") or {}).get("currentRevision")
        return next((revision for revision in others if objects.name(revision) == name), update)

    async def _claimed_pods(self, stateful_set: Obj) -> list[Obj]:
        claimed = await self._claim(stateful_set, resources.PODS, self._pods)
        return sorted((pod for pod in claimed if identity.is_member(stateful_set, pod)), key=identity.ordinal)

    async def _claim(self, stateful_set: Obj, gvr: GVR, informer: Informer) -> list[Obj]:
        candidates = informer.by_index(indices.CONTROLLER, objects.uid(stateful_set))
        orphans = informer.by_index(indices.CONTROLLER, indices.orphans_of(objects.namespace(stateful_set)))
        if gvr == resources.PODS:
            orphans = [pod for pod in orphans if identity.is_member(stateful_set, pod)]
        selector = labels.from_label_selector(stateful_set["spec"]["selector"])
        claims = Claims(self._client, stateful_set, resources.STATEFUL_SETS, selector, gvr)
        return await claims.claim([*candidates, *orphans])

    async def _write_status(self, stateful_set: Obj, new: Obj) -> None:
        if new != (stateful_set.get("status") or {}):
            await self._client.update_status(resources.STATEFUL_SETS, objects.with_status(stateful_set, new))

    async def _clean_up(self, stateful_set: Obj, pods: list[Obj], current: Obj, others: list[Obj]) -> None:
        live = {objects.name(current), *map(identity.revision_of, pods)}
        idle = [revision for revision in others if objects.name(revision) not in live]
        limit = stateful_set["spec"].get("revisionHistoryLimit")
        await history.clean_up(self._client, idle, 10 if limit is None else limit)


def _selects(stateful_set: Obj, pod: Obj) -> bool:
    selector = (stateful_set.get("spec") or {}).get("selector") or None
    return identity.is_member(stateful_set, pod) and labels.from_label_selector(selector).matches(objects.labels(pod))
