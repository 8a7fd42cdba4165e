"""`Engine`: a cluster as it lives on its loop. Everything here runs on that loop; `Cluster` is its face for threads.

It holds what outlives every pod: the store's data, the virtual network, the images, the nodes' kubelets. The control
plane itself runs in pods, started by the kubelet of the control-plane node (`components`, `manifests`).
"""

import asyncio
import shlex
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kube_nb import etcdctl, kubectl
from kube_nb.api import definitions
from kube_nb.apiserver import ApiServer, aggregation, callout
from kube_nb.apiserver.authn.tokens import SigningKey
from kube_nb.client import Client, InKernelTransport
from kube_nb.cluster import found, manifests, past
from kube_nb.cluster.chronicle import Chronicle
from kube_nb.cluster.components import Components, EtcdDoor
from kube_nb.cluster.forking import Origin
from kube_nb.cluster.found import Found
from kube_nb.cluster.nodes import Nodes
from kube_nb.cluster.options import Options
from kube_nb.cluster.pki import Authority, signing_key
from kube_nb.controllers.context import Options as ControllerOptions
from kube_nb.cri.images import ImageRegistry
from kube_nb.cri.programs import IMAGES
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.disk import FILE, Disk
from kube_nb.etcd.durable import DurableBackend, open_store
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.raft.cluster import RaftCluster
from kube_nb.etcd.store import Store
from kube_nb.kubectl.mapper import Mapper
from kube_nb.machinery.clock import descendant
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.exchange import Handler, User
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.loop import ClusterLoop
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.network.fabric import VirtualNetwork
from kube_nb.scheduler.counterfactual import Changes
from kube_nb.scheduler.explain import WhyNot
from kube_nb.scheduler.scheduler import Scheduler

ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
DNS_IP = "10.96.0.10"
#: A cluster that is not up after so many seconds, its own or the wall's, never will be.
START_LIMIT_S = 120.0
_RETRY_S = 0.5


class Engine:
    """One cluster; made before its loop runs, alive between `start` and `stop`."""

    def __init__(self, loop: ClusterLoop, options: Options, origin: Origin | None = None) -> None:
        self.clock = loop
        self.origin = origin
        self.options = options
        self.version = options.version or definitions.newest()
        self.disk: Disk | None = None
        self.store = Store() if origin is None else origin.store
        self.found: Found | None = None
        self.chronicle = Chronicle(loop) if origin is None else origin.chronicle.fork(origin.store.revision, loop)
        self.etcd = EtcdDoor()
        many = options.etcd_members > 1
        start = None if origin is None else origin.store
        self.members = RaftCluster.of(loop, options.etcd_members, options.data_dir, start) if many else None
        self.network = VirtualNetwork(loop)
        self.images = ImageRegistry(IMAGES)
        self.authority = Authority("kubernetes", loop.now(), loop.stream("pki")) if origin is None else origin.authority
        self.signing_authority = self.authority
        self.serves = False
        self.service_account_key = signing_key() if origin is None else origin.service_account_key
        self.apiserver: ApiServer | None = None
        #: Functions in this kernel that every API server of this cluster reaches; see `Cluster.webhooks`.
        self.webhooks: dict[str, callout.Function] = {}
        self.programs: dict[str, aggregation.Program] = {}
        self.apiserver_up = asyncio.Event()
        self.scheduling = options.scheduling
        self.components = Components(self)
        self.components.register(self.images)
        self.nodes = Nodes(self)
        self.admin = Client(InKernelTransport(self.handler, ADMIN), user_agent="kubectl/v1.37.0")
        self._mapper = Mapper(self.admin)

    def _open_store(self) -> None:
        """Open a data directory, and go on with what it has; raises EtcdError for a damaged or newer one."""
        if self.options.data_dir is not None and self.members is None:
            self.store, self.disk = open_store(self.options.data_dir, self.clock)
        recovered, writes = (self.store, self.store.revision) if self.members is None else self.members.recovered()
        self.found = found.look(recovered)
        if self.found is not None and self.origin is None:
            self.clock.take_up(self.found.moment, descendant(self.clock.seed, writes))

    def open_backend(self) -> LocalBackend:
        """A backend over the store for etcd's pod; with a data directory nothing is told before it is on disk."""
        if self.options.data_dir is None:
            return LocalBackend(self.store, self.clock)
        disk, self.disk = self.disk or Disk(self.options.data_dir / FILE), None
        return DurableBackend(self.store, disk, self.clock)

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring up the control plane, then the nodes and addons; returns when all nodes are Ready and all pods run."""
        self._open_store()
        if self.options.store is not None:
            from kube_nb.etcd.wire import remote

            self.etcd.backend = remote.connect(self.options.store)
        pace = self.clock.pace
        async with asyncio.timeout(START_LIMIT_S * (1 if pace == "max" else max(1, pace))):
            await self.nodes.start_control_plane()
            await self.apiserver_up.wait()
            if self.origin is None:
                await self.nodes.mark_control_plane()
            await self.nodes.start_workers()
            if self.origin is not None:
                await self.nodes.wait_until_taken_up()
                return
            for obj in [*manifests.kube_proxy(self.version), *manifests.coredns(self.version, DNS_IP)]:
                await self._create(obj)
            await self.nodes.wait_until_ready()

    async def stop(self) -> None:
        """Stop every node, and with them everything that runs."""
        await self.nodes.stop()
        if self.members is not None:
            self.members.stop()
        if self.options.store is not None and self.etcd.backend is not None:
            await self.etcd.backend.close()

    async def _create(self, obj: Obj) -> None:
        assert self.apiserver is not None
        kind = self.apiserver.registry.by_gvk(GVK.of(obj))
        assert kind is not None, f"{obj['kind']} is not served"
        while True:
            try:
                await self.admin.create(kind.gvr, obj)
                return
            except ApiError as error:
                if _is_there_already(error):  # a data directory brings the addons along
                    return
                if error.code < 500:  # else etcd is not ready yet: members may have to elect a leader first
                    raise
            await asyncio.sleep(_RETRY_S)

    def wall_now(self) -> datetime:
        """The calendar for credentials of real clients, who live in wall time whatever the cluster's pace."""
        return self.clock.wall_now()

    # -- the API server's door -------------------------------------------------------------------------------------

    def handler(self) -> Handler | None:
        """The API server of the moment; None while its pod is down."""
        return None if self.apiserver is None else self.apiserver.handle

    def new_apiserver(self, backend: Backend) -> ApiServer:
        policies = self.options.policies
        server = ApiServer(
            backend,
            self.clock,
            version=self.version,
            nodes=self.nodes.endpoint,
            advertised=(self.nodes.control_plane_ip, 6443),
            authorization_modes=policies.modes,
            abac=policies.abac,
            service_account_key=self.service_account_key,
            webhooks=self.webhooks,
            programs=self.programs,
        )
        server.audit = policies.audit
        return server

    def open_apiserver(self, server: ApiServer) -> None:
        self.apiserver = server
        self.apiserver_up.set()

    def close_apiserver(self) -> None:
        self.apiserver = None
        self.apiserver_up.clear()

    def controller_options(self) -> ControllerOptions:
        root_ca = self.authority.certificate.decode()
        return ControllerOptions(
            root_ca=root_ca,
            sign=self._sign,
            token=SigningKey(self.service_account_key).legacy,
            cluster_cidr=self.nodes.cluster_cidr,
        )

    def _sign(self, request: bytes, usages: Sequence[str], seconds: int) -> bytes:
        """With the CA that the clients of the moment trust: while the cluster serves, that of its listener."""
        authority, now = self.signing_authority, self.wall_now() if self.serves else self.clock.now()
        return authority.sign(request, usages, timedelta(seconds=seconds), now)

    @property
    def version_numbers(self) -> tuple[int, int]:
        major, _, minor = self.version.partition(".")
        return int(major), int(minor)

    @property
    def revision(self) -> int:
        """The store's revision, as far as this kernel has seen it: it grows with every write."""
        if self.members is None and self.options.store is None:
            return self.store.revision
        return 0 if self.apiserver is None else self.apiserver.storage.revision

    @property
    def scheduler(self) -> Scheduler | None:
        """The scheduler that runs, or ran last; None before the first one."""
        return self.scheduling.running

    # -- commands --------------------------------------------------------------------------------------------------

    async def kubectl(
        self,
        command_line: str | Sequence[str],
        *,
        stdin: str = "",
        namespace: str = "default",
        emit: Callable[[str], None] = lambda text: None,
        result: kubectl.Result | None = None,
        at: int | None = None,
    ) -> kubectl.Result:
        """Run a kubectl command as the cluster's administrator; at: on the cluster as it was at this revision."""
        options: dict[str, Any] = {"namespace": namespace, "stdin": stdin, "read": read_files, "emit": emit}
        if at is None:
            return await kubectl.run(
                command_line, kubectl.Session(self.admin, self._mapper, self.clock, **options), result
            )
        async with past.opened(self, at) as then:
            session = kubectl.Session(then.client, Mapper(then.client), then.clock, **options)
            return await kubectl.run(command_line, session, result)

    async def complete(self, line: str) -> list[str]:
        """Completions of an unfinished kubectl line."""
        from kube_nb.kubectl import completion

        return await completion.complete(line, kubectl.Session(self.admin, self._mapper, self.clock))

    async def etcdctl(self, command_line: str | Sequence[str], *, stdin: str = "") -> etcdctl.Result:
        """Run an etcdctl command on the cluster's store."""
        argv = shlex.split(command_line) if isinstance(command_line, str) else list(command_line)
        return await etcdctl.run(argv, self.etcd, stdin=stdin)

    async def decisions(self, namespace: str, pod: str) -> list[Any]:
        """The scheduler's attempts for a pod, oldest first."""
        if self.scheduler is None:
            return []
        return list(self.scheduler.decisions.of(f"{namespace}/{pod}"))

    async def why_not(self, pod: str, node: str, *, moves: bool) -> tuple[WhyNot, Changes]:
        """See `Cluster.why_not`. pod: ``namespace/name``."""
        if self.scheduler is None:
            raise BadArgument("no scheduler has run yet")
        try:
            return self.scheduler.why_not(pod, node), self.scheduler.counterfactual(pod, node, moves=moves)
        except KeyError as error:
            raise BadArgument(str(error.args[0])) from None


def read_files(path: str) -> dict[str, bytes]:
    """The file at `path`, or every manifest of the folder there; empty if there is neither."""
    found = Path(path)
    if found.is_dir():
        files = sorted(each for each in found.iterdir() if each.suffix in (".yaml", ".yml", ".json"))
        return {str(each): each.read_bytes() for each in files}
    return {path: found.read_bytes()} if found.is_file() else {}


def _is_there_already(error: ApiError) -> bool:
    """A service that is there is refused for its address, as kubeadm knows, too."""
    return error.reason == "AlreadyExists" or "provided IP is already allocated" in error.message
