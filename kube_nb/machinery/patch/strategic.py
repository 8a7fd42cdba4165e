"""Strategic merge patch, applied: a merge patch that knows which lists merge and by which key.

Directives in a patch: ``$patch: replace | delete`` in a map or an item, ``$deleteFromPrimitiveList/<field>``,
``$setElementOrder/<field>``, ``$retainKeys``. Differs: directives inside something that the document does not have yet
are obeyed, where upstream stores them as fields; an unknown field is replaced as a whole, where upstream refuses it.

Models apimachinery pkg/util/strategicpatch/patch.go; the other direction is in `strategic_diff`.
"""

from typing import NamedTuple

from kube_nb.machinery.patch import merge
from kube_nb.machinery.patch.strategic_diff import Options, diff_maps
from kube_nb.machinery.patch.strategic_lists import (
    delete_entries,
    element_kind,
    find_entry,
    in_order,
    partition,
    require_merge_key,
)
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
    strategy,
)
from kube_nb.machinery.patch.types import PatchError, TypeSchema, go_text, same
from kube_nb.machinery.types import Json, Obj

__all__ = ["apply", "diff", "three_way"]

_BAD_ORDER = "invalid patch format of setElementOrder list"


class _Mode(NamedTuple):
    """to_document: directives are obeyed and nulls remove; else a patch is joined to a patch and both are kept."""

    to_document: bool


_TO_DOCUMENT, _TO_PATCH = _Mode(True), _Mode(False)


def apply(document: Obj, patch: Obj, schema: TypeSchema | None) -> Obj:
    """The document with the patch applied; schema: the document's type."""
    if not isinstance(patch, dict):
        raise PatchError("invalid JSON document")
    return _merge_map(document, patch, schema, _TO_DOCUMENT)


def diff(original: Obj, modified: Obj, schema: TypeSchema | None) -> Obj:
    """The patch that makes `modified` of `original`; empty if they are equal. Models CreateTwoWayMergePatch."""
    return diff_maps(original, modified, schema, Options())


def three_way(original: Obj, modified: Obj, current: Obj, schema: TypeSchema | None) -> Obj:
    """What kubectl apply sends: sets what differs between current and modified, removes what left original.

    original: last applied; modified: to be applied; current: live. Models CreateThreeWayMergePatch with overwrite.
    """
    delta = diff_maps(current, modified, schema, Options(deletions=False))
    deletions = diff_maps(original, modified, schema, Options(changes=False))
    return _merge_map(deletions, delta, schema, _TO_PATCH)


# -- maps ------------------------------------------------------------------------------------------------------------


def _merge_map(original: Obj, patch: Obj, schema: TypeSchema | None, mode: _Mode) -> Obj:
    if DIRECTIVE in patch:
        return _directed(patch)
    merged, patch = dict(original), dict(patch)
    _retain_keys(merged, patch, mode)
    _set_orders(merged, patch, schema, mode)
    for key, value in patch.items():
        from_list = key.startswith(DELETE_FROM_LIST)
        if from_list:
            if not mode.to_document:
                merged[key] = value
                continue
            key = _list_field(key, DELETE_FROM_LIST, "invalid patch format of primitive list")
        if value is None:
            merged.pop(key, None)
            if mode.to_document:
                continue
        _merge_field(merged, key, value, schema, mode, from_list=from_list)
    return original if mode.to_document and _unchanged(original, merged) else merged


def _unchanged(original: Obj, merged: Obj) -> bool:
    return len(original) == len(merged) and all(
        key in original and original[key] is value for key, value in merged.items()
    )


def _merge_field(
    merged: Obj, key: str, value: Json, schema: TypeSchema | None, mode: _Mode, *, from_list: bool
) -> None:
    if key not in merged or type(merged[key]) is not type(value):
        if not from_list:
            merged[key] = _added(value, child(schema, key)) if mode.to_document else value
        return
    field = child(schema, key)
    if isinstance(value, dict):
        replaced = strategy(field) == REPLACE
        merged[key] = value if replaced else _merge_map(merged[key], value, field, mode)
    elif isinstance(value, list):
        merged[key] = _merge_list(merged[key], value, field, mode, from_list=from_list)
    else:
        merged[key] = value


def _added(value: Json, schema: TypeSchema | None) -> Json:
    """A patch's value for a field that the document does not have, without nulls and directives."""
    if isinstance(value, dict):
        return _merge_map({}, value, schema, _TO_DOCUMENT)
    if isinstance(value, list) and strategy(schema) == MERGE and value and isinstance(value[0], dict):
        return _merge_list([], value, schema, _TO_DOCUMENT, from_list=False)
    if isinstance(value, list):
        return [merge.without_nulls(item) for item in value]
    return value


def _directed(patch: Obj) -> Obj:
    directive = patch[DIRECTIVE]
    if directive == REPLACE:
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if directive == DELETE:
        return {}
    raise PatchError(f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _retain_keys(merged: Obj, patch: Obj, mode: _Mode) -> None:
    """Take ``$retainKeys`` from the patch and clear what it does not list (or hand it on to a joined patch)."""
    if RETAIN_KEYS not in patch:
        return
    kept = patch.pop(RETAIN_KEYS)
    if not mode.to_document:
        if RETAIN_KEYS in merged and not same(merged[RETAIN_KEYS], kept):
            both = f"{go_text(merged[RETAIN_KEYS])} and {go_text(kept)}"
            raise PatchError(f"{both} are not deep equal: this may happen when calculating the 3-way diff patch")
        merged[RETAIN_KEYS] = kept
        return
    if not isinstance(kept, list):
        raise PatchError("invalid patch format of retainKeys")
    directives = (DELETE_FROM_LIST, SET_ORDER)
    if any(value is not None and not key.startswith(directives) and key not in kept for key, value in patch.items()):
        raise PatchError("patch content doesn't match retainKeys list")
    for key in [key for key in merged if key not in kept]:
        del merged[key]


def _list_field(key: str, directive: str, fault: str) -> str:
    """``$setElementOrder/containers`` -> ``containers``."""
    prefix, slash, field = key.partition("/")
    if prefix != directive or not slash:
        raise PatchError(fault)
    return field


# -- order -----------------------------------------------------------------------------------------------------------


def _set_orders(merged: Obj, patch: Obj, schema: TypeSchema | None, mode: _Mode) -> None:
    """Take every ``$setElementOrder`` with its list from the patch, merge the list and put it in that order."""
    for key in [key for key in patch if key.startswith(SET_ORDER)]:
        order = patch.pop(key)
        if not mode.to_document:
            if key in merged and not same(merged[key], order):
                raise PatchError(_BAD_ORDER)
            merged[key] = order
        field = _list_field(key, SET_ORDER, _BAD_ORDER)
        for items in (order, merged.get(field, []), patch.get(field, [])):
            if not isinstance(items, list):
                raise PatchError(f"expected a []interface {{}}, but received a {type(items).__name__}")
        _set_order(merged, patch, field, order, child(schema, field), mode)


def _set_order(merged: Obj, patch: Obj, field: str, order: list[Json], schema: TypeSchema | None, mode: _Mode) -> None:
    merge_key = schema.merge_key or "" if schema else ""
    patched = patch.pop(field, None)
    original = merged.get(field)
    _check_order(patched or [], order, merge_key)
    result: list[Json]
    if original is not None and patched is not None:
        result = _merge_list(original, patched, schema, mode, from_list=False)
    else:
        result = original or patched or []
    if result:
        mine, others = partition(result, order, merge_key)
        merged[field] = in_order(mine, others, order, original or [], merge_key)


def _check_order(patched: list[Json], order: list[Json], merge_key: str) -> None:
    """The items of the patch (deletions aside) must be in the order list, in that order."""
    if not patched or not order:
        return
    wanted = [item for item in patched if not (isinstance(item, dict) and DIRECTIVE in item)]
    rest = iter(order)
    for item in wanted:
        if not any(_same_key(item, candidate, merge_key) for candidate in rest):
            lists = f"{go_text(patched)}\n doesn't match {SET_ORDER} list:\n{go_text(order)}"
            raise PatchError(f"The order in patch list:\n{lists}\n")


def _same_key(first: Json, second: Json, merge_key: str) -> bool:
    if not merge_key:
        return bool(first == second)
    return bool(require_merge_key(first, merge_key) == require_merge_key(second, merge_key))


# -- lists -----------------------------------------------------------------------------------------------------------


def _merge_list(
    original: list[Json], patch: list[Json], schema: TypeSchema | None, mode: _Mode, *, from_list: bool
) -> list[Json]:
    if strategy(schema) != MERGE or schema is None:
        return patch
    if not original and not patch:
        return original
    merge_key = schema.merge_key or ""
    merged: list[Json]
    if element_kind(original, patch) is not dict:
        if mode.to_document and from_list:
            return [item for item in original if item not in patch]
        merged, merge_key = list(dict.fromkeys([*original, *patch])), ""
    else:
        if not merge_key:
            raise PatchError("cannot merge lists without merge key for type struct")
        original, patch = _obey(original, patch, merge_key)
        merged = _merge_items(original, patch, merge_key, element(schema), mode)
    mine, others = partition(merged, patch, merge_key)
    return in_order(mine, others, patch, original, merge_key)


def _obey(original: list[Json], patch: list[Json], merge_key: str) -> tuple[list[Json], list[Json]]:
    """Carry out the items of the patch that are directives; returns what is left of both lists."""
    plain, replaced = [], False
    for item in patch:
        directive = item.get(DIRECTIVE)
        if DIRECTIVE not in item:
            plain.append(item)
        elif directive == DELETE:
            original = delete_entries(original, merge_key, require_merge_key(item, merge_key))
        elif directive == REPLACE:
            replaced = True
        elif directive == MERGE:
            raise PatchError("merging lists cannot yet be specified in the patch")
        else:
            raise PatchError(f"unknown patch type: {go_text(directive)} in map: {go_text(item)}")
    return (plain, []) if replaced else (original, plain)


def _merge_items(
    original: list[Json], patch: list[Json], merge_key: str, schema: TypeSchema | None, mode: _Mode
) -> list[Json]:
    merged = list(original)
    for item in patch:
        place = find_entry(merged, merge_key, require_merge_key(item, merge_key))
        if place is None:
            merged.append(_added(item, schema) if mode.to_document else item)
        else:
            merged[place] = _merge_map(merged[place], item, schema, mode)
    return merged
