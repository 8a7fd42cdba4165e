"""What to do for a pod: a plain function from its spec and its containers to kills, starts and the next deadline.

Models pkg/kubelet/kuberuntime computePodActions and computeInitContainerActions.
"""

from dataclasses import dataclass, field

from kube_nb.cri.runtime import ContainerStatus
from kube_nb.kubelet import resources
from kube_nb.kubelet.record import Instances, PodRecord
from kube_nb.machinery.types import Obj


@dataclass(frozen=True, slots=True)
class Kill:
    """Stop a running container; it may be started again by its restart policy."""

    name: str
    message: str


@dataclass(slots=True)
class Actions:
    """kill first, then start in order. done: every main container has ended for good. failed_init: an init container
    that must not be repeated has failed."""

    kill: list[Kill] = field(default_factory=list)
    start: list[str] = field(default_factory=list)
    done: bool = False
    failed_init: bool = False


def restart_policy(pod: Obj, container: Obj) -> str:
    """The container's own policy (sidecars, and main containers that say so) or the pod's."""
    return str(container.get("restartPolicy") or pod["spec"].get("restartPolicy") or "Always")


def restarts(pod: Obj, container: Obj, status: ContainerStatus) -> bool:
    """Whether an exited container runs again."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        inside = status.exit_code in (codes.get("values") or ())
        if inside == (codes.get("operator") == "In"):
            return bool(rule.get("action") == "Restart")
    policy = restart_policy(pod, container)
    return policy == "Always" or (policy == "OnFailure" and status.exit_code != 0)


def compute(record: PodRecord) -> Actions:
    """Plain data in, plain data out; back-off is the worker's business, when it carries out `start`."""
    actions = Actions()
    spec = record.pod["spec"]
    ready_for_main = _init_containers(record, actions)
    if actions.failed_init:
        actions.done = True
        return actions
    if not ready_for_main and not record.initialized:
        return actions
    record.initialized = True
    living = False
    for container in spec.get("containers") or ():
        living = _one(record, container, actions) or living
    actions.done = not living
    for container in spec.get("ephemeralContainers") or ():
        if not record.instances(container["name"]).statuses:
            actions.start.append(container["name"])
    return actions


def _init_containers(record: PodRecord, actions: Actions) -> bool:
    """Append what init containers need; True when all are through and main containers may run."""
    for container in record.pod["spec"].get("initContainers") or ():
        name = container["name"]
        instances = record.instances(name)
        if resources.is_sidecar(container):
            _one(record, container, actions)
            if not (instances.running and instances.started) and not record.initialized:
                return False
            continue
        if record.initialized:
            continue
        latest = instances.latest
        if latest is None:
            actions.start.append(name)
            return False
        if not instances.exited:
            return False
        if latest.exit_code == 0:
            continue
        if restart_policy(record.pod, container) == "Never" or not restarts(record.pod, container, latest):
            actions.failed_init = True
        else:
            actions.start.append(name)
        return False
    return True


def _one(record: PodRecord, container: Obj, actions: Actions) -> bool:
    """A main container or a sidecar; False if it has ended for good."""
    name = container["name"]
    instances = record.instances(name)
    latest = instances.latest
    if latest is None:
        actions.start.append(name)
        return True
    if instances.exited:
        if restarts(record.pod, container, latest):
            actions.start.append(name)
            return True
        return False
    message = _why_kill(instances, container)
    if message:
        actions.kill.append(Kill(name, message))
        never = restart_policy(record.pod, container) == "Never"
        if not never or instances.image != container["image"] or instances.resized:
            actions.start.append(name)
    return True


def _why_kill(instances: Instances, container: Obj) -> str:
    name = container["name"]
    if instances.image and instances.image != container["image"]:
        return f"Container {name} definition changed, will be restarted"
    if instances.unhealthy:
        return f"Container {name} failed {instances.unhealthy} probe, will be restarted"
    if instances.resized:
        return f"Container {name} resize requires restart"
    return ""
