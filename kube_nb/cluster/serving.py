"""The cluster's door for real clients: HTTPS on loopback with client certificates, and a kubeconfig for it."""

import ipaddress
import os
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kube_nb.apiserver.serving.http import Front
from kube_nb.cluster import kubeconfig
from kube_nb.cluster.pki import Authority, KeyPair
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, Response
from kube_nb.machinery.refusals import BadArgument

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine
    from kube_nb.etcd.wire.server import Server
    from kube_nb.etcd.wire.service import Served

_HOSTS = (
    "127.0.0.1",
    "::1",
    "localhost",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class Serving:
    """One HTTPS listener. Its CA is made of the system's randomness, whatever the cluster's seed.

    url, kubeconfig: set by `start`. The kubeconfig holds an administrator's key; `stop` removes it where we chose the
    place.
    """

    def __init__(self, engine: "Engine", name: str) -> None:
        self._engine = engine
        self._name = name
        self._authority = Authority.random(f"kube_nb {name}", engine.wall_now())
        self._front = Front(self._handle)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._etcd: list[Server] = []
        self.url = ""
        self.kubeconfig = Path()
        self.etcd_url = ""
        self.etcd_certs = Path()

    async def start(self, listen: str, path: Path | None, etcd_listen: str | None = None) -> None:
        """Listen on ``HOST:PORT`` (port 0: a free one) and write the kubeconfig; likewise for etcd, if asked."""
        host, port = _loopback(listen)
        self._engine.signing_authority, self._engine.serves = self._authority, True
        chosen = await self._front.start(host, port, self._context())
        self.url = f"https://{host}:{chosen}" if ":" not in host else f"https://[{host}]:{chosen}"
        if path is None:
            self._folder = tempfile.TemporaryDirectory(prefix="kube_nb-")
            path = Path(self._folder.name) / "kubeconfig"
        admin = self._authority.client("kubernetes-admin", ["system:masters"])
        kubeconfig.write(path, kubeconfig.admin(self._name, self.url, self._authority.certificate, admin))
        self.kubeconfig = path
        if etcd_listen is not None:
            await self._start_etcd(etcd_listen)

    async def _start_etcd(self, listen: str) -> None:
        """etcd's v3 API over TLS; a client must show a certificate, which is in `etcd_certs` with its key.

        Of several members each has a port, from the given one on; `etcd_url` names them all, as ``--endpoints`` does.
        """
        from kube_nb.etcd.wire.server import Server
        from kube_nb.etcd.wire.tls import Tls

        host, port = _loopback(listen)
        pair = self._authority.server("etcd", _HOSTS)
        tls = Tls(pair.certificate, pair.key, self._authority.certificate)
        members = self._engine.members
        urls = {}
        for number, id in enumerate(members.founders if members is not None else [0]):
            server = Server(cast("Served", self._engine.etcd if members is None else members.door(id)))
            self._etcd.append(server)
            chosen = await server.start(host, port and port + number, tls)
            urls[id] = f"https://[{host}]:{chosen}" if ":" in host else f"https://{host}:{chosen}"
        self.etcd_url = ",".join(urls.values())
        if members is not None:
            for id, url in urls.items():
                await members.advertise(id, (url,))
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="kube_nb-")
        self.etcd_certs = Path(self._folder.name) / "etcd"
        self.etcd_certs.mkdir(mode=0o700)
        client = self._authority.client("root")
        files = {"ca.crt": self._authority.certificate, "client.crt": client.certificate, "client.key": client.key}
        for name, data in files.items():
            kubeconfig.write_secret(self.etcd_certs / name, data)

    async def stop(self) -> None:
        """Close the socket and every connection."""
        self._engine.signing_authority, self._engine.serves = self._engine.authority, False
        await self._front.stop()
        for server in self._etcd:
            await server.stop()
        if self._folder is not None:
            self._folder.cleanup()

    async def _handle(self, request: Request) -> Response:
        handler = self._engine.handler()
        if handler is None:
            return Response.of_error(errors.service_unavailable("the kube-apiserver is not running"))
        return await handler(request)

    def _context(self) -> ssl.SSLContext:
        pair = self._authority.server("kube-apiserver", _HOSTS)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=self._authority.certificate.decode())
        load_pair(context, pair)
        return context


def load_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Give a context its certificate; `ssl` reads it from a file only, which is there for that moment."""
    with tempfile.TemporaryDirectory(prefix="kube_nb-") as folder:
        path = Path(folder) / "pair.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair.certificate + pair.key)
        context.load_cert_chain(path)


def _loopback(listen: str) -> tuple[str, int]:
    """Host and port; ValueError for anything that others could reach."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    host = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        raise BadArgument(f'cannot listen on "{listen}": give an address and a port, e.g. 127.0.0.1:6443') from None
    if not is_loopback:
        raise BadArgument(f"cannot listen on {host}: a cluster in a notebook serves loopback only (127.0.0.1 or ::1)")
    return host, number
