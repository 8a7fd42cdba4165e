"""`ServiceAccountsController`: every namespace has a ServiceAccount named default.

Models pkg/controller/serviceaccount/serviceaccounts_controller.go.
"""

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.controllers.pods.control import is_namespace_terminating
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "serviceaccount-controller"
DEFAULT = "default"


def is_active(namespace: Obj) -> bool:
    return bool((namespace.get("status") or {}).get("phase", "Active") == "Active")


class ServiceAccountsController:
    """A key is a namespace."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._namespaces = context.informer(resources.NAMESPACES)
        self._accounts = context.informer(resources.SERVICE_ACCOUNTS)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._namespaces.add_handler(self._controller.enqueue, lambda old, new: self._controller.enqueue(new))
        self._accounts.add_handler(on_delete=self._account_gone)

    async def run(self) -> None:
        await self._accounts.wait_synced()
        await self._namespaces.wait_synced()
        await self._controller.run()

    def _account_gone(self, account: Obj) -> None:
        if objects.name(account) == DEFAULT:
            self._controller.enqueue(objects.namespace(account))

    async def reconcile(self, key: str) -> None:
        namespace = self._namespaces.get_key(key)
        if namespace is None or not is_active(namespace) or self._accounts.get(key, DEFAULT) is not None:
            return
        metadata = {"name": DEFAULT, "namespace": key}
        account: Obj = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
        try:
            await self._client.create(resources.SERVICE_ACCOUNTS, account)
        except ApiError as error:
            if not errors.is_already_exists(error) and not is_namespace_terminating(error):
                raise
