"""RuntimeClass: a pod gets the overhead, node selector and tolerations of its runtime class.

Models plugin/pkg/admission/runtimeclass/admission.go.
"""

from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, Attributes
from kube_nb.machinery import errors, quantity
from kube_nb.machinery.types import Obj

_OTHER_OVERHEAD = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
_NO_OVERHEAD = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"


class RuntimeClass:
    """See the module's docstring."""

    name: ClassVar[str] = "RuntimeClass"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: ("pods",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def admit(self, attributes: Attributes) -> Obj:
        pod, found = attributes.new, _class_of(attributes)
        overhead, scheduling = _fixed(found), found.get("scheduling") or {}
        spec = pod["spec"]
        if overhead:
            if spec.get("overhead") is not None and not _same(spec["overhead"], overhead):
                raise _no(attributes, _OTHER_OVERHEAD)
            spec = {**spec, "overhead": overhead}
        if scheduling:
            spec = {**spec, **_scheduling(attributes, spec, scheduling)}
        return pod if spec is pod["spec"] else {**pod, "spec": spec}

    async def validate(self, attributes: Attributes) -> None:
        overhead, given = _fixed(_class_of(attributes)), attributes.new["spec"].get("overhead")
        if overhead and not _same(given or {}, overhead):
            raise _no(attributes, _OTHER_OVERHEAD)
        if given and not overhead:
            raise _no(attributes, _NO_OVERHEAD)


def _no(attributes: Attributes, why: str) -> errors.ApiError:
    return errors.forbidden("pods", attributes.name, why)


def _class_of(attributes: Attributes) -> Obj:
    """The pod's class, ``{}`` if it names none; 403 if it is not there."""
    name = attributes.new["spec"].get("runtimeClassName")
    if name is None:
        return {}
    entry = attributes.server.cacher("runtimeclasses", "node.k8s.io").get(name)
    if entry is None:
        raise _no(attributes, f'pod rejected: RuntimeClass "{name}" not found')
    return entry.obj


def _fixed(found: Obj) -> Obj:
    return (found.get("overhead") or {}).get("podFixed") or {}


def _same(left: Obj, right: Obj) -> bool:
    return {name: quantity.parse(amount) for name, amount in left.items()} == {
        name: quantity.parse(amount) for name, amount in right.items()
    }


def _scheduling(attributes: Attributes, spec: Obj, scheduling: Obj) -> Obj:
    """The class's node selector and tolerations joined with the pod's own."""
    selector, changed = dict(spec.get("nodeSelector") or {}), {}
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            why = (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
            raise _no(attributes, why)
        selector[key] = value
    if selector:
        changed["nodeSelector"] = selector
    tolerations = spec.get("tolerations") or []
    more = [row for row in scheduling.get("tolerations") or () if row not in tolerations]
    return {**changed, "tolerations": [*tolerations, *more]} if more else changed
