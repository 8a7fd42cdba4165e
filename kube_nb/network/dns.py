"""`ClusterDns`: what the cluster's name server answers, from Services and EndpointSlices.

Models CoreDNS' kubernetes plugin and the Kubernetes DNS-Based Service Discovery specification: A records of services
(a headless one's are its endpoints), SRV records of named ports, pods by address, PTR, CNAME for ExternalName.
Differs: names outside the cluster do not exist; zone transfers, wildcards and TXT dns-version are not there.
"""

import asyncio
import ipaddress
import random
from collections.abc import Iterator

from kube_nb.api.resources import ENDPOINT_SLICES, NAMESPACES, SERVICES
from kube_nb.client import InformerFactory
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj
from kube_nb.network import dnsmessage
from kube_nb.network.dnsmessage import NOERROR, NXDOMAIN, Message, Record
from kube_nb.network.proxy import service_of_slice

DOMAIN = "cluster.local"
TTL_S = 30
#: A CNAME may lead to another this many times.
MAX_CHAIN = 8


class ClusterDns:
    """Answers datagrams (`handle`); `run` keeps the data up to date until cancelled.

    stream: answers with several records come in a random order, as CoreDNS' loadbalance plugin gives them.
    """

    def __init__(self, informers: InformerFactory, stream: random.Random, *, domain: str = DOMAIN) -> None:
        self._informers = informers
        self._stream = stream
        self._domain = domain
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES)
        self._namespaces = informers.informer(NAMESPACES)
        self._slices.add_index("service", service_of_slice)
        self._services.add_index("clusterIP", lambda service: list((service.get("spec") or {}).get("clusterIPs") or ()))

    async def run(self) -> None:
        await self._informers.start()
        await asyncio.get_running_loop().create_future()

    @property
    def ready(self) -> bool:
        """Whether all data has been seen once; until then CoreDNS does not answer."""
        return self._services.synced and self._slices.synced and self._namespaces.synced

    async def handle(self, data: bytes, peer: tuple[str, int]) -> bytes | None:
        """A query's datagram; None for one that is not DNS, which is never answered."""
        try:
            query = dnsmessage.decode(data)
        except ValueError:
            return None
        code, records = self.answer(query.name, query.type) if self.ready else (dnsmessage.SERVFAIL, [])
        return Message(query.id, query.name, query.type, True, code, records).encode()

    def answer(self, name: str, type: str) -> tuple[int, list[Record]]:
        """(code, records) for a question."""
        name = name.lower().rstrip(".")
        if name.endswith(".in-addr.arpa"):
            return self._reverse(name)
        if name != self._domain and not name.endswith("." + self._domain):
            return NXDOMAIN, []
        found = self._records(name, name.removesuffix(self._domain).rstrip("."), type)
        if found is None:
            return NXDOMAIN, []
        records = [record for record in found if record.type == type or record.type == "CNAME"]
        self._stream.shuffle(records)
        return NOERROR, self._followed(records, type)

    def _followed(self, records: list[Record], type: str, depth: int = 0) -> list[Record]:
        """With the targets of aliases that lie in the cluster."""
        if type != "A" or depth >= MAX_CHAIN:
            return records
        aliases = [record for record in records if record.type == "CNAME"]
        for alias in aliases:
            target = self._records(alias.value, alias.value.removesuffix(self._domain).rstrip("."), "A")
            if alias.value.endswith("." + self._domain) and target:
                wanted = [record for record in target if record.type in (type, "CNAME")]
                records = records + self._followed(wanted, type, depth + 1)
        return records

    def _records(self, name: str, relative: str, type: str) -> list[Record] | None:
        """All records of a name inside the domain; None if there is no such name, [] if it has none itself."""
        match relative.split(".")[::-1]:
            case [""] | ["svc"] | ["pod"]:
                return []
            case [("svc" | "pod") as kind, namespace, *rest]:
                if self._namespaces.get(None, namespace) is None:
                    return None
                if not rest:
                    return []
                return self._pod(name, rest) if kind == "pod" else self._service(name, namespace, rest)
        return None

    def _pod(self, name: str, rest: list[str]) -> list[Record] | None:
        """``10-244-1-7.NAMESPACE.pod``: any address, as ``pods insecure`` has it."""
        try:
            address = str(ipaddress.IPv4Address(rest[0].replace("-", ".")))
        except ValueError:
            return None
        return [Record(name, "A", address, TTL_S)] if len(rest) == 1 else None

    def _service(self, name: str, namespace: str, rest: list[str]) -> list[Record] | None:
        service = self._services.get(namespace, rest[0])
        if service is None:
            return None
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return [Record(name, "CNAME", spec["externalName"], TTL_S)] if len(rest) == 1 else None
        headless = spec.get("clusterIP") in ("None", "", None)
        base = f"{rest[0]}.{namespace}.svc.{self._domain}"
        if len(rest) == 1:
            if headless:
                found = list(self._endpoints(service))
                addresses = dict.fromkeys(address for _, address, _ in found)
                records = [Record(name, "A", address, TTL_S) for address in addresses]
                return (records + self._srv(name, base, service, "", "")) if found else None
            cluster = [Record(name, "A", ip, TTL_S) for ip in spec.get("clusterIPs") or [spec["clusterIP"]]]
            return [record for record in cluster if ":" not in record.value] + self._srv(name, base, service, "", "")
        if len(rest) == 2 and headless:
            named = dict.fromkeys(address for host, address, _ in self._endpoints(service) if host == rest[1])
            return [Record(name, "A", address, TTL_S) for address in named] or None
        if len(rest) == 3 and rest[1].startswith("_") and rest[2].startswith("_"):
            return self._srv(name, base, service, rest[2][1:], rest[1][1:]) or None
        return None

    def _endpoints(self, service: Obj) -> Iterator[tuple[str, str, Obj]]:
        """(host name, address, slice) of the endpoints that are to be published."""
        unready = bool(service["spec"].get("publishNotReadyAddresses"))
        for slice in self._slices.by_index("service", objects.key(service)):
            for endpoint in slice.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is False and not unready:
                    continue
                for address in endpoint.get("addresses") or ():
                    yield endpoint.get("hostname") or address.replace(".", "-"), address, slice

    def _srv(self, name: str, base: str, service: Obj, port_name: str, protocol: str) -> list[Record]:
        """One row per port, and per endpoint if headless; empty names match every port."""
        found = []
        if service["spec"].get("clusterIP") in ("None", "", None):
            for host, _, slice in self._endpoints(service):
                for port in slice.get("ports") or ():
                    if _wanted(port, port_name, protocol):
                        found.append(Record(name, "SRV", f"0 100 {port['port']} {host}.{base}", TTL_S))
            return found
        for port in service["spec"].get("ports") or ():
            if _wanted(port, port_name, protocol):
                found.append(Record(name, "SRV", f"0 100 {port['port']} {base}", TTL_S))
        return found

    def _reverse(self, name: str) -> tuple[int, list[Record]]:
        address = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
        for service in self._services.by_index("clusterIP", address):
            target = f"{objects.name(service)}.{objects.namespace(service)}.svc.{self._domain}"
            return NOERROR, [Record(name, "PTR", target, TTL_S)]
        return NXDOMAIN, []


def _wanted(port: Obj, name: str, protocol: str) -> bool:
    return (not name or port.get("name") == name) and (not protocol or port.get("protocol", "TCP").lower() == protocol)
