"""Pods on one node, from binding to removal."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from kube_nb.api.resources import NODES, PODS

from .conftest import World

Start = Callable[..., AbstractAsyncContextManager[World]]


async def test_a_bound_pod_becomes_ready_with_the_status_of_a_real_one(world: Start) -> None:
    async with world() as w:
        await w.run("{image: 'nginx:1.27'}")
        await w.ready()
        status = await w.status()
        assert status["phase"] == "Running"
        assert status["podIP"] == "10.244.1.2"
        container = status["containerStatuses"][0]
        assert container["image"] == "docker.io/library/nginx:1.27"
        print(status)
        print(await w.events())
