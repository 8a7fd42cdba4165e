"""ResourceQuota: a namespace has no more than its quotas allow.

Use is counted from the stored objects when a write asks for more, so it is exact; the status of a quota is its
controller's. What an object uses is told by `api.quota`. Models apiserver pkg/admission/plugin/resourcequota.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.api import quota as quotas
from kube_nb.api.quota import ZERO, Usage
from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.machinery import errors, objects
from kube_nb.machinery.types import Obj

#: What can come to use more as it is changed.
_GROWING = ("pods/resize", "services", "persistentvolumeclaims")


class ResourceQuota:
    """See the module's docstring."""

    name: ClassVar[str] = "ResourceQuota"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("*",), UPDATE: _GROWING}
    needs: ClassVar[tuple[str, str] | None] = ("resourcequotas", "")

    async def validate(self, attributes: Attributes) -> None:
        if not attributes.namespace or (attributes.subresource and attributes.operation == CREATE):
            return
        for entry in attributes.server.cacher("resourcequotas").select(attributes.namespace):
            if quotas.applies(entry.obj.get("spec") or {}, attributes.group_resource, attributes.new):
                _check(attributes, entry.obj)


def _check(attributes: Attributes, quota: Obj) -> None:
    hard, asked = quotas.hard(quota), quotas.usage(attributes.group_resource, attributes.new)
    missing = [name for name in hard if _must_say(name, attributes.group_resource) and name not in asked]
    name = objects.name(quota)
    if missing:
        why = f"failed quota: {name}: must specify {_per_container(attributes.new, missing)}"
        raise errors.forbidden(attributes.group_resource, attributes.name, why)
    more = _more(attributes, asked)
    limited = [name for name in sorted(more) if name in hard]
    if not limited:
        return
    used = _used(attributes, quota, limited)
    over = [name for name in limited if hard[name] < used[name] + more[name]]
    if over:
        parts = (",".join(f"{each}={amounts[each]}" for each in over) for amounts in (more, used, hard))
        requested, in_use, limit = parts
        why = f"exceeded quota: {name}, requested: {requested}, used: {in_use}, limited: {limit}"
        raise errors.forbidden(attributes.group_resource, attributes.name, why)


def _more(attributes: Attributes, asked: Usage) -> Usage:
    """What the write adds to the use."""
    before = quotas.usage(attributes.group_resource, attributes.old) if attributes.old is not None else {}
    deltas = {name: amount - before.get(name, ZERO) for name, amount in asked.items()}
    return {name: amount for name, amount in deltas.items() if amount > ZERO}


def _must_say(name: str, group_resource: str) -> bool:
    """A quota on compute makes every pod say what it needs."""
    return group_resource == "pods" and name.removeprefix("requests.").removeprefix("limits.") in ("cpu", "memory")


def _per_container(pod: Obj, missing: list[str]) -> str:
    names = ",".join(container["name"] for container in pod["spec"]["containers"])
    return "; ".join(f"{resource} for: {names}" for resource in sorted(missing))


def _used(attributes: Attributes, quota: Obj, limited: list[str]) -> Usage:
    info = attributes.call.info
    entries = attributes.server.cacher(info.resource, info.group, info.version).select(attributes.namespace)
    return quotas.total(quota["spec"], attributes.group_resource, [entry.obj for entry in entries], limited)
