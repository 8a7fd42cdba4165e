"""Starting a pod's containers: image, configuration, creation, start, postStart hook; and reading how they ended.

Models pkg/kubelet/kuberuntime startContainer. What keeps a container from running becomes its waiting state, with a
time for the next try.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kube_nb.client import EventRecorder
from kube_nb.cri.files import File
from kube_nb.cri.runtime import ContainerState, ContainerStatus, Runtime, RuntimeFailure
from kube_nb.kubelet import containers
from kube_nb.kubelet.config import NodeConfig
from kube_nb.kubelet.environment import ConfigFault, Fetch, ServiceVariables
from kube_nb.kubelet.handlers import Handlers
from kube_nb.kubelet.probes import Probes, Tell
from kube_nb.kubelet.pulls import ImagePuller, StartFault
from kube_nb.kubelet.record import KEPT_INSTANCES, Instances, PodRecord
from kube_nb.kubelet.statuses import Statuses
from kube_nb.kubelet.volumes import Volumes
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.types import Obj

#: After a failure without a schedule of its own.
RETRY_S = 10.0
MESSAGE_BYTES = 4096
CRASH_LOOP = "CrashLoopBackOff"
#: Waiting reasons whose event says the whole message.
_SPEAKING = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(slots=True)
class Shared:
    """What all workers of a node use. gone: a worker has ended. services: a namespace's service variables now.

    delete: removes the pod from the API, if it is still the one meant.
    allocate: gives a pod what its spec asks for now; None if the node has room, else why not. release: takes it back.
    """

    config: NodeConfig
    runtime: Runtime
    clock: Clock
    recorder: EventRecorder | None
    statuses: Statuses
    puller: ImagePuller
    volumes: Volumes
    handlers: Handlers
    fetch: Fetch
    services: Callable[[Obj], ServiceVariables]
    delete: Callable[[PodRecord], Awaitable[None]]
    gone: Callable[[PodRecord], None]
    allocate: Callable[[PodRecord], tuple[str, str] | None]
    release: Callable[[PodRecord], None]


class ContainerStarter:
    """For one pod. kill: stops a running container with a message (for a postStart hook that failed)."""

    def __init__(
        self,
        shared: Shared,
        record: PodRecord,
        probes: Probes,
        tell: Tell,
        kill: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._shared = shared
        self._record = record
        self._probes = probes
        self._tell = tell
        self._kill = kill
        self._termination_logs: dict[str, File] = {}

    async def start(self, name: str) -> None:
        """One try; what keeps it from running becomes its waiting state."""
        instances, now_s = self._record.instances(name), self._shared.clock.time()
        if instances.waiting and instances.waiting[0] != CRASH_LOOP and (instances.retry_s or 0.0) > now_s:
            return
        if self._backs_off(name, instances, now_s):
            return
        spec = self._record.spec(name)
        try:
            await self._shared.puller.ensure(self._record.uid, spec, lambda *event: self._tell(name, *event))
            instances.waiting = None
            await self._create_and_start(name, spec, instances)
        except StartFault as fault:
            instances.waiting = fault.reason, fault.message
            instances.retry_s = fault.retry_s
            if fault.reason != "PostStartHookError":
                error = fault.message if fault.reason in _SPEAKING else fault.reason
                self._tell(name, "Warning", "Failed", f"Error: {error}")

    def _backs_off(self, name: str, instances: Instances, now_s: float) -> bool:
        latest = instances.latest
        if latest is None or latest.finished_at is None:
            return False
        finished_s = now_s - (self._shared.clock.now() - latest.finished_at).total_seconds()
        left_s = instances.backoff.left_s(finished_s, now_s)
        if left_s <= 1e-6:
            instances.backoff.next(finished_s, now_s)
            return False
        delay = round(instances.backoff.delay_s)
        if instances.waiting is None or instances.waiting[0] != CRASH_LOOP:
            self._tell(
                name,
                "Warning",
                "BackOff",
                f"Back-off restarting failed container {name} in pod {self._record.full_name}",
            )
        instances.waiting = (
            CRASH_LOOP,
            f"back-off {_minutes(delay)} restarting failed container={name} pod={self._record.full_name}",
        )
        instances.retry_s = finished_s + instances.backoff.delay_s
        return True

    async def _create_and_start(self, name: str, spec: Obj, instances: Instances) -> None:
        shared, record, log = self._shared, self._record, File()
        later_s = shared.clock.time() + RETRY_S
        try:
            services = shared.services(record.pod)
            config = await containers.container(record, spec, shared.config, services, shared.fetch, log)
        except ConfigFault as fault:
            raise StartFault("CreateContainerConfigError", str(fault), later_s) from fault
        try:
            container_id = await shared.runtime.create_container(record.sandbox_id, config)
        except RuntimeFailure as failure:
            raise StartFault("CreateContainerError", failure.message, later_s) from failure
        status = shared.runtime.container_status(container_id)
        self._termination_logs[container_id] = log
        await self._keep(instances, status, spec["image"])
        self._tell(name, "Normal", "Created", "Container created")
        try:
            await shared.runtime.start_container(container_id)
        except RuntimeFailure as failure:
            raise StartFault("RunContainerError", failure.message, shared.clock.time()) from failure
        self._tell(name, "Normal", "Started", "Container started")
        self._probes.start(spec)
        await self._post_start(name, spec)

    async def _keep(self, instances: Instances, status: ContainerStatus, image: str) -> None:
        """Take the new instance over, removing those that are too old."""
        instances.statuses.append(status)
        instances.image = image
        instances.resources, instances.resized = self._record.allocated.get(status.name, {}), False
        while len(instances.statuses) > KEPT_INSTANCES:
            old = instances.statuses.pop(0)
            self._termination_logs.pop(old.id, None)
            await self._shared.runtime.remove_container(old.id)

    async def _post_start(self, name: str, spec: Obj) -> None:
        hook = (spec.get("lifecycle") or {}).get("postStart")
        if not hook:
            return
        fault = await self._shared.handlers.hook(self._record, spec, hook)
        if fault:
            self._tell(name, "Warning", "FailedPostStartHook", f"PostStartHook failed: {fault}")
            await self._kill(name, "FailedPostStartHook")
            raise StartFault("PostStartHookError", fault, self._shared.clock.time())

    def read_messages(self) -> None:
        """Termination messages of containers that have exited since the last look."""
        for name, instances in self._record.containers.items():
            status = instances.latest
            log = self._termination_logs.get(status.id) if status is not None else None
            if status is None or log is None or status.state is not ContainerState.EXITED:
                continue
            del self._termination_logs[status.id]
            self._probes.stop(name)
            instances.ready = instances.started = False
            instances.unhealthy = ""
            text = log.data[-MESSAGE_BYTES:].decode(errors="replace")
            policy = self._record.spec(name).get("terminationMessagePolicy")
            if not text and status.exit_code and policy == "FallbackToLogsOnError":
                text = self._shared.runtime.log_tail(status.id, 80, 2048)
            status.message = text or status.message


def _minutes(seconds: int) -> str:
    """``10s``, ``1m20s``, ``5m0s``, as Go prints a duration."""
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"
