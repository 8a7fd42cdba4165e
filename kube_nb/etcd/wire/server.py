"""The server: every service on one port of the running loop, with or without TLS."""

import asyncio
from dataclasses import dataclass

from grpc import aio, ssl_server_credentials

from kube_nb.etcd.tokens import Tokens
from kube_nb.etcd.wire import poller
from kube_nb.etcd.wire.auth import Auth
from kube_nb.etcd.wire.cluster import Cluster
from kube_nb.etcd.wire.concurrency import Election, Lock
from kube_nb.etcd.wire.kv import KV
from kube_nb.etcd.wire.lease import Lease
from kube_nb.etcd.wire.maintenance import Maintenance
from kube_nb.etcd.wire.service import Served
from kube_nb.etcd.wire.watch import Watch

SERVICES = (KV, Watch, Lease, Cluster, Maintenance, Lock, Election, Auth)


@dataclass(frozen=True)
class Tls:
    """PEM bytes. ca: whose client certificates are required (--trusted-ca-file, --client-cert-auth)."""

    cert: bytes
    key: bytes
    ca: bytes


class Server:
    """Serves one member. Everything a client can do wrong ends its own call only."""

    def __init__(self, member: Served) -> None:
        limit_bytes = member.store.max_request_bytes + 512 * 1024
        options = [
            ("grpc.max_receive_message_length", limit_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ]
        self._server = aio.server(options=options)
        tokens = Tokens(member.clock)
        self._server.add_generic_rpc_handlers([service(member, tokens).handler() for service in SERVICES])

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: Tls | None = None) -> int:
        """Listen; returns the port."""
        poller.keep_quiet(asyncio.get_running_loop())
        address = f"{host}:{port}"
        if tls is None:
            bound = self._server.add_insecure_port(address)
        else:
            credentials = ssl_server_credentials([(tls.key, tls.cert)], tls.ca, require_client_auth=True)
            bound = self._server.add_secure_port(address, credentials)
        await self._server.start()
        return int(bound)

    async def stop(self, grace_s: float | None = None) -> None:
        """Refuse new calls, end running ones after `grace_s` wall seconds (None: at once)."""
        await self._server.stop(grace_s)
