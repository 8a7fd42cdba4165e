"""From client-side to server-side apply: kubectl's update rows become its apply row.

Models client-go util/csaupgrade.
"""

from collections.abc import Collection

from kube_nb.machinery.managed import sets
from kube_nb.machinery.managed.entries import APPLY, UPDATE, encode, fields, owning
from kube_nb.machinery.managed.last_applied import LAST_APPLIED
from kube_nb.machinery.managed.updating import with_rows
from kube_nb.machinery.types import Obj

_ANNOTATION = sets.of_paths(("f:metadata", "f:annotations", f"f:{LAST_APPLIED}"))


def upgrade(obj: Obj, from_managers: Collection[str], to_manager: str, *, subresource: str = "") -> Obj:
    """The object as if what `from_managers` wrote by update had been applied by `to_manager`; itself if none did."""
    rows: list[Obj] = list((obj.get("metadata") or {}).get("managedFields") or ())
    written = [row for row in rows if _is(row, from_managers, UPDATE, subresource)]
    if not written:
        return obj
    applied = [row for row in rows if _is(row, (to_manager,), APPLY, subresource)]
    target = applied[0] if applied else {**written[0], "manager": to_manager, "operation": APPLY}
    owned = fields(target)
    for row in written:
        owned = sets.union(owned, fields(row))
    replaced = [*written, *applied]
    kept = [row for row in rows if not any(row is other for other in replaced)]
    return with_rows(obj, encode([*kept, owning(target, sets.difference(owned, _ANNOTATION))]))


def _is(row: Obj, managers: Collection[str], operation: str, subresource: str) -> bool:
    same = row.get("operation") == operation and row.get("subresource", "") == subresource
    return same and row.get("manager") in managers
