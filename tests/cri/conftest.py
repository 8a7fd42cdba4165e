"""A node's runtime on a virtual network, without a kubelet."""

import asyncio
from collections.abc import Callable

import pytest

from kube_nb.cri.images import ImageRegistry
from kube_nb.cri.programs import IMAGES
from kube_nb.cri.runtime import ContainerConfig, ContainerState, ExecResult, LogOptions, PodSandboxConfig
from kube_nb.cri.simulated import SimulatedRuntime
from kube_nb.machinery.loop import ClusterLoop
from kube_nb.network.fabric import VirtualNetwork


class Node:
    """What tests do with a runtime, in one call each."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, ClusterLoop)
        self.clock = loop
        self.network = VirtualNetwork(self.clock)
        self.images = ImageRegistry(IMAGES)
        self.net = self.network.add_node("node-1", "172.18.0.2", "10.244.1.0/24")
        self.runtime = SimulatedRuntime(self.clock, self.net, self.images, "node-1", speed=0)
        self.pods = 0

    async def run(self, image: str, *args: str, sandbox: str = "", **config: object) -> str:
        """Start a container in a pod of its own; returns its id."""
        sandbox = sandbox or await self.sandbox()
        await self.runtime.pull_image(image)
        made = ContainerConfig("main", 0, image, args=args, **config)  # type: ignore[arg-type]  # fields by name
        container = await self.runtime.create_container(sandbox, made)
        await self.runtime.start_container(container)
        return container

    async def sandbox(self) -> str:
        self.pods += 1
        return await self.runtime.run_pod_sandbox(PodSandboxConfig(f"pod-{self.pods}", "default", f"uid-{self.pods}"))

    async def ended(self, container: str) -> int:
        """Wait for the container; its exit code."""
        while self.runtime.container_status(container).state is not ContainerState.EXITED:
            await asyncio.sleep(0.01)
        return self.runtime.container_status(container).exit_code

    async def output(self, container: str) -> str:
        return b"".join([chunk async for chunk in self.runtime.logs(container, LogOptions())]).decode()

    async def sh(self, script: str, image: str = "busybox") -> tuple[str, int]:
        """(output of both streams, exit code) of a shell script."""
        container = await self.run(image, "sh", "-c", script)
        code = await self.ended(container)
        return await self.output(container), code

    async def exec(self, container: str, *command: str) -> ExecResult:
        return await self.runtime.exec_sync(container, command)


@pytest.fixture
def node() -> Callable[[], Node]:
    return Node
