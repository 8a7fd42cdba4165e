"""`Kind`: all that the server knows of one served kind and version, and the rows that the built-in ones are made from.

A row of ``rows/<group>.yaml`` says what upstream spreads over storage, discovery and registration code:

    kind, plural, singular (default: the kind in lower case), short, categories, scope (default Namespaced),
    verbs (default: all eight)
    subresources: {name: {group, version, kind, verbs, since}}; the row's own kind and get/patch/update if left out
    generation: the fields whose change raises metadata.generation; [] means that it stays 1; absent means none at all
    fields: selectable by field selector besides metadata.name and metadata.namespace
    returns_deleted: whether a DELETE answers with the object instead of a Status
    storage: the path below /registry/ where it differs from the plural
    stored_as: the group and version that etcd holds, where it differs from the served one
"""

import functools
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kube_nb.api import data
from kube_nb.machinery.gvk import GVK, GVR, split_api_version

if TYPE_CHECKING:
    from kube_nb.api.schema import Schema

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
SUBRESOURCE_VERBS = ("get", "patch", "update")


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a custom resource keeps what its scale subresource shows. Models CustomResourceSubresourceScale."""

    spec_replicas: str
    status_replicas: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Subresource:
    """One subresource. gvk: what it takes and answers (``autoscaling/v1 Scale``); verbs as discovery lists them."""

    name: str
    gvk: GVK
    verbs: tuple[str, ...] = SUBRESOURCE_VERBS
    scale: ScalePaths | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column of a custom resource. Models apiextensions CustomResourceColumnDefinition."""

    name: str
    type: str
    json_path: str
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One served kind in one version; two kinds are equal only if they are the same object.

    storage_prefix: ``/registry/pods``, without a slash at the end. storage: the GVK that etcd holds.
    generation: None if the kind has no metadata.generation, else the dotted fields whose change raises it.
    columns and schema are set for custom resources only; built-in kinds have their printers elsewhere and the schema
    that `api.schema.of_kind` finds by their release.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    storage_prefix: str = ""
    storage: GVK = field(default=GVK("", "", ""))
    generation: tuple[str, ...] | None = None
    selectable: tuple[str, ...] = ()
    returns_deleted: bool = False
    list_kind: str = ""
    priority: int = 0
    columns: tuple[Column, ...] | None = None
    schema: "Schema | None" = None
    deprecation: str = ""
    release: str = ""
    gvk: GVK = field(init=False)
    gvr: GVR = field(init=False)
    #: Whether status is written through its own subresource only.
    has_status: bool = field(init=False)

    def __post_init__(self) -> None:
        fill = functools.partial(object.__setattr__, self)
        fill("gvk", GVK(self.group, self.version, self.kind))
        fill("gvr", GVR(self.group, self.version, self.plural))
        fill("has_status", any(subresource.name == "status" for subresource in self.subresources))
        if not self.storage.kind:
            fill("storage", self.gvk)
        if not self.list_kind:
            fill("list_kind", self.kind + "List")
        if not self.storage_prefix:
            fill(
                "storage_prefix", f"/registry/{self.group}/{self.plural}" if self.group else f"/registry/{self.plural}"
            )

    def __repr__(self) -> str:
        return f"Kind({self.gvr.api_version} {self.kind})"

    @property
    def api_version(self) -> str:
        return self.gvk.api_version

    @property
    def is_custom(self) -> bool:
        """Whether it was added by a CustomResourceDefinition."""
        return self.schema is not None

    def subresource(self, name: str) -> Subresource | None:
        return next((found for found in self.subresources if found.name == name), None)


def release(version: str) -> tuple[int, int]:
    """``"1.37"`` or ``"v1.37.2"`` as a comparable pair."""
    major, _, rest = version.removeprefix("v").partition(".")
    return int(major), int(rest.partition(".")[0])


@functools.cache
def rows() -> tuple[Mapping[str, Any], ...]:
    """The groups' row files, in discovery's order of groups."""
    groups = [data.load(path) for path in (data.FOLDER / "rows").glob("*.yaml")]
    return tuple(sorted(groups, key=lambda group: (-group["priority"], group["group"])))


def kinds_of(group: Mapping[str, Any], version: str, release_: str, served: Container[GVK]) -> list[Kind]:
    """The kinds of one API version of a group that the release serves, as its rows and its definitions say."""
    return [
        _kind(group, version, row, release_, served)
        for row in group["kinds"]
        if GVK(group["group"], version, row["kind"]) in served
    ]


def _is_served(row: Mapping[str, Any], cluster_version: str) -> bool:
    return "since" not in row or release(row["since"]) <= release(cluster_version)


def _kind(
    group: Mapping[str, Any], version: str, row: Mapping[str, Any], cluster_version: str, served: Container[GVK]
) -> Kind:
    own = GVK(group["group"], version, row["kind"])
    subresources = (
        _subresource(own, name, sub)
        for name, sub in sorted(row.get("subresources", {}).items())
        if _is_served(sub, cluster_version)
    )
    return Kind(
        group=own.group,
        version=version,
        kind=own.kind,
        plural=row["plural"],
        singular=row.get("singular", own.kind.lower()),
        namespaced=row.get("scope", "Namespaced") == "Namespaced",
        short_names=tuple(row.get("short", ())),
        categories=tuple(row.get("categories", ())),
        verbs=tuple(row.get("verbs", ALL_VERBS)),
        subresources=tuple(subresources),
        storage_prefix="/registry/" + row.get("storage", row["plural"]),
        storage=_stored(own, row, group["versions"], served),
        generation=tuple(row["generation"]) if "generation" in row else None,
        selectable=tuple(row.get("fields", ())),
        returns_deleted=bool(row.get("returns_deleted")),
        priority=group["priority"],
        release=cluster_version,
    )


def _stored(own: GVK, row: Mapping[str, Any], versions: list[str], served: Container[GVK]) -> GVK:
    """What etcd holds: the version that the row names, else the group's newest served one."""
    if "stored_as" in row:
        stored = split_api_version(row["stored_as"])
        return GVK(stored[0], stored[1], own.kind)
    return next(gvk for version in versions if (gvk := own._replace(version=version)) in served)


def _subresource(own: GVK, name: str, row: Mapping[str, Any]) -> Subresource:
    gvk = GVK(row.get("group", own.group), row.get("version", own.version), row.get("kind", own.kind))
    return Subresource(name, gvk, tuple(row.get("verbs", SUBRESOURCE_VERBS)))
