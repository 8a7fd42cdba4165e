import asyncio
import contextlib

import pytest

from kube_nb.api import resources
from kube_nb.apiserver import ApiServer
from kube_nb.client import Client, InKernelTransport
from kube_nb.controllers import CONTROLLERS, ControllerManager
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from kube_nb.machinery import loop
from tests.controllers.simulation import ADMIN, cluster, deployment, replica_set

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}}


async def test_an_unknown_controller_is_refused_by_name():
    clock = asyncio.get_running_loop()
    with pytest.raises(ValueError, match="unknown controllers: coffee-controller"):
        ControllerManager(Client(InKernelTransport(lambda: None)), clock, ["coffee-controller"])


async def test_all_controllers_wait_for_a_server_that_comes_late_and_end_with_their_task():
    clock = asyncio.get_running_loop()
    server = ApiServer(LocalBackend(Store(), clock), clock)
    up = []
    client = Client(InKernelTransport(lambda: server.handle if up else None, ADMIN))
    before = asyncio.all_tasks()
    task = clock.create_task(ControllerManager(client, clock).run())
    await asyncio.sleep(100)
    assert not task.done()
    await server.start()
    up.append(True)
    await asyncio.sleep(100)
    assert (await client.get(resources.SERVICE_ACCOUNTS, "default", "default"))["metadata"]["name"] == "default"
    up.clear()
    await asyncio.sleep(100)
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await server.stop()
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before


def history(seed):
    """Every revision of every key."""

    async def story():
        async with cluster() as c:
            events = []
            c.server.storage.backend.subscribe(b"\x00", b"\x00", lambda found, revision: events.extend(found))
            await c.create(NODE)  # pods of a node that is not there would be collected
            await c.create(deployment(replicas=3))
            await c.settle()
            await c.patch(resources.DEPLOYMENTS, "web", {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})
            await c.create(replica_set("other", replicas=2))
            await c.settle()
            await c.client.delete(resources.DEPLOYMENTS, "web", "default")
            await c.settle()
            return [(event.type, event.kv.key, event.kv.value) for event in events]

    return loop.run(story(), seed=seed)


@pytest.mark.slow
def test_equal_seeds_give_equal_histories_and_other_seeds_do_not():
    first = history(1)
    assert len(first) > 60
    assert first == history(1)
    assert first != history(2)


@pytest.mark.slow
async def test_a_cluster_in_which_nothing_happens_writes_nothing():
    async with cluster() as c:
        await c.create(NODE)
        await c.create(deployment(replicas=2))
        await c.settle(200)
        revision = c.server.storage.revision
        await asyncio.sleep(3000)  # events live for an hour
        assert c.server.storage.revision == revision


def test_every_controller_has_its_upstream_name():
    assert list(CONTROLLERS)[:3] == [
        "serviceaccount-controller",
        "root-ca-certificate-publisher-controller",
        "namespace-controller",
    ]
    assert all(name.endswith("-controller") for name in CONTROLLERS)
