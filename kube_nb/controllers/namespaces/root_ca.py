"""`RootCaPublisher`: every namespace has a ConfigMap kube-root-ca.crt with the cluster's CA.

Models pkg/controller/certificates/rootcacertpublisher.
"""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.controllers.namespaces.service_accounts import is_active
from kube_nb.controllers.pods.control import is_namespace_terminating
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "root-ca-certificate-publisher-controller"
CONFIG_MAP = "kube-root-ca.crt"
DESCRIPTION = "kubernetes.io/description"
_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


class RootCaPublisher:
    """A key is a namespace."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._data = {"ca.crt": context.options.root_ca}
        self._namespaces = context.informer(resources.NAMESPACES)
        self._config_maps = context.informer(resources.CONFIG_MAPS)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._namespaces.add_handler(self._controller.enqueue, lambda old, new: self._controller.enqueue(new))
        self._config_maps.add_handler(
            on_update=lambda old, new: self._config_map_changed(new), on_delete=self._config_map_changed
        )

    async def run(self) -> None:
        """Returns at once if there is no CA to publish."""
        if not self._data["ca.crt"]:
            return
        await self._config_maps.wait_synced()
        await self._namespaces.wait_synced()
        await self._controller.run()

    def _config_map_changed(self, config_map: Obj) -> None:
        if objects.name(config_map) == CONFIG_MAP:
            self._controller.enqueue(objects.namespace(config_map))

    async def reconcile(self, key: str) -> None:
        namespace = self._namespaces.get_key(key)
        if namespace is None or not is_active(namespace):
            return
        present = self._config_maps.get(key, CONFIG_MAP)
        if present is None:
            await self._create(key)
        elif present.get("data") != self._data or DESCRIPTION not in objects.annotations(present):
            annotations = {**objects.annotations(present), DESCRIPTION: _TEXT}
            changed = objects.with_metadata({**present, "data": self._data}, annotations=annotations)
            await self._client.update(resources.CONFIG_MAPS, changed)

    async def _create(self, namespace: str) -> None:
        metadata = {"name": CONFIG_MAP, "namespace": namespace, "annotations": {DESCRIPTION: _TEXT}}
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": self._data}
        try:
            await self._client.create(resources.CONFIG_MAPS, config_map)
        except ApiError as error:
            if not errors.is_already_exists(error) and not is_namespace_terminating(error):
                raise
