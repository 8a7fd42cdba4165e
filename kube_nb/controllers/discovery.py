"""What the server serves, as its discovery documents say. Models client-go discovery.ServerPreferredResources."""

from collections.abc import Mapping
from dataclasses import dataclass

from kube_nb.client import Client
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR, split_api_version
from kube_nb.machinery.types import Obj

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True)
class Resource:
    """One served resource (no subresource)."""

    gvr: GVR
    kind: str
    namespaced: bool
    verbs: frozenset[str]

    def can(self, *verbs: str) -> bool:
        return self.verbs.issuperset(verbs)


class Discovery:
    """resources: all that is served, in the server's order, the preferred version of each only.
    failures: group versions that could not be asked, with the error."""

    def __init__(self, resources: list[Resource], failures: Mapping[str, str]) -> None:
        self.resources = resources
        self.failures = failures
        self._by_kind = {(resource.gvr.group, resource.kind): resource for resource in reversed(resources)}

    def deletable(self) -> list[Resource]:
        """Those that objects of can be listed, watched and deleted."""
        return [resource for resource in self.resources if resource.can("delete", "list", "watch")]

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource that an ownerReference means."""
        return self._by_kind.get((split_api_version(api_version)[0], kind))


async def discover(client: Client) -> Discovery:
    """Ask the server, in the aggregated form if it knows that."""
    found: dict[tuple[str, str], Resource] = {}
    failures: dict[str, str] = {}
    for path in ("/api", "/apis"):
        document = (await client.raw("GET", path, headers={"accept": _AGGREGATED})).object()
        if document.get("kind") == "APIGroupDiscoveryList":
            rows = _aggregated(document)
        else:
            rows = await _legacy(client, path, document, failures)
        for resource in rows:
            found.setdefault((resource.gvr.group, resource.gvr.resource), resource)
    return Discovery(list(found.values()), failures)


def _aggregated(document: Obj) -> list[Resource]:
    found = []
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            for row in version.get("resources") or ():
                kind = (row.get("responseKind") or {}).get("kind") or ""
                gvr = GVR(name, version["version"], row["resource"])
                found.append(Resource(gvr, kind, row.get("scope") == "Namespaced", frozenset(row.get("verbs") or ())))
    return found


async def _legacy(client: Client, path: str, document: Obj, failures: dict[str, str]) -> list[Resource]:
    """One request per group version."""
    versions = list(document.get("versions") or ())
    for group in document.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("groupVersion")
        listed = [row["groupVersion"] for row in group.get("versions") or ()]
        versions += sorted(listed, key=lambda version, first=preferred: version != first)  # type: ignore[misc]  # mypy does not infer a lambda's default
    found: list[Resource] = []
    for version in versions:
        try:
            rows = (await client.raw("GET", f"{path}/{version}")).object()
        except ApiError as error:
            failures[version] = str(error)
            continue
        group_name, version_name = split_api_version(version)
        for row in rows.get("resources") or ():
            if "/" not in row["name"]:
                gvr = GVR(row.get("group") or group_name, row.get("version") or version_name, row["name"])
                found.append(Resource(gvr, row["kind"], bool(row["namespaced"]), frozenset(row["verbs"])))
    return found
