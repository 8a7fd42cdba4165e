"""Cluster IPs and node ports: what services take from ranges that they share.

What is taken is read off the stored services as they change, so nothing leaks when a write fails and nothing is to be
repaired after a crash. Models pkg/registry/core/service/{ipallocator,portallocator}. Differs: upstream keeps a bitmap
of ports and an IPAddress object per address in the store.
"""

import ipaddress
import random
from collections.abc import Iterator

from kube_nb.apiserver.cacher import Cacher, Change
from kube_nb.machinery.types import Obj

FIRST_PORT, LAST_PORT = 30000, 32767
#: Models calculateRangeOffset: the lower part of the network is left to those who choose.
_LEAST_STATIC, _MOST_STATIC, _STATIC_SHARE = 16, 256, 16


class Refused(Exception):
    """Why an address or a port cannot be had."""


class Ranges:
    """The service network and the node ports of one server. services: the cacher of all services."""

    def __init__(self, service_cidr: str, services: Cacher, stream: random.Random) -> None:
        self.network = ipaddress.ip_network(service_cidr)
        self._stream = stream
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

    def _changed(self, change: Change) -> None:
        if change.old is not None:
            self._release(change.key, change.old)
        if change.new is not None:
            self._take(change.key, change.new)

    def _take(self, key: str, service: Obj) -> None:
        for address in _addresses(service):
            self._addresses[address] = key
        for port in _node_ports(service):
            self._ports[port] = key

    def _release(self, key: str, service: Obj) -> None:
        for address in _addresses(service):
            if self._addresses.get(address) == key:
                del self._addresses[address]
        for port in _node_ports(service):
            if self._ports.get(port) == key:
                del self._ports[port]

    def take_address(self, wanted: str, owner: str) -> str:
        """`wanted` or, if that is "", a free address; owner: the service's key, which may keep what it has."""
        if not wanted:
            return self._free_address()
        if ipaddress.ip_address(wanted) not in self.network:
            raise Refused(
                f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {self.network}"
            )
        if self._addresses.get(wanted, owner) != owner:
            raise Refused("provided IP is already allocated")
        return wanted

    def _free_address(self) -> str:
        size = self.network.num_addresses - 2
        static = min(max(_LEAST_STATIC, size // _STATIC_SHARE), _MOST_STATIC) if size > _LEAST_STATIC else 0
        for low, high in ((static + 1, size), (1, static)):
            for number in self._shuffled(low, high):
                address = str(self.network[number])
                if address not in self._addresses and address != self.first_address:
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


def _addresses(service: Obj) -> list[str]:
    spec = service.get("spec") or {}
    found = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return [address for address in found if address and address != "None"]


def _node_ports(service: Obj) -> list[int]:
    spec = service.get("spec") or {}
    found = [port.get("nodePort") for port in spec.get("ports") or ()]
    return [int(port) for port in (*found, spec.get("healthCheckNodePort")) if port]
