"""Cluster IPs and node ports: what services take from ranges that they share.

The networks of cluster IPs are the ServiceCIDR objects that are ready; an IPAddress object holds each address that a
service has, and whoever creates one by hand keeps its address from the services. Ports are read off the stored
services as they change, so no port leaks when a write fails and none is to be repaired after a crash.
Models pkg/registry/core/service/{ipallocator,portallocator}. Differs: upstream keeps a bitmap of ports in the store; of
several networks the first with room is taken; what a crash left between an address and its service is repaired at the
next start only.
"""

import ipaddress
import random
from collections.abc import Iterator, Sequence

from kube_nb.apiserver.cacher import Cacher, Change
from kube_nb.machinery.types import Obj

FIRST_PORT, LAST_PORT = 30000, 32767
FAMILY, MANAGED_BY = "ipaddress.kubernetes.io/ip-family", "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"
#: Models calculateRangeOffset: the lower part of the network is left to those who choose.
_LEAST_STATIC, _MOST_STATIC, _STATIC_SHARE = 16, 256, 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(Exception):
    """Why an address or a port cannot be had."""


class Ranges:
    """The service networks and the node ports of one server.

    default: the network of the server's own service. services, addresses, cidrs: the cachers of all Services,
    IPAddresses and ServiceCIDRs; the last two are None for a release that does not serve them.
    """

    def __init__(
        self,
        default: str,
        services: Cacher,
        addresses: Cacher | None,
        cidrs: Cacher | None,
        stream: random.Random,
    ) -> None:
        self.network: Network = ipaddress.ip_network(default)
        self._stream = stream
        self._services = services
        self._objects = addresses
        self._cidrs = cidrs
        self._networks: tuple[int, Sequence[Network]] = (-1, ())
        #: What is taken -> the service that has it.
        self._addresses: dict[str, str] = {}
        self._ports: dict[int, str] = {}
        for entry in services.select():
            self._take(entry.key, entry.obj)
        services.listeners.append(self._changed)

    @property
    def first_address(self) -> str:
        """The address of the service ``kubernetes``."""
        return str(self.network[1])

    @property
    def has_objects(self) -> bool:
        """Whether each address in use is an object, too."""
        return self._objects is not None

    def networks(self) -> Sequence[Network]:
        """The networks that addresses may be taken from; the default one until there are objects."""
        if self._cidrs is None:
            return (self.network,)
        if self._networks[0] != self._cidrs.version:
            found = [ipaddress.ip_network(cidr) for entry in self._cidrs.select() for cidr in _ready_cidrs(entry.obj)]
            same_family = [network for network in found if network.version == self.network.version]
            self._networks = (self._cidrs.version, same_family if self._cidrs.entries else (self.network,))
        return self._networks[1]

    def unrecorded(self) -> list[tuple[str, str]]:
        """(address, service) of services whose address no object holds."""
        if self._objects is None:
            return []
        return [(address, key) for address, key in self._addresses.items() if self._objects.get(address) is None]

    def leaked(self) -> list[str]:
        """Addresses held for services that do not have them."""
        if self._objects is None:
            return []
        managed = (entry.obj for entry in self._objects.select() if _is_managed(entry.obj))
        return [ip for obj in managed if self._addresses.get(ip := obj["metadata"]["name"]) != _parent(obj)]

    def is_in_use(self, address: str) -> bool:
        """Whether a stored service has it."""
        return address in self._addresses

    def _changed(self, change: Change) -> None:
        if change.old is not None:
            self._release(change.key, change.old)
        if change.new is not None:
            self._take(change.key, change.new)

    def _take(self, key: str, service: Obj) -> None:
        for address in cluster_ips(service):
            self._addresses[address] = key
        for port in _node_ports(service):
            self._ports[port] = key

    def _release(self, key: str, service: Obj) -> None:
        for address in cluster_ips(service):
            if self._addresses.get(address) == key:
                del self._addresses[address]
        for port in _node_ports(service):
            if self._ports.get(port) == key:
                del self._ports[port]

    def take_address(self, wanted: str, owner: str) -> str:
        """`wanted` or, if that is "", a free address; owner: the service's key, which may keep what it has."""
        if not wanted:
            return self._free_address()
        ip = ipaddress.ip_address(wanted)
        network = next((network for network in self.networks() if ip in network), None)
        if network is None:
            raise Refused("the provided network does not match the current range")
        if ip in (network[0], network[-1]):
            raise Refused(f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {network}")
        if self._owner(wanted, owner) != owner:
            raise Refused("provided IP is already allocated")
        return wanted

    def _owner(self, address: str, default: str = "") -> str:
        """Who has the address: a service's key, or something else for what no service has."""
        entry = None if self._objects is None else self._objects.get(address)
        if entry is None:
            return self._addresses.get(address, default)
        return _parent(entry.obj)

    def _free_address(self) -> str:
        for network in self.networks():
            size = network.num_addresses - 2
            static = min(max(_LEAST_STATIC, size // _STATIC_SHARE), _MOST_STATIC) if size > _LEAST_STATIC else 0
            for low, high in ((static + 1, size), (1, static)):
                for number in self._shuffled(low, high):
                    address = str(network[number])
                    if not self._owner(address) and address != self.first_address:
                        return address
        raise Refused("range is full")

    def take_port(self, wanted: int, owner: str) -> int:
        """`wanted` or, if that is 0, a free node port."""
        if not wanted:
            for port in self._shuffled(FIRST_PORT, LAST_PORT):
                if port not in self._ports:
                    return port
            raise Refused("range is full")
        if not FIRST_PORT <= wanted <= LAST_PORT:
            valid = f"The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
            raise Refused(f"provided port is not in the valid range. {valid}")
        if self._ports.get(wanted, owner) != owner:
            raise Refused("provided port is already allocated")
        return wanted

    def _shuffled(self, low: int, high: int) -> Iterator[int]:
        """The numbers from low to high, from a random one on."""
        count = high - low + 1
        if count > 0:
            start = self._stream.randrange(count)
            yield from (low + (start + step) % count for step in range(count))


def address_object(address: str, service: str) -> Obj:
    """The IPAddress object that holds an address for a service, given by its key."""
    namespace, _, name = service.partition("/")
    family = f"IPv{ipaddress.ip_address(address).version}"
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": address, "labels": {FAMILY: family, MANAGED_BY: MANAGER}},
        "spec": {"parentRef": {"resource": "services", "namespace": namespace, "name": name}},
    }


def _is_managed(address: Obj) -> bool:
    return (address["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def _parent(address: Obj) -> str:
    """The key of the service that an IPAddress object is for; for anything else a text that is no key."""
    parent = (address.get("spec") or {}).get("parentRef") or {}
    if parent.get("resource") == "services" and not parent.get("group"):
        return f"{parent.get('namespace')}/{parent.get('name')}"
    return "?"


def _ready_cidrs(cidr: Obj) -> Sequence[str]:
    """Those of a ServiceCIDR, unless it is on its way out or said not to be ready. Models isReady."""
    conditions = (cidr.get("status") or {}).get("conditions") or ()
    ready = next((row["status"] for row in conditions if row["type"] == "Ready"), "True")
    if cidr["metadata"].get("deletionTimestamp") or ready != "True":
        return ()
    found: Sequence[str] = cidr["spec"].get("cidrs") or ()
    return found


def cluster_ips(service: Obj) -> list[str]:
    """The addresses that a service has of the service networks."""
    spec = service.get("spec") or {}
    found = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [address for address in found if address and address != "None"]


def _node_ports(service: Obj) -> list[int]:
    spec = service.get("spec") or {}
    found = [port.get("nodePort") for port in spec.get("ports") or ()]
    return [int(port) for port in (*found, spec.get("healthCheckNodePort")) if port]
