"""ResourceQuota: a namespace has no more than its quotas allow.

Use is counted from the stored objects when a creation asks, so it is exact; the status of a quota is its controller's.
Models apiserver pkg/admission/plugin/resourcequota and pkg/quota/v1/evaluator/core.
Differs: no scopes but Terminating, NotTerminating, BestEffort and NotBestEffort; an update never asks.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, Attributes
from kube_nb.apiserver.strategies.pods import qos_class
from kube_nb.machinery import errors, objects, quantity
from kube_nb.machinery.quantity import Quantity
from kube_nb.machinery.types import Obj

#: Names that count a kind's objects besides ``count/...``.
_COUNTED = {
    "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims",
    "pods": "pods",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
    "secrets": "secrets",
    "services": "services",
}
_BARE = ("cpu", "memory", "ephemeral-storage")

Usage = dict[str, Quantity]


class ResourceQuota:
    """See the module's docstring."""

    name: ClassVar[str] = "ResourceQuota"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",)}

    async def validate(self, attributes: Attributes) -> None:
        if attributes.subresource or not attributes.namespace:
            return
        quotas = [entry.obj for entry in attributes.server.cacher("resourcequotas").select(attributes.namespace)]
        if not quotas:
            return
        for quota in quotas:
            if _applies(quota, attributes.group_resource, attributes.new):
                _check(attributes, quota)


def _applies(quota: Obj, group_resource: str, obj: Obj) -> bool:
    scopes = (quota.get("spec") or {}).get("scopes") or ()
    return not scopes or (group_resource == "pods" and all(_in_scope(scope, obj) for scope in scopes))


def _in_scope(scope: str, pod: Obj) -> bool:
    spec = pod.get("spec") or {}
    terminating = spec.get("activeDeadlineSeconds") is not None
    best_effort = qos_class(spec) == "BestEffort"
    known = {
        "Terminating": terminating,
        "NotTerminating": not terminating,
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
    }
    return known.get(scope, False)


def _check(attributes: Attributes, quota: Obj) -> None:
    hard = {name: quantity.parse(amount) for name, amount in ((quota.get("spec") or {}).get("hard") or {}).items()}
    asked = usage(attributes.group_resource, attributes.new)
    missing = [name for name in hard if _must_say(name, attributes.group_resource) and name not in asked]
    name = objects.name(quota)
    if missing:
        why = f"failed quota: {name}: must specify {_per_container(attributes.new, missing)}"
        raise errors.forbidden(attributes.group_resource, attributes.name, why)
    limited = [name for name in sorted(asked) if name in hard]
    if not limited:
        return
    used = _used(attributes, quota, limited)
    over = [name for name in limited if asked[name] and hard[name] < used[name] + asked[name]]
    if over:
        parts = (",".join(f"{each}={amounts[each]}" for each in over) for amounts in (asked, used, hard))
        requested, in_use, limit = parts
        why = f"exceeded quota: {name}, requested: {requested}, used: {in_use}, limited: {limit}"
        raise errors.forbidden(attributes.group_resource, attributes.name, why)


def _must_say(name: str, group_resource: str) -> bool:
    """A quota on compute makes every pod say what it needs."""
    return group_resource == "pods" and name.removeprefix("requests.").removeprefix("limits.") in ("cpu", "memory")


def _per_container(pod: Obj, missing: list[str]) -> str:
    names = ",".join(container["name"] for container in pod["spec"]["containers"])
    return "; ".join(f"{resource} for: {names}" for resource in sorted(missing))


def _used(attributes: Attributes, quota: Obj, limited: list[str]) -> Usage:
    total: Usage = {name: quantity.parse("0") for name in limited}
    info = attributes.call.info
    cacher = attributes.server.cacher(info.resource, info.group, info.version)
    for entry in cacher.select(attributes.namespace):
        if (entry.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed") and info.resource == "pods":
            continue
        if not _applies(quota, attributes.group_resource, entry.obj):
            continue
        for name, amount in usage(attributes.group_resource, entry.obj).items():
            if name in total:
                total[name] = total[name] + amount
    return total


def usage(group_resource: str, obj: Obj) -> Usage:
    """What one object uses of each name that a quota can limit: ``{"pods": 1, "requests.cpu": 100m, ...}``."""
    one = quantity.parse("1")
    found: Usage = {f"count/{group_resource}": one}
    if group_resource in _COUNTED:
        found[_COUNTED[group_resource]] = one
    if group_resource == "pods":
        found |= _pod_usage(obj.get("spec") or {})
    elif group_resource == "services":
        found |= _service_usage(obj.get("spec") or {})
    elif group_resource == "persistentvolumeclaims":
        storage = (((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage")
        if storage:
            found["requests.storage"] = quantity.parse(storage)
    return found


def _pod_usage(spec: Obj) -> Usage:
    found: Usage = {}
    for kind in ("requests", "limits"):
        for name, amount in _effective(spec, kind):
            found[f"{kind}.{name}"] = amount
            if kind == "requests" and name in _BARE:
                found[name] = amount
    return found


def _effective(spec: Obj, kind: str) -> Iterator[tuple[str, Quantity]]:
    """The sum of the containers, or the largest init container if that is more."""

    def amounts(containers: list[Obj]) -> list[Obj]:
        return [(container.get("resources") or {}).get(kind) or {} for container in containers]

    mains, inits = amounts(spec.get("containers") or []), amounts(spec.get("initContainers") or [])
    names = dict.fromkeys(name for row in (*mains, *inits) for name in row)
    for name in names:
        total = quantity.parse("0")
        for row in mains:
            if name in row:
                total = total + quantity.parse(row[name])
        for row in inits:
            if name in row and total < quantity.parse(row[name]):
                total = quantity.parse(row[name])
        yield name, total


def _service_usage(spec: Obj) -> Usage:
    kind, ports = spec.get("type", "ClusterIP"), len(spec.get("ports") or ())
    found: Usage = {}
    if kind == "LoadBalancer":
        found["services.loadbalancers"] = quantity.parse("1")
    if kind in ("NodePort", "LoadBalancer"):
        found["services.nodeports"] = quantity.parse(str(ports))
    return found
