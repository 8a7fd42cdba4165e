"""Delete: at once, gracefully, or when the last finalizer is gone.

Models apiserver pkg/registry/generic/registry/store.go (Delete) and pkg/registry/rest/delete.go.
"""

from dataclasses import dataclass
from datetime import timedelta

from kube_nb.apiserver.admission import DELETE, Attributes
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.strategy import FOREGROUND, ORPHAN
from kube_nb.machinery import errors, times
from kube_nb.machinery.types import Obj

#: How often a deletion starts anew when somebody else changes the object meanwhile.
ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Options:
    """metav1.DeleteOptions. propagation: "" if the client does not say."""

    grace_period_s: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""

    @classmethod
    def of(cls, call: Call, body: Obj) -> "Options":
        """From a body or, for what it leaves out, the query; 422 for values that upstream refuses."""
        preconditions = body.get("preconditions") or {}
        propagation = body.get("propagationPolicy") or call.request.param("propagationPolicy")
        orphan = body.get("orphanDependents")
        if orphan is None and (text := call.request.param("orphanDependents")):
            orphan = text == "true"
        grace = body.get("gracePeriodSeconds")
        if grace is None and (text := call.request.param("gracePeriodSeconds")):
            grace = _whole(text)
        _check(propagation, orphan)
        if orphan is not None:
            propagation = "Orphan" if orphan else "Background"
        return cls(grace, propagation, preconditions.get("uid", ""), preconditions.get("resourceVersion", ""))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


_POLICIES = ("Foreground", "Background", "Orphan")


def _check(propagation: str, orphan: bool | None) -> None:
    faults = []
    if propagation and orphan is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        faults.append(errors.FieldError(errors.INVALID, "propagationPolicy", propagation, detail))
    if propagation and propagation not in _POLICIES:
        detail = 'supported values: "Foreground", "Background", "Orphan", "nil"'
        faults.append(errors.FieldError(errors.NOT_SUPPORTED, "propagationPolicy", propagation, detail))
    if faults:
        raise errors.invalid("DeleteOptions", "", "", faults)


async def delete(call: Call, options: Options) -> tuple[Obj, bool]:
    """(the object as it is now or was last, whether it is gone)."""
    resource, server = call.resource, call.server
    for _ in range(ATTEMPTS):
        entry = await server.storage.get(resource.cacher, call.key)
        if entry is None:
            raise call.not_found()
        obj = await resource.from_storage(entry.obj)
        check_preconditions(call, options, obj)
        await server.admission.validate(Attributes(DELETE, call, None, obj, options=options))
        marked, pending = mark(call, obj, options)
        if pending:
            return obj, False
        revision = entry.revision
        if marked is not obj:
            if call.dry_run:
                return marked, False
            written = await server.write(resource, call.key, marked, revision)
            if written is None:
                continue
            obj, revision = written, int(written["metadata"]["resourceVersion"])
        if not is_due(obj):
            return obj, False
        if call.dry_run:
            return obj, True
        if await remove(call, obj, revision):
            return obj, True
    raise errors.conflict(resource.group_resource, call.info.name, errors.OBJECT_WAS_MODIFIED)


def check_preconditions(call: Call, options: Options, obj: Obj) -> None:
    metadata = obj["metadata"]
    for name, wanted, found in (
        ("UID", options.uid, metadata["uid"]),
        ("ResourceVersion", options.resource_version, metadata["resourceVersion"]),
    ):
        if wanted and wanted != found:
            why = f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {found}"
            raise errors.conflict(call.resource.group_resource, call.info.name, why)


def mark(call: Call, obj: Obj, options: Options) -> tuple[Obj, bool]:
    """(the object with what the deletion leaves on it, whether an earlier deletion goes on unchanged).

    ::
        running pod, 30 s     -> deletionTimestamp now + 30 s, deletionGracePeriodSeconds 30
        the same again        -> unchanged, pending
        the same, grace 5 s   -> deletionTimestamp moved back by 25 s, deletionGracePeriodSeconds 5
        anything + finalizers -> deletionTimestamp now, deletionGracePeriodSeconds 0
    """
    metadata = obj["metadata"]
    grace = call.resource.strategy.grace_period_s(obj, options.grace_period_s)
    if grace is not None and metadata.get("deletionTimestamp"):
        before = metadata.get("deletionGracePeriodSeconds")
        if before is not None:
            grace = options.grace_period_s
            if grace is None or grace >= before:
                return obj, before > 0 or bool(metadata.get("finalizers"))
            moment = times.after(metadata["deletionTimestamp"], grace - before)
            return _marked(
                call, obj, {"deletionTimestamp": times.format(moment), "deletionGracePeriodSeconds": grace}
            ), False
    finalizers = finalizers_after(call, obj, options)
    cleanup = call.resource.strategy.cleanup
    if cleanup and not metadata.get("deletionTimestamp") and cleanup not in finalizers:
        finalizers = [*finalizers, cleanup]
    changes: Obj = {}
    if finalizers != list(metadata.get("finalizers") or ()):
        changes["finalizers"] = finalizers
    if not metadata.get("deletionTimestamp") and (grace is not None or finalizers):
        now = call.server.clock.now() + timedelta(seconds=grace or 0)
        changes |= {"deletionTimestamp": times.format(now), "deletionGracePeriodSeconds": grace or 0}
        if metadata.get("generation"):
            changes["generation"] = metadata["generation"] + 1
    return (_marked(call, obj, changes) if changes else obj), False


def _marked(call: Call, obj: Obj, changes: Obj) -> Obj:
    metadata = {**obj["metadata"], **changes}
    if not metadata.get("finalizers"):
        metadata.pop("finalizers", None)
    return {**obj, "metadata": metadata}


def finalizers_after(call: Call, obj: Obj, options: Options) -> list[str]:
    """The finalizers that a deletion with this policy leaves. Models deletionFinalizersForGarbageCollection."""
    present = list(obj["metadata"].get("finalizers") or ())
    strategy = call.resource.strategy
    if not strategy.collectable:
        return present
    policy = options.propagation
    if not policy:
        policy = next((_POLICY_OF[name] for name in present if name in _POLICY_OF), "")
    if not policy:
        policy = "Orphan" if strategy.orphans else "Background"
    wanted = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    kept = [name for name in present if name not in _POLICY_OF]
    if set(kept + wanted) == set(present):
        return present
    return kept + wanted


_POLICY_OF = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}


def is_due(obj: Obj) -> bool:
    """Whether nothing holds the object any more: no finalizers, no grace left."""
    metadata = obj["metadata"]
    if metadata.get("finalizers"):
        return False
    return not metadata.get("deletionTimestamp") or not metadata.get("deletionGracePeriodSeconds")


def is_finished(new: Obj, old: Obj) -> bool:
    """Whether an update took the last finalizer of an object whose grace is over. Models ShouldDeleteDuringUpdate."""
    metadata = new["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    return bool(old["metadata"].get("finalizers")) and not metadata.get("deletionGracePeriodSeconds")


async def remove(call: Call, obj: Obj, revision: int) -> bool:
    """Take the object out of the store if it still is at this revision."""
    resource, server = call.resource, call.server
    name = obj["metadata"]["name"]
    gone = await server.storage.delete(resource.cacher, resource.key(call.info.namespace, name), revision)
    if gone is None:
        return False
    await resource.strategy.after_delete(call, obj)
    return True
