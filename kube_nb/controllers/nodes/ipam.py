"""`NodeIpamController`: gives each node its part of the cluster's pod addresses.

Models pkg/controller/nodeipam/ipam/range_allocator.go. Differs: one address family.
"""

import ipaddress

from kube_nb.api import resources
from kube_nb.client import Controller, errors
from kube_nb.controllers.context import Context
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

NAME = "node-ipam-controller"
COMPONENT = "cidrAllocator"


class Ranges:
    """The blocks of a network, handed out in turn: a block that was given back is used again last."""

    def __init__(self, cidr: str, mask_size: int) -> None:
        self._network = ipaddress.ip_network(cidr)
        self._mask_size = mask_size
        self._size = 2 ** (self._network.max_prefixlen - mask_size)
        self._count = 2 ** (mask_size - self._network.prefixlen)
        self._used: dict[int, None] = {}
        self._next = 0

    def take(self) -> str | None:
        """The next free block; None if all are taken."""
        if len(self._used) >= self._count:
            return None
        while self._next in self._used:
            self._next = (self._next + 1) % self._count
        number, self._next = self._next, (self._next + 1) % self._count
        self._used[number] = None
        return f"{self._network[number * self._size]}/{self._mask_size}"

    def occupy(self, cidr: str) -> None:
        """A node has this range already; ranges outside the network are somebody else's."""
        for number in self._numbers(cidr):
            self._used[number] = None

    def release(self, cidr: str) -> None:
        for number in self._numbers(cidr):
            self._used.pop(number, None)

    def _numbers(self, cidr: str) -> range:
        block = ipaddress.ip_network(cidr, strict=False)
        if block.version != self._network.version or not block.overlaps(self._network):
            return range(0)
        first = max(0, int(block.network_address) - int(self._network.network_address))
        last = min(self._count * self._size - 1, int(block.broadcast_address) - int(self._network.network_address))
        return range(first // self._size, last // self._size + 1)


class NodeIpamController:
    """A key is a node."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(COMPONENT)
        self._ranges = Ranges(context.options.cluster_cidr, context.options.node_cidr_mask_size)
        self._nodes = context.informer(resources.NODES)
        self._controller = Controller(NAME, self.reconcile, clock=context.clock)
        self._nodes.add_handler(self._seen, lambda old, new: self._seen(new), self._gone)

    async def run(self) -> None:
        await self._nodes.wait_synced()
        await self._controller.run()

    def _seen(self, node: Obj) -> None:
        cidrs = _cidrs(node)
        for cidr in cidrs:
            self._ranges.occupy(cidr)
        if not cidrs:
            self._controller.enqueue(node)

    def _gone(self, node: Obj) -> None:
        for cidr in _cidrs(node):
            self._ranges.release(cidr)

    async def reconcile(self, key: str) -> None:
        node = self._nodes.get_key(key)
        if node is None or _cidrs(node):
            return
        cidr = self._ranges.take()
        if cidr is None:
            message = f"Node {key} status is now: CIDRNotAvailable"
            self._recorder.event(node, "Normal", "CIDRNotAvailable", message)
            raise NoRangeLeft(f"failed to allocate cidr from cluster cidr at idx:0: no free CIDR for node {key}")
        try:
            patch = {"metadata": {"uid": objects.uid(node)}, "spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}
            await self._client.patch(resources.NODES, key, patch)
        except ApiError as error:
            self._ranges.release(cidr)
            if not errors.is_not_found(error):
                raise


class NoRangeLeft(Exception):
    """The cluster's network is used up; tried again later."""


def _cidrs(node: Obj) -> list[str]:
    spec = node.get("spec") or {}
    return spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
