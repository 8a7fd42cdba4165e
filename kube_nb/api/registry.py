"""`Registry`: the kinds that one server serves, to be looked up by URL, by kind, or by what a person types."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kube_nb.api import definitions
from kube_nb.api.kinds import Kind, kinds_of, rows
from kube_nb.machinery.gvk import GVK, GVR
from kube_nb.machinery.types import Obj

#: spec.versionPriority of what this server serves itself, as far as its order to other servers' versions matters.
LOCAL_VERSION_PRIORITY = 15


@dataclass(frozen=True, slots=True)
class Remote:
    """A group's version that an APIService leads to another server.

    name: of the APIService. service: its spec.service. resources: in the form of aggregated discovery.
    v3: the serverRelativeURL of its OpenAPI document, "" if it has none; v2: its OpenAPI v2 document.
    """

    name: str
    group: str
    version: str
    service: Mapping[str, Any]
    spec: Mapping[str, Any]
    group_priority: int
    version_priority: int
    is_available: bool = False
    resources: tuple[Obj, ...] = ()
    v3: str = ""
    v2: Obj | None = None


class Registry:
    """A cluster's kinds, the built-in ones and those that CustomResourceDefinitions add.

    Groups are in discovery's order (built-in ones by upstream's priority, then custom ones by name), versions within a
    group with the preferred one first.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.generation = 0  #: rises with every change; documents built from the registry are cached by it
        self._by_gvr: dict[GVR, Kind] = {}
        self._by_gvk: dict[GVK, Kind] = {}
        #: What other servers serve, by group and version.
        self.remote: dict[tuple[str, str], Remote] = {}

    @classmethod
    def builtin(cls, version: str | None = None) -> "Registry":
        """What a release serves by default; version: ``"1.37"``, the newest installed one if None.

        Alpha and beta versions are left out, as a real server leaves them out unless told to serve them.
        """
        chosen = version or definitions.newest()
        registry = cls(chosen)
        known = definitions.load(chosen)
        for group in rows():
            for api_version in group["versions"]:
                for kind in kinds_of(group, api_version, chosen, known):
                    registry.add(kind)
        return registry

    def add(self, kind: Kind) -> None:
        """Serve one more kind, or another row for one that is served already."""
        self.generation += 1
        self._by_gvr[kind.gvr] = kind
        self._by_gvk[kind.gvk] = kind

    def remove(self, gvr: GVR) -> None:
        """Stop serving a kind; nothing happens if it was not served."""
        kind = self._by_gvr.pop(gvr, None)
        if kind is not None:
            self.generation += 1
            self._by_gvk.pop(kind.gvk, None)

    def set_remote(self, remote: "Remote") -> None:
        """Publish a version that another server serves."""
        if self.remote.get((remote.group, remote.version)) != remote:
            self.generation += 1
            self.remote[remote.group, remote.version] = remote

    def remove_remote(self, group: str, version: str) -> None:
        """Publish it no more; nothing happens if it was not."""
        if self.remote.pop((group, version), None) is not None:
            self.generation += 1

    def by_resource(self, group: str, version: str, plural: str) -> Kind | None:
        return self._by_gvr.get(GVR(group, version, plural))

    def by_gvk(self, gvk: GVK) -> Kind | None:
        return self._by_gvk.get(gvk)

    def kinds(self) -> list[Kind]:
        """All kinds, in discovery's order of groups and versions."""
        return sorted(self._by_gvr.values(), key=lambda kind: (-kind.priority, kind.group))

    def groups(self) -> dict[str, list[str]]:
        """Group name -> its versions, the preferred one first; the core group is ``""``."""
        found: dict[str, set[str]] = {}
        priorities: dict[str, int] = {}
        for kind in self._by_gvr.values():
            found.setdefault(kind.group, set()).add(kind.version)
            priorities[kind.group] = kind.priority
        for remote in self.remote.values():
            found.setdefault(remote.group, set()).add(remote.version)
            priorities[remote.group] = max(priorities.get(remote.group, 0), remote.group_priority)
        groups = sorted(found, key=lambda group: (-priorities[group], group))
        return {group: sorted(found[group], key=lambda each: self._version_key(group, each)) for group in groups}

    def _version_key(self, group: str, version: str) -> tuple[int, tuple[int, int, int, str]]:
        remote = self.remote.get((group, version))
        return -(remote.version_priority if remote is not None else LOCAL_VERSION_PRIORITY), version_order(version)

    def preferred_version(self, group: str) -> str | None:
        versions = self.groups().get(group)
        return versions[0] if versions else None

    def of(self, group: str, version: str) -> list[Kind]:
        """The kinds of one group and version, by plural name as discovery lists them."""
        found = [kind for kind in self._by_gvr.values() if kind.group == group and kind.version == version]
        return sorted(found, key=lambda kind: kind.plural)

    def by_category(self, category: str) -> list[Kind]:
        """``all`` -> pods, replicationcontrollers, services, ...; each in its group's preferred version only."""
        return [kind for kind in self._preferred() if category in kind.categories]

    def resolve(self, text: str) -> Kind | None:
        """The kind that a person means by ``po``, ``Deployment``, ``deployments.apps`` or ``pods.v1.``.

        Models restmapper's shortcut expander over the discovery mapper: group and version may be cut off; without them
        the first group in discovery's order wins, with its preferred version.
        """
        name, _, rest = text.lower().partition(".")
        for kind in self._preferred():
            if _is_called(kind, name) and (not rest or kind.group == rest):
                return kind
        version, dot, group = rest.partition(".")
        for kind in self.kinds():
            if dot and _is_called(kind, name) and kind.version == version and kind.group == group:
                return kind
        prefixed = (kind for kind in self._preferred() if rest and kind.group.startswith(rest))
        return next((kind for kind in prefixed if _is_called(kind, name)), None)

    def _preferred(self) -> Iterator[Kind]:
        """Each resource once, in the version that clients use when none is given."""
        order = {
            (group, version): index
            for group, versions in self.groups().items()
            for index, version in enumerate(versions)
        }
        best: dict[tuple[str, str], Kind] = {}
        for kind in self.kinds():
            seen = best.get((kind.group, kind.plural))
            if seen is None or order[kind.group, kind.version] < order[seen.group, seen.version]:
                best[kind.group, kind.plural] = kind
        return iter(best.values())


def _is_called(kind: Kind, name: str) -> bool:
    return name in (kind.plural, kind.singular, kind.kind.lower()) or name in kind.short_names


def version_order(version: str) -> tuple[int, int, int, str]:
    """A key that sorts ``v2, v1, v2beta2, v1beta1, v1alpha1, foo``. Models apimachinery pkg/version/helpers.go."""
    for rank, word in ((1, "beta"), (2, "alpha")):
        major, found, minor = version[1:].partition(word)
        if found and version[:1] == "v" and major.isdigit() and minor.isdigit():
            return rank, -int(major), -int(minor), ""
    if version[:1] == "v" and version[1:].isdigit():
        return 0, -int(version[1:]), 0, ""
    return 3, 0, 0, version
