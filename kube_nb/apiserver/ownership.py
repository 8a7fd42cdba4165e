"""Who set which field: metadata.managedFields of every write.

Models apiserver pkg/endpoints/handlers/fieldmanager; the field sets themselves are `machinery.managed`.
"""

from kube_nb.apiserver.call import Call
from kube_nb.machinery import managed
from kube_nb.machinery.types import Obj

_STATUS: managed.Fields = {"f:status": {}}
_SPEC: managed.Fields = {"f:spec": {}}
_NOTHING: managed.Fields = {}


def of_create(call: Call, obj: Obj) -> Obj:
    """A new object with its first manager."""
    return of_update(call, obj, None)


def of_update(call: Call, new: Obj, old: Obj | None) -> Obj:
    """A changed object with what the caller changed given to it."""
    kind = call.resource.kind
    return managed.update(
        old,
        _with_sound_rows(new, old),
        call.field_manager,
        schema=call.resource.schema,
        now=call.server.clock.timestamp(),
        subresource=call.info.subresource,
        reset=_reset(call),
        custom=kind.is_custom,
    )


def _with_sound_rows(new: Obj, old: Obj | None) -> Obj:
    """The object without managedFields that a client has spoilt: field sets are objects all the way down."""
    sent = new["metadata"].get("managedFields")
    stored = old["metadata"].get("managedFields") if old is not None else None
    if sent is None or sent is stored or all(_is_set((row or {}).get("fieldsV1") or {}) for row in sent):
        return new
    metadata = {field: value for field, value in new["metadata"].items() if field != "managedFields"}
    return {**new, "metadata": metadata if stored is None else {**metadata, "managedFields": stored}}


def _is_set(fields: object) -> bool:
    return isinstance(fields, dict) and all(map(_is_set, fields.values()))


def apply(call: Call, old: Obj | None, applied: Obj, force: bool) -> Obj:
    """The object that results from a server-side apply, with its managers, without defaults.

    Raises Conflict 409 with a cause per field that another manager owns.
    """
    return managed.apply(
        old,
        applied,
        call.field_manager,
        schema=call.resource.schema,
        now=call.server.clock.timestamp(),
        force=force,
        subresource=call.info.subresource,
        reset=_reset(call),
        custom=call.resource.kind.is_custom,
    )


def _reset(call: Call) -> managed.Fields:
    """What the endpoint does not let its callers change."""
    if call.info.subresource:
        return _SPEC if call.info.subresource == "status" else _NOTHING
    return _STATUS if call.resource.kind.has_status else _NOTHING


def same(new: Obj, old: Obj) -> bool:
    """Whether nothing but the times of managedFields differs, so that there is nothing to store."""
    if new == old:
        return True
    left, right = new["metadata"], old["metadata"]
    if left.get("managedFields") == right.get("managedFields"):
        return False
    plain_new, plain_old = ({**metadata, "managedFields": None} for metadata in (left, right))
    if plain_new != plain_old or {**new, "metadata": None} != {**old, "metadata": None}:
        return False
    return _timeless(left) == _timeless(right)


def _timeless(metadata: Obj) -> list[Obj]:
    rows = metadata.get("managedFields") or ()
    return [{field: value for field, value in row.items() if field != "time"} for row in rows]
