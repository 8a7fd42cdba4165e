"""The rows of ``metadata.managedFields``: which count as one manager's, in which order they stand, how many there are.

Models apimachinery pkg/util/managedfields/internal managedfields.go and capmanagers.go.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from kube_nb.machinery.managed import sets
from kube_nb.machinery.managed.sets import Fields
from kube_nb.machinery.types import Json, Obj

APPLY, UPDATE = "Apply", "Update"
BEFORE_FIRST_APPLY = "before-first-apply"
ANCIENT_CHANGES = "ancient-changes"
MAX_UPDATE_MANAGERS = 10

#: (manager, operation, apiVersion, subresource); an applier has one row whatever version it applies.
Identity: TypeAlias = tuple[str, str, str, str]
Entries: TypeAlias = dict[Identity, Obj]


def identity(row: Mapping[str, Json]) -> Identity:
    operation = row["operation"]
    version = "" if operation == APPLY else row["apiVersion"]
    return row.get("manager", ""), operation, version, row.get("subresource", "")


def decode(rows: Json) -> Entries | None:
    """Rows by identity; None if they are malformed."""
    found: Entries = {}
    for row in rows or ():
        if row.get("operation") not in (APPLY, UPDATE) or not row.get("apiVersion"):
            return None
        if row.get("fieldsType") != "FieldsV1":
            return None
        found[identity(row)] = row
    return found


def fields(row: Obj) -> Fields:
    """The row's set of fields."""
    found: Fields | None = row.get("fieldsV1")
    return found if found is not None else sets.EMPTY


def row(manager: Identity, api_version: str, owned: Fields, time: str | None) -> Obj:
    """A row in wire form."""
    name, operation, _, subresource = manager
    made: Obj = {"manager": name or "unknown", "operation": operation, "apiVersion": api_version}
    if time is not None:
        made["time"] = time
    made |= {"fieldsType": "FieldsV1", "fieldsV1": owned}
    if subresource:
        made["subresource"] = subresource
    return made


def owning(old: Obj, owned: Fields) -> Obj:
    """The row with another set."""
    return {**old, "fieldsV1": owned}


def encode(entries: Iterable[Obj]) -> list[Obj]:
    """The rows in the order in which a server shows them: appliers first, older before newer."""
    return sorted(entries, key=_order)


def _order(row: Obj) -> tuple[str, str, str, str, str]:
    manager, version = row.get("manager", ""), row["apiVersion"]
    return row["operation"], row.get("time") or "", manager, version, row.get("subresource", "")


def capped(entries: Entries) -> Entries:
    """At most `MAX_UPDATE_MANAGERS` rows of updates: the oldest of each version are joined into "ancient-changes"."""
    updaters = [manager for manager, row in entries.items() if row["operation"] == UPDATE]
    surplus = len(updaters) - MAX_UPDATE_MANAGERS
    if surplus <= 0:
        return entries
    left = dict(entries)
    updaters.sort(key=lambda manager: (entries[manager].get("time") or "", manager))
    oldest: dict[str, Identity] = {}
    for manager in updaters:
        if surplus <= 0:
            break
        version = entries[manager]["apiVersion"]
        if version in oldest:
            oldest[version] = _join(left, oldest[version], manager)
            surplus -= 1
        else:
            oldest[version] = manager
    return left


def _join(entries: Entries, first: Identity, later: Identity) -> Identity:
    """Put two rows of one version into its bucket; returns the bucket's identity."""
    version = first[2]
    bucket: Identity = (ANCIENT_CHANGES, UPDATE, version, "")
    joined = [entries.pop(each) for each in dict.fromkeys((first, later, bucket)) if each in entries]
    owned = sets.EMPTY
    for each in joined:
        owned = sets.union(owned, fields(each))
    times = [each["time"] for each in joined if each.get("time")]
    entries[bucket] = row(bucket, version, owned, max(times, default=None))
    return bucket
