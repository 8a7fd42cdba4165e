"""The scale subresource: an autoscaling/v1 Scale as a view of an object's replicas.

Models pkg/registry/apps/deployment/storage (ScaleREST) and apiextensions' customresource scale.
"""

from typing import Any

from kube_nb.api.kinds import ScalePaths
from kube_nb.apiserver import patching, reading, rendering, typed, writing
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.strategy import at
from kube_nb.machinery import errors, labels
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

_BUILTIN = ScalePaths(".spec.replicas", ".status.replicas")


async def scale(call: Call) -> Response:
    """GET, PUT and PATCH of a Scale."""
    if call.info.verb == "get":
        return Response(obj=to_scale(call, await reading.get(call)))
    change = patching.prepare(call) if call.info.verb == "patch" else _replace(call)

    async def transform(old: Obj | None) -> Obj:
        assert old is not None
        return _from_scale(call, typed.checked(call, change(to_scale(call, old))), old)

    obj, _ = await writing.update(call, transform)
    return rendering.finished(call, Response(obj=to_scale(call, obj)))


def _replace(call: Call) -> patching.Change:
    body = typed.read(call)

    def change(old: Obj) -> Obj:
        return typed.named(call, {"metadata": {}, **body})

    return change


def _paths(call: Call) -> ScalePaths:
    row = call.resource.kind.subresource("scale")
    return row.scale if row is not None and row.scale is not None else _BUILTIN


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.lstrip(".").split("."))


def to_scale(call: Call, obj: Obj) -> Obj:
    """``{"kind": "Scale", ..., "spec": {"replicas": 3}, "status": {"replicas": 2, "selector": "app=web"}}``."""
    metadata, paths = obj["metadata"], _paths(call)
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    wanted = at(obj, _keys(paths.spec_replicas))
    status: Obj = {"replicas": at(obj, _keys(paths.status_replicas)) or 0}
    selector = _selector(obj, paths)
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in kept if field in metadata},
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def _selector(obj: Obj, paths: ScalePaths) -> str:
    if paths.selector:
        return str(at(obj, _keys(paths.selector)) or "")
    found: Any = at(obj, ("spec", "selector"))
    if not found:
        return ""
    if obj["kind"] == "ReplicationController":
        return str(labels.from_map(found))
    return str(labels.from_label_selector(found))


def _from_scale(call: Call, scale: Obj, old: Obj) -> Obj:
    """The object with the scale's replicas; resourceVersion and uid of the scale are checked as the object's own."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise errors.bad_request(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal '
            f"{'string' if isinstance(replicas, str) else 'number'} into Go struct field ScaleSpec.spec.replicas of "
            "type int32"
        )
    if replicas < 0:
        fault = errors.FieldError(errors.INVALID, "spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("Scale", "autoscaling", call.info.name, [fault])
    metadata = {**old["metadata"]}
    for field in ("resourceVersion", "uid"):
        given = (scale.get("metadata") or {}).get(field)
        if given or field == "resourceVersion":
            metadata[field] = given
    return {**_with(old, _keys(_paths(call).spec_replicas), replicas), "metadata": metadata}


def _with(obj: Obj, path: tuple[str, ...], value: object) -> Obj:
    first, *rest = path
    return {**obj, first: _with(obj.get(first) or {}, tuple(rest), value) if rest else value}
