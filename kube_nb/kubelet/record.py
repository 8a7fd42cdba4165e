"""`PodRecord`: all that a kubelet knows of one pod beyond its API object."""

from dataclasses import dataclass, field

from kube_nb.cri.files import Directory
from kube_nb.cri.runtime import ContainerState, ContainerStatus
from kube_nb.kubelet import resources
from kube_nb.kubelet.backoff import Backoff
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

MIRROR = "kubernetes.io/config.mirror"
#: How many instances of a container are kept: the present one and the one before, for `logs --previous`.
KEPT_INSTANCES = 2


@dataclass(slots=True)
class Instances:
    """A container's instances, the newest last; live values of the runtime."""

    statuses: list[ContainerStatus] = field(default_factory=list)
    image: str = ""  # as the spec had it when the newest was made
    waiting: tuple[str, str] | None = None  # (reason, message) why no newer one runs
    backoff: Backoff = field(default_factory=Backoff)
    retry_s: float | None = None  # when to try again after a failure that made no instance
    ready: bool = False
    started: bool = False
    unhealthy: str = ""  # the probe that wants it restarted
    resources: Obj = field(default_factory=dict)  # as the newest runs with
    resized: bool = False  # it must be restarted to get what it is given
    post_started: bool = True

    @property
    def latest(self) -> ContainerStatus | None:
        return self.statuses[-1] if self.statuses else None

    @property
    def running(self) -> bool:
        return bool(self.statuses) and self.statuses[-1].state is ContainerState.RUNNING

    @property
    def exited(self) -> bool:
        return bool(self.statuses) and self.statuses[-1].state is ContainerState.EXITED


@dataclass(slots=True)
class Verdict:
    """Why a pod has failed as a whole: DeadlineExceeded, Evicted, OutOfcpu."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Resize:
    """How a resize stands, and the generation of the pod that asked for it."""

    reason: str
    message: str
    generation: int


@dataclass(slots=True)
class PodRecord:
    """pod: the newest object, never changed in place. static: from the manifest folder, not from the API.

    allocated: what each container is given of the node, which a resize of the pod changes when the node has room.
    """

    pod: Obj
    static: bool = False
    mirror_uid: str = ""
    sandbox_id: str = ""
    sandbox_attempt: int = 0
    ips: tuple[str, ...] = ()
    restored_ip: str = ""  # the address that it had before this node's runtime was there
    start_time: str = ""
    start_s: float = 0.0
    containers: dict[str, Instances] = field(default_factory=dict)
    volumes: dict[str, Directory] | None = None
    initialized: bool = False
    terminal: bool = False
    verdict: Verdict | None = None
    requests: dict[str, int] = field(default_factory=dict)
    allocated: dict[str, Obj] = field(default_factory=dict)
    resize_pending: Resize | None = None
    resize_progress: Resize | None = None

    @property
    def uid(self) -> str:
        return objects.uid(self.pod)

    @property
    def name(self) -> str:
        return objects.name(self.pod)

    @property
    def namespace(self) -> str:
        return objects.namespace(self.pod)

    @property
    def full_name(self) -> str:
        """As messages name a pod: ``name_namespace(uid)``."""
        return f"{self.name}_{self.namespace}({self.uid})"

    def instances(self, name: str) -> Instances:
        found = self.containers.get(name)
        if found is None:
            found = self.containers[name] = Instances()
        return found

    def living(self) -> list[tuple[str, ContainerStatus]]:
        """(name, status) of the containers that have not exited."""
        return [
            (name, instances.statuses[-1])
            for name, instances in self.containers.items()
            if instances.statuses and instances.statuses[-1].state is not ContainerState.EXITED
        ]

    def spec(self, name: str) -> Obj:
        """The container's part of the pod's spec, at the resources that it is given."""
        spec = self.pod["spec"]
        for field_name in ("containers", "initContainers", "ephemeralContainers"):
            for container in spec.get(field_name) or ():
                if container["name"] == name:
                    return self.at_allocation(container)
        raise KeyError(name)

    def at_allocation(self, container: Obj) -> Obj:
        given = self.allocated.get(container["name"])
        return (
            container if given is None or given == container.get("resources", {}) else {**container, "resources": given}
        )

    def field_path(self, name: str) -> str:
        """``spec.containers{nginx}``: where an event about the container points."""
        spec = self.pod["spec"]
        for field_name in ("initContainers", "ephemeralContainers"):
            if any(container["name"] == name for container in spec.get(field_name) or ()):
                return f"spec.{field_name}{{{name}}}"
        return f"spec.containers{{{name}}}"

    def sidecars(self) -> list[str]:
        return [c["name"] for c in self.pod["spec"].get("initContainers") or () if resources.is_sidecar(c)]
