"""`Namespace`: a stack as one pod's processes use it, with its own name resolution."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from kube_nb.network.dataplane import is_address
from kube_nb.network.resolver import Answer, Resolver
from kube_nb.network.stream import Stream

if TYPE_CHECKING:
    from kube_nb.network.fabric import DatagramHandler, Listener, Stack, StreamHandler, VirtualNetwork


class Namespace:
    """Models a Linux network namespace with /etc/resolv.conf and /etc/hosts. A `cri.network.NetworkNamespace`.

    resolv_conf: the file's text; hosts: gives the text of /etc/hosts when asked.
    """

    def __init__(
        self,
        fabric: "VirtualNetwork",
        stack: "Stack",
        resolv_conf: str = "",
        hosts: Callable[[], str] = lambda: "127.0.0.1\tlocalhost\n",
    ) -> None:
        self._fabric = fabric
        self.stack = stack
        self._resolver = Resolver(self.ask, resolv_conf, hosts)

    @property
    def ips(self) -> tuple[str, ...]:
        return self.stack.ips

    def listen(self, port: int, handler: "StreamHandler") -> "Listener":
        from kube_nb.network.fabric import Listener  # fabric builds on this module

        number = port or self.stack.ephemeral_port()
        listener = Listener(self.stack, number, handler, None)
        self.stack.open("TCP", number, listener)
        return listener

    def listen_datagrams(self, port: int, handler: "DatagramHandler") -> "Listener":
        from kube_nb.network.fabric import Listener  # as above

        listener = Listener(self.stack, port, None, handler)
        self.stack.open("UDP", port, listener)
        return listener

    async def dial(self, host: str, port: int, *, timeout_s: float = 127.0) -> Stream:
        """Raises socket.gaierror, ConnectionRefusedError, TimeoutError, or OSError with EHOSTUNREACH."""
        ip = host if is_address(host) else (await self.resolve(host)).records[0]
        listener, seen, server, number = await self._fabric.find(self.stack, ip, port, "TCP", timeout_s)
        near, far = Stream.pair((seen, self.stack.ephemeral_port()), (server.ips[0], number))
        near.remote = (ip, port)
        self.stack.hold(near)
        server.hold(far)
        listener.accept(far)
        return near

    async def ask(self, ip: str, port: int, data: bytes, *, timeout_s: float = 5.0) -> bytes:
        """One datagram there, one back. Raises as `dial`; TimeoutError when no answer comes."""
        listener, seen, _, _ = await self._fabric.find(self.stack, ip, port, "UDP", timeout_s)
        assert listener.answer is not None
        async with asyncio.timeout(timeout_s):
            answer = await listener.answer(data, (seen, self.stack.ephemeral_port()))
            if answer is None:
                await asyncio.sleep(timeout_s)
        return answer or b""

    async def resolve(self, name: str, type: str = "A") -> Answer:
        """Addresses or records of a name. Raises socket.gaierror."""
        return await self._resolver.resolve(name, type)
