"""Names for the shapes that every package passes around."""

from typing import Any, TypeAlias

#: A Kubernetes object in wire form: ``{"apiVersion": ..., "kind": ..., "metadata": {...}, ...}``.
Obj: TypeAlias = dict[str, Any]

#: Any JSON value.
Json: TypeAlias = Any
