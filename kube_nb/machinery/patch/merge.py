"""JSON merge patch (RFC 7386): applied, computed from two documents, and kubectl's three-way form of it.

Models evanphx/json-patch's merge.go and apimachinery pkg/util/jsonmergepatch.
"""

from kube_nb.machinery.patch.types import same
from kube_nb.machinery.types import Json, Obj


def apply(document: Json, patch: Json) -> Json:
    """The document with the patch's fields; null removes a field, a list replaces a list."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(document, dict):
        return without_nulls(patch)
    merged = document
    for key, value in patch.items():
        if value is None:
            if key in merged:
                merged = {name: kept for name, kept in merged.items() if name != key}
            continue
        old = merged.get(key)
        new = apply(old, value)
        if new is not old:
            merged = {**merged, key: new}
    return merged


def without_nulls(value: Json) -> Json:
    """The value without the fields that are null, at any depth of objects; lists stay as they are."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(kept) for key, kept in value.items() if kept is not None}


def diff(old: Obj, new: Obj) -> Obj:
    """The patch that makes `new` of `old`; empty if they are equal. A null in `new` is lost, as the RFC has it."""
    patch: Obj = {}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(old[key], dict):
            if inner := diff(old[key], value):
                patch[key] = inner
        elif not same(old[key], value):
            patch[key] = value
    patch.update((key, None) for key in old if key not in new)
    return patch


def three_way(original: Obj, modified: Obj, current: Obj) -> Obj:
    """What kubectl apply sends for a type without a strategic schema, such as a custom resource.

    original: last applied; modified: to be applied; current: live. What differs between current and modified is set;
    what was in original and is not in modified is removed; what others added stays.
    """
    changes = without_nulls(diff(current, modified))
    deletions = _only_nulls(diff(original, modified))
    return _join(deletions, changes)


def _only_nulls(patch: Obj) -> Obj:
    kept: Obj = {}
    for key, value in patch.items():
        if value is None:
            kept[key] = None
        elif isinstance(value, dict) and (inner := _only_nulls(value)):
            kept[key] = inner
    return kept


def _join(first: Obj, second: Obj) -> Obj:
    """Two patches as one; where both speak of a field the second wins."""
    joined = dict(first)
    for key, value in second.items():
        old = joined.get(key)
        joined[key] = _join(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return joined
