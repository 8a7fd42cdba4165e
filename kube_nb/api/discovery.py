"""Discovery: which groups, versions and resources there are, in the legacy and in the aggregated form.

Models apiserver pkg/endpoints/discovery. Documents are plain dicts; they change only when the registry does.
"""

import base64
import functools
import hashlib

from kube_nb.api.kinds import Kind, Subresource
from kube_nb.api.registry import Registry
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

#: What clients send to get the aggregated form, and the version that they get.
AGGREGATED = {"v2": "apidiscovery.k8s.io/v2", "v2beta1": "apidiscovery.k8s.io/v2beta1"}


def core_versions(server_address: str = "") -> Obj:
    """``/api``. server_address: ``127.0.0.1:6443``, as the one who asked reached the server."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}],
    }


def group_list(registry: Registry) -> Obj:
    """``/apis``."""
    groups = [_group(name, found) for name in registry.groups() if name and (found := _available(registry, name))]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(registry: Registry, name: str) -> Obj | None:
    """``/apis/{group}``; None if there is no such group."""
    versions = _available(registry, name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions and name else None


def _available(registry: Registry, name: str) -> list[str]:
    """A group's versions without those whose server does not answer."""
    versions = registry.groups().get(name, [])
    remotes = registry.remote
    return [each for each in versions if (name, each) not in remotes or remotes[name, each].is_available]


def _group(name: str, versions: list[str]) -> Obj:
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def resource_list(registry: Registry, group_name: str, version: str) -> Obj | None:
    """``/api/v1`` and ``/apis/{group}/{version}``; None if it is not served."""
    kinds = registry.of(group_name, version)
    if not kinds:
        return None
    resources = [resource for kind in kinds for resource in _resources(kind)]
    document: Obj = {"kind": "APIResourceList", "groupVersion": kinds[0].api_version, "resources": resources}
    return {**document, "apiVersion": "v1"} if group_name else document


def _resources(kind: Kind) -> list[Obj]:
    own: Obj = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        own["shortNames"] = list(kind.short_names)
    if kind.categories:
        own["categories"] = list(kind.categories)
    if "get" in kind.verbs:
        own["storageVersionHash"] = storage_version_hash(kind.storage)
    return [own, *(_subresource(kind, subresource) for subresource in kind.subresources)]


def _subresource(kind: Kind, subresource: Subresource) -> Obj:
    found: Obj = {"name": f"{kind.plural}/{subresource.name}", "singularName": "", "namespaced": kind.namespaced}
    gvk = subresource.gvk
    if (gvk.group, gvk.version) != (kind.group, kind.version):
        found |= {"group": gvk.group, "version": gvk.version}
    return {**found, "kind": gvk.kind, "verbs": list(subresource.verbs)}


@functools.cache
def storage_version_hash(gvk: GVK) -> str:
    """The hash by which clients notice that objects are stored in another version: ``xPOwRZ+Yhw8=`` for pods."""
    digest = hashlib.sha256("/".join(gvk).encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def aggregated(registry: Registry, *, core: bool, version: str = "v2") -> Obj:
    """``/api`` (core) or ``/apis`` as an APIGroupDiscoveryList in apidiscovery.k8s.io/v2 or v2beta1."""
    groups = {name: versions for name, versions in registry.groups().items() if (name == "") == core}
    rows = [_aggregated_group(registry, name, versions) for name, versions in groups.items()]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": AGGREGATED[version], "metadata": {}, "items": rows}


def _aggregated_group(registry: Registry, name: str, versions: list[str]) -> Obj:
    rows = [_aggregated_version(registry, name, version) for version in versions]
    metadata: Obj = {"name": name} if name else {}
    return {"metadata": {**metadata, "creationTimestamp": None}, "versions": rows}


def _aggregated_version(registry: Registry, group_name: str, version: str) -> Obj:
    remote = registry.remote.get((group_name, version))
    if remote is not None:
        fresh = "Current" if remote.is_available else "Stale"
        return {"version": version, "resources": list(remote.resources), "freshness": fresh}
    rows = [_aggregated_resource(kind) for kind in registry.of(group_name, version)]
    return {"version": version, "resources": rows, "freshness": "Current"}


def from_resource_list(document: Obj) -> tuple[Obj, ...]:
    """An APIResourceList in the aggregated form. Models apiserver pkg/endpoints/discovery ConvertGroupVersion..."""
    group, _, version = str(document.get("groupVersion", "")).rpartition("/")
    found: dict[str, Obj] = {}
    for row in document.get("resources") or ():
        name, _, subresource = row["name"].partition("/")
        kind = {"group": row.get("group") or group, "version": row.get("version") or version, "kind": row["kind"]}
        if subresource:
            below = {"subresource": subresource, "responseKind": kind, "verbs": row["verbs"]}
            found.setdefault(name, {"resource": name}).setdefault("subresources", []).append(below)
            continue
        scope = "Namespaced" if row.get("namespaced") else "Cluster"
        own = {"resource": name, "responseKind": kind, "scope": scope, "verbs": row["verbs"]}
        own["singularResource"] = row.get("singularName") or row["kind"].lower()
        own |= {field: row[field] for field in ("shortNames", "categories") if row.get(field)}
        found[name] = found.get(name, {}) | own
    return tuple(row for row in found.values() if "verbs" in row)


def _aggregated_resource(kind: Kind) -> Obj:
    found: Obj = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind, kind.gvk),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if kind.subresources:
        found["subresources"] = [
            {
                "subresource": subresource.name,
                "responseKind": _response_kind(kind, subresource.gvk),
                "verbs": list(subresource.verbs),
            }
            for subresource in kind.subresources
        ]
    return found


def _response_kind(kind: Kind, gvk: GVK) -> Obj:
    """A kind as upstream names it here: group and version are empty where they are the resource's own."""
    if (gvk.group, gvk.version) == (kind.group, kind.version):
        return {"group": "", "version": "", "kind": gvk.kind}
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}
