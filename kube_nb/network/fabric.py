"""`VirtualNetwork`: all nodes and all network stacks, and how a connection finds its way."""

import asyncio
import contextvars
import errno
import ipaddress
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Literal

from kube_nb.machinery.clock import Clock
from kube_nb.network.dataplane import Dataplane, Target, Verdict
from kube_nb.network.namespace import Namespace
from kube_nb.network.stream import Endpoint, Stream

StreamHandler = Callable[[Stream], Awaitable[None]]
DatagramHandler = Callable[[bytes, Endpoint], Awaitable[bytes | None]]
Protocol = Literal["TCP", "UDP"]

#: How long Linux asks for a neighbour that does not answer before it says "no route to host".
NO_NEIGHBOUR_S = 3.0
EPHEMERAL_PORTS = range(32768, 61000)

_log = logging.getLogger(__name__)


class Listener:
    """An open port. Closing it resets the connections that it accepted."""

    def __init__(
        self, stack: "Stack", port: int, handler: StreamHandler | None, answer: DatagramHandler | None
    ) -> None:
        self.port = port
        self.answer = answer
        self._stack = stack
        self._handler = handler
        self._context = contextvars.copy_context()
        self._tasks: dict[asyncio.Task[None], Stream] = {}

    def accept(self, stream: Stream) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(stream), context=self._context.copy())
        self._tasks[task] = stream
        task.add_done_callback(self._tasks.pop)

    async def _serve(self, stream: Stream) -> None:
        assert self._handler is not None
        try:
            await self._handler(stream)
        except ConnectionError:
            stream.reset()
        except Exception:
            _log.exception("a connection's handler failed", extra={"port": self.port})
            stream.reset()

    def close(self) -> None:
        self._stack.forget(self)
        for task, stream in list(self._tasks.items()):
            stream.reset()
            task.cancel()


class Stack:
    """A node's or a pod's network stack: addresses, open ports, living connections. node None: outside the cluster."""

    def __init__(self, node: "NodeNetwork | None", ips: tuple[str, ...], owner: str) -> None:
        self.node = node
        self.ips = ips
        self.owner = owner
        self.listeners: dict[tuple[Protocol, int], Listener] = {}
        self._streams: dict[Stream, None] = {}
        self._ephemeral = EPHEMERAL_PORTS.start

    def open(self, protocol: Protocol, port: int, listener: Listener) -> None:
        if (protocol, port) in self.listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.listeners[protocol, port] = listener

    def forget(self, listener: Listener) -> None:
        for key, known in list(self.listeners.items()):
            if known is listener:
                del self.listeners[key]

    def ephemeral_port(self) -> int:
        self._ephemeral += 1
        if self._ephemeral >= EPHEMERAL_PORTS.stop:
            self._ephemeral = EPHEMERAL_PORTS.start
        return self._ephemeral

    def hold(self, stream: Stream) -> Stream:
        """Remember a connection until it closes, to reset it if the stack goes first."""
        self._streams[stream] = None
        stream.on_close = lambda stream: self._streams.pop(stream, None)
        return stream

    def close(self) -> None:
        for listener in list(self.listeners.values()):
            listener.close()
        for stream in list(self._streams):
            stream.reset()


class NodeNetwork:
    """One node: its host stack, its pods' addresses, its service rules. A `cri.network.PodNetwork`.

    connected: False cuts the node off from all others, as a pulled cable would.
    """

    def __init__(self, fabric: "VirtualNetwork", name: str, ip: str, pod_cidr: str) -> None:
        self.fabric = fabric
        self.name = name
        self.ip = ip
        self.connected = True
        self.stack = Stack(self, (ip,), name)
        self.dataplane = Dataplane(fabric.clock.time, fabric.clock.stream(f"kube-proxy/{name}"), (ip,))
        self._pods: dict[str, Stack] = {}
        self._used: dict[str, None] = {}
        self.set_pod_cidr(pod_cidr)
        self.host = Namespace(fabric, self.stack)

    def set_pod_cidr(self, pod_cidr: str) -> None:
        """From now on new pods get their addresses from here; without one, pods cannot start."""
        self.pod_cidr = ipaddress.ip_network(pod_cidr) if pod_cidr else None
        self._next = self._addresses()

    def _addresses(self) -> Iterator[str]:
        """host-local's order: from .2 on, round and round."""
        while self.pod_cidr is not None:
            hosts = self.pod_cidr.hosts()
            next(hosts, None)
            for address in hosts:
                yield str(address)

    def _allocate(self) -> str:
        if self.pod_cidr is None:
            raise OSError("cni plugin not initialized")
        for _ in range(self.pod_cidr.num_addresses):
            ip = next(self._next)
            if ip not in self._used:
                return ip
        raise OSError(f"no IP addresses available in range set: {self.pod_cidr[1]}-{self.pod_cidr[-2]}")

    def add(self, sandbox_id: str, *, resolv_conf: str, hosts: Callable[[], str], ip: str = "") -> Namespace:
        """A pod's namespace with the next free address, or with `ip` if that is one of this node's and free."""
        ip = ip if self._is_free(ip) else self._allocate()
        stack = Stack(self, (ip,), sandbox_id)
        self._used[ip] = None
        self._pods[sandbox_id] = self.fabric.stacks[ip] = stack
        return Namespace(self.fabric, stack, resolv_conf, hosts)

    def _is_free(self, ip: str) -> bool:
        own = bool(ip) and self.pod_cidr is not None and ipaddress.ip_address(ip) in self.pod_cidr
        return own and ip not in self._used

    def on_host(self, *, resolv_conf: str, hosts: Callable[[], str]) -> Namespace:
        return Namespace(self.fabric, self.stack, resolv_conf, hosts)

    def remove(self, sandbox_id: str) -> None:
        stack = self._pods.pop(sandbox_id, None)
        if stack is not None:
            stack.close()
            for ip in stack.ips:
                self._used.pop(ip, None)
                self.fabric.stacks.pop(ip, None)


class VirtualNetwork:
    """See the module's docstring. latency_s: of each new connection and each datagram between two stacks.

    allow: asked for every connection once its endpoint is known (client stack, server stack, port, protocol): where
    network policies will go. A refusal drops the packets.
    """

    def __init__(self, clock: Clock, *, latency_s: float = 0.0) -> None:
        self.clock = clock
        self.latency_s = latency_s
        self.stacks: dict[str, Stack] = {}
        self.nodes: dict[str, NodeNetwork] = {}
        self.allow: Callable[[Stack, Stack, int, str], bool] | None = None

    def add_node(self, name: str, ip: str, pod_cidr: str = "") -> NodeNetwork:
        """A node with its address and, if it is known yet, its range of pod addresses."""
        node = NodeNetwork(self, name, ip, pod_cidr)
        self.nodes[name] = node
        self.stacks[ip] = node.stack
        return node

    def remove_node(self, name: str) -> None:
        node = self.nodes.pop(name)
        for sandbox_id in list(node._pods):
            node.remove(sandbox_id)
        node.stack.close()
        self.stacks.pop(node.ip, None)

    def outside(self, ip: str = "172.18.0.1") -> Namespace:
        """A host beside the cluster, such as the notebook's: it reaches nodes, nodePorts and pod addresses."""
        stack = self.stacks.get(ip) or Stack(None, (ip,), "outside")
        self.stacks[ip] = stack
        return Namespace(self, stack)

    # -- routing -------------------------------------------------------------------------------------------------

    def route(self, client: Stack, ip: str, port: int, protocol: Protocol) -> Target | Verdict:
        """Where packets from a stack end up, after the rules of the client's node and of the node they arrive at."""
        if ip.startswith("127."):
            return Target(ip, port)
        target: Target | Verdict | None = None
        if client.node is not None:
            target = client.node.dataplane.translate(ip, port, protocol, client.ips[0])
        if target is None:
            stack = self.stacks.get(ip)
            if (
                stack is not None
                and stack.node is not None
                and stack is stack.node.stack
                and stack.node is not client.node
            ):
                target = stack.node.dataplane.translate(ip, port, protocol, client.ips[0])
        return Target(ip, port) if target is None else target

    async def find(
        self, client: Stack, ip: str, port: int, protocol: Protocol, timeout_s: float
    ) -> tuple[Listener, str, Stack, int]:
        """(listener, the client's address as seen there, the server's stack, its port). Raises OSError as a kernel."""
        verdict = self.route(client, ip, port, protocol)
        if verdict is Verdict.REJECT:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        if not isinstance(verdict, Target):
            raise await self._silence(timeout_s)
        server = client if verdict.ip.startswith("127.") else self.stacks.get(verdict.ip)
        if server is None:
            raise await self._nobody(verdict.ip, timeout_s)
        if server is not client:
            if not self._reachable(client, server) or (
                self.allow is not None and not self.allow(client, server, verdict.port, protocol)
            ):
                raise await self._silence(timeout_s)
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
        listener = server.listeners.get((protocol, verdict.port))
        if listener is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        seen = client.ips[0] if server is not client or not verdict.ip.startswith("127.") else "127.0.0.1"
        if verdict.masquerade and server.node is not None:
            arrived = self.stacks.get(ip)
            seen = arrived.ips[0] if arrived is not None else server.node.ip
        return listener, seen, server, verdict.port

    @staticmethod
    def _reachable(client: Stack, server: Stack) -> bool:
        if client.node is server.node:
            return True
        return all(stack.node is None or stack.node.connected for stack in (client, server))

    async def _silence(self, timeout_s: float) -> OSError:
        await asyncio.sleep(timeout_s)
        return TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    async def _nobody(self, ip: str, timeout_s: float) -> OSError:
        """An address that no stack has: on a node's own range its node says so, elsewhere nobody answers."""
        address = ipaddress.ip_address(ip)
        if timeout_s > NO_NEIGHBOUR_S and any(
            node.pod_cidr and address in node.pod_cidr for node in self.nodes.values()
        ):
            await asyncio.sleep(NO_NEIGHBOUR_S)
            return OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        return await self._silence(timeout_s)
