"""DefaultTolerationSeconds and Priority: what every pod gets whether it asks or not.

Models plugin/pkg/admission/{defaulttolerationseconds,priority}.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
TOLERATION_S = 300
PREEMPT = "PreemptLowerPriority"


class DefaultTolerationSeconds:
    """A pod stays five minutes on a node that is not ready or not reachable, unless it says otherwise."""

    name: ClassVar[str] = "DefaultTolerationSeconds"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("pods",), UPDATE: ("pods",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        pod = attributes.new
        tolerations = pod["spec"].get("tolerations") or []
        missing = [key for key in (NOT_READY, UNREACHABLE) if not _tolerates(tolerations, key)]
        if not missing:
            return pod
        added = [_toleration(key) for key in missing]
        return {**pod, "spec": {**pod["spec"], "tolerations": [*tolerations, *added]}}


def _tolerates(tolerations: list[Obj], key: str) -> bool:
    return any(
        (row.get("key") or key) == key and (row.get("effect") or "NoExecute") == "NoExecute" for row in tolerations
    )


def _toleration(key: str) -> Obj:
    return {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_S}


class Priority:
    """A pod's priority is that of its class; there is one default class at most."""

    name: ClassVar[str] = "Priority"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        CREATE: ("pods", "priorityclasses.scheduling.k8s.io"),
        UPDATE: ("pods", "priorityclasses.scheduling.k8s.io"),
    }
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        pod = attributes.new
        if attributes.group_resource != "pods":
            return pod
        if attributes.operation == UPDATE:
            return _unchanged(pod, attributes.old or {})
        spec = pod["spec"]
        class_name, value, policy = self._class_of(attributes, spec.get("priorityClassName") or "")
        _agrees(attributes, spec, value, policy)
        named = {"priorityClassName": class_name} if class_name else {}
        return {**pod, "spec": {**spec, **named, "priority": value, "preemptionPolicy": policy}}

    def _class_of(self, attributes: Attributes, name: str) -> tuple[str, int, str]:
        """(name, value, preemption policy) of the named class, else of the default one, else of none."""
        classes = attributes.server.cacher("priorityclasses", "scheduling.k8s.io")
        if name:
            entry = classes.get(name)
            if entry is None:
                raise errors.forbidden("pods", attributes.name, f"no PriorityClass with name {name} was found")
            return name, int(entry.obj.get("value", 0)), entry.obj.get("preemptionPolicy") or PREEMPT
        default = min(
            (entry.obj for entry in classes.select() if entry.obj.get("globalDefault")),
            key=lambda obj: int(obj.get("value", 0)),
            default=None,
        )
        if default is None:
            return "", 0, PREEMPT
        return default["metadata"]["name"], int(default.get("value", 0)), default.get("preemptionPolicy") or PREEMPT

    async def validate(self, attributes: Attributes) -> None:
        if attributes.group_resource == "pods" or not attributes.new.get("globalDefault"):
            return
        name = attributes.name
        for entry in attributes.server.cacher("priorityclasses", "scheduling.k8s.io").select():
            if entry.obj.get("globalDefault") and entry.key != name:
                why = f"PriorityClass {entry.key} is already marked as default. Only one default can exist"
                raise errors.forbidden("priorityclasses.scheduling.k8s.io", name, why)


def _unchanged(pod: Obj, old: Obj) -> Obj:
    """A client that leaves the priority out does not take it away."""
    before = old.get("spec") or {}
    lost = {
        field: before[field]
        for field in ("priority", "preemptionPolicy")
        if field in before and pod["spec"].get(field) is None
    }
    return {**pod, "spec": {**pod["spec"], **lost}} if lost else pod


def _agrees(attributes: Attributes, spec: Obj, value: int, policy: str) -> None:
    """403 if the pod brings numbers that are not its class's."""
    if spec.get("priority") is not None and spec["priority"] != value:
        why = (
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority admission "
            f"controller computed {value} from the given PriorityClass name"
        )
        raise errors.forbidden("pods", attributes.name, why)
    if spec.get("preemptionPolicy") is not None and spec["preemptionPolicy"] != policy:
        why = (
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name"
        )
        raise errors.forbidden("pods", attributes.name, why)
