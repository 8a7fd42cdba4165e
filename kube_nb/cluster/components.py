"""The cluster's own components as programs: what runs in the pods of ``kube-system``.

Each is a coroutine that gets its `Process` and ends when its pod is stopped; what it does ends with it. They share
nothing but what the `Engine` holds: the store's data, the doors to etcd and to the API server, the virtual network.
State that a real component keeps on disk (etcd's data) outlives its pod; everything else is made anew at each start.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from kube_nb.client import Client, InformerFactory, InKernelTransport, LeaderElector
from kube_nb.cluster import manifests
from kube_nb.controllers.manager import ControllerManager
from kube_nb.cri.images import ImageRegistry
from kube_nb.cri.process import Process
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.errors import Unavailable
from kube_nb.machinery.exchange import User
from kube_nb.network.dns import ClusterDns
from kube_nb.network.proxy import KubeProxy
from kube_nb.scheduler.scheduler import Scheduler

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

#: Who may do everything. Differs: upstream's controllers each act as a service account with just its own rights.
_UNBOUND = ("system:kube-controller-manager",)
#: A component's image is on every node, and its start is a function call.
_AT_ONCE = (0.0, 0.0)
_REFUSED = (
    'connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused"'
)


class EtcdDoor:
    """A `Backend` that leads to the store while etcd runs; else every call raises `Unavailable`.

    backend: what is behind it now: the store in this kernel, members that agree on it, or an etcd elsewhere.
    """

    def __init__(self) -> None:
        self.backend: Any = None

    def __getattr__(self, name: str) -> Any:
        if self.backend is None:
            raise Unavailable(_REFUSED)
        return getattr(self.backend, name)


class Components:
    """The programs of one cluster's components."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def register(self, images: ImageRegistry) -> None:
        """Make the components' images known, so that pods of `manifests` can be run."""
        programs = {
            manifests.ETCD: self.etcd,
            manifests.APISERVER: self.apiserver,
            manifests.CONTROLLER_MANAGER: self.controller_manager,
            manifests.SCHEDULER: self.scheduler,
            "kube-proxy": self.kube_proxy,
            "coredns": self.coredns,
        }
        if self._engine.members is not None:
            names = [member.name for member in self._engine.members.founders.values()]
            programs |= dict.fromkeys(names, self.etcd_member)
        for name, main in programs.items():
            repository = manifests.image(name, self._engine.version).rpartition(":")[0]
            images.program(name, repository, start_s=_AT_ONCE, tools=())(main)

    # -- the control plane -----------------------------------------------------------------------------------------

    async def etcd(self, p: Process) -> int:
        engine = self._engine
        backend = engine.etcd.backend = engine.open_backend()
        backend.promote()  # what ran out while nobody kept it alive has its time again
        engine.chronicle.follow(backend.store)
        p.print(f"ready to serve client requests; current revision {engine.store.revision}")
        try:
            await p.terminated()
        finally:
            engine.etcd.backend = None
            backend.close()
        return 0

    async def etcd_member(self, p: Process) -> int:
        """One of several members; the cluster of them answers as long as a quorum runs."""
        members = self._engine.members
        assert members is not None
        id = next(id for id, member in members.founders.items() if member.name == p.argv[0])
        members.start(id)
        member = members.running[id]
        self._engine.chronicle.follow(member.store)
        self._engine.etcd.backend = members.client()
        terminated = asyncio.ensure_future(p.terminated())
        ends: list[asyncio.Future[Any]] = [terminated, member.failed]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            terminated.cancel()
            members.crash(id)
            if not members.running:
                self._engine.etcd.backend = None
        if member.failure is not None:
            p.print(f"failed to save: {member.failure}")
            return 1
        return 0

    async def apiserver(self, p: Process) -> int:
        engine = self._engine
        while engine.etcd.backend is None:
            await asyncio.sleep(0.01)
        server = engine.new_apiserver(cast(Backend, engine.etcd))
        try:
            await server.start()
            engine.open_apiserver(server)
            p.print("Serving securely on [::]:6443")
            try:
                await p.terminated()
            finally:
                engine.close_apiserver()
            await server.drain()
        finally:
            await server.stop()
        return 0

    async def controller_manager(self, p: Process) -> int:
        client = self.client("system:kube-controller-manager")
        manager = ControllerManager(client, self._engine.clock, options=self._engine.controller_options())
        return await self._lead(p, client, manifests.CONTROLLER_MANAGER, manager.run)

    async def scheduler(self, p: Process) -> int:
        client = self.client("system:kube-scheduler")
        informers = InformerFactory(client)
        scheduling = self._engine.scheduling
        scheduler = Scheduler(
            client,
            informers,
            self._engine.clock,
            scheduling.config,
            scheduling.plugins,
            version=self._engine.version_numbers,
            ties=scheduling.ties,
        )
        scheduling.begin(scheduler)
        try:
            return await self._lead(p, client, manifests.SCHEDULER, scheduler.run)
        finally:
            await informers.stop()

    # -- addons ----------------------------------------------------------------------------------------------------

    async def kube_proxy(self, p: Process) -> int:
        node = p.env["NODE_NAME"]
        informers = InformerFactory(self.client("system:kube-proxy"))
        proxy = KubeProxy(informers, node, self._engine.network.nodes[node].dataplane)
        return await self._until_terminated(p, proxy.run, informers)

    async def coredns(self, p: Process) -> int:
        informers = InformerFactory(self.client("system:serviceaccount:kube-system:coredns"))
        dns = ClusterDns(informers, p.stream)
        p.net.listen_datagrams(53, dns.handle)
        return await self._until_terminated(p, dns.run, informers)

    # -- what they share -------------------------------------------------------------------------------------------

    def client(self, user: str) -> Client:
        """A client that comes in under the component's own name."""
        groups = ["system:masters"] if user in _UNBOUND else []
        groups += ["system:serviceaccounts"] if user.startswith("system:serviceaccount:") else []
        door = InKernelTransport(self._engine.handler, User(user, (*groups, "system:authenticated")))
        return Client(door, field_manager=user.rpartition(":")[2])

    async def _lead(self, p: Process, client: Client, name: str, work: Callable[[], Awaitable[None]]) -> int:
        """Do the work while this instance holds its component's lease; when it is lost the program fails."""
        await self._engine.apiserver_up.wait()
        elector = LeaderElector(client, self._engine.clock, f"{p.hostname}_{name}", name, release_on_cancel=True)
        return await _run_until_terminated(p, elector.run(work))

    async def _until_terminated(
        self, p: Process, work: Callable[[], Awaitable[None]], informers: InformerFactory
    ) -> int:
        await self._engine.apiserver_up.wait()
        try:
            return await _run_until_terminated(p, work())
        finally:
            await informers.stop()


async def _run_until_terminated(p: Process, work: Awaitable[None]) -> int:
    """Exit code 0 when asked to end, 1 when the work ended by itself."""
    working = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(p.terminated())
    try:
        await asyncio.wait([stopped, working], return_when=asyncio.FIRST_COMPLETED)
        if working.done() and not working.cancelled() and (error := working.exception()):
            p.complain("".join(traceback.format_exception(error)).rstrip())
        return 0 if stopped.done() else 1
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
