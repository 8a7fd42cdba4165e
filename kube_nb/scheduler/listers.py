"""Objects that plugins look at, from the informers that the components share; an informer starts when first asked."""

from collections.abc import Mapping, Sequence

from kube_nb.api import resources
from kube_nb.client import Informer, InformerFactory
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

#: Plural name -> GVR of everything that a plugin may look at.
LISTED: dict[str, GVR] = {
    gvr.resource: gvr
    for gvr in (
        resources.SERVICES,
        resources.REPLICATION_CONTROLLERS,
        resources.REPLICA_SETS,
        resources.STATEFUL_SETS,
        resources.PERSISTENT_VOLUME_CLAIMS,
        resources.PERSISTENT_VOLUMES,
        resources.STORAGE_CLASSES,
        resources.CSI_NODES,
        resources.CSI_DRIVERS,
        resources.CSI_STORAGE_CAPACITIES,
        resources.POD_DISRUPTION_BUDGETS,
        resources.NAMESPACES,
    )
}


class InformerLister:
    """A `Lister` over informers."""

    def __init__(self, informers: InformerFactory) -> None:
        self._informers = {name: informers.informer(gvr) for name, gvr in LISTED.items()}
        self._services = self._informers["services"]
        self._services.add_index(_BY_SELECTOR, _first_of_selector)

    def informer(self, resource: str) -> Informer:
        return self._informers[resource]

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Obj]:
        return self._informers[resource].list(namespace)

    def get(self, resource: str, namespace: str | None, name: str) -> Obj | None:
        return self._informers[resource].get(namespace or "", name)

    def services_with(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Obj]:
        found = self._services.by_index
        return [each for pair in labels.items() for each in found(_BY_SELECTOR, _index_value(namespace, *pair))]


#: Services by the first pair of their selector.
_BY_SELECTOR = "selector"


def _first_of_selector(service: Obj) -> tuple[str, ...]:
    for key, value in ((service.get("spec") or {}).get("selector") or {}).items():
        return (_index_value(service["metadata"]["namespace"], key, value),)
    return ()


def _index_value(namespace: str, key: str, value: str) -> str:
    return f"{namespace}/{key}={value}"
