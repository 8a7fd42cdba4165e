"""The verbs: a `Call` in, a `Response` out.

`VERBS` serves resources and the subresources that are views of them (status, scale ...); `subresources.HANDLERS` serves
those that do something of their own (binding, eviction, log, exec ...).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from kube_nb.apiserver import decode, deleting, patching, reading, rendering, typed, watching, writing
from kube_nb.apiserver.admission import DELETE, Attributes
from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

_DELETE_OPTIONS = GVK("", "v1", "DeleteOptions")

Handler = Callable[[Call], Awaitable[Response]]


async def get(call: Call) -> Response:
    return rendering.one(call, await reading.get(call))


async def list_(call: Call) -> Response:
    options = reading.ListOptions.of(call)
    return rendering.many(call, await reading.page(call, options))


async def watch(call: Call) -> Response:
    return Response(watch=await watching.watch(call, rendering.of_events(call)))


async def create(call: Call) -> Response:
    rendering.form_of(call)
    obj = typed.namespaced(call, typed.decode(call, decode.of_kind(call.request, call.resource.kind.kind)))
    return rendering.one(call, await writing.create(call, obj), 201)


async def update(call: Call) -> Response:
    rendering.form_of(call)
    body = decode.of_kind(call.request, call.resource.kind.kind)

    async def transform(old: Obj | None) -> Obj:
        return typed.named(call, typed.namespaced(call, typed.decode(call, body, old)))

    allowed = call.resource.strategy.create_on_update
    obj, created = await writing.update(call, transform, create_on_update=allowed)
    return rendering.one(call, obj, 201 if created else 200)


async def patch(call: Call) -> Response:
    rendering.form_of(call)
    obj, created = await patching.patch_object(call)
    return rendering.one(call, obj, 201 if created else 200)


async def delete(call: Call) -> Response:
    form = rendering.form_of(call)
    options = delete_options(call)
    obj, _gone = await deleting.delete(call, options)
    if call.resource.kind.returns_deleted or not _gone_returns_status(call, obj, _gone):
        return rendering.one(call, obj)
    return rendering.finished(call, Response(obj=deleted_status(call, obj)), form)


def _gone_returns_status(call: Call, obj: Obj, gone: bool) -> bool:
    """What still is there (finalizers, grace) is answered with the object."""
    return gone or not obj["metadata"].get("deletionTimestamp")


def delete_options(call: Call) -> deleting.Options:
    body = decode.body(call.request) if call.request.body else None
    if body is not None and not isinstance(body, dict):
        raise errors.bad_request("DeleteOptions must be an object")
    options = body or {}
    if options.get("kind", "DeleteOptions") not in ("DeleteOptions", ""):
        raise errors.bad_request(f"decoded object cannot be converted to DeleteOptions: {options['kind']}")
    found = call.server.schemas.for_gvk(_DELETE_OPTIONS)
    if options and found is not None:
        options, _unknown = found.decode(options)
    call.read_delete_options(options)
    return deleting.Options.of(call, options)


def deleted_status(call: Call, obj: Obj) -> Obj:
    """Success, with what was deleted in the details."""
    info = call.info
    details: Obj = {"name": obj["metadata"]["name"]}
    if info.group:
        details["group"] = info.group
    details |= {"kind": info.resource, "uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def delete_collection(call: Call) -> Response:
    """Delete what a list would show, one by one; objects that others delete meanwhile do not matter."""
    options = delete_options(call)
    found = await reading.page(call, reading.ListOptions.of(call))
    for entry in found.entries:
        metadata = entry.obj["metadata"]
        info = replace(call.info, verb="delete", name=metadata["name"], namespace=metadata.get("namespace", ""))
        try:
            await deleting.delete(replace(call, info=info), options)
        except errors.ApiError as error:
            if error.reason != "NotFound":
                raise
    return rendering.many(call, found)


async def delete_namespace(call: Call) -> Response:
    """A namespace first becomes Terminating; it is gone when its spec.finalizers are. Models namespace/storage."""
    options = delete_options(call)
    entry = await call.server.storage.get(call.resource.cacher, call.key)
    if entry is None:
        raise call.not_found()
    obj = entry.obj
    deleting.check_preconditions(call, options, obj)
    if not (obj.get("spec") or {}).get("finalizers"):
        return await delete(call)
    if obj["metadata"].get("deletionTimestamp"):
        why = (
            "The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will "
            "automatically be purged by the system."
        )
        raise errors.conflict("namespaces", call.info.name, why)
    await call.server.admission.validate(Attributes(DELETE, call, None, obj, options=options))
    metadata = {**obj["metadata"], "deletionTimestamp": call.server.clock.timestamp()}
    finalizers = deleting.finalizers_after(call, obj, options)
    if finalizers != list(metadata.get("finalizers") or ()):
        metadata["finalizers"] = finalizers
    terminating = {**obj, "metadata": metadata, "status": {**(obj.get("status") or {}), "phase": "Terminating"}}
    if call.dry_run:
        return rendering.one(call, terminating)
    written = await call.server.write(call.resource, call.key, terminating, entry.revision)
    if written is None:
        return await delete_namespace(call)
    return rendering.one(call, written)


VERBS: dict[str, Handler] = {
    "get": get,
    "list": list_,
    "watch": watch,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": delete_collection,
}
