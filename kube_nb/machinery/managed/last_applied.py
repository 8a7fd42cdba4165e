"""kubectl's client-side annotation in a server-side apply: it lifts conflicts, and it is kept in step.

Only the manager named "kubectl" gets this. Models apimachinery pkg/util/managedfields/internal lastappliedmanager.go
and lastappliedupdater.go.
"""

from collections.abc import Sequence

import orjson

from kube_nb.machinery.managed import sets
from kube_nb.machinery.managed.comparing import compare
from kube_nb.machinery.managed.conflicts import Conflict
from kube_nb.machinery.managed.elements import go_json
from kube_nb.machinery.managed.sets import Fields
from kube_nb.machinery.managed.typed import to_set
from kube_nb.machinery.objects import annotations, with_metadata
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Obj

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"


def lifted(conflicts: Sequence[Conflict], live: Obj, schema: TypeSchema | None) -> list[Conflict]:
    """The conflicts without those over fields that the live object still has as they were last applied."""
    allowed = _applied_and_unchanged(live, schema)
    return [conflict for conflict in conflicts if not sets.has(allowed, conflict.path)]


def _applied_and_unchanged(live: Obj, schema: TypeSchema | None) -> Fields:
    try:
        last = orjson.loads(annotations(live).get(LAST_APPLIED, ""))
    except orjson.JSONDecodeError:
        return sets.EMPTY
    if not isinstance(last, dict) or last.get("apiVersion") != live.get("apiVersion"):
        return sets.EMPTY
    changes = compare(last, live, schema)
    fields = to_set(last, schema)
    for changed in changes:
        fields = sets.difference(fields, changed)
    return fields


def refreshed(obj: Obj, applied: Obj) -> Obj:
    """The object with its annotation, if it has one, telling what was applied now."""
    if not annotations(obj).get(LAST_APPLIED):
        return obj
    kept = {name: value for name, value in annotations(applied).items() if name != LAST_APPLIED}
    plain = with_metadata(applied, annotations=kept) if annotations(applied) else applied
    text = go_json(plain) + "\n"
    return with_metadata(obj, annotations={**annotations(obj), LAST_APPLIED: text})
