"""Server-side apply.

    live + applied  ->  merge  ->  prune what this manager applied before and nobody owns now  ->  conflicts?  ->  rows

Models structured-merge-diff merge/update.go (Apply, prune) and apimachinery pkg/util/managedfields/internal.
"""

from kube_nb.machinery import errors, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.managed import conflicts, last_applied, sets, typed
from kube_nb.machinery.managed import entries as rows
from kube_nb.machinery.managed.comparing import UNOWNED, Comparison, compare
from kube_nb.machinery.managed.entries import APPLY, BEFORE_FIRST_APPLY, UPDATE, Entries, Identity
from kube_nb.machinery.managed.merging import merge
from kube_nb.machinery.managed.sets import EMPTY, Fields
from kube_nb.machinery.managed.updating import tracked, with_rows
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Obj


def apply(
    live: Obj | None,
    applied: Obj,
    manager: str,
    *,
    schema: TypeSchema | None,
    now: str,
    force: bool = False,
    subresource: str = "",
    reset: Fields = EMPTY,
    custom: bool = False,
) -> Obj:
    """The object that results from applying a configuration, with its managedFields; still without defaults.

    live: as stored; None if there is none. now, reset, custom: as in `update`. The result equals `live` if nothing
    changed. ApiError: BadRequest for a configuration of another version or with managedFields; 500 without a reason
    for one that does not fit the type (as upstream); Conflict, with a cause per field, if others own what it changes
    and `force` is not set.
    """
    _check(live, applied, schema)
    before = rows.decode(objects.metadata(live).get("managedFields")) if live else {}
    if before is None:
        raise ApiError(500, "", "failed to decode managed fields: managedFields of the stored object are malformed")
    if live and not before:
        first: Identity = (BEFORE_FIRST_APPLY, UPDATE, live.get("apiVersion", ""), "")
        before = tracked({}, compare({}, live, schema, custom=custom), first, now)
    me: Identity = (manager or "unknown", APPLY, "", subresource)
    request = _Request(live or {}, _without_null_timestamp(applied), schema, me, reset, before)
    merged, owned = request.merged()
    after = _settled(request, merged, owned, force)
    if owned:
        after[me] = request.row(merged, owned, now)
    result = with_rows(merged, rows.encode(after.values()) or None)
    return last_applied.refreshed(result, applied) if manager == last_applied.KUBECTL else result


def _check(live: Obj | None, applied: Obj, schema: TypeSchema | None) -> None:
    if live and applied.get("apiVersion") != live.get("apiVersion"):
        given, wanted = applied.get("apiVersion"), live.get("apiVersion")
        raise errors.bad_request(
            f"Incorrect version specified in apply patch. Specified patch version: {given}, expected: {wanted}"
        )
    if objects.metadata(applied).get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    faults = list(typed.faults(applied, schema))
    if faults:
        text = faults[0] if len(faults) == 1 else "\n".join(["errors:", *(f"  {fault}" for fault in faults)])
        name = f"{objects.namespace(applied)}/{objects.name(applied)}"
        kind = f"{applied.get('apiVersion')}, Kind={applied.get('kind')}"
        raise ApiError(500, "", f"failed to create typed patch object ({name}; {kind}): {text}")


def _without_null_timestamp(applied: Obj) -> Obj:
    """What kubectl's generators print, ``creationTimestamp: null``, is not meant to be set."""
    meta = objects.metadata(applied)
    unset = "creationTimestamp" in meta and meta["creationTimestamp"] is None
    return objects.with_metadata(applied, creationTimestamp=None) if unset else applied


class _Request:
    """One apply: what it starts from, and what it makes of it."""

    def __init__(
        self, live: Obj, applied: Obj, schema: TypeSchema | None, me: Identity, reset: Fields, before: Entries
    ) -> None:
        self.live = live
        self.applied = applied
        self.schema = schema
        self.me = me
        self.reset = reset
        self.before = before

    def merged(self) -> tuple[Obj, Fields]:
        """The object after merge and prune, and what the applier owns in it."""
        mentioned = sets.without(typed.to_set(self.applied, self.schema), self.reset)
        owned = sets.difference(mentioned, UNOWNED)
        merged: Obj = merge(self.live, self.applied, self.schema)
        last = rows.fields(self.before[self.me]) if self.me in self.before else EMPTY
        if sets.difference(last, mentioned):
            merged = self._pruned(merged, last, mentioned)
        return merged, owned

    def _pruned(self, merged: Obj, last: Fields, mentioned: Fields) -> Obj:
        """Without the fields and items that were applied last time and that nobody owns any more."""
        managed = mentioned
        for manager, row in self.before.items():
            if manager != self.me:
                managed = sets.union(managed, rows.fields(row))
        schema = self.schema
        everything = sets.with_named(typed.to_set(merged, schema), schema)
        last = sets.with_named(last, schema)
        pruned = typed.remove(merged, last, schema)
        kept = sets.with_named(typed.to_set(pruned, schema), schema)
        kept = sets.union(kept, sets.with_named(managed, schema))
        pruned = typed.remove(merged, sets.difference(everything, kept), schema)
        kept = sets.with_named(typed.to_set(pruned, schema), schema)
        gone = sets.intersection(sets.difference(everything, kept), last)
        result: Obj = typed.without_emptied(typed.remove(merged, gone, schema), merged)
        return result

    def changes(self, merged: Obj) -> Comparison:
        return compare(self.live, merged, self.schema).without(self.reset)

    def row(self, merged: Obj, owned: Fields, now: str) -> Obj:
        """The applier's own row; the very same as before if nothing changed."""
        old = self.before.get(self.me)
        version = self.applied["apiVersion"]
        if old is not None and merged is self.live and rows.fields(old) == owned and old["apiVersion"] == version:
            return old
        return rows.row(self.me, version, owned, now)


def _settled(request: _Request, merged: Obj, owned: Fields, force: bool) -> Entries:
    """The others' entries once the conflicts are refused or won."""
    changes = request.changes(merged)
    written = changes.written
    others = [(manager, row) for manager, row in request.before.items() if manager != request.me]
    shares = [(manager, sets.intersection(rows.fields(row), written)) for manager, row in others]
    found = conflicts.found(shares)
    if found and not force and request.me[0] == last_applied.KUBECTL:
        found = last_applied.lifted(found, request.live, request.schema)
    if found and not force:
        raise conflicts.error(found)
    after: Entries = {}
    gone = sets.union(written, changes.removed)
    for manager, row in others:
        left = sets.difference(rows.fields(row), gone)
        if left:
            after[manager] = row if left is rows.fields(row) else rows.owning(row, left)
    return after
