"""Objects that plugins look at, from the informers that the components share; an informer starts when first asked."""

from collections.abc import Sequence

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
        resources.POD_DISRUPTION_BUDGETS,
        resources.NAMESPACES,
    )
}


class InformerLister:
    """A `Lister` over informers."""

    def __init__(self, informers: InformerFactory) -> None:
        self._informers = {name: informers.informer(gvr) for name, gvr in LISTED.items()}

    def informer(self, resource: str) -> Informer:
        return self._informers[resource]

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Obj]:
        return self._informers[resource].list(namespace)

    def get(self, resource: str, namespace: str | None, name: str) -> Obj | None:
        return self._informers[resource].get(namespace or "", name)
