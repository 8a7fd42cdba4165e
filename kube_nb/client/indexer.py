"""`Indexer`: objects by key, and by whatever else somebody wants to find them by."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from kube_nb.machinery.labels import Selector
from kube_nb.machinery.types import Obj

# Aliases, because inside `Indexer` the name `list` is the method's.
Objs: TypeAlias = list[Obj]
Strings: TypeAlias = list[str]
IndexFunc = Callable[[Obj], Iterable[str]]

#: The index that `list(namespace=...)` makes for itself.
NAMESPACE = "namespace"


class _Index:
    """One index: {value: {key: object}}; objects of a value are in the order in which they got it."""

    __slots__ = ("rows", "values_of")

    def __init__(self, values_of: IndexFunc) -> None:
        self.values_of = values_of
        self.rows: dict[str, dict[str, Obj]] = {}

    def change(self, key: str, old: Obj | None, new: Obj | None) -> None:
        before = () if old is None else tuple(self.values_of(old))
        after = () if new is None else tuple(self.values_of(new))
        rows = self.rows
        for value in before:
            if value not in after:
                row = rows[value]
                del row[key]
                if not row:
                    del rows[value]
        if new is not None:
            for value in after:
                row_of_value = rows.get(value)
                if row_of_value is None:
                    rows[value] = {key: new}
                else:
                    row_of_value[key] = new


class Indexer:
    """A cache of objects with indices that are kept up to date by the change, not by the cache's size.

    An index function gives the values under which an object is found; it must depend on the object alone.
    Models client-go tools/cache/thread_safe_store.go.
    """

    def __init__(self) -> None:
        self._objects: dict[str, Obj] = {}
        self._indices: dict[str, _Index] = {}
        self._in_order: list[_Index] = []

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, key: object) -> bool:
        return key in self._objects

    def keys(self) -> Strings:
        return list(self._objects)

    def put(self, key: str, obj: Obj) -> Obj | None:
        """Add or replace; the object that was there."""
        old = self._objects.get(key)
        self._objects[key] = obj
        for index in self._in_order:
            index.change(key, old, obj)
        return old

    def remove(self, key: str) -> Obj | None:
        """The object that was there."""
        old = self._objects.pop(key, None)
        if old is not None:
            for index in self._in_order:
                index.change(key, old, None)
        return old

    def add_index(self, name: str, values_of: IndexFunc) -> None:
        """Make an index, over what is there already too. Making one again with the same function changes nothing."""
        present = self._indices.get(name)
        if present is not None:
            if present.values_of != values_of:
                raise ValueError(f"there is another index named {name!r}")
            return
        index = self._indices[name] = _Index(values_of)
        self._in_order.append(index)
        for key, obj in self._objects.items():
            index.change(key, None, obj)

    def get_key(self, key: str) -> Obj | None:
        return self._objects.get(key)

    def get(self, namespace: str | None, name: str) -> Obj | None:
        return self._objects.get(f"{namespace}/{name}" if namespace else name)

    def list(self, namespace: str | None = None, selector: Selector | None = None) -> Objs:
        """All objects, or those of a namespace, and of those the ones whose labels match."""
        if namespace:
            self.add_index(NAMESPACE, _namespace_of)
            found = self.by_index(NAMESPACE, namespace)
        else:
            found = list(self._objects.values())
        if selector is None or selector.everything:
            return found
        matches = selector.matches
        return [obj for obj in found if matches(obj["metadata"].get("labels"))]

    def by_index(self, name: str, value: str) -> Objs:
        row = self._indices[name].rows.get(value)
        return list(row.values()) if row else []

    def index_values(self, name: str) -> Strings:
        """Every value that some object has in this index."""
        return list(self._indices[name].rows)


def _namespace_of(obj: Obj) -> tuple[str, ...]:
    return (obj["metadata"].get("namespace") or "",)
