"""The binding cycle: Reserve, Permit, PreBind, Bind, PostBind, and the way back when one of them refuses.

Models bindingCycle and prepareForBindingCycle of pkg/scheduler/schedule_one.go.
"""

import asyncio
import logging
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any, NamedTuple

from kube_nb.client import errors
from kube_nb.machinery import cause
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.errors import ApiError
from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.framework.guard import PluginFault
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.framework.runtime import Framework
from kube_nb.scheduler.framework.status import Code, Status, error, unschedulable
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.queue import QueuedPod

if TYPE_CHECKING:
    from kube_nb.scheduler.scheduler import Scheduler

_log = logging.getLogger(__name__)


class _Job(NamedTuple):
    framework: Framework
    queued: QueuedPod
    placed: PodInfo
    state: CycleState
    cause: Cause
    permit: "asyncio.Future[Status | None] | None"
    attempt: Attempt


class WaitingPods:
    """Pods that a Permit plugin holds back; anybody may allow or reject them."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[set[str], asyncio.Future[Status | None]]] = {}

    def __iter__(self) -> Any:
        return iter(list(self._waiting))

    def hold(self, key: str, plugins: dict[str, float]) -> "asyncio.Future[Status | None]":
        """plugins: {name: time limit in seconds}; the first limit that passes rejects the pod."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Status | None] = loop.create_future()
        self._waiting[key] = (set(plugins), future)
        for name, limit_s in plugins.items():
            loop.call_later(limit_s, self.reject, key, name, "rejected due to timeout after waiting")
        return future

    def allow(self, key: str, plugin: str) -> None:
        names, future = self._waiting.get(key, (set(), None))
        names.discard(plugin)
        if future is not None and not names and not future.done():
            del self._waiting[key]
            future.set_result(None)

    def reject(self, key: str, plugin: str, message: str) -> None:
        _, future = self._waiting.pop(key, (set(), None))
        if future is not None and not future.done():
            future.set_result(unschedulable(message).by(plugin))


class Binder:
    """count: how many bindings are under way at a time; 1 binds in the scheduling loop itself."""

    def __init__(self, scheduler: "Scheduler", count: int) -> None:
        self._scheduler = scheduler
        self._count = count
        self.waiting = WaitingPods()
        self._jobs: deque[_Job] = deque()
        self._more = asyncio.Event()
        self._held: dict[str, asyncio.Task[None]] = {}

    def start(self) -> "list[asyncio.Task[None]]":
        if self._count <= 1:
            return []
        loop = asyncio.get_running_loop()
        return [
            loop.create_task(self._work(), name=f"scheduler binder {number}", context=Context())
            for number in range(self._count)
        ]

    async def stop(self) -> None:
        held, self._held = list(self._held.values()), {}
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    async def assume_and_bind(self, framework: Framework, queued: QueuedPod, attempt: Attempt) -> None:
        """The rest of an attempt that found a node."""
        scheduler, pod, node = self._scheduler, queued.pod, attempt.node
        placed = scheduler.handlers.assume(pod, node)
        state = attempt.state if attempt.state is not None else CycleState()
        permit = None
        try:
            refusal = self._reserve(framework, state, pod, node)
            if refusal is None:
                refusal, permit = self._permit(framework, state, pod, node)
        except PluginFault as fault:
            refusal = error(str(fault))
        if refusal is not None:
            await self._refused(_Job(framework, queued, placed, state, cause.current.get(), None, attempt), refusal)
            return
        scheduler.decisions.append(attempt)
        job = _Job(framework, queued, placed, state, cause.current.get(), permit, attempt)
        if permit is not None:
            task = asyncio.get_running_loop().create_task(self._bind(job), name=f"waiting {pod.key}", context=Context())
            self._held[pod.key] = task
            task.add_done_callback(lambda _: self._held.pop(pod.key, None))
        elif self._count <= 1:
            await self._bind(job)
        else:
            self._jobs.append(job)
            self._more.set()

    async def _work(self) -> None:
        while True:
            while not self._jobs:
                self._more.clear()
                await self._more.wait()
            await self._bind(self._jobs.popleft())

    # -- the points ------------------------------------------------------------------------------------------------

    def _reserve(self, framework: Framework, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        for plugin in framework.points["reserve"]:
            status: Status | None = plugin.reserve(state, pod, node)
            if status is not None and status.code is not Code.SUCCESS:
                return status.by(plugin.name)
        return None

    def _permit(
        self, framework: Framework, state: CycleState, pod: PodInfo, node: str
    ) -> "tuple[Status | None, asyncio.Future[Status | None] | None]":
        waits: dict[str, float] = {}
        for plugin in framework.points["permit"]:
            status, limit_s = plugin.permit(state, pod, node)
            if status is None or status.code is Code.SUCCESS:
                continue
            if status.code is not Code.WAIT:
                return status.by(plugin.name), None
            waits[plugin.name] = limit_s
        return None, self.waiting.hold(pod.key, waits) if waits else None

    async def _bind(self, job: _Job) -> None:
        cause.current.set(job.cause)
        framework, state, pod, node = job.framework, job.state, job.placed, job.placed.node_name
        try:
            refusal = await job.permit if job.permit is not None else None
            for plugin in framework.points["preBind"] if refusal is None else ():
                status = await plugin.pre_bind(state, pod, node)
                if status is not None and status.code is not Code.SUCCESS:
                    refusal = status.by(plugin.name)
                    break
            if refusal is None:
                refusal = await self._run_bind(framework, state, pod, node)
        except (ApiError, errors.Unreachable) as failure:
            refusal = error(f"binding rejected: {failure}")
        except PluginFault as fault:
            refusal = error(str(fault))
        if refusal is not None:
            await self._refused(job, refusal)
            return
        self._scheduler.queue.done(pod.key)
        self._scheduler.scheduled(pod, node)
        for plugin in framework.points["postBind"]:
            try:
                plugin.post_bind(state, pod, node)
            except PluginFault as fault:  # the pod is bound all the same
                job.attempt.warnings += (str(fault),)

    async def _run_bind(self, framework: Framework, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        for plugin in framework.points["bind"]:
            status: Status | None = await plugin.bind(state, pod, node)
            if status is None or status.code is Code.SUCCESS:
                return None
            if status.code is not Code.SKIP:
                return status.by(plugin.name)
        return error("no bind plugin bound the pod")

    async def _refused(self, job: _Job, refusal: Status) -> None:
        """Give everything back and put the pod into the queue again."""
        scheduler, pod, attempt = self._scheduler, job.queued.pod, job.attempt
        for plugin in reversed(job.framework.points["reserve"]):
            try:
                plugin.unreserve(job.state, pod, job.placed.node_name)
            except PluginFault as fault:  # the others are to give back theirs
                attempt.warnings += (str(fault),)
        scheduler.handlers.forget(job.placed)
        if not attempt.fault:
            attempt.fault = refusal.message
            attempt.message = refusal.message
            if scheduler.decisions.last(pod.key) is not attempt:
                scheduler.decisions.append(attempt)
        refused_by = (refusal.plugin,) if refusal.rejected else ()
        scheduler.queue.add_unschedulable(job.queued, refused_by, scheduler.now_s())
        reason = "Unschedulable" if refusal.rejected else "SchedulerError"
        await scheduler.report_failure(pod, reason, refusal.message)
