"""Probes of one pod's containers: when each is due, thresholds, and what their results change.

Models pkg/kubelet/prober. Differs: the first probe comes exactly `initialDelaySeconds` after the container's start and
the next each `periodSeconds` after the one before began, where upstream's ticks have a random phase.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kube_nb.kubelet.handlers import Handlers, Outcome
from kube_nb.kubelet.record import Instances, PodRecord
from kube_nb.machinery.clock import periodic
from kube_nb.machinery.types import Obj

KINDS = ("startup", "liveness", "readiness")
#: A probe that has failed so often keeps nobody waiting any more.
RUNS_THAT_COUNT = 10
#: (type, reason, message) of an event about a container.
Tell = Callable[[str, str, str, str], None]


@dataclass(slots=True)
class _Probe:
    kind: str
    spec: Obj
    container: Obj
    started_s: float
    successes: int = 0
    failures: int = 0
    runs: int = 0
    settled: bool = False  # from now on it is housekeeping: it has succeeded, or never seems to
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None


class Probes:
    """changed is called when a result changes what the pod is; tell records an event about a container."""

    def __init__(self, record: PodRecord, handlers: Handlers, changed: Callable[[], None], tell: Tell) -> None:
        self._record = record
        self._handlers = handlers
        self._changed = changed
        self._tell = tell
        self._probes: dict[tuple[str, str], _Probe] = {}

    def start(self, container: Obj) -> None:
        """The container has just started: set what it is without probes, and plan the first of each."""
        self._begin(container, started=not container.get("startupProbe"), ready=not container.get("readinessProbe"))

    def resume(self, container: Obj, *, started: bool, ready: bool) -> None:
        """The container has been running elsewhere, and its probes have said this much."""
        self._begin(container, started=started, ready=ready)

    def _begin(self, container: Obj, *, started: bool, ready: bool) -> None:
        self.stop(container["name"])
        instances = self._record.instances(container["name"])
        instances.unhealthy = ""
        instances.started, instances.ready = started, ready
        now_s = asyncio.get_running_loop().time()
        for kind in KINDS:
            spec = container.get(f"{kind}Probe")
            if spec and (kind == "startup") != started:
                self._plan(_Probe(kind, spec, container, now_s), spec.get("initialDelaySeconds", 0))

    def stop(self, name: str | None = None, *, kinds: tuple[str, ...] = KINDS) -> None:
        """No more probes of the container, or of all."""
        for key, probe in list(self._probes.items()):
            if (name is None or key[0] == name) and key[1] in kinds:
                del self._probes[key]
                if probe.timer is not None:
                    probe.timer.cancel()
                if probe.task is not None:
                    probe.task.cancel()

    def _plan(self, probe: _Probe, delay_s: float) -> None:
        self._probes[probe.container["name"], probe.kind] = probe
        loop = asyncio.get_running_loop()
        if probe.settled:
            with periodic():
                probe.timer = loop.call_later(delay_s, self._fire, probe)
        else:
            probe.timer = loop.call_later(delay_s, self._fire, probe)

    def _fire(self, probe: _Probe) -> None:
        probe.task = asyncio.get_running_loop().create_task(self._run(probe))

    async def _run(self, probe: _Probe) -> None:
        began_s = asyncio.get_running_loop().time()
        outcome, text = await self._handlers.probe(self._record, probe.container, probe.spec)
        probe.task = None
        name = probe.container["name"]
        if self._probes.get((name, probe.kind)) is not probe:
            return
        probe.runs += 1
        probe.settled = probe.settled or outcome is Outcome.SUCCESS or probe.runs >= RUNS_THAT_COUNT
        took_s = asyncio.get_running_loop().time() - began_s
        self._plan(probe, max(0.0, float(probe.spec.get("periodSeconds") or 10) - took_s))
        self._judge(probe, outcome, text)

    def _judge(self, probe: _Probe, outcome: Outcome, text: str) -> None:
        name = probe.container["name"]
        instances = self._record.instances(name)
        if outcome is Outcome.SUCCESS:
            probe.failures = 0
            probe.successes += 1
            if probe.successes >= int(probe.spec.get("successThreshold") or 1):
                self._passed(probe, instances)
            return
        reason = "Unhealthy" if outcome is Outcome.FAILURE else "ProbeWarning"
        verb = "failed" if outcome is Outcome.FAILURE else "errored"
        self._tell(name, "Warning", reason, f"{probe.kind.capitalize()} probe {verb}: {text}")
        probe.successes = 0
        probe.failures += 1
        if probe.failures >= int(probe.spec.get("failureThreshold") or 3):
            self._failed(probe, instances)

    def _passed(self, probe: _Probe, instances: Instances) -> None:
        if probe.kind == "readiness" and not instances.ready:
            instances.ready = True
            self._changed()
        elif probe.kind == "startup" and not instances.started:
            instances.started = True
            self.stop(probe.container["name"], kinds=("startup",))
            for kind in ("liveness", "readiness"):
                spec = probe.container.get(f"{kind}Probe")
                if spec:
                    due_s = probe.started_s + spec.get("initialDelaySeconds", 0)
                    left_s = max(0.0, due_s - asyncio.get_running_loop().time())
                    self._plan(_Probe(kind, spec, probe.container, probe.started_s), left_s)
            self._changed()

    def _failed(self, probe: _Probe, instances: Instances) -> None:
        if probe.kind == "readiness":
            if instances.ready:
                instances.ready = False
                self._changed()
            return
        if not instances.unhealthy:
            instances.unhealthy = probe.kind
            self.stop(probe.container["name"], kinds=("startup", "liveness"))
            self._changed()
