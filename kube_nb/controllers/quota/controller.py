"""`ResourceQuotaController`: counts what is used and writes it into the quotas' status.

Models pkg/controller/resourcequota. Differs: it also hears of what is added, as admission here counts for itself and
leaves the status alone; no full recount every five minutes.
"""

from collections import defaultdict

from kube_nb.api import quota as quotas
from kube_nb.api import resources
from kube_nb.api.quota import COUNTED, Usage
from kube_nb.client import Controller, Informer, errors
from kube_nb.controllers import discovery
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVR
from kube_nb.machinery.types import Obj

NAME = "resourcequota-controller"


class ResourceQuotaController:
    """A key is a ResourceQuota."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = context.client
        self._quotas = context.informer(resources.RESOURCE_QUOTAS)
        self._controller = Controller(NAME, self.reconcile, workers=context.options.workers, clock=context.clock)
        self._quotas.add_handler(self._controller.enqueue, self._quota_changed)
        self._followed: dict[str, Informer] = {}
        for resource in COUNTED:
            self._follow(resource, GVR("", "v1", resource))

    async def run(self) -> None:
        for informer in (self._quotas, *self._followed.values()):
            await informer.wait_synced()
        await self._controller.run()

    # -- what changes ----------------------------------------------------------------------------------------------

    def _follow(self, group_resource: str, gvr: GVR) -> Informer:
        informer = self._followed[group_resource] = self._context.informer(gvr)
        informer.add_handler(self._use_changed, self._object_changed, self._use_changed)
        return informer

    def _quota_changed(self, old: Obj, new: Obj) -> None:
        if old.get("spec") != new.get("spec") or old.get("status") != new.get("status"):
            self._controller.enqueue(new)

    def _object_changed(self, old: Obj, new: Obj) -> None:
        if old.get("spec") != new.get("spec") or quotas.is_over(old) != quotas.is_over(new):
            self._use_changed(new)

    def _use_changed(self, obj: Obj) -> None:
        if not len(self._quotas):
            return
        for quota in self._quotas.list(objects.namespace(obj)):
            self._controller.enqueue(quota)

    # -- counting --------------------------------------------------------------------------------------------------

    async def reconcile(self, key: str) -> None:
        quota = self._quotas.get_key(key)
        if quota is None:
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        used = {name: str(amount) for name, amount in (await self._used(quota)).items()}
        status = {"hard": hard, "used": used}
        if _same(quota.get("status") or {}, status):
            return
        try:
            await self._client.update_status(resources.RESOURCE_QUOTAS, objects.with_status(quota, status))
        except ApiError as error:
            if not errors.is_not_found(error):
                raise

    async def _used(self, quota: Obj) -> Usage:
        """Names of resources that are not served are left out."""
        by_resource: defaultdict[str, list[str]] = defaultdict(list)
        for name in quotas.hard(quota):
            by_resource[quotas.resource_of(name)].append(name)
        used: Usage = {}
        for group_resource, names in by_resource.items():
            informer = self._followed.get(group_resource) or await self._find(group_resource)
            if informer is not None:
                found = informer.list(objects.namespace(quota))
                used |= quotas.total(quota["spec"], group_resource, found, names)
        return {name: used[name] for name in quotas.hard(quota) if name in used}

    async def _find(self, group_resource: str) -> Informer | None:
        """Follow a resource that only ``count/...`` speaks of; None if nobody serves it."""
        served = await discovery.discover(self._client)
        for resource in served.resources:
            if resource.namespaced and resource.gvr.group_resource == group_resource:
                informer = self._follow(group_resource, resource.gvr)
                await informer.wait_synced()
                return informer
        return None


def _same(status: Obj, wanted: Obj) -> bool:
    return all(quotas.parsed(status.get(part) or {}) == quotas.parsed(wanted[part]) for part in ("hard", "used"))
