"""`Scheduler`: the engine and the queue, wired to the API: informers in, bindings, conditions and events out.

One task tries pod after pod, as many as there are, and yields to the others now and then; with one binder (the default:
in the kernel an API call is a function call) it binds them itself, with more it hands the bindings to that many
workers. Models pkg/scheduler/{scheduler,schedule_one,eventhandlers}.go.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextvars import Context
from typing import Any

from kube_nb.api import resources
from kube_nb.client import Client, EventRecorder, InformerFactory, Unreachable
from kube_nb.machinery import cause, objects
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.clock import Clock, periodic_sleep
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj
from kube_nb.scheduler import evicting, explain
from kube_nb.scheduler.binding import Binder, WaitingPods
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.counterfactual import Changes, counterfactual
from kube_nb.scheduler.decisions import Attempt, Decisions
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.event_handlers import NODE_ADDED, EventHandlers
from kube_nb.scheduler.extender import REFUSER
from kube_nb.scheduler.framework.events import ANYTHING, Registration
from kube_nb.scheduler.framework.guard import Guarded, PluginFault
from kube_nb.scheduler.framework.interface import CycleState, Plugin
from kube_nb.scheduler.framework.runtime import Framework, Handle
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.listers import InformerLister
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.queue import SWEEP_S, QueuedPod, SchedulingQueue
from kube_nb.scheduler.selection import TieBreaker

_log = logging.getLogger(__name__)

#: How many pods are tried before the other tasks of the loop get their turn.
BATCH = 32

#: Who refuses pods while there are no nodes at all. Differs: upstream backs off; here the first node brings them back.
NOBODY = ""


class Scheduler:
    """Places pods whose ``schedulerName`` is one of its profiles'.

    config: a `Configuration`, or a KubeSchedulerConfiguration as dict or YAML text; None for upstream's defaults.
    plugins: instances of plugin classes, added to every profile. ties: see `selection.TIES`; None: the version's own.
    decisions: every attempt, bounded. binders: how many bindings are under way at a time.
    """

    def __init__(
        self,
        client: Client,
        informers: InformerFactory,
        clock: Clock,
        config: "Configuration | Obj | str | None" = None,
        plugins: Sequence[Plugin] = (),
        *,
        version: tuple[int, int] = (1, 37),
        ties: str | None = None,
        binders: int = 1,
    ) -> None:
        self.client = client
        self._informers = informers
        self._clock = clock
        self.config = Configuration.of(config)
        self._plugins = [Guarded(plugin) for plugin in plugins]
        self._handle = Handle(Columns(), version, client.bind, InformerLister(informers), client=client)
        self._handle.stream = clock.stream("scheduler/preemption")
        self.engine = Engine(self._handle, {}, percentage_of_nodes_to_score=self.config.percentage_of_nodes_to_score)
        self.break_ties(ties)
        self._registrations: dict[str, list[Any]] = {}
        self._use(self.config.profiles_for(self._handle, self._plugins))
        self._awake = asyncio.Event()
        self.queue = SchedulingQueue(
            self._sort_key,
            self._pre_enqueue,
            self._registrations,
            self._awake.set,
            initial_backoff_s=self.config.pod_initial_backoff_s,
            max_backoff_s=self.config.pod_max_backoff_s,
        )
        self._recorders = {name: EventRecorder(client, name, clock) for name in self.engine.profiles}
        self.handlers = EventHandlers(self.engine, self.queue, clock)
        self._binder = Binder(self, binders)

    def now_s(self) -> float:
        return self._clock.time()

    def timestamp(self) -> str:
        return self._clock.timestamp()

    def recorder(self, pod: PodInfo) -> EventRecorder:
        """Events come from the pod's scheduler."""
        return self._recorders.get(pod.scheduler_name) or next(iter(self._recorders.values()))

    # -- asking ----------------------------------------------------------------------------------------------------

    def pod(self, key: str) -> PodInfo:
        """A placed or waiting pod by "namespace/name"; KeyError if the scheduler knows none."""
        found = self.handlers.placed(key) or self.queue.get(key)
        if found is None:
            raise KeyError(f"the scheduler knows no pod {key!r}")
        return found

    def why(self, key: str) -> str:
        """The last decision in a sentence; KeyError if there is none (any more)."""
        attempt = self.decisions.last(key)
        if attempt is None:
            raise KeyError(f"no decision about pod {key!r} is kept")
        return explain.sentence(attempt)

    def why_not(self, key: str, node: str) -> explain.WhyNot:
        """What keeps the pod from this node now; KeyError if there is no such pod or node."""
        return explain.why_not(self.engine, self.pod(key), node)

    def counterfactual(self, key: str, node: str = "", *, moves: bool = True) -> Changes:
        """The smallest single changes that make the pod fit, or move it to the node; see `counterfactual`."""
        return counterfactual(self.engine, self.pod(key), node, moves=moves)

    @property
    def waiting_pods(self) -> WaitingPods:
        """Pods that Permit plugins hold back."""
        return self._binder.waiting

    @property
    def decisions(self) -> Decisions:
        return self.engine.decisions

    @property
    def profiles(self) -> Mapping[str, Framework]:
        return self.engine.profiles

    async def run(self) -> None:
        """Schedule until cancelled."""
        self.handlers.register(self._informers)
        await self._informers.start()
        await self._informers.wait_synced()
        tasks = [asyncio.get_running_loop().create_task(self._sweep(), name="scheduler sweep", context=Context())]
        tasks += self._binder.start()
        try:
            await self._schedule_all()
        finally:
            self.handlers.unregister()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._binder.stop()
            for recorder in self._recorders.values():
                await recorder.stop()

    # -- plugins ---------------------------------------------------------------------------------------------------

    def _use(self, profiles: Mapping[str, Framework]) -> None:
        self.engine.replace_profiles(profiles)
        self._registrations.clear()
        self._registrations[NOBODY] = [Registration(NODE_ADDED)]
        self._registrations[REFUSER] = [Registration(ANYTHING)]
        for framework in profiles.values():
            for plugin in framework.plugins():
                if hasattr(plugin, "events_to_register"):
                    self._registrations.setdefault(plugin.name, list(plugin.events_to_register()))

    def use_plugin(self, plugin: Plugin) -> None:
        """Add a plugin to every profile, or replace the added one of the same name; what waits is tried again."""
        guarded = Guarded(plugin)
        self._plugins = [*(each for each in self._plugins if each.name != guarded.name), guarded]
        self._reload()

    def remove_plugin(self, name: str) -> None:
        self._plugins = [each for each in self._plugins if each.name != name]
        self._reload()

    def configure(self, config: "Configuration | Obj | str | None") -> None:
        """Go on with another configuration. ConfigurationError, and the old one stays, if it is wrong."""
        new = Configuration.of(config)
        profiles = new.profiles_for(self._handle, self._plugins)
        self.config = new
        self.engine.percentage_of_nodes_to_score = new.percentage_of_nodes_to_score
        self._use(profiles)
        for name in profiles:
            self._recorders.setdefault(name, EventRecorder(self.client, name, self._clock))
        self.handlers.adopt_pending()
        self._retry_all()

    def break_ties(self, rule: str | None) -> None:
        """rule: see `selection.TIES`; None: the version's own."""
        own = "heap" if self._handle.version >= (1, 35) else "random"
        self.engine.ties = TieBreaker(rule or own, self._clock.stream("scheduler/ties"))

    def _reload(self) -> None:
        self._use(self.config.profiles_for(self._handle, self._plugins))
        self._retry_all()

    def _retry_all(self) -> None:
        for key in self.queue.pending()["unschedulable"]:
            self.queue.activate(key)

    def _sort_key(self, pod: PodInfo, timestamp_s: float) -> Any:
        return next(iter(self.engine.profiles.values())).queue_sort.sort_key(pod, timestamp_s)

    def _pre_enqueue(self, pod: PodInfo) -> Status | None:
        framework = self.engine.profiles.get(pod.scheduler_name)
        for plugin in framework.points["preEnqueue"] if framework is not None else ():
            status: Status | None = plugin.pre_enqueue(pod)
            if status is not None and status.code is not Code.SUCCESS:
                return status.by(plugin.name)
        return None

    # -- the loop --------------------------------------------------------------------------------------------------

    async def _schedule_all(self) -> None:
        tried = 0
        while True:
            queued = self.queue.pop(self._clock.time())
            if queued is None:
                tried = 0
                await self._wait()
                continue
            try:
                await self._try(queued)
            except (ApiError, Unreachable, PluginFault) as error:
                _log.warning("scheduling %s failed: %s", queued.pod.key, error, extra={"pod": queued.pod.key})
                self.queue.add_unschedulable(queued, (), self._clock.time())
            tried += 1
            if tried % BATCH == 0:
                await asyncio.sleep(0)

    async def _wait(self) -> None:
        """Until something may be popped: an addition, an event, the end of a backoff."""
        self._awake.clear()
        due_s = self.queue.next_due_s()
        if due_s is None:
            await self._awake.wait()
            return
        timer = asyncio.get_running_loop().call_at(max(due_s, self._clock.time()), self._awake.set)
        try:
            await self._awake.wait()
        finally:
            timer.cancel()

    async def _sweep(self) -> None:
        while True:
            await periodic_sleep(SWEEP_S)
            self.queue.flush_unschedulable(self._clock.time())

    async def _try(self, queued: QueuedPod) -> None:
        """One attempt: scheduling cycle, then binding cycle. Models ScheduleOne."""
        pod = queued.pod
        if pod.terminating or self.handlers.is_placed(pod.key):
            self.queue.done(pod.key)
            return
        cause.current.set(Cause("kube-scheduler", _revision(pod.obj)))
        attempt = self.engine.schedule(pod, self._clock.time())
        if not attempt.node:
            await self._failed(queued, attempt)
            return
        framework = self.engine.profiles[attempt.profile]
        await self._binder.assume_and_bind(framework, queued, attempt)

    # -- failure ---------------------------------------------------------------------------------------------------

    async def _failed(self, queued: QueuedPod, attempt: Attempt) -> None:
        """Ask PostFilter, put the pod back, and say why. Models handleSchedulingFailure."""
        pod = queued.pod
        if not attempt.fault and attempt.names:
            await self._post_filter(pod, attempt)
        self.decisions.append(attempt)
        refused_by = () if attempt.fault else (attempt.refused_by() or (NOBODY,))
        self.queue.add_unschedulable(queued, refused_by, self._clock.time())
        reason = "SchedulerError" if attempt.fault else "Unschedulable"
        await self.report_failure(pod, reason, attempt.message, attempt.nominated)

    async def _post_filter(self, pod: PodInfo, attempt: Attempt) -> None:
        framework = self.engine.profiles[attempt.profile]
        messages = []
        for plugin in framework.points["postFilter"]:
            try:
                result = plugin.post_filter(CycleState(), pod, attempt)
            except PluginFault as fault:
                attempt.warnings += (str(fault),)
                continue
            if result is None:
                continue
            attempt.preemption = result
            if result.node:
                await evicting.carry_out(self, pod, result)
                attempt.nominated = result.node
            elif result.message:
                messages.append(f"{result.prefix}{result.message}")
        attempt.post_filter = ", ".join(messages)

    async def report_failure(self, pod: PodInfo, reason: str, message: str, nominated: str = "") -> None:
        """Event and condition. A pod that is gone by now is nobody's fault."""
        self.recorder(pod).event(pod.obj, "Warning", "FailedScheduling", message[:1024])
        condition: Obj = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
        known = objects.get_condition(pod.obj, "PodScheduled") or {}
        status: Obj = {}
        if any(known.get(field) != value for field, value in condition.items()):
            stamp = known.get("lastTransitionTime") if known.get("status") == "False" else None
            condition["lastTransitionTime"] = stamp or self._clock.timestamp()
            if generation := objects.generation(pod.obj):
                condition["observedGeneration"] = generation
            status["conditions"] = [condition]
        if nominated and nominated != pod.nominated_node_name:
            status["nominatedNodeName"] = nominated
        if not status:
            return
        try:
            await self.client.patch(
                resources.PODS, pod.name, {"status": status}, pod.namespace, type="strategic", subresource="status"
            )
        except ApiError as error:
            if error.code not in (404, 409):
                _log.warning("writing a pod's condition failed", extra={"pod": pod.key, "error": str(error)})

    def scheduled(self, pod: PodInfo, node_name: str) -> None:
        """Tell the users."""
        self.recorder(pod).event(pod.obj, "Normal", "Scheduled", f"Successfully assigned {pod.key} to {node_name}")


def _revision(obj: Obj) -> int:
    text = objects.resource_version(obj)
    return int(text) if text.isdecimal() else 0
