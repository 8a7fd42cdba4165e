"""Objects of a dump beside nodes and pods, as the plugins ask for them: services, claims, volumes, budgets."""

from collections.abc import Iterable, Mapping, Sequence

from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

#: Kind -> the plural name that plugins ask for.
KINDS: Mapping[str, str] = {
    "Service": "services",
    "ReplicationController": "replicationcontrollers",
    "ReplicaSet": "replicasets",
    "StatefulSet": "statefulsets",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "PersistentVolume": "persistentvolumes",
    "StorageClass": "storageclasses",
    "CSINode": "csinodes",
    "CSIDriver": "csidrivers",
    "CSIStorageCapacity": "csistoragecapacities",
    "PodDisruptionBudget": "poddisruptionbudgets",
}


class ObjectLister:
    """A `scheduler.framework.runtime.Lister` over given objects; kinds that nobody asks for are left out."""

    def __init__(self, found: Iterable[Obj]) -> None:
        self._objects: dict[str, dict[str, Obj]] = {plural: {} for plural in KINDS.values()}
        self._by_selector: dict[tuple[str, str, str], list[Obj]] = {}
        for obj in found:
            if (plural := KINDS.get(obj.get("kind", ""))) is not None:
                self._objects[plural][objects.key(obj)] = obj
                if plural == "services":
                    for pair in ((obj.get("spec") or {}).get("selector") or {}).items():
                        self._by_selector.setdefault((objects.namespace(obj), *pair), []).append(obj)
                        break

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Obj]:
        rows = self._objects.get(resource, {}).values()
        return [obj for obj in rows if namespace is None or objects.namespace(obj) == namespace]

    def get(self, resource: str, namespace: str | None, name: str) -> Obj | None:
        return self._objects.get(resource, {}).get(f"{namespace}/{name}" if namespace else name)

    def services_with(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Obj]:
        found = self._by_selector
        return [obj for pair in labels.items() for obj in found.get((namespace, *pair), ())]
