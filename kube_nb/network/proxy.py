"""kube-proxy for one node: Services and EndpointSlices in, the node's dataplane rules out.

Models pkg/proxy (ServiceChangeTracker, EndpointsChangeTracker, CategorizeEndpoints). Only services that changed are
programmed again. Differs: no health-check node ports, no topology hints, IPv4 only.
"""

import asyncio
from collections.abc import Iterable, Sequence

from kube_nb.api.resources import ENDPOINT_SLICES, SERVICES
from kube_nb.client import InformerFactory
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj
from kube_nb.network.dataplane import Dataplane, Rule

SERVICE_NAME = "kubernetes.io/service-name"
#: Services with this label belong to another proxy.
OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
AFFINITY_S = 10800


def service_of_slice(slice: Obj) -> list[str]:
    """The key of the service that an EndpointSlice belongs to."""
    name = objects.labels(slice).get(SERVICE_NAME)
    return [f"{objects.namespace(slice)}/{name}"] if name else []


class KubeProxy:
    """Keeps `dataplane` in step until cancelled; the rules stay when it ends, as a real proxy leaves them.

    informers: of a client that may list and watch services and endpointslices; started by the caller or here.
    """

    def __init__(self, informers: InformerFactory, node: str, dataplane: Dataplane) -> None:
        self._informers = informers
        self._node = node
        self._dataplane = dataplane
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES)
        self._slices.add_index("service", service_of_slice)
        self._dirty: dict[str, None] = {}
        self._scheduled = False
        self.syncs = 0

    async def run(self) -> None:
        changed = self._service_changed
        services = self._services.add_handler(changed, lambda old, new: changed(new), changed)
        slices = self._slices.add_handler(
            self._slice_changed, lambda old, new: self._slice_changed(new), self._slice_changed
        )
        try:
            await self._informers.start()
            await asyncio.get_running_loop().create_future()
        finally:
            self._services.remove_handler(services)
            self._slices.remove_handler(slices)

    def _service_changed(self, service: Obj) -> None:
        self._mark(objects.key(service))

    def _slice_changed(self, slice: Obj) -> None:
        for key in service_of_slice(slice):
            self._mark(key)

    def _mark(self, key: str) -> None:
        """Changes that come together are programmed together."""
        self._dirty[key] = None
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._sync)

    def _sync(self) -> None:
        self._scheduled = False
        dirty, self._dirty = self._dirty, {}
        self.syncs += 1
        for key in dirty:
            service = self._services.get_key(key)
            if service is None or not _proxied(service):
                self._dataplane.forget(key)
            else:
                self._dataplane.program(key, self._rules(key, service))

    def _rules(
        self, key: str, service: Obj
    ) -> list[tuple[Rule, list[tuple[str, int, str]], list[tuple[str, int, str]], int]]:
        spec = service["spec"]
        slices = self._slices.by_index("service", key)
        timeout_s = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds", AFFINITY_S)
        rules = []
        for port in spec.get("ports") or ():
            everywhere, here = endpoints_of(slices, port.get("name") or "", self._node)
            rule = Rule(
                key,
                port.get("name") or "",
                everywhere,
                here,
                affinity_s=timeout_s if spec.get("sessionAffinity") == "ClientIP" else None,
                internal_local=spec.get("internalTrafficPolicy") == "Local",
                external_local=spec.get("externalTrafficPolicy") == "Local",
            )
            number, protocol = port["port"], port.get("protocol", "TCP")
            internal = [(ip, number, protocol) for ip in spec.get("clusterIPs") or [spec["clusterIP"]] if ":" not in ip]
            external = [(ip, number, protocol) for ip in _external_ips(service)]
            rules.append((rule, internal, external, port.get("nodePort", 0)))
        return rules


def _proxied(service: Obj) -> bool:
    spec = service.get("spec") or {}
    ip = spec.get("clusterIP")
    return (
        bool(ip) and ip != "None" and spec.get("type") != "ExternalName" and OTHER_PROXY not in objects.labels(service)
    )


def _external_ips(service: Obj) -> list[str]:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [*(service["spec"].get("externalIPs") or ()), *(each["ip"] for each in ingress if each.get("ip"))]


def endpoints_of(
    slices: Iterable[Obj], port_name: str, node: str
) -> tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]]:
    """(all usable endpoints, those on the node) of one service port, sorted; ready ones, or, if there is none, those
    that still serve while they end."""
    ready: dict[tuple[str, int], bool] = {}
    ending: dict[tuple[str, int], bool] = {}
    for slice in slices:
        numbers = [port.get("port") for port in slice.get("ports") or () if (port.get("name") or "") == port_name]
        for endpoint in slice.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            if conditions.get("ready") is not False:
                chosen = ready
            elif conditions.get("serving") and conditions.get("terminating"):
                chosen = ending
            else:
                continue
            for ip in endpoint.get("addresses") or ():
                for number in numbers:
                    if number:
                        chosen[ip, number] = endpoint.get("nodeName") == node

    def pick(only_here: bool) -> list[tuple[str, int]]:
        for group in (ready, ending):
            found = sorted(address for address, here in group.items() if here or not only_here)
            if found:
                return found
        return []

    return pick(False), pick(True)
