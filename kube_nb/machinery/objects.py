"""Accessors of what every object has: metadata, owners and conditions. They read; those that change return copies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kube_nb.machinery.types import Obj

_NO_LABELS: Mapping[str, str] = {}


def metadata(obj: Obj) -> Obj:
    return obj.get("metadata") or {}


def name(obj: Obj) -> str:
    return str(metadata(obj).get("name") or "")


def namespace(obj: Obj) -> str:
    """``""`` if the object is not in a namespace."""
    return str(metadata(obj).get("namespace") or "")


def uid(obj: Obj) -> str:
    return str(metadata(obj).get("uid") or "")


def resource_version(obj: Obj) -> str:
    return str(metadata(obj).get("resourceVersion") or "")


def generation(obj: Obj) -> int:
    return int(metadata(obj).get("generation") or 0)


def creation_timestamp(obj: Obj) -> str:
    return str(metadata(obj).get("creationTimestamp") or "")


def key(obj: Obj) -> str:
    """``namespace/name``, or ``name`` alone; what work queues hold."""
    meta = obj["metadata"]
    space = meta.get("namespace")
    return f"{space}/{meta['name']}" if space else str(meta["name"])


def split_key(key: str) -> tuple[str, str]:
    """(namespace or "", name) of what `key` made."""
    space, _, name = key.rpartition("/")
    return space, name


def labels(obj: Obj) -> Mapping[str, str]:
    return metadata(obj).get("labels") or _NO_LABELS


def annotations(obj: Obj) -> Mapping[str, str]:
    return metadata(obj).get("annotations") or _NO_LABELS


def finalizers(obj: Obj) -> Sequence[str]:
    return metadata(obj).get("finalizers") or ()


def is_deleting(obj: Obj) -> bool:
    """Whether somebody asked for its deletion and it is still there."""
    return bool(metadata(obj).get("deletionTimestamp"))


# -- owners --------------------------------------------------------------------------------------------------------


def owner_references(obj: Obj) -> Sequence[Obj]:
    return metadata(obj).get("ownerReferences") or ()


def owner(obj: Obj) -> Obj | None:
    """The ownerReference of the managing controller. Models metav1.GetControllerOf."""
    references: Sequence[Obj] = (obj.get("metadata") or {}).get("ownerReferences") or ()
    for reference in references:
        if reference.get("controller"):
            return reference
    return None


def is_controlled_by(obj: Obj, owner_obj: Obj) -> bool:
    reference = owner(obj)
    return reference is not None and reference.get("uid") == uid(owner_obj)


def owner_reference(owner_obj: Obj, controller: bool = True) -> Obj:
    """A reference to put into a dependant. Models metav1.NewControllerRef."""
    reference: Obj = {
        "apiVersion": owner_obj["apiVersion"],
        "kind": owner_obj["kind"],
        "name": name(owner_obj),
        "uid": uid(owner_obj),
    }
    if controller:
        reference |= {"controller": True, "blockOwnerDeletion": True}
    return reference


# -- copies --------------------------------------------------------------------------------------------------------


def with_metadata(obj: Obj, **fields: Any) -> Obj:
    """A copy with these fields of metadata set; a field given as None is removed."""
    meta = {**metadata(obj), **fields}
    return {**obj, "metadata": {field: value for field, value in meta.items() if value is not None}}


def with_status(obj: Obj, status: Obj) -> Obj:
    return {**obj, "status": status}


# -- conditions ----------------------------------------------------------------------------------------------------


def get_condition(obj: Obj, type: str) -> Obj | None:
    """The row of status.conditions with this type."""
    return find_condition((obj.get("status") or {}).get("conditions") or (), type)


def find_condition(conditions: Iterable[Obj], type: str) -> Obj | None:
    for condition in conditions:
        if condition.get("type") == type:
            return condition
    return None


def is_condition_true(obj: Obj, type: str) -> bool:
    condition = get_condition(obj, type)
    return condition is not None and condition.get("status") == "True"


def set_condition(conditions: Sequence[Obj] | None, new: Obj, now: str) -> list[Obj]:
    """The conditions with `new` in the place of its type's row, or at the end.

    now: the timestamp that lastTransitionTime gets if the status changed (or if there was no such row) and `new` brings
    none. Fields that `new` leaves out keep their values. Models apimachinery meta.SetStatusCondition.
    """
    rows = list(conditions or ())
    for number, row in enumerate(rows):
        if row.get("type") == new["type"]:
            rows[number] = {**row, **new, **_transition(row, new, now)}
            return rows
    return [*rows, {**new, **_transition(None, new, now)}]


def _transition(old: Obj | None, new: Obj, now: str) -> Obj:
    if old is not None and old.get("status") == new.get("status"):
        return {"lastTransitionTime": old["lastTransitionTime"]} if "lastTransitionTime" in old else {}
    return {"lastTransitionTime": new.get("lastTransitionTime") or now}
