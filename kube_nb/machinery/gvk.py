"""Names of kinds and resources: group, version, kind (GVK) and group, version, resource (GVR)."""

from typing import NamedTuple


class GVK(NamedTuple):
    """``GVK("apps", "v1", "Deployment")``; the core group is ``""``."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @classmethod
    def of(cls, obj: dict[str, object]) -> "GVK":
        """The GVK of an object in wire form; missing fields become empty strings."""
        group, version = split_api_version(str(obj.get("apiVersion") or ""))
        return cls(group, version, str(obj.get("kind") or ""))


class GVR(NamedTuple):
    """``GVR("apps", "v1", "deployments")``: the plural name as it stands in a URL."""

    group: str
    version: str
    resource: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_resource(self) -> str:
        """``deployments.apps``, or ``pods`` for the core group; as it stands in error messages."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path, e.g. ``/apis/apps/v1/namespaces/default/deployments/web/scale``."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.resource)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


def split_api_version(api_version: str) -> tuple[str, str]:
    """``"apps/v1"`` -> ``("apps", "v1")``; ``"v1"`` -> ``("", "v1")``."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", group)
