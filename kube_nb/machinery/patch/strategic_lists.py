"""Lists with a merge key: finding, partitioning and ordering their items."""

from kube_nb.machinery.patch.strategic_types import DELETE, DIRECTIVE
from kube_nb.machinery.patch.types import PatchError, go_text
from kube_nb.machinery.types import Json


def element_kind(*lists: list[Json]) -> type:
    """The one type of all items: dict, or something scalar."""
    kinds = list(dict.fromkeys(type(item) for items in lists for item in items))
    if not kinds:
        raise PatchError("no elements in any of the given slices")
    if list in kinds:
        raise PatchError("lists of lists are not supported")
    if len(kinds) > 1:
        raise PatchError(f"list element types are not identical: {go_text(list(lists))}")
    return kinds[0]


def require_merge_key(item: Json, merge_key: str) -> Json:
    """The item's value of the merge key."""
    if not isinstance(item, dict):
        raise PatchError(f"expected a map[string]interface {{}}, but received a {type(item).__name__}")
    if merge_key not in item:
        raise PatchError(f"map: {go_text(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def find_entry(items: list[Json], merge_key: str, value: Json) -> int | None:
    """Where the item with this value of the merge key stands."""
    for place, item in enumerate(items):
        if item.get(merge_key) == value:
            return place
    return None


def delete_entries(items: list[Json], merge_key: str, value: Json) -> list[Json]:
    return [item for item in items if item.get(merge_key) != value]


def identity(item: Json, merge_key: str) -> Json:
    """What an item is compared by: its merge key's value, a scalar itself (an empty merge_key)."""
    value = require_merge_key(item, merge_key) if merge_key else item
    if isinstance(value, dict | list):
        raise PatchError(f"merge key {merge_key} of {go_text(item)} is not a scalar")
    return value


def partition(items: list[Json], by: list[Json], merge_key: str) -> tuple[list[Json], list[Json]]:
    """The items that are in `by`, and the others."""
    known = {identity(item, merge_key) for item in by}
    mine: list[Json] = []
    others: list[Json] = []
    for item in items:
        (mine if identity(item, merge_key) in known else others).append(item)
    return mine, others


def in_order(
    patched: list[Json], others: list[Json], patch_order: list[Json], live_order: list[Json], merge_key: str
) -> list[Json]:
    """Both lists in their own orders, interleaved as the live order suggests; items to be deleted come last."""
    live = _places(live_order, merge_key)
    left = sorted_by(others, live_order, merge_key)
    right = sorted_by(patched, patch_order, merge_key)
    joined: list[Json] = []
    while left and right:
        place, other = (live.get(identity(items[0], merge_key), -1) for items in (left, right))
        first = left if 0 <= place < other else right
        joined.append(first.pop(0))
    return joined + left + right


def sorted_by(items: list[Json], order: list[Json], merge_key: str) -> list[Json]:
    """The items in the order of `order`; those that are not in it, and then the deletions, follow."""
    places = _places(order, merge_key)

    def place(item: Json) -> tuple[bool, int]:
        deleted = isinstance(item, dict) and item.get(DIRECTIVE) == DELETE
        return deleted, places.get(identity(item, merge_key), len(places))

    return sorted(items, key=place)


def _places(order: list[Json], merge_key: str) -> dict[Json, int]:
    places: dict[Json, int] = {}
    for place, item in enumerate(order):
        places.setdefault(identity(item, merge_key), place)
    return places
