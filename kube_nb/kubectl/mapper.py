"""From what a person types (``po``, ``deploy``, ``pods.v1.``, ``Deployment``) to the resource that the server serves.

Models cli-runtime's RESTMapper with its shortcut expander, fed by aggregated discovery.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kube_nb.client import Client
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.gvk import GVK, GVR
from kube_nb.machinery.types import Obj

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Mapping:
    """One served resource. Models meta.RESTMapping plus the discovery facts that kubectl uses."""

    gvr: GVR
    kind: str
    namespaced: bool
    singular: str
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    verbs: tuple[str, ...]
    subresources: tuple[str, ...]

    @property
    def gvk(self) -> GVK:
        return GVK(self.gvr.group, self.gvr.version, self.kind)


class Mapper:
    """The served resources in the server's order of preference; asked for anew when a name is not known."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.mappings: list[Mapping] = []

    async def refresh(self) -> None:
        """Read discovery again; afterwards a CRD made meanwhile is known."""
        found: list[Mapping] = []
        for path in ("/api", "/apis"):
            response = await self._client.raw("GET", path, headers={"accept": _DISCOVERY})
            found += _mappings(response.object())
        self.mappings = found

    async def resource(self, text: str) -> Mapping:
        """The mapping of a name; raises kubectl's own error for an unknown one."""
        for fresh in (False, True):
            if fresh or not self.mappings:
                await self.refresh()
            found = self.lookup(text)
            if found is not None:
                return found
        raise KubectlError(f'error: the server doesn\'t have a resource type "{text}"')

    async def kind(self, gvk: GVK) -> Mapping | None:
        """The mapping of an object's kind, None if the server does not have it."""
        for fresh in (False, True):
            if fresh or not self.mappings:
                await self.refresh()
            for mapping in self.mappings:
                if mapping.gvk == gvk:
                    return mapping
        return None

    def lookup_kind(self, obj: Obj) -> Mapping | None:
        """The mapping of an object's kind among those already known."""
        gvk = GVK.of(obj)
        return next((mapping for mapping in self.mappings if mapping.gvk == gvk), None)

    async def category(self, name: str) -> list[Mapping]:
        """The resources of a category such as ``all``, in the server's order and in their preferred versions."""
        if not self.mappings:
            await self.refresh()
        found = [mapping for mapping in self.mappings if name in mapping.categories]
        return list({(each.gvr.group, each.gvr.resource): each for each in reversed(found)}.values())[::-1]

    def lookup_exactly(self, text: str) -> Mapping | None:
        """The mapping of ``deployments.apps`` or ``deployments.v1.apps``, group and all."""
        name, _, rest = text.lower().partition(".")
        for each in self.mappings:
            full = (each.gvr.group, f"{each.gvr.version}.{each.gvr.group}")
            if name in _names(each) and rest and rest in full:
                return each
        return None

    def lookup(self, text: str) -> Mapping | None:
        """The mapping of ``po``, ``pods.v1.``, ``deployments.apps``, ``deployments.v1.apps`` or ``Deployment``."""
        text = text.lower()
        name, _, rest = text.partition(".")
        candidates = [each for each in self.mappings if name in _names(each)]
        if rest:
            candidates = [each for each in candidates if _in_group(each.gvr, rest)]
        exact = [each for each in candidates if name not in each.short_names]
        return next(iter(exact or candidates), None)


def _names(mapping: Mapping) -> Iterable[str]:
    return (mapping.gvr.resource, mapping.singular, mapping.kind.lower(), *mapping.short_names)


def _in_group(gvr: GVR, text: str) -> bool:
    """Whether ``text`` is the group, its beginning, or ``version.group``."""
    version, _, group = text.partition(".")
    return gvr.group == text or (gvr.version, gvr.group) == (version, group) or gvr.group.startswith(text)


def _mappings(discovery: Obj) -> list[Mapping]:
    """Rows of an APIGroupDiscoveryList; every group's preferred version comes first."""
    return [
        _mapping(group["metadata"].get("name", ""), version["version"], resource)
        for group in discovery.get("items", ())
        for version in group.get("versions", ())
        for resource in version.get("resources", ())
    ]


def _mapping(group: str, version: str, resource: Obj) -> Mapping:
    return Mapping(
        gvr=GVR(group, version, resource["resource"]),
        kind=resource["responseKind"]["kind"],
        namespaced=resource["scope"] == "Namespaced",
        singular=resource.get("singularResource", ""),
        short_names=tuple(resource.get("shortNames", ())),
        categories=tuple(resource.get("categories", ())),
        verbs=tuple(resource.get("verbs", ())),
        subresources=tuple(each["subresource"] for each in resource.get("subresources", ())),
    )
