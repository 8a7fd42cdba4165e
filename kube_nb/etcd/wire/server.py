"""The server: every service on one port of the running loop, with or without TLS.

As with etcd the port speaks gRPC, and HTTP/1.1 and HTTP/2 for the JSON gateway and the health endpoints; a connection's
first bytes tell which, a request's content type the rest. While the member is down the port is closed.
"""

import asyncio
import contextlib
from collections.abc import Callable

from kube_nb.etcd.errors import EtcdError
from kube_nb.etcd.store import MAX_REQUEST_BYTES
from kube_nb.etcd.tokens import Tokens
from kube_nb.etcd.wire.auth import Auth
from kube_nb.etcd.wire.calls import Method
from kube_nb.etcd.wire.channel import Channel
from kube_nb.etcd.wire.cluster import Cluster
from kube_nb.etcd.wire.concurrency import Election, Lock
from kube_nb.etcd.wire.gateway import Gateway
from kube_nb.etcd.wire.health import Health
from kube_nb.etcd.wire.http1 import Http1
from kube_nb.etcd.wire.kv import KV
from kube_nb.etcd.wire.lease import Lease
from kube_nb.etcd.wire.maintenance import Maintenance
from kube_nb.etcd.wire.service import Served
from kube_nb.etcd.wire.tls import Tls
from kube_nb.etcd.wire.watch import Watch
from kube_nb.machinery import clock as clocks

SERVICES = (KV, Watch, Lease, Cluster, Maintenance, Lock, Election, Auth)
#: What gRPC adds to the largest request (etcd's grpcOverheadBytes).
OVERHEAD_BYTES = 512 * 1024
#: How often the server looks at its member: an election timeout.
LOOK_S = 1.0


class Server:
    """Serves one member. Everything a client can do wrong ends its own call, or its connection, only.

    max_streams: calls that one connection may have at a time (--max-concurrent-streams).
    """

    def __init__(self, member: Served, *, max_streams: int = 2**31 - 1) -> None:
        self._member = member
        self.limit_bytes = _max_request_bytes(member) + OVERHEAD_BYTES
        self.max_streams = max_streams
        tokens = Tokens(member.clock)
        self.methods: dict[bytes, Method] = {}
        for service in SERVICES:
            for name, method in service(member, tokens).methods().items():
                self.methods[f"/{service.name}/{name}".encode()] = method
        self.handled: dict[tuple[bytes, int], int] = {}
        self.gateway = Gateway(self.methods, Health(member, self.handled))
        self.http1 = Http1(self.gateway, self.limit_bytes)
        self._connections: dict[Channel, None] = {}
        self._listener: asyncio.Server | None = None
        self._opening: asyncio.Task[int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unhook: Callable[[], None] = lambda: None
        self._leaderless = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: Tls | None = None) -> int:
        """Listen; returns the port."""
        self._tls = None if tls is None else tls.context()
        self._address = (host, port)
        self._address = (host, await self._listen())
        self._look()
        return self._address[1]

    async def _listen(self) -> int:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Channel(self), *self._address, ssl=self._tls)
        with contextlib.suppress(EtcdError):  # the member is down: the next look will see that
            self._unhook = self._member.on_close(self._suspend)
        return int(self._listener.sockets[0].getsockname()[1])

    def _suspend(self) -> None:
        """The member has stopped: nobody listens until it runs again."""
        self._unhook()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for channel in list(self._connections):
            channel.close()

    @property
    def has_leader(self) -> bool:
        try:
            return self._member.has_leader
        except EtcdError:  # the member is down
            return False

    def _is_up(self) -> bool:
        try:
            return self._member.has_leader in (True, False)
        except EtcdError:
            return False

    def _look(self) -> None:
        """Now and then: does the member run, does it know a leader?

        Streams that want a leader end when there was none at three looks.
        """
        with clocks.periodic():
            self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        if not self._is_up():
            self._suspend()
        elif self._listener is None and (self._opening is None or self._opening.done()):
            self._opening = asyncio.get_running_loop().create_task(self._listen())
        self._leaderless = 0 if self.has_leader else self._leaderless + 1
        if self._leaderless == 3:
            for channel in list(self._connections):
                channel.lost_leader()

    async def stop(self, grace_s: float | None = None) -> None:
        """Refuse new calls, end running ones after `grace_s` cluster seconds (None: at once)."""
        if self._timer is not None:
            self._timer.cancel()
        if self._opening is not None:
            self._opening.cancel()
        if self._listener is not None:
            self._listener.close()
        for channel in list(self._connections):
            channel.go_away()
        if grace_s and self._connections:
            await asyncio.sleep(grace_s)
        self._suspend()
        while self._connections:
            await asyncio.sleep(0)
        await self.http1.close()

    def joined(self, channel: "Channel") -> None:
        self._connections[channel] = None

    def left(self, channel: "Channel") -> None:
        self._connections.pop(channel, None)


def _max_request_bytes(member: Served) -> int:
    try:
        return member.store.max_request_bytes
    except EtcdError:  # the member is down
        return MAX_REQUEST_BYTES
