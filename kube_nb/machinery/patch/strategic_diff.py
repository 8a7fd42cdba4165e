"""Strategic merge patch, computed from two documents.

Models the diff half of apimachinery pkg/util/strategicpatch/patch.go.
"""

from typing import NamedTuple

from kube_nb.machinery.patch.strategic_lists import element_kind, require_merge_key, sorted_by
from kube_nb.machinery.patch.strategic_types import (
    DELETE,
    DELETE_FROM_LIST,
    DIRECTIVE,
    MERGE,
    REPLACE,
    RETAIN_KEYS,
    SET_ORDER,
    child,
    element,
    retains_keys,
    strategy,
)
from kube_nb.machinery.patch.types import TypeSchema, go_text, same
from kube_nb.machinery.types import Json, Obj


class Options(NamedTuple):
    """Which half of the difference goes into the patch; retain_keys: whether the present map lists what it keeps."""

    changes: bool = True
    deletions: bool = True
    retain_keys: bool = False


def diff_maps(original: Obj, modified: Obj, schema: TypeSchema | None, options: Options) -> Obj:
    patch: Obj = {}
    for key, value in modified.items():
        if key in original and type(original[key]) is type(value):
            _diff_field(patch, key, original[key], value, child(schema, key), options)
        elif options.changes:
            patch[key] = value
    if options.deletions:
        patch.update((key, None) for key in original if key not in modified)
    if options.retain_keys:
        kept = sorted(key for key, value in modified.items() if value is not None)
        if kept and (patch or any(original[key] is not None for key in original if key not in modified)):
            patch[RETAIN_KEYS] = kept
    return patch


def _diff_field(patch: Obj, key: str, old: Json, new: Json, schema: TypeSchema | None, options: Options) -> None:
    if isinstance(new, dict) and strategy(schema) != REPLACE:
        inner = options._replace(retain_keys=retains_keys(schema))
        if difference := diff_maps(old, new, schema, inner):
            patch[key] = difference
    elif isinstance(new, list) and strategy(schema) == MERGE and schema is not None:
        _diff_lists(patch, key, old, new, schema, options._replace(retain_keys=retains_keys(schema)))
    elif options.changes and not same(old, new):
        patch[key] = new


def _diff_lists(patch: Obj, key: str, old: list[Json], new: list[Json], schema: TypeSchema, options: Options) -> None:
    if not old:
        if new and options.changes:
            patch[key] = new
        return
    if element_kind(old, new) is dict:
        _diff_lists_of_maps(patch, key, old, new, schema, options)
    else:
        _diff_lists_of_scalars(patch, key, old, new, options)


def _diff_lists_of_scalars(patch: Obj, key: str, old: list[Json], new: list[Json], options: Options) -> None:
    added = [item for item in new if item not in old] if options.changes else []
    deleted = sorted(dict.fromkeys(item for item in old if item not in new), key=go_text) if options.deletions else []
    if added:
        patch[key] = added
    if deleted:
        patch[f"{DELETE_FROM_LIST}/{key}"] = deleted
    if deleted or (options.changes and not same(old, new)):
        patch[f"{SET_ORDER}/{key}"] = new


def _diff_lists_of_maps(
    patch: Obj, key: str, old: list[Json], new: list[Json], schema: TypeSchema, options: Options
) -> None:
    merge_key = schema.merge_key or ""
    changed = sorted_by(_changed_items(old, new, merge_key, element(schema), options), new, merge_key)
    kept = {go_text(require_merge_key(item, merge_key)) for item in new}
    if options.deletions:
        gone = [item for item in old if go_text(require_merge_key(item, merge_key)) not in kept]
        gone.sort(key=lambda item: go_text(item[merge_key]))
        changed += [{DIRECTIVE: DELETE, merge_key: item[merge_key]} for item in gone]
    keys = [[item[merge_key] for item in items] for items in (old, new)]
    if changed:
        patch[key] = changed
    if changed or (options.changes and keys[0] != keys[1]):
        patch[f"{SET_ORDER}/{key}"] = [{merge_key: value} for value in keys[1]]


def _changed_items(
    old: list[Json], new: list[Json], merge_key: str, schema: TypeSchema | None, options: Options
) -> list[Json]:
    before = {go_text(require_merge_key(item, merge_key)): item for item in reversed(old)}
    changed: list[Json] = []
    for item in new:
        previous = before.get(go_text(require_merge_key(item, merge_key)))
        if previous is None:
            if options.changes:
                changed.append(item)
        elif difference := diff_maps(previous, item, schema, options):
            changed.append({**difference, merge_key: item[merge_key]})
    return changed
