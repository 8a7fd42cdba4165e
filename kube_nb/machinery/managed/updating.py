"""Tracking of writes that are not applies: whoever changes a field owns it alone, who removes one frees it.

Models apimachinery pkg/util/managedfields/internal (managedfieldsupdater.go, skipnonapplied.go) and the Update half of
structured-merge-diff merge/update.go.
"""

from kube_nb.machinery.managed import entries as rows
from kube_nb.machinery.managed import sets
from kube_nb.machinery.managed.comparing import Comparison, compare
from kube_nb.machinery.managed.entries import UPDATE, Entries, Identity
from kube_nb.machinery.managed.sets import EMPTY, Fields
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Json, Obj


def update(
    live: Obj | None,
    new: Obj,
    manager: str,
    *,
    schema: TypeSchema | None,
    now: str,
    api_version: str = "",
    subresource: str = "",
    reset: Fields = EMPTY,
    custom: bool = False,
) -> Obj:
    """`new` with its managedFields brought up to date.

    live: as stored; None on create. now: metav1.Time. api_version: of the request, `new`'s own by default. reset: what
    this endpoint does not let its callers change (``{"f:status": {}}`` on a kind with a status subresource). A client
    may send edited managedFields, or ``[]`` to forget them all; not through a subresource. custom: see `compare`.
    """
    before = _entries(live, new, subresource)
    if not before and live is not None and live.get("metadata", {}).get("uid"):
        return with_rows(new, None)
    changes = compare(live or {}, new, schema, custom=custom).without(reset)
    if changes.same:
        return with_rows(new, rows.encode(before.values()) or None)
    me: Identity = (manager or "unknown", UPDATE, api_version or new.get("apiVersion", ""), subresource)
    after = rows.capped(tracked(before, changes, me, now))
    return with_rows(new, rows.encode(after.values()) or None)


def tracked(before: Entries, changes: Comparison, me: Identity, now: str) -> Entries:
    """The entries after `me` wrote the changes."""
    written = changes.written
    gone = sets.union(written, changes.removed)
    after: Entries = {}
    for manager, row in before.items():
        owned = rows.fields(row)
        left = sets.difference(owned, changes.removed if manager == me else gone)
        if manager == me and written:
            left = sets.union(left, written)
            after[manager] = rows.row(me, me[2], left, now)
        elif left is owned:
            after[manager] = row
        elif left:
            after[manager] = rows.owning(row, left)
    if written and me not in after:
        after[me] = rows.row(me, me[2], written, now)
    return after


def _entries(live: Obj | None, new: Obj, subresource: str) -> Entries:
    """The entries to start from: the client's if it sent good ones, else the stored ones."""
    stored = live.get("metadata", {}).get("managedFields") if live else None
    sent = new.get("metadata", {}).get("managedFields")
    if subresource or sent is stored:
        return rows.decode(stored) or {}
    if _is_reset(sent):
        return {}
    return rows.decode(sent) or rows.decode(stored) or {}


def _is_reset(sent: Json) -> bool:
    return sent is not None and sent in ([], [{}])


def with_rows(obj: Obj, managed: list[Obj] | None) -> Obj:
    """The object with these rows; itself if it has just them."""
    meta = obj.get("metadata") or {}
    if meta.get("managedFields") == managed and (managed is not None or "managedFields" not in meta):
        return obj
    kept = {name: value for name, value in meta.items() if name != "managedFields"}
    if managed is not None:
        kept["managedFields"] = managed
    return {**obj, "metadata": kept}
