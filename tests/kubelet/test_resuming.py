"""A node whose machine is new and whose pods are not: they go on as their objects say."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from kube_nb.api.resources import NODES
from kube_nb.cri.simulated import SimulatedRuntime
from kube_nb.machinery import objects

from .conftest import World

Start = Callable[..., AbstractAsyncContextManager[World]]


async def replace_the_machine(w: World, after_s: float = 5) -> None:
    """The kubelet ends and its node with it; another node of the same name takes its place at once."""
    await w.stop_kubelet()
    await w.runtime.close()
    w.network.remove_node("node-1")
    net = w.network.add_node("node-1", "172.18.0.3", "10.244.1.0/24")
    w.runtime = SimulatedRuntime(w.clock, net, w.images, "node-1")
    w.config.resumes = True
    w.start_kubelet()
    w.run_kubelet()
    await asyncio.sleep(after_s)


async def test_a_running_pod_goes_on_without_a_change_of_its_object(world: Start) -> None:
    async with world() as w:
        other = "{apiVersion: v1, kind: Pod, metadata: {name: other}, spec: {containers: [{name: c, image: nginx}]}}"
        await w.apply(other)
        await w.ready("other")
        await w.run("{image: nginx, readinessProbe: {httpGet: {port: 80}}, ports: [{containerPort: 80}]}")
        await w.ready()
        before, events = await w.pod(), await w.events()
        assert before["status"]["podIP"] == "10.244.1.3"
        await asyncio.sleep(50)
        await replace_the_machine(w, 20)
        assert await w.pod() == before
        assert await w.events() == events
        answer = await w.runtime.exec_sync(before["status"]["containerStatuses"][0]["containerID"][13:], ["hostname"])
        assert answer.stdout == b"web\n"


async def test_a_crash_loop_goes_on_where_it_was(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sh, -c, exit 1]}")
        await w.restarts(3)
        await asyncio.sleep(1)
        before, since_s = await w.container(), asyncio.get_running_loop().time()
        assert before["state"]["waiting"]["message"].startswith("back-off 40s")
        await replace_the_machine(w)
        assert await w.container() == before
        again_s = await w.restarts(4)
        assert 38 <= again_s - since_s <= 41


async def test_what_had_not_started_yet_starts_the_usual_way(world: Start) -> None:
    async with world(speed=1) as w:
        await w.run("{image: nginx}")
        await asyncio.sleep(0.5)
        await replace_the_machine(w, 10)
        assert (await w.container())["ready"]


async def test_a_resumed_container_that_ends_is_restarted_as_any_other(world: Start) -> None:
    async with world() as w:
        await w.run("{image: busybox, command: [sleep, '100']}")
        await w.ready()
        before = await w.container()
        await replace_the_machine(w)
        await w.restarts(1)
        after = await w.container()
        assert after["lastState"]["terminated"]["containerID"] == before["containerID"]
        assert after["lastState"]["terminated"]["startedAt"] == before["state"]["running"]["startedAt"]


async def test_a_node_that_others_gave_up_says_within_ten_seconds_that_it_lives(world: Start) -> None:
    async with world() as w:
        await asyncio.sleep(1)
        unknown = {"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}}
        await w.client.patch(NODES, "node-1", unknown, subresource="status", type="strategic")
        await asyncio.sleep(10)
        node = await w.client.get(NODES, "node-1")
        assert objects.is_condition_true(node, "Ready")
