"""`PodWorker`: one pod's life on the node, one task, one state machine.

`TRANSITIONS` is the whole machine. In SYNC the worker compares the pod with its containers again and again, whenever
something wakes it; in TERMINATING it stops them; in TERMINATED it cleans up and, if the pod is being deleted, removes
it from the API. Models pkg/kubelet/pod_workers.go and syncPod, syncTerminatingPod, syncTerminatedPod of pkg/kubelet.
Differs: restarts happen exactly when their back-off ends, and BackOff is recorded once per back-off.
"""

import asyncio
import logging
from enum import Enum
from typing import Literal

from kube_nb.client import Unreachable
from kube_nb.cri.runtime import ContainerState, ContainerStatus, RuntimeFailure
from kube_nb.kubelet import actions, containers, resizing, resources, resuming, volumes
from kube_nb.kubelet.actions import Actions
from kube_nb.kubelet.probes import Probes
from kube_nb.kubelet.record import PodRecord, Resize, Verdict
from kube_nb.kubelet.starting import RETRY_S, ContainerStarter, Shared
from kube_nb.kubelet.volumes import MountFault
from kube_nb.machinery import objects
from kube_nb.machinery.clock import periodic
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: Containers always get this long to end.
MINIMUM_GRACE_S = 2.0
#: Volumes that cannot be mounted: from half a second, doubling.
MOUNT_RETRY_S = (0.5, 122.0)

_log = logging.getLogger(__name__)


class State(Enum):
    """Where a pod is on the node."""

    SYNC = "sync"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    GONE = "gone"


#: (state, event) -> next state.
TRANSITIONS: dict[tuple[State, str], State] = {
    (State.SYNC, "completed"): State.TERMINATING,
    (State.SYNC, "deleted"): State.TERMINATING,
    (State.SYNC, "removed"): State.TERMINATING,
    (State.SYNC, "failed"): State.TERMINATING,
    (State.TERMINATING, "deleted"): State.TERMINATING,
    (State.TERMINATING, "removed"): State.TERMINATING,
    (State.TERMINATING, "stopped"): State.TERMINATED,
    (State.TERMINATED, "deleted"): State.TERMINATED,
    (State.TERMINATED, "removed"): State.TERMINATED,
    (State.TERMINATED, "forgotten"): State.GONE,
}


class IllegalTransition(AssertionError):
    """A pod's state machine got an event that it has no answer to."""


class PodWorker:
    """See the module's docstring. story: what happened to the pod here, (time, event, state)."""

    def __init__(self, shared: Shared, record: PodRecord) -> None:
        self.record = record
        self.state = State.SYNC
        self.story: list[tuple[float, str, State]] = []
        self._shared = shared
        self._probes = Probes(record, shared.handlers, self.wake, self._tell)
        self._task: asyncio.Task[None] | None = None
        self._woken = False
        self._waiter: asyncio.Future[None] | None = None
        self._interruptible = False
        self._interrupted = False
        self._removed = False
        self._grace_s: float | None = None
        self._hurry = asyncio.Event()
        self._mount_retry_s = MOUNT_RETRY_S[0]
        self._refresh_s = 0.0
        self._starter = ContainerStarter(
            shared, record, self._probes, self._tell, lambda name, message: self._kill(name, message, self._grace())
        )

    # -- from outside --------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"pod {self.record.full_name}")

    async def stop(self) -> None:
        """The kubelet ends; its containers live on."""
        self._probes.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def wake(self) -> None:
        """Something changed: look again."""
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def update(self, pod: Obj) -> None:
        """A newer object of the same pod."""
        old, self.record.pod = self.record.pod, pod
        if objects.is_deleting(pod):
            self.terminate("deleted", float(objects.metadata(pod).get("deletionGracePeriodSeconds") or 0))
        elif old["spec"] != pod["spec"] or pod["spec"].get("readinessGates"):
            self.wake()

    def remove(self, grace_s: float | None = None) -> None:
        """The object is gone from the API, or from the manifest folder."""
        self._removed = True
        self.terminate("removed", grace_s)

    def fail(self, verdict: Verdict, grace_s: float | None = None) -> None:
        """End the pod for a reason of the node's: a deadline, an eviction."""
        if self.state is State.SYNC:
            self.record.verdict = verdict
            self.terminate("failed", grace_s)

    def terminate(self, event: str, grace_s: float | None) -> None:
        """Begin to stop, or stop faster."""
        if self.state is State.GONE:
            return
        if grace_s is not None and (self._grace_s is None or grace_s < self._grace_s):
            self._grace_s = grace_s
            self._hurry.set()
        was = self.state
        self._move(event)
        if was is State.SYNC and self._interruptible and self._task is not None:
            self._interrupted = True
            self._task.cancel()
        self.wake()

    def container_stopped(self, container_id: str) -> None:
        """The runtime says so."""
        self.wake()

    def _move(self, event: str) -> None:
        following = TRANSITIONS.get((self.state, event))
        if following is None:
            raise IllegalTransition(f"{self.record.full_name}: {event} in {self.state.value}; story: {self.story}")
        self.state = following
        if len(self.story) < 1000:
            self.story.append((self._shared.clock.time(), event, following))

    # -- the loop ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while self.state is State.SYNC:
            self._woken = False
            deadline_s, housekeeping = await self._step()
            if self.state is State.SYNC and not self._woken:
                await self._wait(deadline_s, housekeeping)
        await self._terminating()
        await self._terminated()

    async def _step(self) -> tuple[float | None, bool]:
        """One sync, which a deletion may interrupt; (when to look again, whether that is only housekeeping)."""
        self._interruptible = True
        try:
            return await self._sync()
        except asyncio.CancelledError:
            if not self._interrupted or self._task is None:
                raise
            self._interrupted = False
            self._task.uncancel()
            return None, False
        except (RuntimeFailure, ApiError, Unreachable) as failure:
            _log.warning("Error syncing pod", extra={"pod": self.record.full_name, "err": str(failure)})
        except Exception:  # a bug here must not take the pod's worker away
            _log.exception("Error syncing pod", extra={"pod": self.record.full_name})
        finally:
            self._interruptible = False
        return self._shared.clock.time() + RETRY_S, False

    async def _wait(self, deadline_s: float | None, housekeeping: bool) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None
        if deadline_s is not None:
            if housekeeping:
                with periodic():
                    timer = loop.call_at(deadline_s, self.wake)
            else:
                timer = loop.call_at(deadline_s, self.wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    # -- SYNC ----------------------------------------------------------------------------------------------------

    async def _sync(self) -> tuple[float | None, bool]:
        record, now_s = self.record, self._shared.clock.time()
        if not record.start_time:
            record.start_time, record.start_s = self._shared.clock.timestamp(), now_s
        if self._past_deadline(now_s):
            return None, False
        self._starter.read_messages()
        if not record.restored_ip:
            await self._shared.statuses.report(record)
        if not record.sandbox_id:
            retry_s = await self._prepare()
            if retry_s is not None:
                return retry_s, False
        elif now_s >= self._refresh_s:
            await self._refresh(now_s)
        await self._resize()
        plan = actions.compute(record)
        await self._carry_out(plan)
        while self._sidecar_came_up(plan):
            plan = actions.compute(record)
            await self._carry_out(plan)
        self._end_resize()
        for name, instances in record.containers.items():
            if name not in plan.start and instances.exited:
                instances.waiting = None  # it has ended for good
        if plan.done and self.state is State.SYNC:
            record.terminal = True
            self._move("completed")
        await self._shared.statuses.report(record)
        return self._next_deadline()

    def _sidecar_came_up(self, plan: Actions) -> bool:
        """What was just started does not keep the next containers waiting."""
        if self.record.initialized or self.state is not State.SYNC:
            return False
        started = [self.record.instances(name) for name in plan.start if name in self.record.sidecars()]
        return bool(started) and all(instances.running and instances.started for instances in started)

    def _past_deadline(self, now_s: float) -> bool:
        limit_s = self.record.pod["spec"].get("activeDeadlineSeconds")
        if limit_s is None or now_s - self.record.start_s < limit_s:
            return False
        message = "Pod was active on the node longer than the specified deadline"
        self._say("Normal", "DeadlineExceeded", message)
        self.record.verdict = Verdict("DeadlineExceeded", message)
        self._move("failed")
        return True

    async def _prepare(self) -> float | None:
        """Volumes and sandbox; when to try again if that fails."""
        record, shared = self.record, self._shared
        try:
            if record.volumes is None:
                record.volumes = await shared.volumes.set_up(record.pod)
        except MountFault as fault:
            self._say("Warning", "FailedMount", str(fault))
            retry_s = shared.clock.time() + self._mount_retry_s
            self._mount_retry_s = min(self._mount_retry_s * 2, MOUNT_RETRY_S[1])
            return retry_s
        try:
            record.sandbox_id = await shared.runtime.run_pod_sandbox(containers.sandbox(record, shared.config))
        except RuntimeFailure as failure:
            self._say("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {failure}")
            record.sandbox_attempt += 1
            return shared.clock.time() + RETRY_S
        record.ips = tuple(shared.runtime.sandbox_ips(record.sandbox_id))
        self._refresh_s = shared.clock.time() + volumes.REFRESH_S
        if record.restored_ip:
            record.restored_ip = ""
            await resuming.containers_of(record, shared, self._probes)
        return None

    async def _refresh(self, now_s: float) -> None:
        self._refresh_s = now_s + volumes.REFRESH_S
        await self._shared.volumes.refresh(self.record.pod, self.record.volumes or {}, self.record.ips)

    async def _resize(self) -> None:
        """Allocate what the spec asks for, if it may be; bring running containers to what is allocated."""
        record = self.record
        if resizing.desired(record.pod) == record.allocated:
            record.resize_pending = None
        elif (refusal := self._shared.allocate(record)) is not None:
            if resizing.pending(record, *refusal):
                details = resizing.details(record.pod, objects.generation(record.pod), refusal[1])
                self._say("Warning", f"Resize{refusal[0]}", f"Pod resize {refusal[0]}: {details}")
        else:
            record.resize_pending = None
            record.resize_progress = Resize("", "", objects.generation(record.pod))
            self._say_resize("Started")
            await self._shared.statuses.report(record)
        for name, status in record.living():
            await self._actuate(name, status)

    async def _actuate(self, name: str, status: ContainerStatus) -> None:
        instances, given = self.record.instances(name), self.record.allocated.get(name)
        if given is None or instances.resources == given:
            return
        container = self.record.spec(name)
        if resizing.must_restart(container, instances.resources, given):
            instances.resized = True
            return
        await self._shared.runtime.update_container_resources(status.id, resources.for_runtime(container))
        instances.resources = given

    def _end_resize(self) -> None:
        """A resize is over when every running container has what it is given."""
        record = self.record
        actual = (record.instances(name).resources == record.allocated.get(name, {}) for name, _ in record.living())
        if record.resize_progress is not None and all(actual):
            self._say_resize("Completed")
            record.resize_progress = None

    def _say_resize(self, how: str) -> None:
        details = resizing.details(self.record.pod, objects.generation(self.record.pod))
        self._say("Normal", f"Resize{how}", f"Pod resize {how.lower()}: {details}")

    async def _carry_out(self, plan: Actions) -> None:
        for kill in plan.kill:
            await self._kill(kill.name, kill.message, self._grace())
        for name in plan.start:
            if self.state is State.SYNC:
                await self._starter.start(name)

    def _next_deadline(self) -> tuple[float | None, bool]:
        """The earliest of: a back-off's end, the pod's own deadline, the next look at its volumes."""
        wanted = [one.retry_s for one in self.record.containers.values() if one.waiting and one.retry_s is not None]
        limit_s = self.record.pod["spec"].get("activeDeadlineSeconds")
        if limit_s is not None:
            wanted.append(self.record.start_s + limit_s)
        follows = any(volumes.changeable(volume) for volume in self.record.pod["spec"].get("volumes") or ())
        if follows and (not wanted or self._refresh_s < min(wanted)):
            return self._refresh_s, True
        return (min(wanted), False) if wanted else (None, False)

    # -- stopping ------------------------------------------------------------------------------------------------

    def _grace(self) -> float:
        if self._grace_s is not None:
            return self._grace_s
        return float(self.record.pod["spec"].get("terminationGracePeriodSeconds", 30))

    async def _kill(self, name: str, message: str, grace_s: float) -> None:
        """preStop, stop signal, SIGKILL when the grace period is over; returns when the container has exited."""
        status = self.record.instances(name).latest
        if status is None or status.state is ContainerState.EXITED:
            return
        self._probes.stop(name, kinds=("startup", "liveness"))
        self._tell(name, "Normal", "Killing", message)
        began_s = self._shared.clock.time()
        hook = (self.record.spec(name).get("lifecycle") or {}).get("preStop")
        if hook and grace_s > 0:
            await self._pre_stop(name, hook, grace_s)
        left_s = max(MINIMUM_GRACE_S, grace_s - (self._shared.clock.time() - began_s))
        await self._shared.runtime.stop_container(status.id, left_s)

    async def _pre_stop(self, name: str, hook: Obj, grace_s: float) -> None:
        try:
            async with asyncio.timeout(grace_s):
                fault = await self._shared.handlers.hook(self.record, self.record.spec(name), hook)
        except TimeoutError:
            fault = "context deadline exceeded"
        if fault:
            self._tell(name, "Warning", "FailedPreStopHook", f"PreStopHook failed: {fault}")

    async def _terminating(self) -> None:
        """Stop all containers; a shorter grace period on the way starts the stopping over."""
        await self._shared.statuses.report(self.record)
        said: set[str] = set()
        began_s = self._shared.clock.time()
        while self.record.living():
            self._hurry.clear()
            grace_s = max(0.0, self._grace() - (self._shared.clock.time() - began_s) if said else self._grace())
            stopping = asyncio.get_running_loop().create_task(self._stop_all(grace_s, said))
            hurry = asyncio.get_running_loop().create_task(self._hurry.wait())
            try:
                await asyncio.wait([stopping, hurry], return_when=asyncio.FIRST_COMPLETED)
                if stopping.done():
                    stopping.result()
            except RuntimeFailure as failure:
                _log.warning("Error killing pod", extra={"pod": self.record.full_name, "err": str(failure)})
                await asyncio.sleep(RETRY_S)
            finally:
                for task in (stopping, hurry):
                    task.cancel()
                await asyncio.gather(stopping, hurry, return_exceptions=True)
        self._probes.stop()
        self._move("stopped")

    async def _stop_all(self, grace_s: float, said: set[str]) -> None:
        """Main containers together, then the sidecars, the last one first, in what is left of the time."""
        began_s = self._shared.clock.time()
        sidecars = self.record.sidecars()
        living = [name for name, _ in self.record.living()]
        await self._stop_some([name for name in living if name not in sidecars], grace_s, said)
        for name in reversed([name for name in sidecars if name in living]):
            await self._stop_some([name], max(0.0, grace_s - (self._shared.clock.time() - began_s)), said)

    async def _stop_some(self, names: list[str], grace_s: float, said: set[str]) -> None:
        kills = []
        for name in names:
            if name in said:
                status = self.record.instances(name).latest
                if status is not None:
                    kills.append(self._shared.runtime.stop_container(status.id, max(MINIMUM_GRACE_S, grace_s)))
                continue
            said.add(name)
            kills.append(self._kill(name, f"Stopping container {name}", grace_s))
        if len(kills) == 1:
            await kills[0]
        elif kills:
            await asyncio.gather(*kills)

    async def _terminated(self) -> None:
        """Clean up; then wait for the object to be deleted, and take it out of the API."""
        record, shared = self.record, self._shared
        record.terminal = True
        shared.release(record)
        self._starter.read_messages()
        for instances in record.containers.values():
            instances.waiting = None
        await shared.statuses.report(record)
        if record.sandbox_id:
            await shared.runtime.stop_pod_sandbox(record.sandbox_id)
        record.volumes = None
        while not self._removed and not objects.is_deleting(record.pod):
            await self._wait(None, False)
        if record.sandbox_id:
            await shared.runtime.remove_pod_sandbox(record.sandbox_id)
        if not self._removed:
            await shared.delete(record)
        self._move("forgotten")
        shared.puller.forget(record.uid)
        shared.statuses.forget(record.uid)
        shared.gone(record)

    # -- events --------------------------------------------------------------------------------------------------

    def _say(self, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        if self._shared.recorder is not None:
            self._shared.recorder.event(self.record.pod, type, reason, message)

    def _tell(self, name: str, type: str, reason: str, message: str) -> None:
        if self._shared.recorder is not None:
            kind: Literal["Normal", "Warning"] = "Warning" if type == "Warning" else "Normal"
            self._shared.recorder.event(self.record.pod, kind, reason, message, field_path=self.record.field_path(name))
