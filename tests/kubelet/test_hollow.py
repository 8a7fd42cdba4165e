"""Hollow nodes: pods that walk through stages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from kube_nb.api.resources import LEASES, NODES, PODS
from kube_nb.apiserver.server import ApiServer
from kube_nb.client import Client, InformerFactory, InKernelTransport
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.kubelet import NodeConfig, stages
from kube_nb.kubelet.hollow import HollowNodes
from kube_nb.machinery.exchange import User
from kube_nb.machinery.loop import ClusterLoop
from kube_nb.machinery.types import Obj


@asynccontextmanager
async def hollow(
    count: int = 2,
    rows: tuple[stages.Stage, ...] | None = None,
    before: Callable[[Client], Awaitable[None]] | None = None,
) -> AsyncIterator[tuple[Client, HollowNodes]]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    server = ApiServer(LocalBackend(Store(), loop), loop)
    await server.start()
    client = Client(InKernelTransport(lambda: server.handle, User("admin", ("system:masters",))), field_manager="t")
    if before is not None:
        await before(client)
    informers = InformerFactory(client)
    configs = [NodeConfig(f"hollow-{n}", f"10.1.0.{n}", pod_cidr=f"10.2.{n}.0/24") for n in range(count)]
    nodes = HollowNodes(client, informers, loop, configs, stages=rows)
    task = loop.create_task(nodes.run())
    await asyncio.sleep(0.1)
    try:
        yield client, nodes
    finally:
        task.cancel()
        await asyncio.wait([task])
        await informers.stop()
        await server.stop()


async def create(client: Client, name: str, node: str = "hollow-0", owner: str = "") -> Obj:
    meta: Obj = {"name": name, "namespace": "default"}
    if owner:
        meta["ownerReferences"] = [
            {"apiVersion": "batch/v1", "kind": owner, "name": "x", "uid": "1", "controller": True}
        ]
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "any/thing"}, {"name": "d", "image": "other"}]}
    return await client.create(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})


async def test_nodes_register_ready_with_leases_that_are_renewed() -> None:
    async with hollow() as (client, nodes):
        found = (await client.list(NODES))["items"]
        assert [node["metadata"]["name"] for node in found] == ["hollow-0", "hollow-1"]
        nodes.silence("hollow-1")
        await asyncio.sleep(100)
        renewed = [
            (await client.get(LEASES, f"hollow-{n}", "kube-node-lease"))["spec"]["renewTime"][14:19] for n in (0, 1)
        ]
        assert renewed == ["01:30", "00:00"]


async def test_a_bound_pod_runs_at_once_with_one_write() -> None:
    async with hollow() as (client, nodes):
        await create(client, "a")
        await asyncio.sleep(0.1)
        status = (await client.get(PODS, "a", "default"))["status"]
        assert (status["phase"], status["podIP"], status["hostIP"]) == ("Running", "10.2.0.2", "10.1.0.0")
        assert [(c["name"], c["ready"]) for c in status["containerStatuses"]] == [("c", True), ("d", True)]
        assert nodes.writes == 1


async def test_a_jobs_pod_completes_and_a_deleted_one_goes_and_frees_its_address() -> None:
    async with hollow() as (client, _):
        await create(client, "job", owner="Job")
        await create(client, "web")
        await asyncio.sleep(0.1)
        assert (await client.get(PODS, "job", "default"))["status"]["phase"] == "Succeeded"
        await client.delete(PODS, "web", "default")
        await asyncio.sleep(0.1)
        assert [pod["metadata"]["name"] for pod in (await client.list(PODS, "default"))["items"]] == ["job"]
        await create(client, "next")
        await asyncio.sleep(0.1)
        assert (await client.get(PODS, "next", "default"))["status"]["podIP"] == "10.2.0.3"


async def test_general_stages_take_their_time() -> None:
    async with hollow(rows=stages.load("pod-general")) as (client, _):
        began_s = asyncio.get_running_loop().time()
        await create(client, "a")
        while (await client.get(PODS, "a", "default"))["status"]["phase"] != "Running":
            await asyncio.sleep(0.1)
        assert 2 <= asyncio.get_running_loop().time() - began_s <= 7.2


async def test_a_stage_of_ones_own_makes_pods_fail() -> None:
    rows = stages.parse(
        [
            {
                "name": "fail",
                "selector": [{"key": ".status.phase", "operator": "In", "values": ["Pending"]}],
                "delay": {"seconds": 5},
                "status": {"phase": "Failed", "reason": "Unlucky", "startTime": "$now"},
                "event": {"type": "Warning", "reason": "Unlucky", "message": "no luck"},
            }
        ]
    )
    async with hollow(rows=rows) as (client, _):
        await create(client, "a")
        await asyncio.sleep(5.1)
        status = (await client.get(PODS, "a", "default"))["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "Unlucky")


@pytest.mark.parametrize(
    "rows", [[{}], [{"name": "x", "selector": [{"key": ".a", "operator": "Like"}]}], ["x"], [None]]
)
def test_what_is_no_stage_is_refused(rows: list[Obj]) -> None:
    with pytest.raises(stages.StageFault):
        stages.parse(rows)


async def test_pods_that_were_there_before_the_controller_keep_their_addresses() -> None:
    async def found(client: Client) -> None:
        await create(client, "found")
        status = {"status": {"phase": "Running", "podIP": "10.2.0.2", "podIPs": [{"ip": "10.2.0.2"}]}}
        await client.patch(PODS, "found", status, "default", subresource="status")

    async with hollow(before=found) as (client, _):
        await create(client, "new")
        await asyncio.sleep(5)
        ips = [(await client.get(PODS, name, "default"))["status"]["podIP"] for name in ("found", "new")]
        assert ips == ["10.2.0.2", "10.2.0.3"]
