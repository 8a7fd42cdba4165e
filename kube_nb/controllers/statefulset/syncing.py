"""`Sync`: one look at a set's pods, and the next step towards what the set says.

In this order, and with OrderedReady no further than the first step that is not done:

1. each ordinal in range, upwards: an ended pod is deleted, a missing one made, one that is not yet ready waited for;
2. pods out of range, downwards: deleted, the next when the one before is gone;
3. with RollingUpdate, from the highest ordinal to the partition: pods of another revision are deleted, as many at a
   time as maxUnavailable leaves; step 1 makes them anew.

Models pkg/controller/statefulset/stateful_set_control.go.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from kube_nb.api import resources
from kube_nb.client import Client, EventRecorder, errors
from kube_nb.controllers.pods import control, state
from kube_nb.controllers.pods.expectations import Expectations
from kube_nb.controllers.statefulset import identity, status
from kube_nb.controllers.statefulset.claims import ClaimControl
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj


class Halted(Exception):
    """With OrderedReady: nothing more may be done before something has changed."""


class Sync:
    """pods: all of the set's. current, update: its ControllerRevisions. now: the moment of this look."""

    def __init__(
        self,
        client: Client,
        recorder: EventRecorder,
        claims: ClaimControl,
        expectations: Expectations,
        stateful_set: Obj,
        pods: Sequence[Obj],
        revisions: tuple[Obj, Obj],
        now: datetime,
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._claims = claims
        self._expectations = expectations
        self.stateful_set = stateful_set
        self._pods = pods
        self._current, self._update = revisions
        self._now = now
        self._ordered = stateful_set["spec"].get("podManagementPolicy") != "Parallel"
        by_ordinal = {identity.ordinal(pod): pod for pod in pods}
        wanted = identity.ordinals(stateful_set)
        self._replicas = [by_ordinal.get(number) or self._new_pod(number) for number in wanted]
        outside = [pod for pod in pods if identity.ordinal(pod) not in wanted]
        self._condemned = sorted(outside, key=identity.ordinal, reverse=True)

    async def run(self) -> Exception | None:
        """Take the next step, or with Parallel all; the first refusal."""
        self._expectations.expect(objects.key(self.stateful_set), 0, ())
        try:
            await self._each(self._replicas, self._keep)
            await self._each(self._condemned, lambda pod: self._claims.hand_over(self.stateful_set, pod))
            await self._each(self._condemned, self._remove)
            if self.stateful_set["spec"]["updateStrategy"].get("type") != "OnDelete":
                await self._roll()
        except Halted:
            return None
        except Exception as error:
            return error
        return None

    def status(self, collisions: int) -> Obj:
        current, update = objects.name(self._current), objects.name(self._update)
        counted = status.counts(self.stateful_set, self._pods, current, update, self._now)
        return status.status_of(self.stateful_set, counted, current, update, collisions)

    def _new_pod(self, number: int) -> Obj:
        revision = self._current if self._is_held_back(number) else self._update
        template = {**revision["data"]["spec"]["template"]}
        template.pop("$patch", None)
        return identity.new_pod(self.stateful_set, template, objects.name(revision), number)

    def _is_held_back(self, number: int) -> bool:
        """Whether a new pod with this ordinal is of the current revision and not of the one being rolled out."""
        strategy = self.stateful_set["spec"]["updateStrategy"]
        if strategy.get("type") != "RollingUpdate":
            return False
        start = identity.ordinals(self.stateful_set).start
        rolling = strategy.get("rollingUpdate")
        if rolling is None:
            return number < start + ((self.stateful_set.get("status") or {}).get("currentReplicas") or 0)
        return number < start + (rolling.get("partition") or 0)

    async def _each(self, pods: Sequence[Obj], step: Callable[[Obj], Awaitable[None]]) -> None:
        if self._ordered:
            for pod in pods:
                await step(pod)
            return
        waiting = iter(pods)
        _, failure = await control.slow_start(len(pods), lambda: step(next(waiting)))
        if failure is not None:
            raise failure

    def _wait(self) -> None:
        """End an ordered sync here; with Parallel nothing waits."""
        if self._ordered:
            raise Halted

    # -- pods that should be there ---------------------------------------------------------------------------------

    async def _keep(self, pod: Obj) -> None:
        if state.is_terminal(pod):
            if not objects.is_deleting(pod):
                await self._delete(pod)
            return self._wait()  # it is made anew when it is gone
        if not identity.is_created(pod):
            if self._claims.are_stale(self.stateful_set, pod):
                return self._wait()
            await self._create(pod)
            return self._wait()
        if state.phase(pod) == state.PENDING:
            await self._claims.create_missing(self.stateful_set, pod)
        if identity.is_unavailable(pod, self.stateful_set, self._now):
            self._wait()
        await self._claims.hand_over(self.stateful_set, pod)
        await self._identify(pod)

    async def _create(self, pod: Obj) -> None:
        key = objects.key(self.stateful_set)
        try:
            await self._claims.create_missing(self.stateful_set, pod)
            self._expectations.creation_asked(key)
            try:
                created = await self._client.create(resources.PODS, pod)
            except ApiError:
                self._expectations.creation_observed(key)
                raise
        except Exception as error:
            if not (isinstance(error, ApiError) and errors.is_already_exists(error)):
                self._say("create", pod, error)
            raise
        self._say("create", pod)
        await self._claims.hand_over(self.stateful_set, created)

    async def _identify(self, pod: Obj) -> None:
        """Give the pod back what somebody took from it."""
        wanted = identity.identified(self.stateful_set, pod)
        if wanted is pod:
            return
        try:
            await self._client.update(resources.PODS, wanted)
        except ApiError as error:
            self._say("update", pod, error)
            raise
        self._say("update", pod)

    # -- pods that must go -----------------------------------------------------------------------------------------

    async def _remove(self, pod: Obj) -> None:
        if objects.is_deleting(pod):
            return self._wait()
        if pod is not self._first_unavailable() and not identity.is_available(pod, self.stateful_set, self._now):
            self._wait()
        await self._delete(pod)
        self._wait()

    def _first_unavailable(self) -> Obj | None:
        """The one with the lowest place: in range upwards, then out of range upwards."""
        candidates = [*self._replicas, *reversed(self._condemned)]
        return next((pod for pod in candidates if identity.is_unavailable(pod, self.stateful_set, self._now)), None)

    async def _delete(self, pod: Obj) -> None:
        key = objects.key(self.stateful_set)
        self._expectations.deletion_asked(key, objects.uid(pod))
        try:
            await self._client.delete(resources.PODS, objects.name(pod), objects.namespace(pod))
        except ApiError as error:
            self._expectations.deletion_observed(key, objects.uid(pod))
            self._say("delete", pod, error)
            raise
        self._say("delete", pod)

    async def _roll(self) -> None:
        """Delete pods of other revisions, from the end; all that are unavailable count against the limit."""
        rolling = self.stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
        pods, update = self._replicas, objects.name(self._update)
        down = sum(identity.is_unavailable(pod, self.stateful_set, self._now) for pod in pods)
        allowed = max_unavailable(rolling.get("maxUnavailable"), len(pods)) - down
        old = [pod for pod in pods[rolling.get("partition") or 0 :] if identity.revision_of(pod) != update]
        doomed = [pod for pod in reversed(old) if not objects.is_deleting(pod)]
        for pod in doomed[: max(0, allowed)]:
            await self._delete(pod)

    def _say(self, verb: str, pod: Obj, error: Exception | None = None) -> None:
        what = f"{verb} Pod {objects.name(pod)} in StatefulSet {objects.name(self.stateful_set)}"
        if error is None:
            reason = f"Successful{verb.title()}"
            self._recorder.event(self.stateful_set, "Normal", reason, f"{what} successful")
        else:
            reason = f"Failed{verb.title()}"
            self._recorder.event(self.stateful_set, "Warning", reason, f"{what} failed error: {error}")


def max_unavailable(value: int | str | None, replicas: int) -> int:
    """A percentage is of the replicas, rounded down; never below 1. Models getStatefulSetMaxUnavailable."""
    if value is None:
        return 1
    count = value if isinstance(value, int) else math.floor(int(value.rstrip("%")) * replicas / 100)
    return max(1, count)
