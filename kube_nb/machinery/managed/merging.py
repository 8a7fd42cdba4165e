"""A configuration merged into an object: its leaves win, nothing is removed.

A list that the configuration changes takes the configuration's order, with the object's other items in between; one
that it does not change keeps its own. Parts that the merge does not change are shared with the object.

Models structured-merge-diff typed/merge.go.
"""

from collections import Counter
from collections.abc import Iterator

from kube_nb.machinery.managed import elements
from kube_nb.machinery.managed.comparing import is_granular_list, is_granular_map
from kube_nb.machinery.managed.typed import child
from kube_nb.machinery.patch.types import TypeSchema
from kube_nb.machinery.types import Json, Obj


def merge(live: Json, applied: Json, schema: TypeSchema | None) -> Json:
    if live is applied:
        return live
    if is_granular_map(live, applied, schema):
        return _merge_fields(live or {}, applied or {}, schema)
    if schema is not None and is_granular_list(live, applied, schema):
        return _merge_items(live or [], applied or [], schema)
    return live if _equal_leaves(live, applied) else applied


def _equal_leaves(first: Json, second: Json) -> bool:
    return type(first) is type(second) and bool(first == second)


def _merge_fields(live: Obj, applied: Obj, schema: TypeSchema | None) -> Obj:
    merged = live
    for key, value in applied.items():
        new = merge(live[key], value, child(schema, key)) if key in live else value
        if key not in live or new is not live[key]:
            merged = dict(live) if merged is live else merged
            merged[key] = new
    return merged


def _merge_items(live: list[Json], applied: list[Json], schema: TypeSchema) -> list[Json]:
    mine = {elements.of_item(schema, item): item for item in applied}
    theirs = _known(live, schema)
    counts = Counter(element for element, _ in theirs)
    own = {element: item for element, item in theirs if counts[element] == 1}
    item_type = schema.element()
    merged: list[Json] = []
    for element, item in _interleaved(theirs, mine):
        if element not in mine:
            merged.append(item)
        else:
            merged.append(merge(own[element], mine[element], item_type) if element in own else mine[element])
    same = len(merged) == len(live) and all(map(_identical, merged, live))
    return live if same else merged


def _identical(first: Json, second: Json) -> bool:
    return first is second or (not isinstance(first, dict | list) and _equal_leaves(first, second))


def _known(items: list[Json], schema: TypeSchema) -> list[tuple[str, Json]]:
    """The items with their path elements, "" for one that cannot be told apart."""
    found: list[tuple[str, Json]] = []
    for item in items:
        try:
            found.append((elements.of_item(schema, item), item))
        except elements.Unidentified:
            found.append(("", item))
    return found


def _interleaved(theirs: list[tuple[str, Json]], mine: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """All items, shared ones once: mine in my order, each of theirs before the shared one that it preceded."""
    names = list(mine)
    live = {element for element, _ in theirs}
    shared = [element for element in names if element in live]
    left, right, wanted = 0, 0, 0
    while left < len(theirs) or right < len(names):
        if left < len(theirs):
            element, item = theirs[left]
            if element not in mine:
                yield element, item
                left += 1
                continue
            if right == len(names) or (wanted < len(shared) and element != shared[wanted] and element != names[right]):
                left += 1
                continue
        element = names[right]
        yield element, None
        right += 1
        wanted += element in live
        if left < len(theirs) and theirs[left][0] == element:
            left += 1
