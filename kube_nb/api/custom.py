"""From a CustomResourceDefinition to the kinds that it adds to the registry, one per served version."""

from collections.abc import Iterator

from kube_nb.api.kinds import Column, Kind, ScalePaths, Subresource
from kube_nb.api.registry import version_order
from kube_nb.api.structural import StructuralSchema
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

_AGE = Column(
    "Age",
    "date",
    ".metadata.creationTimestamp",
    description="CreationTimestamp is a timestamp representing the server time when this object was created.",
)
_SCALE = GVK("autoscaling", "v1", "Scale")
#: Where custom groups stand among others. Models crdregistration_controller.go.
GROUP_PRIORITY, VERSION_PRIORITY = 1000, 100


def kinds(crd: Obj) -> list[Kind]:
    """The kinds of a definition that is valid and whose names are accepted, the preferred version first."""
    versions = [version for version in crd["spec"]["versions"] if version.get("served")]
    return [_kind(crd, version) for version in sorted(versions, key=lambda each: version_order(each["name"]))]


def _kind(crd: Obj, version: Obj) -> Kind:
    spec, names = crd["spec"], crd["spec"]["names"]
    raw = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    preserves = bool(spec.get("preserveUnknownFields"))
    stored = next(each["name"] for each in spec["versions"] if each.get("storage"))
    subresources = tuple(_subresources(spec["group"], version, names["kind"]))
    own = [field for field in raw.get("properties", {}) if field not in ("apiVersion", "kind", "metadata")]
    has_status = any(subresource.name == "status" for subresource in subresources)
    return Kind(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=subresources,
        storage=GVK(spec["group"], stored, names["kind"]),
        storage_prefix=f"/registry/{spec['group']}/{names['plural']}",
        generation=tuple(field for field in own if field != "status" or not has_status) or ("spec",),
        selectable=tuple(field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()),
        list_kind=names.get("listKind") or names["kind"] + "List",
        priority=GROUP_PRIORITY,
        columns=tuple(map(_column, version.get("additionalPrinterColumns") or ())) or (_AGE,),
        schema=StructuralSchema(raw, is_resource=True, preserves=preserves),
        deprecation=_deprecation(crd, version),
    )


def _subresources(group: str, version: Obj, kind: str) -> Iterator[Subresource]:
    found = version.get("subresources") or {}
    if found.get("scale") is not None:
        scale = found["scale"]
        paths = ScalePaths(scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath") or "")
        yield Subresource("scale", _SCALE, scale=paths)
    if found.get("status") is not None:
        yield Subresource("status", GVK(group, version["name"], kind))


def _column(column: Obj) -> Column:
    return Column(
        column["name"],
        column["type"],
        column["jsonPath"],
        column.get("format") or "",
        column.get("description") or "",
        column.get("priority") or 0,
    )


def _deprecation(crd: Obj, version: Obj) -> str:
    """The warning that every request to a deprecated version gets, "" if it is not deprecated."""
    if not version.get("deprecated"):
        return ""
    default = f"{crd['spec']['group']}/{version['name']} {crd['spec']['names']['kind']} is deprecated"
    return str(version.get("deprecationWarning") or default)
