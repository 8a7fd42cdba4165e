"""`ServiceCidrController`: networks of cluster IPs are ready, and stay until no service needs them any more.

Models pkg/controller/servicecidrs.
"""

import ipaddress

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers import discovery
from kube_nb.controllers.context import Context
from kube_nb.machinery import clock, objects, times
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "service-cidr-controller"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY, MANAGER = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
#: For so long an allocator may not know yet that a network is going.
DELETION_GRACE_PERIOD_S = 10.0
MAX_RETRIES = 15
_NEEDED = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ServiceCidrController:
    """A key is the name of a ServiceCIDR."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._context = context
        self._recorder = context.recorder(NAME)
        self._controller = Controller(
            NAME, self.reconcile, workers=context.options.workers, clock=context.clock, max_retries=MAX_RETRIES
        )

    async def run(self) -> None:
        """Returns at once if the release knows no such networks."""
        if not await self._is_served():
            return
        self._cidrs = self._context.informer(resources.SERVICE_CIDRS)
        self._addresses = self._context.informer(resources.IP_ADDRESSES)
        self._controller.watch(self._cidrs, self._overlapping)
        self._addresses.add_handler(on_delete=self._address_gone)
        await self._cidrs.wait_synced()
        await self._addresses.wait_synced()
        await self._controller.run()

    async def _is_served(self) -> bool:
        while True:
            try:
                return (await discovery.discover(self._client)).of_kind(
                    "networking.k8s.io/v1", "ServiceCIDR"
                ) is not None
            except errors.Unreachable:
                await clock.periodic_sleep(self._context.options.discovery_period_s)

    def _overlapping(self, changed: Obj) -> list[str]:
        """A network that goes may be held by, or hold, others that it overlaps."""
        mine = _networks(changed)
        pairs = ((cidr, network) for cidr in self._cidrs.list() for network in _networks(cidr))
        others = [objects.name(cidr) for cidr, network in pairs if any(_overlap(network, each) for each in mine)]
        return list(dict.fromkeys([objects.name(changed), *others]))

    def _address_gone(self, address: Obj) -> None:
        for cidr in self._containing(objects.name(address)):
            self._controller.enqueue(cidr)

    def _containing(self, address: str) -> list[Obj]:
        ip = ipaddress.ip_address(address)
        return [cidr for cidr in self._cidrs.list() if any(ip in network for network in _networks(cidr))]

    async def reconcile(self, key: str) -> float | None:
        cidr = self._cidrs.get(None, key)
        if cidr is None:
            return None
        if objects.is_deleting(cidr):
            return await self._finish(cidr)
        await self._set_finalizer(cidr, present=True)
        await self._set_ready(cidr, "True", "", "Kubernetes Service CIDR is ready")
        return None

    async def _finish(self, cidr: Obj) -> float | None:
        if not self._may_go(cidr):
            await self._set_ready(cidr, "False", "Terminating", _NEEDED)
            return None
        since_s = times.seconds_since(cidr["metadata"]["deletionTimestamp"], self._clock.now())
        if since_s < DELETION_GRACE_PERIOD_S:
            return DELETION_GRACE_PERIOD_S - since_s
        await self._set_finalizer(cidr, present=False)
        return None

    def _may_go(self, cidr: Obj) -> bool:
        """Whether other networks contain it, or no address of a service is in it alone. Models canDeleteCIDR."""
        others = [network for other in self._cidrs.list() if other is not cidr for network in _networks(other)]
        if all(any(_contains(other, network) for other in others) for network in _networks(cidr)):
            return True
        for address in self._addresses.list():
            if objects.labels(address).get(MANAGED_BY) == MANAGER:
                holding = self._containing(objects.name(address))
                if len(holding) == 1 and objects.name(holding[0]) == objects.name(cidr):
                    return False
        return True

    async def _set_finalizer(self, cidr: Obj, *, present: bool) -> None:
        if (FINALIZER in objects.finalizers(cidr)) == present:
            return
        patch: Obj = {"finalizers": [FINALIZER]} if present else {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}
        try:
            await self._client.patch(resources.SERVICE_CIDRS, objects.name(cidr), {"metadata": patch}, type="strategic")
        except ApiError as error:
            if not errors.is_not_found(error):
                raise

    async def _set_ready(self, cidr: Obj, status: str, reason: str, message: str) -> None:
        row = objects.get_condition(cidr, "Ready") or {}
        if (row.get("status"), row.get("reason") or "", row.get("message")) == (status, reason, message):
            return
        condition = {"type": "Ready", "status": status, "reason": reason, "message": message}
        condition["lastTransitionTime"] = self._clock.timestamp()
        body = {"apiVersion": cidr["apiVersion"], "kind": cidr["kind"], "metadata": {"name": objects.name(cidr)}}
        applied = {**body, "status": {"conditions": [condition]}}
        try:
            await self._client.apply(
                resources.SERVICE_CIDRS, applied, force=True, field_manager=NAME, subresource="status"
            )
        except ApiError:
            text = "The ServiceCIDR Status can not be set to Ready=True"
            self._recorder.event(cidr, "Warning", "KubernetesServiceCIDRError", text)
            raise


def _networks(cidr: Obj) -> list[Network]:
    return [ipaddress.ip_network(text) for text in cidr["spec"].get("cidrs") or ()]


def _overlap(one: Network, other: Network) -> bool:
    return _contains(one, other) or _contains(other, one)


def _contains(outer: Network, inner: Network) -> bool:
    return outer.version == inner.version and outer.prefixlen <= inner.prefixlen and inner.network_address in outer
