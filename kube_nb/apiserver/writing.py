"""Create and update: from a decoded object to the store.

Models apiserver pkg/registry/generic/registry/store.go and pkg/registry/rest/{create,update}.go.
"""

from collections.abc import Awaitable, Callable

from kube_nb.api import validation, warnings
from kube_nb.apiserver import deleting, ownership, story
from kube_nb.apiserver.admission import CREATE, UPDATE, Attributes
from kube_nb.apiserver.apiextensions import rules
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.strategy import at
from kube_nb.machinery import errors, names
from kube_nb.machinery.types import Obj

#: How often a generated name is drawn anew when it is taken. Models maxNameGenerationCreateAttempts.
NAME_ATTEMPTS = 8
#: How often an update starts anew when somebody else was faster.
UPDATE_ATTEMPTS = 10

Transform = Callable[[Obj | None], Awaitable[Obj]]

_SYSTEM_FIELDS = ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation")


# -- create --------------------------------------------------------------------------------------------------------


async def create(call: Call, obj: Obj, *, tracked: bool = False) -> Obj:
    """Store a new object; the view of what was stored. tracked: its managedFields are complete already."""
    resource = call.resource
    obj = _prepare(call, obj)
    if not tracked:
        obj = ownership.of_create(call, obj)
    obj = resource.strategy.prepare_for_create(call, obj)
    obj = await call.server.admission.admit(Attributes(CREATE, call, obj, None))
    metadata = obj["metadata"]
    prefix = metadata.get("generateName")
    if metadata.get("name") or not prefix:
        return await _store_new(call, obj)
    for attempt in range(NAME_ATTEMPTS):
        try:
            return await _store_new(call, {**obj, "metadata": {"name": call.server.draw_name(prefix), **metadata}})
        except errors.ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            if attempt == NAME_ATTEMPTS - 1:
                raise _generated_name_taken(error) from None
    raise AssertionError("unreachable: the loop returns or raises")


def _prepare(call: Call, obj: Obj) -> Obj:
    """System metadata of a new object. Models rest.FillObjectMetaSystemFields."""
    given = obj.get("metadata") or {}
    if given.get("resourceVersion"):
        raise errors.ApiError(500, "", "resourceVersion should not be set on objects to be created")
    kind, server = call.resource.kind, call.server
    metadata: Obj = {field: given[field] for field in ("name", "generateName") if given.get(field)}
    if kind.namespaced:
        metadata["namespace"] = call.info.namespace
    metadata["uid"] = names.uid(server.stream("uid"))
    if kind.generation is not None:
        metadata["generation"] = 1
    metadata["creationTimestamp"] = server.clock.timestamp()
    for field, value in given.items():
        if field not in metadata and field not in _SYSTEM_FIELDS and field != "namespace":
            metadata[field] = value
    rest = {field: value for field, value in obj.items() if field not in ("apiVersion", "kind", "metadata")}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **rest}


async def _store_new(call: Call, obj: Obj) -> Obj:
    resource, server = call.resource, call.server
    name = obj["metadata"].get("name", "")
    obj = resource.strategy.canonicalize(obj)
    validate(call, obj, None)
    await server.admission.validate(Attributes(CREATE, call, obj, None))
    key = resource.key(call.info.namespace, name)
    if call.dry_run:
        if await server.storage.get(resource.cacher, key) is not None:
            raise errors.already_exists(resource.group_resource, name)
        return obj
    obj = await resource.strategy.begin_create(call, obj)
    try:
        created = await server.write(resource, key, obj, 0)
    except BaseException:
        await resource.strategy.abort(call, obj, None)
        raise
    if created is None:
        await resource.strategy.abort(call, obj, None)
        raise errors.already_exists(resource.group_resource, name)
    return created


def _generated_name_taken(error: errors.ApiError) -> errors.ApiError:
    """Models rest.CheckGeneratedNameError: the client may simply try again."""
    name = (error.details or {}).get("name", "")
    kind = (error.details or {}).get("kind", "")
    return errors.ApiError(
        409,
        "AlreadyExists",
        f'{kind} "{name}" already exists, the server was not able to generate a unique name for the object',
        error.details,
    )


# -- update --------------------------------------------------------------------------------------------------------


async def update(
    call: Call, transform: Transform, *, create_on_update: bool = False, tracked: bool = False
) -> tuple[Obj, bool]:
    """Change an object: (the view of what is stored now, whether it was created by this).

    transform: from the current object (None if there is none and it may be created) to the wanted one; it runs again
    if somebody else writes meanwhile, and a version that the client insists on is then no longer the current one.
    tracked: its managedFields are complete already.
    """
    resource, server = call.resource, call.server
    key = call.key
    for _ in range(UPDATE_ATTEMPTS):
        entry = await server.storage.get(resource.cacher, key)
        if entry is None:
            if not create_on_update or call.info.subresource:
                raise call.not_found()
            return await create(call, await transform(None), tracked=tracked), True
        old = await resource.from_storage(entry.obj)
        new = _check_versions(call, await transform(old), old)
        new = _prepare_update(call, new, old)
        if not tracked:
            new = ownership.of_update(call, new, old)
        new = await server.admission.admit(Attributes(UPDATE, call, new, old))
        validate(call, new, old)
        await server.admission.validate(Attributes(UPDATE, call, new, old))
        if ownership.same(new, old) and resource.is_current(entry.obj):
            return old, False
        if call.dry_run:
            return new, False
        if deleting.is_finished(new, old):
            if await deleting.remove(call, {**new, "metadata": {**new["metadata"]}}, entry.revision):
                return new, False
            continue
        written = await _store_changed(call, key, new, old, entry.revision)
        if written is not None:
            return written, False
    raise errors.conflict(resource.group_resource, call.info.name, errors.OBJECT_WAS_MODIFIED)


async def _store_changed(call: Call, key: str, new: Obj, old: Obj, revision: int) -> Obj | None:
    strategy = call.resource.strategy
    new = await strategy.begin_update(call, new, old)
    try:
        written = await call.server.write(call.resource, key, new, revision)
    except BaseException:
        await strategy.abort(call, new, old)
        raise
    if written is None:
        await strategy.abort(call, new, old)
    else:
        await strategy.after_update(call, written, old)
    return written


def _check_versions(call: Call, new: Obj, old: Obj) -> Obj:
    """The object; Conflict 409 for a stale resourceVersion or another uid."""
    metadata, before = new["metadata"], old["metadata"]
    wanted = metadata.get("resourceVersion")
    uid = metadata.get("uid")
    group_resource, name = call.resource.group_resource, call.info.name
    if uid and uid != before["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['uid']}"
        raise errors.conflict(group_resource, name, why)
    if not wanted or wanted == "0":
        if not call.resource.strategy.unconditional_update:
            fault = errors.FieldError(errors.INVALID, "metadata.resourceVersion", 0, "must be specified for an update")
            raise call.resource.invalid(name, [fault])
        return new
    if wanted != before["resourceVersion"]:
        if not wanted.isdigit():
            fault = errors.FieldError(
                errors.INVALID,
                "metadata.resourceVersion",
                wanted,
                f'strconv.ParseUint: parsing "{wanted}": invalid syntax',
            )
            raise call.resource.invalid(name, [fault])
        raise errors.conflict(group_resource, name, errors.OBJECT_WAS_MODIFIED)
    return new


#: metadata that an update never changes or removes.
_KEPT = ("uid", "creationTimestamp", "generation", "resourceVersion")
_KEPT_IF_SET = ("deletionTimestamp", "deletionGracePeriodSeconds", "generateName")


def _prepare_update(call: Call, new: Obj, old: Obj) -> Obj:
    """System metadata, then the kind's own rules, then the generation. Models rest.BeforeUpdate."""
    resource = call.resource
    metadata, before = new["metadata"], old["metadata"]
    if metadata is not before:
        kept = {field: before[field] for field in _KEPT if field in before}
        kept |= {field: before[field] for field in _KEPT_IF_SET if field in before}
        metadata = {field: value for field, value in metadata.items() if value is not None and _may_set(field, before)}
        metadata = {**metadata, "name": metadata.get("name") or before["name"], **kept}
        if resource.kind.namespaced:
            metadata["namespace"] = metadata.get("namespace") or before["namespace"]
        new = {**new, "metadata": metadata}
    subresource = call.info.subresource
    if subresource == "status":
        return resource.strategy.prepare_for_status_update(call, new, old)
    if subresource in resource.strategy.views:
        return with_generation(call, resource.strategy.views[subresource](call, new, old), old)
    new = resource.strategy.prepare_for_update(call, new, old)
    return with_generation(call, new, old)


def _may_set(field: str, before: Obj) -> bool:
    return field not in _SYSTEM_FIELDS or field in before


def with_generation(call: Call, new: Obj, old: Obj) -> Obj:
    """metadata.generation goes up by one if a field that the kind's row names has changed."""
    paths = call.resource.kind.generation
    if not paths or all(_unchanged(new, old, tuple(path.split("."))) for path in paths):
        return new
    metadata = new["metadata"]
    return {**new, "metadata": {**metadata, "generation": int(old["metadata"].get("generation") or 0) + 1}}


def _unchanged(new: Obj, old: Obj, path: tuple[str, ...]) -> bool:
    left, right = at(new, path), at(old, path)
    return left is right or left == right


# -- both ----------------------------------------------------------------------------------------------------------


def validate(call: Call, obj: Obj, old: Obj | None) -> None:
    """422 with every field's fault; warnings go to the response."""
    faults = validation.validate(call.resource.kind, obj, old, call.info.subresource)
    if not faults and call.resource.kind.is_custom:
        faults = rules.check(call.resource.kind, obj, old)
    if faults:
        raise call.resource.invalid(str(obj["metadata"].get("name", "")), faults)
    if (told := story.current()) is not None:
        told.tell("validation", "every field is as it must be")
    call.warnings += warnings.of(call.resource.kind, obj, old)
