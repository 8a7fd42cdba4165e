"""`Rollout`: one look at one Deployment: its ReplicaSets, and what its status is to become.

Models pkg/controller/deployment/sync.go.
"""

from collections.abc import Sequence

from kube_nb.api import resources
from kube_nb.client import Client, EventRecorder, errors
from kube_nb.controllers.deployment import annotations, progress, surge, template
from kube_nb.controllers.pods.control import is_namespace_terminating
from kube_nb.machinery import objects
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

_NO_HISTORY_LIMIT = 2**31 - 1


def by_age(replica_set: Obj) -> tuple[str, str]:
    return objects.creation_timestamp(replica_set), objects.name(replica_set)


def active(replica_sets: Sequence[Obj]) -> list[Obj]:
    return [replica_set for replica_set in replica_sets if surge.replicas(replica_set) > 0]


class Rollout:
    """deployment: as in the cache. new: the ReplicaSet of its template, None if there is none (yet). old: the others,
    oldest first. conditions, revision, collisions: what `finish` will write."""

    def __init__(
        self, client: Client, recorder: EventRecorder, clock: Clock, deployment: Obj, replica_sets: Sequence[Obj]
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self.deployment = deployment
        status = progress.status_of(deployment)
        self.conditions: list[Obj] = list(status.get("conditions") or ())
        self.revision: str | None = objects.annotations(deployment).get(annotations.REVISION)
        self.collisions: int | None = status.get("collisionCount")
        in_order = sorted(replica_sets, key=by_age)
        wanted = deployment["spec"]["template"]
        self.new: Obj | None = next((rs for rs in in_order if template.equal(rs["spec"]["template"], wanted)), None)
        self.old = [rs for rs in in_order if rs is not self.new]

    @property
    def all(self) -> list[Obj]:
        return self.old if self.new is None else [*self.old, self.new]

    # -- the new ReplicaSet ----------------------------------------------------------------------------------------

    async def sync_revision(self, *, create: bool) -> None:
        """Give the new ReplicaSet its revision and annotations; make it if there is none and `create` says so."""
        revision = annotations.max_revision(self.old) + 1
        if self.new is not None:
            await self._sync_existing(self.new, revision)
        elif create:
            await self._create(revision)

    async def _sync_existing(self, new: Obj, revision: int) -> None:
        spec = self.deployment["spec"]
        present = objects.annotations(new)
        wanted = annotations.for_new(self.deployment, present, revision, exists=True)
        min_ready_s = spec.get("minReadySeconds") or 0
        changed = new if wanted == present else objects.with_metadata(new, annotations=wanted)
        if (new["spec"].get("minReadySeconds") or 0) != min_ready_s:
            changed = {**changed, "spec": {**new["spec"], "minReadySeconds": min_ready_s}}
        if changed is not new:
            self.new = new = await self._client.update(resources.REPLICA_SETS, changed)
        self.revision = objects.annotations(new).get(annotations.REVISION)
        if objects.find_condition(self.conditions, progress.PROGRESSING) is None:
            self.note_progress(progress.FOUND_NEW, f'Found new replica set "{objects.name(new)}"')

    async def _create(self, revision: int) -> None:
        wanted = self._wanted(revision)
        try:
            created = await self._client.create(resources.REPLICA_SETS, wanted)
        except ApiError as error:
            await self._creation_failed(wanted, error)
            return
        self.new = created
        self.revision = str(revision)
        name, size = objects.name(created), surge.replicas(created)
        if size:
            self.say("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}")
        self.note_progress(progress.NEW_REPLICA_SET, f'Created new replica set "{name}"')

    def _wanted(self, revision: int) -> Obj:
        deployment, spec = self.deployment, self.deployment["spec"]
        hash = template.hash_of(spec["template"], self.collisions)
        pods = template.with_hash(spec["template"], hash)
        replica_set: Obj = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": template.replica_set_name(objects.name(deployment), hash),
                "namespace": objects.namespace(deployment),
                "labels": template.labels_of(pods),
                "annotations": annotations.for_new(deployment, {}, revision, exists=False),
                "ownerReferences": [objects.owner_reference(deployment)],
            },
            "spec": {
                "replicas": self.size_of_new(0),
                "selector": template.selector_with_hash(spec["selector"], hash),
                "template": pods,
            },
        }
        if min_ready_s := spec.get("minReadySeconds"):
            replica_set["spec"]["minReadySeconds"] = min_ready_s
        return replica_set

    async def _creation_failed(self, wanted: Obj, error: ApiError) -> None:
        """Take over what a stale cache did not show, count a collision, or report; raises unless taken over."""
        name = objects.name(wanted)
        if errors.is_already_exists(error):
            there = await self._client.get(resources.REPLICA_SETS, name, objects.namespace(wanted))
            same = template.equal(there["spec"]["template"], self.deployment["spec"]["template"])
            if same and objects.is_controlled_by(there, self.deployment):
                self.new, self.revision = there, objects.annotations(there).get(annotations.REVISION)
                return
            self.collisions = (self.collisions or 0) + 1
            await self.write(progress.status_of(self.deployment))
        elif not is_namespace_terminating(error):
            message = f'Failed to create new replica set "{name}": {error}'
            self.note_progress(progress.FAILED_CREATE, message, "False")
            await self.write(progress.status_of(self.deployment))
            self.say("Warning", progress.FAILED_CREATE, message)
        raise error

    def size_of_new(self, size: int) -> int:
        """What the new ReplicaSet of this size may grow to. Models NewRSNewReplicas."""
        wanted = surge.replicas(self.deployment)
        if not surge.is_rolling_update(self.deployment):
            return wanted
        room = wanted + surge.max_surge(self.deployment) - sum(map(surge.replicas, self.all))
        return size if room <= 0 else size + min(room, wanted - size)

    # -- scaling ---------------------------------------------------------------------------------------------------

    async def scale(self, replica_set: Obj, size: int) -> bool:
        """Set a ReplicaSet's size, with an event; False if it has it already. `new` and `old` follow."""
        return surge.replicas(replica_set) != size and await self.resize(replica_set, size)

    async def resize(self, replica_set: Obj, size: int) -> bool:
        """As `scale`, but also refreshes the annotations of sizes; whether the size changed."""
        before = surge.replicas(replica_set)
        sizes = annotations.sizes(self.deployment)
        present = objects.annotations(replica_set)
        if before == size and all(present.get(key) == value for key, value in sizes.items()):
            return False
        changed = objects.with_metadata(replica_set, annotations={**present, **sizes})
        changed = {**changed, "spec": {**replica_set["spec"], "replicas": size}}
        self._replace(replica_set, await self._client.update(resources.REPLICA_SETS, changed))
        if before == size:
            return False
        way = "up" if before < size else "down"
        name = objects.name(replica_set)
        self.say("Normal", "ScalingReplicaSet", f"Scaled {way} replica set {name} from {before} to {size}")
        return True

    def _replace(self, before: Obj, after: Obj) -> None:
        if before is self.new:
            self.new = after
        else:
            self.old = [after if replica_set is before else replica_set for replica_set in self.old]

    async def clean_up(self) -> None:
        """Delete the oldest revisions beyond spec.revisionHistoryLimit. Models cleanupDeployment."""
        limit = self.deployment["spec"].get("revisionHistoryLimit")
        if limit is None or limit == _NO_HISTORY_LIMIT:
            return
        candidates = [rs for rs in self.old if not objects.is_deleting(rs)]
        candidates.sort(key=lambda rs: (annotations.revision(rs), by_age(rs)))
        for replica_set in candidates[: max(0, len(candidates) - limit)]:
            status = progress.status_of(replica_set)
            seen = status.get("observedGeneration", 0) >= objects.generation(replica_set)
            if seen and not status.get("replicas") and not surge.replicas(replica_set):
                await self._delete(replica_set)

    async def _delete(self, replica_set: Obj) -> None:
        name, namespace = objects.name(replica_set), objects.namespace(replica_set)
        try:
            await self._client.delete(resources.REPLICA_SETS, name, namespace, propagation="Background")
        except ApiError as error:
            if not errors.is_not_found(error):
                raise

    # -- status ----------------------------------------------------------------------------------------------------

    def say(self, type: str, reason: str, message: str) -> None:
        self._recorder.event(self.deployment, "Warning" if type == "Warning" else "Normal", reason, message)

    def note_progress(self, reason: str, message: str, status: str = "True") -> None:
        """Set the Progressing condition, for Deployments with a deadline."""
        if progress.deadline_s(self.deployment) is not None:
            row = progress.condition(progress.PROGRESSING, status, reason, message, self._clock.timestamp())
            self.conditions = progress.with_condition(self.conditions, row)

    async def finish(self, *, rolling_out: bool) -> float | None:
        """Write the status that the ReplicaSets ask for; seconds until the next look, None if none is due.

        rolling_out: whether progress is judged, too (not while paused or scaled)."""
        now = self._clock.now()
        status = progress.counts(self.deployment, self.new, self.old)
        available = progress.availability(self.deployment, status, self._clock.timestamp())
        self.conditions = progress.with_condition(self.conditions, available)
        if rolling_out:
            rows = progress.rollout_conditions(self.deployment, status, self.conditions, self.new, now)
            self.conditions = progress.failures(rows, self.new, self.old)
        if await self.write(status) or not rolling_out:
            return None
        return progress.next_check_s(self.deployment, status, self.conditions, now)

    async def write(self, status: Obj) -> bool:
        """Write status, conditions, collision count and revision if any of them changed."""
        status = {**status, "conditions": self.conditions}
        if not self.conditions:
            del status["conditions"]
        if self.collisions is not None:
            status["collisionCount"] = self.collisions
        present = objects.annotations(self.deployment)
        same_revision = self.revision == present.get(annotations.REVISION)
        if same_revision and status == progress.status_of(self.deployment):
            return False
        changed = objects.with_status(self.deployment, status)
        if not same_revision and self.revision is not None:
            changed = objects.with_metadata(changed, annotations={**present, annotations.REVISION: self.revision})
        await self._client.update_status(resources.DEPLOYMENTS, changed)
        return True
