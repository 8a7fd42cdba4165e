"""What every patch type needs: its error, what it asks of a schema, and equality of JSON values."""

from collections.abc import Collection
from typing import Protocol

from kube_nb.machinery.types import Json


class PatchError(Exception):
    """A patch that is malformed or does not apply; the message is upstream's."""

    @property
    def message(self) -> str:
        return str(self)


class TypeSchema(Protocol):
    """What patches and server-side apply must know of a type; implemented by the schemas of the API.

    kind: "object" has named fields, "map" has free keys, "any" has no schema (fields of a CRD that preserves unknown
    fields, RawExtension): it is looked at as deep as it goes, its lists are atomic.
    """

    @property
    def kind(self) -> str:
        """One of "object", "map", "list", "scalar", "any"."""

    def field(self, name: str) -> "TypeSchema | None":
        """The type of an object's field; None if there is no such field."""

    def element(self) -> "TypeSchema | None":
        """The type of a list's items or of a map's values."""

    @property
    def list_type(self) -> str | None:
        """``x-kubernetes-list-type``: "atomic", "set" or "map"; None counts as atomic."""

    @property
    def map_keys(self) -> tuple[str, ...]:
        """``x-kubernetes-list-map-keys``: which fields identify an item of a list of type "map"."""

    @property
    def map_type(self) -> str:
        """``x-kubernetes-map-type`` of objects and maps: "granular" or "atomic"."""

    @property
    def merge_key(self) -> str | None:
        """``x-kubernetes-patch-merge-key`` of a list."""

    @property
    def patch_strategy(self) -> Collection[str]:
        """``x-kubernetes-patch-strategy``: of "merge", "replace", "retainKeys"."""

    def default_for(self, key: str) -> Json:
        """The default of an item's field that is one of `map_keys` (protocol: TCP); None if it has none."""


def same(first: Json, second: Json) -> bool:
    """Equality of JSON values: unlike in Python, true is not 1 and 1 is not 1.0."""
    if first is second:
        return True
    if type(first) is not type(second) or first != second:
        return False
    if isinstance(first, dict):
        return all(same(value, second[key]) for key, value in first.items())
    if isinstance(first, list):
        return all(map(same, first, second))
    return True


def go_text(value: Json) -> str:
    """A value as Go's ``%v`` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    return str(value)
