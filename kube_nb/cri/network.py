"""What a container runtime asks of the network: a namespace per pod, connections, datagrams, names.

`kube_nb.network` implements these protocols without importing them; the wiring brings both together. Errors are the
operating system's own: `ConnectionRefusedError`, `TimeoutError`, `OSError` with EHOSTUNREACH or EADDRINUSE, and
`socket.gaierror` for names.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

Endpoint: TypeAlias = tuple[str, int]


class Connection(Protocol):
    """One side of a byte stream."""

    @property
    def local(self) -> Endpoint: ...

    @property
    def remote(self) -> Endpoint: ...

    async def read(self, limit: int = 65536) -> bytes:
        """Some bytes, at most `limit`; empty at the end. Raises ConnectionResetError if the other side vanished."""

    async def write(self, data: bytes) -> None:
        """Send all of it. Raises BrokenPipeError when the other side no longer reads."""

    def close(self) -> None:
        """Send end-of-file and stop reading; may be called more than once."""


class Listener(Protocol):
    """A port that is open until `close`."""

    def close(self) -> None: ...


class Answer(Protocol):
    """What a name lookup found."""

    @property
    def server(self) -> str:
        """The name server that answered; empty for the hosts file and literal addresses."""

    @property
    def name(self) -> str:
        """The fully qualified name that matched, without the final dot."""

    @property
    def records(self) -> Sequence[str]:
        """Addresses for A and AAAA, the record's text otherwise."""


StreamHandler: TypeAlias = Callable[[Connection], Awaitable[None]]
DatagramHandler: TypeAlias = Callable[[bytes, Endpoint], Awaitable[bytes | None]]


class NetworkNamespace(Protocol):
    """A pod's, or a node's, own network stack."""

    @property
    def ips(self) -> Sequence[str]: ...

    def listen(self, port: int, handler: StreamHandler) -> Listener:
        """Serve connections to this port on every address; each runs as its own task. Port 0 picks a free one."""

    def listen_datagrams(self, port: int, handler: DatagramHandler) -> Listener:
        """Answer UDP datagrams to this port."""

    async def dial(self, host: str, port: int, *, timeout_s: float = 127.0) -> Connection:
        """Connect to a name or address; Linux gives up after 127 s of silence."""

    async def ask(self, ip: str, port: int, data: bytes, *, timeout_s: float = 5.0) -> bytes:
        """Send one datagram and return its answer."""

    async def resolve(self, name: str, type: str = "A") -> Answer:
        """Look a name up as the pod's /etc/hosts and /etc/resolv.conf say."""


class PodNetwork(Protocol):
    """The network of one node, as a CNI plugin gives it to a runtime."""

    @property
    def host(self) -> NetworkNamespace:
        """The node's own namespace, which pods with hostNetwork share."""

    def add(self, sandbox_id: str, *, resolv_conf: str, hosts: Callable[[], str], ip: str = "") -> NetworkNamespace:
        """A namespace with the next free address of the node's podCIDR, or `ip` if that is free. Raises OSError when
        there is none."""

    def on_host(self, *, resolv_conf: str, hosts: Callable[[], str]) -> NetworkNamespace:
        """The node's namespace as one pod with hostNetwork sees it: own name resolution, shared ports."""

    def remove(self, sandbox_id: str) -> None:
        """Close the namespace, resetting its connections, and free its address; unknown ids are ignored."""
