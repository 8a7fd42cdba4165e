"""A node with its kubelet on an API server in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import yaml

from kube_nb.api.resources import CONFIG_MAPS, EVENTS, PODS
from kube_nb.apiserver.server import ApiServer
from kube_nb.client import Client, InformerFactory, InKernelTransport
from kube_nb.cri.images import ImageRegistry
from kube_nb.cri.programs import IMAGES
from kube_nb.cri.simulated import SimulatedRuntime
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.kubelet import Kubelet, NodeConfig
from kube_nb.kubelet.record import PodRecord
from kube_nb.machinery.exchange import User
from kube_nb.machinery.loop import ClusterLoop
from kube_nb.machinery.types import Obj
from kube_nb.network.fabric import VirtualNetwork

#: No scenario takes longer, in cluster time.
TIMEOUT_S = 10_000
ADMIN = User("admin", ("system:masters",))


class World:
    """speed: of pulls and starts; 0 makes every time in a test that of the kubelet alone."""

    def __init__(self, *, speed: float = 0, static_pods: dict[str, Obj] | None = None, **config: Any) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.clock = loop
        self.server = ApiServer(LocalBackend(Store(), loop), loop, nodes=lambda name: self.kubelet.endpoint)
        self.client = Client(InKernelTransport(lambda: self.server.handle, ADMIN), field_manager="test")
        self.network = VirtualNetwork(loop)
        self.images = ImageRegistry(IMAGES)
        self.net = self.network.add_node("node-1", "172.18.0.3", "10.244.1.0/24")
        self.config = NodeConfig("node-1", "172.18.0.3", pod_cidr="10.244.1.0/24", **config)
        self.runtime = SimulatedRuntime(loop, self.net, self.images, "node-1", speed=speed)
        self.static_pods = static_pods or {}
        self.watching = InformerFactory(self.client)
        self.pods = self.watching.informer(PODS)
        self._changed = asyncio.Event()
        tell = self._changed.set
        self.pods.add_handler(lambda pod: tell(), lambda old, new: tell(), lambda pod: tell())
        self.start_kubelet()

    def start_kubelet(self) -> None:
        user = User("system:node:node-1", ("system:nodes",))
        client = Client(InKernelTransport(lambda: self.server.handle, user), field_manager="kubelet")
        self.informers = InformerFactory(client)
        self.kubelet = Kubelet(
            client, self.informers, self.clock, self.config, self.runtime, static_pods=self.static_pods
        )

    async def stop_kubelet(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.informers.stop()

    def run_kubelet(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.kubelet.run())

    # -- asking --------------------------------------------------------------------------------------------------

    async def pod(self, name: str = "web") -> Obj:
        return await self.client.get(PODS, name, "default")

    async def status(self, name: str = "web") -> Obj:
        return dict((await self.pod(name))["status"])

    async def container(self, name: str = "web", index: int = 0) -> Obj:
        return dict((await self.status(name))["containerStatuses"][index])

    async def apply(self, text: str) -> Obj:
        """Create an object from YAML; a pod is bound to the node."""
        obj = yaml.safe_load(text)
        obj.setdefault("metadata", {}).setdefault("namespace", "default")
        if obj["kind"] == "Pod":
            obj["spec"].setdefault("nodeName", "node-1")
            obj["metadata"].setdefault("name", "web")
            return await self.client.create(PODS, obj)
        return await self.client.create(CONFIG_MAPS, obj)

    async def run(self, *containers: str, **spec: Any) -> Obj:
        """A pod of containers, each a flow mapping without its name: ``{image: nginx}``."""
        made = [
            {"name": "c" if index == 0 else f"c{index}", **yaml.safe_load(text)}
            for index, text in enumerate(containers)
        ]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": made, **spec}}
        return await self.apply(yaml.safe_dump(pod))

    async def events(self, *, reasons: bool = False) -> list[str]:
        """``Reason: message`` of all events in the order of their writing."""
        if self.kubelet.recorder is not None:
            await self.kubelet.recorder.flush()
        items = (await self.client.list(EVENTS, "default"))["items"]
        items.sort(key=lambda event: (event["firstTimestamp"], int(event["metadata"]["resourceVersion"])))
        return [event["reason"] if reasons else f"{event['reason']}: {event['message']}" for event in items]

    async def until(self, check: Callable[[Obj], object], name: str = "web") -> float:
        """Wait until the pod as the API shows it passes; None stands for a pod that is not there. Returns the time."""
        while True:
            pod = self.pods.get("default", name)
            if check(pod or {}):
                return self.clock.time()
            self._changed.clear()
            await self._changed.wait()

    async def phase(self, name: str, *wanted: str) -> str:
        await self.until(lambda pod: (pod.get("status") or {}).get("phase") in wanted, name)
        return str((await self.status(name))["phase"])

    async def ready(self, name: str = "web") -> float:
        return await self.condition(name, "Ready", "True")

    async def condition(self, name: str, type: str, value: str) -> float:
        def check(pod: Obj) -> bool:
            rows = (pod.get("status") or {}).get("conditions") or ()
            return any(row["type"] == type and row["status"] == value for row in rows)

        return await self.until(check, name)

    async def restarts(self, count: int, name: str = "web") -> float:
        """Wait until the first container has been restarted so often."""

        def check(pod: Obj) -> bool:
            statuses = (pod.get("status") or {}).get("containerStatuses")
            return bool(statuses) and statuses[0]["restartCount"] >= count

        return await self.until(check, name)

    async def gone(self, name: str = "web") -> float:
        return await self.until(lambda pod: not pod, name)

    def record(self, name: str = "web") -> PodRecord:
        record = self.kubelet._find("default", name)
        assert record is not None
        return record


@asynccontextmanager
async def _running(**options: Any) -> AsyncIterator[World]:
    world = World(**options)
    await world.server.start()
    await world.watching.start()
    world.run_kubelet()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield world
    finally:
        await world.watching.stop()
        await world.stop_kubelet()
        await world.runtime.close()
        await world.server.stop()


@pytest.fixture
def world() -> Callable[..., AbstractAsyncContextManager[World]]:
    return _running
