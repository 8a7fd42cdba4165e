"""Where kinds keep their pod spec, and copies of objects with it changed.

Models kubectl pkg/polymorphichelpers/updatepodspec.go.
"""

import fnmatch
from collections.abc import Callable, Sequence

from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.types import Json, Obj

_TEMPLATE = ("spec", "template", "spec")
_PATHS: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "ReplicationController": _TEMPLATE,
    "Deployment": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}


def changed(obj: Obj, change: Callable[[Obj], Obj]) -> Obj:
    """The object with its pod spec replaced by what `change` makes of it; the rest is shared."""
    path = _PATHS.get(str(obj.get("kind")))
    if path is None:
        raise KubectlError(f"the object is not a pod or does not have a pod template: {_go_type(obj)}")
    return _with(obj, path, change)


def _with(value: Obj, path: tuple[str, ...], change: Callable[[Obj], Obj]) -> Obj:
    if not path:
        return change(value)
    return {**value, path[0]: _with(value.get(path[0]) or {}, path[1:], change)}


def _go_type(obj: Obj) -> str:
    """``*v1.ConfigMap``: what kubectl calls the type."""
    return f"*{str(obj.get('apiVersion')).rpartition('/')[2]}.{obj.get('kind')}"


def with_containers(
    spec: Obj, pattern: str, change: Callable[[Obj], Obj], fields: Sequence[str] = ("containers",)
) -> tuple[Obj, int]:
    """The pod spec with the matching containers changed, and how many there were. pattern: a name with wildcards."""
    found = 0
    lists: Json = {}
    for field in fields:
        if not spec.get(field):
            continue
        chosen = [fnmatch.fnmatchcase(container["name"], pattern) for container in spec[field]]
        found += sum(chosen)
        pairs = zip(spec[field], chosen, strict=True)
        lists[field] = [change(container) if wanted else container for container, wanted in pairs]
    return {**spec, **lists}, found
