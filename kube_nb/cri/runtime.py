"""The contract between a kubelet and a container runtime. Models k8s.io/cri-api runtime/v1 (api.proto).

Every call is `async`, as a runtime may be across a socket; the simulated one suspends only where cluster time passes.
Errors are `RuntimeFailure` with a gRPC code, as containerd words them.

Differs: image credentials, update of container resources while running on engines that cannot, and checkpointing are
not there; a log is read from the runtime (`logs`) instead of a file on the node.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from kube_nb.cri.files import Directory, File
from kube_nb.cri.network import Connection, NetworkNamespace


class RuntimeFailure(Exception):
    """A failed call. code: the gRPC status code's name (``NotFound``, ``Unknown``, ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        """As a Go gRPC client prints it."""
        return f"rpc error: code = {self.code} desc = {self.message}"


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume, or a part of it, at a path of the container."""

    container_path: str
    node: Directory | File
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits and requests of a container; 0 means none."""

    cpu_request_milli: int = 0
    cpu_limit_milli: int = 0
    memory_limit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PodSandboxConfig:
    """name, namespace, uid: the pod's. hosts gives /etc/hosts when asked, as it may name the pod's own address.

    ip: the address that a restored pod had; it is set up again at no cost of time.
    """

    name: str
    namespace: str
    uid: str
    attempt: int = 0
    hostname: str = ""
    resolv_conf: str = ""
    hosts: Callable[[Sequence[str]], str] | None = None
    host_network: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    ip: str = ""


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    """command and args as in a pod: command replaces the image's entrypoint, args its cmd. env: gives the variables
    when a program first looks at its own."""

    name: str
    attempt: int
    image: str
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    working_dir: str = ""
    env: Callable[[], Mapping[str, str]] = dict
    mounts: Sequence[Mount] = ()
    resources: Resources = Resources()
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    read_only_root: bool = False
    run_as_user: int | None = None
    run_as_group: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class ContainerState(Enum):
    """Where a container is in its life."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(slots=True)
class ContainerStatus:
    """image: the resolved reference; image_ref: repository@digest. reason: Completed, Error, OOMKilled, StartError."""

    id: str
    name: str
    attempt: int
    image: str
    image_ref: str
    resources: Resources
    created_at: datetime
    state: ContainerState = ContainerState.CREATED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    user: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class ImageStatus:
    """An image on the node."""

    ref: str
    tags: tuple[str, ...]
    size_bytes: int
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class ContainerStats:
    """cpu_core_ns: processor time used since the start."""

    cpu_milli: int
    cpu_core_ns: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command left behind."""

    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class LogOptions:
    """As PodLogOptions; since: only lines at or after it."""

    tail_lines: int | None = None
    since: datetime | None = None
    follow: bool = False
    timestamps: bool = False
    limit_bytes: int | None = None
    stream: str = "All"


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """A container was created, started, stopped or removed. type: CREATED, STARTED, STOPPED, DELETED."""

    type: str
    container_id: str
    sandbox_id: str
    pod_uid: str


class Streams(Protocol):
    """The channels of an exec or attach, as the runtime sees them; a closed stdin reads as empty bytes."""

    async def read_stdin(self) -> bytes:
        """Some bytes from the client, empty at the end."""

    async def write(self, channel: int, data: bytes) -> None:
        """Data for `machinery.exchange.STDOUT` or `STDERR`."""


class Runtime(Protocol):
    """The runtime of one node."""

    @property
    def name(self) -> str:
        """The scheme of container ids: ``containerd``."""

    @property
    def version(self) -> str: ...

    @property
    def host(self) -> NetworkNamespace:
        """The node's own namespace: where probes and port-forwards start."""

    async def run_pod_sandbox(self, config: PodSandboxConfig) -> str:
        """Make the pod's namespaces; returns the sandbox's id."""

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Kill what still runs in it and free its addresses."""

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        """Forget it and its containers."""

    def sandbox_ips(self, sandbox_id: str) -> Sequence[str]:
        """The pod's addresses; empty once stopped."""

    async def image_status(self, image: str) -> ImageStatus | None:
        """The image if it is on the node. Raises for an invalid reference."""

    async def pull_image(self, image: str) -> str:
        """Fetch the image; returns its ref, repository@digest."""

    async def list_images(self) -> Sequence[ImageStatus]:
        """What is on the node."""

    async def remove_image(self, image: str) -> None:
        """Delete it from the node."""

    async def create_container(self, sandbox_id: str, config: ContainerConfig) -> str:
        """Returns the container's id."""

    async def start_container(self, container_id: str) -> None:
        """Start its main process."""

    async def restore_container(self, sandbox_id: str, config: ContainerConfig, status: ContainerStatus) -> None:
        """Have a container that was somewhere before, as `status` says: same id, times and end. The program of one
        that runs begins from its start; what it had in memory, in files and in its log is lost."""

    async def stop_container(self, container_id: str, timeout_s: float) -> None:
        """Stop signal, then SIGKILL after `timeout_s`; returns when it has exited."""

    async def remove_container(self, container_id: str) -> None:
        """Forget it and its log, killing it first if need be."""

    def container_status(self, container_id: str) -> ContainerStatus:
        """Its status; a shared, live value. Raises NotFound."""

    def find_pod_sandbox(self, pod_uid: str) -> str | None:
        """The id of the pod's living sandbox: what a restarted kubelet finds."""

    def list_containers(self, sandbox_id: str) -> Sequence[ContainerStatus]:
        """All containers of a sandbox, oldest first."""

    async def update_container_resources(self, container_id: str, resources: Resources) -> None:
        """Change the limits of a running container."""

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_s: float = 0) -> ExecResult:
        """Run a command to its end; 0 means no limit. Raises DeadlineExceeded."""

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams, *, tty: bool) -> int:
        """Run a command with streams; returns its exit code."""

    async def attach(self, container_id: str, streams: Streams, *, tty: bool) -> None:
        """Join the main process's streams until it exits or the client leaves."""

    async def port_forward(self, sandbox_id: str, port: int) -> Connection:
        """A connection to a port on the pod's loopback."""

    def logs(self, container_id: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The container's output, in chunks of whole lines."""

    def log_tail(self, container_id: str, max_lines: int, max_bytes: int) -> str:
        """The end of the log, for terminationMessagePolicy FallbackToLogsOnError."""

    def container_stats(self, container_id: str) -> ContainerStats:
        """Present use."""

    def subscribe(self, callback: Callable[[ContainerEvent], None]) -> None:
        """Call back, without waiting, on every change of a container."""

    def unsubscribe(self, callback: Callable[[ContainerEvent], None]) -> None:
        """No longer."""
