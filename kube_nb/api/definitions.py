"""The OpenAPI definitions of each Kubernetes release, as the kubernetes-validate package carries them.

Parsed once per process and release (about 10 ms), shared by schemas and OpenAPI documents; never changed.
"""

import functools
import importlib.util
import re
from pathlib import Path
from typing import Any

import orjson

from kube_nb.api.kinds import release
from kube_nb.machinery.gvk import GVK

_FOLDER = re.compile(r"^v(1\.\d+)\.0-local$")
_PREFIX = "#/$defs/"


class Definitions:
    """One release's definitions: JSON schemas by name, ``io.k8s.api.core.v1.Pod``."""

    def __init__(self, version: str, schemas: dict[str, dict[str, Any]]) -> None:
        self.version = version
        self.schemas = schemas
        self._names = {
            GVK(gvk["group"], gvk["version"], gvk["kind"]): name
            for name, schema in schemas.items()
            if (gvks := schema.get("x-kubernetes-group-version-kind"))
            for gvk in gvks
        }

    def __contains__(self, gvk: object) -> bool:
        return gvk in self._names

    def name(self, gvk: GVK) -> str | None:
        """The definition's name of a kind."""
        return self._names.get(gvk)

    def resolve(self, schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Follow a ``$ref``: the definition's name, or "" for a schema written in place, and its body."""
        reference = schema.get("$ref")
        if reference is None:
            return "", schema
        name = reference.removeprefix(_PREFIX)
        return name, self.schemas[name]


@functools.cache
def _folder() -> Path:
    """Where the package keeps its data; the package itself is not imported, that alone would take a second."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("kubernetes-validate, which carries the API definitions, is not installed")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"


@functools.cache
def versions() -> tuple[str, ...]:
    """The releases whose definitions are installed, oldest first: ``("1.25", ..., "1.37")``."""
    found = (_FOLDER.match(entry.name) for entry in _folder().iterdir())
    return tuple(sorted((match[1] for match in found if match), key=release))


def newest() -> str:
    return versions()[-1]


@functools.cache
def load(version: str) -> Definitions:
    """The definitions of a release such as ``"1.37"``; ValueError if they are not installed."""
    if version not in versions():
        raise ValueError(f"version {version} is not among the served ones: {', '.join(versions())}")
    data = (_folder() / f"v{version}.0-local" / "_definitions.json").read_bytes()
    return Definitions(version, orjson.loads(data)["$defs"])
