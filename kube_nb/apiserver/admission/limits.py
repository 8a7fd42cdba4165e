"""LimitRanger: what a namespace's LimitRanges make of containers that do not say, and of those that say too much.

Models plugin/pkg/admission/limitranger/admission.go.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.machinery import errors, objects, quantity
from kube_nb.machinery.types import Obj

ANNOTATION = "kubernetes.io/limit-ranger"
_LISTS = ("containers", "initContainers")


class LimitRanger:
    """Defaults first, limits then."""

    name: ClassVar[str] = "LimitRanger"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        CREATE: ("pods", "persistentvolumeclaims"),
        UPDATE: ("persistentvolumeclaims", "pods/resize"),
    }
    needs: ClassVar[tuple[str, str] | None] = ("limitranges", "")

    async def admit(self, attributes: Attributes) -> Obj:
        obj = attributes.new
        if attributes.group_resource != "pods" or attributes.operation != CREATE:
            return obj
        for item in _items(attributes, "Container"):
            obj = _with_defaults(obj, item)
        return obj

    async def validate(self, attributes: Attributes) -> None:
        faults = list(_faults(attributes))
        if faults:
            text = faults[0] if len(faults) == 1 else "[" + ", ".join(faults) + "]"
            raise errors.forbidden(attributes.group_resource, attributes.name, text)


def _items(attributes: Attributes, kind: str) -> Iterator[Obj]:
    for entry in attributes.server.cacher("limitranges").select(attributes.namespace):
        for item in (entry.obj.get("spec") or {}).get("limits") or ():
            if item.get("type") == kind:
                yield item


def _with_defaults(pod: Obj, item: Obj) -> Obj:
    requests, limits = item.get("defaultRequest") or {}, item.get("default") or {}
    told: list[str] = []
    changed: Obj = {}
    for field in reversed(_LISTS):
        containers = pod["spec"].get(field)
        if containers:
            changed[field] = [_filled(container, requests, limits, field, told) for container in containers]
    if not told:
        return pod
    text = "LimitRanger plugin set: " + "; ".join(told)
    return objects.with_metadata(
        {**pod, "spec": {**pod["spec"], **changed}}, annotations={**objects.annotations(pod), ANNOTATION: text}
    )


def _filled(container: Obj, requests: Obj, limits: Obj, field: str, told: list[str]) -> Obj:
    resources = container.get("resources") or {}
    what = "init container" if field == "initContainers" else "container"
    for kind, defaults in (("limits", limits), ("requests", requests)):
        have = resources.get(kind) or {}
        missing = {name: amount for name, amount in sorted(defaults.items()) if name not in have}
        if missing:
            resources = {**resources, kind: {**have, **missing}}
            told.append(f"{', '.join(missing)} {kind[:-1]} for {what} {container['name']}")
    return {**container, "resources": resources}


def _faults(attributes: Attributes) -> Iterator[str]:
    spec = attributes.new.get("spec") or {}
    if attributes.group_resource == "persistentvolumeclaims":
        amounts = (spec.get("resources") or {}).get("requests") or {}
        for item in _items(attributes, "PersistentVolumeClaim"):
            yield from _bounds(item, "PersistentVolumeClaim", amounts, {})
        return
    containers = [container for field in _LISTS for container in spec.get(field) or ()]
    for item in _items(attributes, "Container"):
        for container in containers:
            resources = container.get("resources") or {}
            requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
            yield from _bounds(item, "Container", requests, limits)
    for item in _items(attributes, "Pod"):
        yield from _bounds(item, "Pod", _total(containers, "requests"), _total(containers, "limits"))


def _total(containers: list[Obj], kind: str) -> Obj:
    """The sum over containers; a resource that one of them leaves open is open."""
    amounts = [(container.get("resources") or {}).get(kind) or {} for container in containers]
    shared = [name for name in amounts[0] if all(name in others for others in amounts)] if amounts else []
    return {name: str(_sum([quantity.parse(row[name]) for row in amounts])) for name in shared}


def _sum(amounts: list[quantity.Quantity]) -> quantity.Quantity:
    total = amounts[0]
    for amount in amounts[1:]:
        total = total + amount
    return total


def _bounds(item: Obj, kind: str, requests: Obj, limits: Obj) -> Iterator[str]:
    for name, least in (item.get("min") or {}).items():
        if name not in requests:
            yield f"minimum {name} usage per {kind} is {least}.  No request is specified"
        elif quantity.parse(requests[name]) < quantity.parse(least):
            yield f"minimum {name} usage per {kind} is {least}, but request is {requests[name]}"
    for name, most in (item.get("max") or {}).items():
        if kind == "PersistentVolumeClaim":
            if name in requests and quantity.parse(requests[name]) > quantity.parse(most):
                yield f"maximum {name} usage per {kind} is {most}, but request is {requests[name]}"
        elif name not in limits:
            yield f"maximum {name} usage per {kind} is {most}.  No limit is specified"
        elif quantity.parse(limits[name]) > quantity.parse(most):
            yield f"maximum {name} usage per {kind} is {most}, but limit is {limits[name]}"
    for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        if name not in requests or name not in limits:
            why = "but no request is specified or request is 0"
            yield f"{name} max limit to request ratio per {kind} is {ratio}, {why}"
            continue
        found = quantity.milli(limits[name]) / max(1, quantity.milli(requests[name]))
        if found > quantity.milli(ratio) / 1000:
            yield f"{name} max limit to request ratio per {kind} is {ratio}, but provided ratio is {found:f}"
