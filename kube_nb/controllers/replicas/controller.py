"""`ReplicaController`: makes missing pods, deletes surplus ones, keeps the status.

Models pkg/controller/replicaset/replica_set.go. Differs: a sync that made or deleted pods leaves the status to the next
one, upstream writes one in between that counts the pods of before.
"""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import indices
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods import control, ranking, state
from kube_nb.controllers.pods.control import PodControl
from kube_nb.controllers.pods.expectations import Expectations
from kube_nb.controllers.pods.facts import Facts, PodFacts
from kube_nb.controllers.pods.ownership import Claims
from kube_nb.controllers.pods.watching import OwnedPods
from kube_nb.controllers.replicas import status as statuses
from kube_nb.controllers.replicas.kinds import ReplicaKind
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj


class ReplicaController:
    """Reconciles one `ReplicaKind`; a key is ``namespace/name``."""

    def __init__(self, context: Context, kind: ReplicaKind) -> None:
        self._kind = kind
        self._client = context.client
        self._clock = context.clock
        self._owners = indices.by_selector(context.informer(kind.gvr))
        indices.by_controller(self._owners)
        self._pods = indices.by_controller(context.informer(resources.PODS))
        self._facts = PodFacts(self._pods)
        self._control = PodControl(context.client, context.recorder(kind.actor))
        self._expectations = Expectations(context.clock)
        self._controller = Controller(kind.actor, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._owners.add_handler(self._controller.enqueue, self._owner_changed, self._owner_gone)
        OwnedPods(kind.kind, self._owners, self._pods, self._expectations, self._controller, self._selects)

    async def run(self) -> None:
        await self._owners.wait_synced()
        await self._pods.wait_synced()
        await self._controller.run()

    # -- what makes a key interesting ------------------------------------------------------------------------------

    def _owner_changed(self, old: Obj, new: Obj) -> None:
        if objects.uid(old) != objects.uid(new):
            self._owner_gone(old)
        self._controller.enqueue(new)

    def _owner_gone(self, owner: Obj) -> None:
        self._expectations.forget(objects.key(owner))
        self._controller.enqueue(owner)

    def _selects(self, owner: Obj, pod: Obj) -> bool:
        return self._kind.selector(owner).matches(objects.labels(pod))

    # -- reconcile -------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> float | None:
        owner = self._owners.get_key(key)
        if owner is None:
            self._expectations.forget(key)
            return None
        may_manage = self._expectations.satisfied(key)
        claimed = await self._claimed(owner)
        active = [facts for facts in claimed if facts.active]
        failure: Exception | None = None
        if may_manage and not objects.is_deleting(owner):
            failure = await self._manage(key, owner, [facts.pod for facts in active])
            if failure is None and not self._expectations.satisfied(key):
                return None  # what was asked for just now is not counted yet: its first event brings the key back
        terminating = len([facts for facts in claimed if not facts.active and state.is_terminating(facts.pod)])
        next_s = await self._write_status(owner, active, terminating, failure)
        if failure is not None:
            raise failure
        return next_s

    async def _claimed(self, owner: Obj) -> list[Facts]:
        """Its pods. What it controls already and still selects is its own; claims are about the rest."""
        selector = self._kind.selector(owner)
        claimed: list[Facts] = []
        candidates: list[Obj] = []
        for facts in self._facts.of(self._pods.by_index(indices.CONTROLLER, objects.uid(owner))):
            if selector.matches(facts.labels):
                claimed.append(facts)
            else:
                candidates.append(facts.pod)
        orphans = self._pods.by_index(indices.CONTROLLER, indices.orphans_of(objects.namespace(owner)))
        candidates += [pod for pod in orphans if state.is_active(pod)]
        if candidates:
            claims = Claims(self._client, owner, self._kind.gvr, selector, resources.PODS)
            claimed += self._facts.of(await claims.claim(candidates))
        return claimed

    async def _manage(self, key: str, owner: Obj, active: list[Obj]) -> Exception | None:
        surplus = len(active) - (owner["spec"].get("replicas") or 0)
        if surplus < 0:
            return await self._create(key, owner, min(-surplus, control.BURST))
        if surplus > 0:
            return await self._delete(key, owner, active, min(surplus, control.BURST))
        return None

    async def _create(self, key: str, owner: Obj, count: int) -> Exception | None:
        self._expectations.expect_creations(key, count)
        pod = control.pod_from_template(owner["spec"]["template"], owner)
        done, failure = await control.slow_start(count, lambda: self._control.create(pod, owner))
        self._expectations.creation_observed(key, count - done)
        return None if failure is not None and control.is_namespace_terminating(failure) else failure

    async def _delete(self, key: str, owner: Obj, active: list[Obj], count: int) -> Exception | None:
        doomed = active
        if count < len(active):
            doomed = ranking.in_deletion_order(active, self._ranks(owner, active), self._clock.now())[:count]
        self._expectations.expect_deletions(key, map(objects.uid, doomed))
        failure: Exception | None = None
        for pod in doomed:
            try:
                await self._control.delete(pod, owner)
            except ApiError as error:
                self._expectations.deletion_observed(key, objects.uid(pod))
                if not errors.is_not_found(error):
                    failure = failure or error
        return failure

    def _ranks(self, owner: Obj, active: list[Obj]) -> dict[str, int]:
        """Per pod how many active pods of all ReplicaSets of the same Deployment share its node."""
        on_node: dict[str, int] = {}
        for pod in self._related(owner):
            node = state.spec_of(pod).get("nodeName")
            if node and state.is_active(pod):
                on_node[node] = on_node.get(node, 0) + 1
        return {objects.uid(pod): on_node.get(state.spec_of(pod).get("nodeName") or "", 0) for pod in active}

    def _related(self, owner: Obj) -> list[Obj]:
        reference = objects.owner(owner)
        siblings = self._owners.by_index(indices.CONTROLLER, reference["uid"]) if reference else [owner]
        return [pod for sibling in siblings for pod in self._pods.by_index(indices.CONTROLLER, objects.uid(sibling))]

    async def _write_status(
        self, owner: Obj, active: list[Facts], terminating: int, failure: Exception | None
    ) -> float | None:
        """Write the status if it changed; seconds until it will change by itself, None if it will not."""
        now = self._clock.now()
        status, next_s = statuses.counts(owner, active, now)
        if self._kind.counts_terminating:
            status["terminatingReplicas"] = terminating
        if found := statuses.conditions(owner, len(active), failure, self._clock.timestamp()):
            status["conditions"] = found
        if generation := objects.generation(owner):
            status["observedGeneration"] = generation
        if status != (owner.get("status") or {}):
            await self._client.update_status(self._kind.gvr, objects.with_status(owner, status))
        return next_s
