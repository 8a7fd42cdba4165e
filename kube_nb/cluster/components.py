"""The control plane's components as programs: what runs in the pods of ``kube-system``.

Each is a coroutine that gets its `Process` and ends when its pod is stopped; what it does ends with it. They share
nothing but what stands in the `Engine`: the store's data, the doors to etcd and to the API server, the registry of
images. State that a real component keeps on disk (etcd's data) outlives its pod; everything else is made anew at a start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from kube_nb.client import Client, InformerFactory, InKernelTransport, LeaderElector
from kube_nb.cluster import manifests
from kube_nb.controllers.manager import ControllerManager
from kube_nb.cri.images import ImageRegistry
from kube_nb.cri.process import Process
from kube_nb.etcd.backend import Backend
from kube_nb.etcd.errors import Unavailable
from kube_nb.etcd.local import LocalBackend
from kube_nb.machinery.exchange import User
from kube_nb.scheduler.scheduler import Scheduler

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

#: A component's program starts at once: its image is on the node, and its start is a function call.
_AT_ONCE = (0.0, 0.0)


class EtcdDoor:
    """A `Backend` that leads to the store while etcd's pod runs; else every call raises `Unavailable`."""

    def __init__(self) -> None:
        self.backend: LocalBackend | None = None

    def __getattr__(self, name: str) -> Any:
        if self.backend is None:
            raise Unavailable(
                'connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: '
                'connect: connection refused"'
            )
        return getattr(self.backend, name)


class Components:
    """The programs of one cluster's control plane."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def register(self, images: ImageRegistry) -> None:
        """Make the components' images known: pods of `manifests.static_pods` can be run from then on."""
        programs = {
            manifests.ETCD: self.etcd,
            manifests.APISERVER: self.apiserver,
            manifests.CONTROLLER_MANAGER: self.controller_manager,
            manifests.SCHEDULER: self.scheduler,
        }
        for name, main in programs.items():
            images.program(name, f"{manifests.REPOSITORY}/{name}", start_s=_AT_ONCE, tools=())(main)

    async def etcd(self, p: Process) -> int:
        engine = self._engine
        engine.etcd.backend = LocalBackend(engine.store, engine.clock)
        p.print(f"ready to serve client requests at revision {engine.store.revision}")
        try:
            await p.terminated()
        finally:
            engine.etcd.backend.close()
            engine.etcd.backend = None
        return 0

    async def apiserver(self, p: Process) -> int:
        engine = self._engine
        while engine.etcd.backend is None:
            await asyncio.sleep(0.01)
        server = engine.new_apiserver(cast(Backend, engine.etcd))
        await server.start()
        engine.open_apiserver(server)
        p.print("serving securely on [::]:6443")
        try:
            await p.terminated()
        finally:
            engine.close_apiserver()
            await server.stop()
        return 0

    async def controller_manager(self, p: Process) -> int:
        client = self.client("system:kube-controller-manager")
        manager = ControllerManager(client, self._engine.clock, options=self._engine.controller_options())
        return await self._lead(p, client, "kube-controller-manager", manager.run)

    async def scheduler(self, p: Process) -> int:
        client = self.client("system:kube-scheduler")
        informers = InformerFactory(client)
        scheduler = Scheduler(client, informers, self._engine.clock, plugins=self._engine.options.plugins)
        self._engine.scheduler = scheduler
        try:
            return await self._lead(p, client, "kube-scheduler", scheduler.run)
        finally:
            await informers.stop()

    def client(self, user: str) -> Client:
        """A client that comes in under the component's own name."""
        door = InKernelTransport(self._engine.handler, User(user, ("system:authenticated",)))
        return Client(door, field_manager=user.removeprefix("system:"))

    async def _lead(self, p: Process, client: Client, name: str, work: Callable[[], Awaitable[None]]) -> int:
        """Do the work while this instance holds its component's lease; lost, the program fails and is restarted."""
        await self._engine.apiserver_up.wait()
        elector = LeaderElector(client, self._engine.clock, f"{p.hostname}_{name}", name, release_on_cancel=True)
        leading = asyncio.create_task(elector.run(work))
        stopped = asyncio.create_task(p.terminated())
        try:
            await asyncio.wait([stopped, leading], return_when=asyncio.FIRST_COMPLETED)
            return 0 if stopped.done() else 1
        finally:
            await _ended(leading, stopped)


async def _ended(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait for their end; what a component died of is in its log, not in its caller."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
