"""Cluster IPs and node ports: what services take from ranges that they share.

What is taken is read off the stored services, so nothing leaks when a write fails and nothing is to be repaired after a
crash. Models pkg/registry/core/service/{ipallocator,portallocator}. Differs: upstream keeps a bitmap of ports and an
IPAddress object per address in the store.
"""

import ipaddress
import random

from kube_nb.apiserver.cacher import Cacher
from kube_nb.machinery.types import Obj

FIRST_PORT, LAST_PORT = 30000, 32767


class Refused(Exception):
    """Why an address or a port cannot be had."""


class Ranges:
    """The service network and the node ports of one server. services: the cacher of all services."""

    def __init__(self, service_cidr: str, services: Cacher, stream: random.Random) -> None:
        self.network = ipaddress.ip_network(service_cidr)
        self._services = services
        self._stream = stream

    @property
    def first_address(self) -> str:
        """The address of the service ``kubernetes``."""
        return str(self.network[1])

    def _specs(self) -> list[tuple[str, Obj]]:
        return [(entry.key, entry.obj.get("spec") or {}) for entry in self._services.select()]

    def take_address(self, wanted: str, owner: str) -> str:
        """`wanted` or, if that is "", a free address; owner: the service's key, which may keep what it has."""
        if wanted:
            if ipaddress.ip_address(wanted) not in self.network:
                raise Refused(
                    f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {self.network}"
                )
            if self._holder(wanted) not in ("", owner):
                raise Refused("provided IP is already allocated")
            return wanted
        return self._free_address()

    def _holder(self, address: str) -> str:
        """The key of the service that has this address, "" if none has; by the cacher's index, not by looking."""
        return next((entry.key for entry in self._services.select(index_value=address)), "")

    def _free_address(self) -> str:
        """From the upper part of the range, which leaves the lower for those who choose. Models dynamic blocks."""
        size = self.network.num_addresses - 2
        static = min(max(16, size // 16), 256) if size > 16 else 0
        for low, high in ((static + 1, size), (1, static)):
            count = high - low + 1
            if count <= 0:
                continue
            start = self._stream.randrange(count)
            for step in range(count):
                address = str(self.network[low + (start + step) % count])
                if address != self.first_address and not self._holder(address):
                    return address
        raise Refused("range is full")

    def take_port(self, wanted: int, owner: str, protocol: str) -> int:
        taken = {
            port["nodePort"]: key
            for key, spec in self._specs()
            for port in spec.get("ports") or ()
            if port.get("nodePort")
        }
        if wanted:
            if not FIRST_PORT <= wanted <= LAST_PORT:
                raise Refused(
                    f"provided port is not in the valid range. The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
                )
            if taken.get(wanted, owner) != owner:
                raise Refused("provided port is already allocated")
            return wanted
        count = LAST_PORT - FIRST_PORT + 1
        start = self._stream.randrange(count)
        for step in range(count):
            port = FIRST_PORT + (start + step) % count
            if port not in taken:
                return port
        raise Refused("range is full")
