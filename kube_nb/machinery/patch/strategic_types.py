"""Names of the directives, and what strategic merge asks of a schema that may be unknown (None)."""

from kube_nb.machinery.patch.types import TypeSchema

DIRECTIVE = "$patch"
DELETE, REPLACE, MERGE = "delete", "replace", "merge"
DELETE_FROM_LIST = "$deleteFromPrimitiveList"
RETAIN_KEYS = "$retainKeys"
SET_ORDER = "$setElementOrder"


def child(schema: TypeSchema | None, key: str) -> TypeSchema | None:
    """The type of an object's field or of a map's value."""
    if schema is None:
        return None
    return schema.field(key) if schema.kind == "object" else schema.element()


def element(schema: TypeSchema | None) -> TypeSchema | None:
    return schema.element() if schema is not None else None


def strategy(schema: TypeSchema | None) -> str:
    """One of "merge", "replace" and ""; `retains_keys` tells of the third strategy."""
    strategies = schema.patch_strategy if schema is not None else ()
    return MERGE if MERGE in strategies else REPLACE if REPLACE in strategies else ""


def retains_keys(schema: TypeSchema | None) -> bool:
    return schema is not None and "retainKeys" in schema.patch_strategy
