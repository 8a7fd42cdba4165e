"""The simulated runtime: images are programs, pulls and starts take seeded cluster time, nothing really runs.

Equal seeds give equal ids, times and exit codes. Differs from containerd: no layers are shared between images, a
node's disk never fills, and pulls are not slowed by each other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kube_nb.cri.container import Container
from kube_nb.cri.images import Image, ImageRegistry, Reference
from kube_nb.cri.network import Connection, NetworkNamespace, PodNetwork
from kube_nb.cri.runtime import (
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    ExecResult,
    ImageStatus,
    LogOptions,
    PodSandboxConfig,
    Resources,
    RuntimeFailure,
    Streams,
)
from kube_nb.machinery.clock import Clock

#: How fast a node fetches images, bytes per cluster second.
BANDWIDTH = 50_000_000
#: Bounds of the time to ask a registry for a manifest.
MANIFEST_S = (0.2, 0.6)
#: Bounds of the time to set up a pod's namespaces and address.
SANDBOX_S = (0.05, 0.2)


@dataclass(slots=True)
class Sandbox:
    id: str
    config: PodSandboxConfig
    namespace: NetworkNamespace
    ips: tuple[str, ...]
    containers: dict[str, Container] = field(default_factory=dict)


class SimulatedRuntime:
    """A `runtime.Runtime` for one node. present: images that the node has from the start, at no cost of time.

    speed: 1 for the times above, 0 for none at all (a control-plane node while it boots).
    """

    name = "containerd"
    version = "2.2.0"

    def __init__(
        self,
        clock: Clock,
        network: PodNetwork,
        images: ImageRegistry,
        node: str,
        *,
        present: Iterable[str] = (),
        speed: float = 1.0,
    ) -> None:
        self._clock = clock
        self._network = network
        self._registry = images
        self._node = node
        self._speed = speed
        self._stream = clock.stream(f"cri/{node}")
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, tuple[Container, Sandbox]] = {}
        self._present: dict[str, ImageStatus] = {}
        self._pulling: dict[str, asyncio.Task[str]] = {}
        self._subscribers: list[Callable[[ContainerEvent], None]] = []
        for image in present:
            self._store(Reference.parse(image), pinned=True)

    @property
    def host(self) -> NetworkNamespace:
        return self._network.host

    def _id(self) -> str:
        return f"{self._stream.getrandbits(256):064x}"

    async def _pass(self, bounds: tuple[float, float]) -> None:
        seconds = self._stream.uniform(*bounds) * self._speed
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def close(self) -> None:
        """The node goes down: every container ends at once."""
        for container, _ in list(self._containers.values()):
            container.kill(137)
        for container, _ in list(self._containers.values()):
            await container.stop(0)
        for task in list(self._pulling.values()):
            task.cancel()
        for sandbox in list(self._sandboxes):
            self._network.remove(sandbox)

    # -- sandboxes -----------------------------------------------------------------------------------------------

    async def run_pod_sandbox(self, config: PodSandboxConfig) -> str:
        sandbox_id = self._id()
        if not config.host_network and not config.ip:
            await self._pass(SANDBOX_S)
        sandbox: Sandbox | None = None

        def hosts() -> str:
            return config.hosts(sandbox.ips if sandbox else ()) if config.hosts else ""

        try:
            if config.host_network:
                namespace = self._network.on_host(resolv_conf=config.resolv_conf, hosts=hosts)
            else:
                namespace = self._network.add(sandbox_id, resolv_conf=config.resolv_conf, hosts=hosts, ip=config.ip)
        except OSError as error:
            text = f'failed to setup network for sandbox "{sandbox_id}": plugin type="ptp" failed (add): {error}'
            raise RuntimeFailure("Unknown", text) from error
        sandbox = Sandbox(sandbox_id, config, namespace, tuple(namespace.ips))
        self._sandboxes[sandbox_id] = sandbox
        return sandbox_id

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            return
        for container in list(sandbox.containers.values()):
            await container.stop(0)
        sandbox.ips = ()
        self._network.remove(sandbox_id)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        await self.stop_pod_sandbox(sandbox_id)
        sandbox = self._sandboxes.pop(sandbox_id, None)
        for container_id in list(sandbox.containers) if sandbox else ():
            await self.remove_container(container_id)

    def sandbox_ips(self, sandbox_id: str) -> Sequence[str]:
        sandbox = self._sandboxes.get(sandbox_id)
        return sandbox.ips if sandbox else ()

    def find_pod_sandbox(self, pod_uid: str) -> str | None:
        for sandbox in self._sandboxes.values():
            if sandbox.config.uid == pod_uid and sandbox.ips:
                return sandbox.id
        return None

    # -- images --------------------------------------------------------------------------------------------------

    async def image_status(self, image: str) -> ImageStatus | None:
        return self._present.get(str(_reference(image)))

    async def pull_image(self, image: str) -> str:
        reference = _reference(image)
        key = str(reference)
        task = self._pulling.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._pull(reference))
            self._pulling[key] = task
            task.add_done_callback(lambda _: self._pulling.pop(key, None))
        return await asyncio.shield(task)

    async def _pull(self, reference: Reference) -> str:
        await self._pass(MANIFEST_S)
        image = self._registry.find(reference)
        if str(reference) not in self._present:
            seconds = image.size_bytes / BANDWIDTH
            await self._pass((seconds * 0.8, seconds * 1.2))
        return self._store(reference)

    def _store(self, reference: Reference, *, pinned: bool = False) -> str:
        image = self._registry.find(reference)
        ref = f"{reference.repository}@{image.digest(reference)}"
        tags = (f"{reference.repository}:{reference.tag}",) if reference.tag else ()
        self._present[str(reference)] = ImageStatus(ref, tags, image.size_bytes, pinned)
        return ref

    async def list_images(self) -> Sequence[ImageStatus]:
        return sorted(self._present.values(), key=lambda image: (-image.size_bytes, image.ref))

    async def remove_image(self, image: str) -> None:
        self._present.pop(str(_reference(image)), None)

    # -- containers ----------------------------------------------------------------------------------------------

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise RuntimeFailure("NotFound", f'failed to find sandbox id "{sandbox_id}": not found')
        reference = _reference(config.image)
        present = self._present.get(str(reference))
        if present is None:
            raise RuntimeFailure("NotFound", f'failed to resolve image "{config.image}": not found')
        image = self._registry.find(reference)
        status = ContainerStatus(
            self._id(),
            config.name,
            config.attempt,
            present.tags[0] if present.tags else present.ref,
            present.ref,
            config.resources,
            self._clock.now(),
            user=self._user(config, image),
        )
        self._put(sandbox, config, image, status)
        return status.id

    def _put(self, sandbox: Sandbox, config: ContainerConfig, image: Image, status: ContainerStatus) -> Container:
        hostname = sandbox.config.hostname or sandbox.config.name
        container = Container(
            self._clock,
            self._stream.getrandbits(64),
            sandbox.namespace,
            hostname,
            image,
            config,
            status,
            self._announce_change,
        )
        self._containers[status.id] = (container, sandbox)
        sandbox.containers[status.id] = container
        self._announce("CREATED", status.id, sandbox)
        return container

    @staticmethod
    def _user(config: ContainerConfig, image: Image) -> tuple[int, int]:
        user, group = image.user
        return (
            user if config.run_as_user is None else config.run_as_user,
            group if config.run_as_group is None else config.run_as_group,
        )

    async def start_container(self, container_id: str) -> None:
        container, _ = self._get(container_id)
        if container.status.state is not ContainerState.CREATED:
            raise RuntimeFailure("Unknown", f"container {container_id} is not in created state")
        await self._pass(container.image.start_s)
        if container.status.state is ContainerState.CREATED:
            container.start()

    async def restore_container(self, sandbox_id: str, config: ContainerConfig, status: ContainerStatus) -> None:
        reference = _reference(config.image)
        if str(reference) not in self._present:
            self._store(reference)
        image = self._registry.find(reference)
        container = self._put(self._sandboxes[sandbox_id], config, image, status)
        if status.state is ContainerState.RUNNING:
            started_at = status.started_at
            container.start()
            status.started_at = started_at
        else:
            container.log.close()

    async def stop_container(self, container_id: str, timeout_s: float) -> None:
        container, _ = self._get(container_id)
        await container.stop(timeout_s)

    async def remove_container(self, container_id: str) -> None:
        entry = self._containers.get(container_id)
        if entry is None:
            return
        container, sandbox = entry
        await container.stop(0)
        self._containers.pop(container_id, None)
        sandbox.containers.pop(container_id, None)
        self._announce("DELETED", container_id, sandbox)

    def container_status(self, container_id: str) -> ContainerStatus:
        return self._get(container_id)[0].status

    def list_containers(self, sandbox_id: str) -> Sequence[ContainerStatus]:
        sandbox = self._sandboxes.get(sandbox_id)
        return [container.status for container in sandbox.containers.values()] if sandbox else []

    async def update_container_resources(self, container_id: str, resources: Resources) -> None:
        self._get(container_id)[0].status.resources = resources

    def container_stats(self, container_id: str) -> ContainerStats:
        return self._get(container_id)[0].stats()

    # -- sessions and logs ---------------------------------------------------------------------------------------

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_s: float = 0) -> ExecResult:
        return await self._get(container_id)[0].exec_sync(command, timeout_s)

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams, *, tty: bool) -> int:
        return await self._get(container_id)[0].exec_streams(command, streams, tty=tty)

    async def attach(self, container_id: str, streams: Streams, *, tty: bool) -> None:
        await self._get(container_id)[0].attach(streams, tty=tty)

    async def port_forward(self, sandbox_id: str, port: int) -> Connection:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise RuntimeFailure("NotFound", f'failed to find sandbox "{sandbox_id}": not found')
        return await sandbox.namespace.dial("127.0.0.1", port)

    def logs(self, container_id: str, options: LogOptions) -> AsyncIterator[bytes]:
        return self._get(container_id)[0].log.chunks(options)

    def log_tail(self, container_id: str, max_lines: int, max_bytes: int) -> str:
        return self._get(container_id)[0].log.tail(max_lines, max_bytes)

    # -- events --------------------------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[ContainerEvent], None]) -> None:
        self._subscribers.append(callback)

    def unsubscribe(self, callback: Callable[[ContainerEvent], None]) -> None:
        """A kubelet that ends no longer listens; its containers live on."""
        self._subscribers.remove(callback)

    def _announce_change(self, container: Container) -> None:
        entry = self._containers.get(container.status.id)
        if entry is not None:
            self._announce(
                "STARTED" if container.status.state is ContainerState.RUNNING else "STOPPED",
                container.status.id,
                entry[1],
            )

    def _announce(self, type: str, container_id: str, sandbox: Sandbox) -> None:
        event = ContainerEvent(type, container_id, sandbox.id, sandbox.config.uid)
        for callback in list(self._subscribers):
            callback(event)

    def _get(self, container_id: str) -> tuple[Container, Sandbox]:
        entry = self._containers.get(container_id)
        if entry is None:
            raise RuntimeFailure(
                "NotFound",
                f'an error occurred when try to find container "{container_id}": not found',
            )
        return entry


def _reference(image: str) -> Reference:
    try:
        return Reference.parse(image)
    except ValueError as error:
        raise RuntimeFailure("InvalidArgument", f'failed to parse image name "{image}": {error}') from error
