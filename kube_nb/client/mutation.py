"""Finds out who changes objects of a cache, which are shared and must stay as the server sent them.

On with ``KUBE_CACHE_MUTATION_DETECTOR=true``, or per `InformerFactory`. Models client-go
tools/cache/mutation_detector.go. Differs: looks when an object leaves the cache and when asked (`check`), not every
second.
"""

import os

import orjson

from kube_nb.machinery.types import Json, Obj


class CacheMutated(AssertionError):
    """An object of a cache was changed in place; the message names the object and the first field that differs."""


def enabled_by_environment() -> bool:
    return os.environ.get("KUBE_CACHE_MUTATION_DETECTOR", "").lower() in ("1", "t", "true")


class MutationDetector:
    """Remembers every cached object's encoding as it came."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._taken: dict[str, tuple[Obj, bytes]] = {}

    def put(self, key: str, obj: Obj) -> None:
        """The object enters the cache; the one that it replaces is looked at for the last time."""
        self.remove(key)
        self._taken[key] = (obj, orjson.dumps(obj))

    def remove(self, key: str) -> None:
        taken = self._taken.pop(key, None)
        if taken is not None:
            self._compare(key, *taken)

    def check(self) -> None:
        """Look at every object; `CacheMutated` for the first that was changed."""
        for key, (obj, encoded) in self._taken.items():
            self._compare(key, obj, encoded)

    def _compare(self, key: str, obj: Obj, encoded: bytes) -> None:
        if orjson.dumps(obj) != encoded:
            where = _first_difference(orjson.loads(encoded), obj, "")
            raise CacheMutated(f"cache {self._name}: object {key} was modified in place: {where}")


def _first_difference(before: Json, after: Json, path: str) -> str:
    """``.spec.replicas: 1 -> 2``."""
    if isinstance(before, dict) and isinstance(after, dict):
        for field in [*before, *(field for field in after if field not in before)]:
            if before.get(field) != after.get(field):
                return _first_difference(before.get(field), after.get(field), f"{path}.{field}")
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                return _first_difference(old, new, f"{path}[{number}]")
    return f"{path}: {before!r} -> {after!r}"
