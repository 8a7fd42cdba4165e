import pytest

from kube_nb.api import resources
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster

NAME = "persistentvolume-protection-controller"
FINALIZER = "kubernetes.io/pv-protection"
VOLUMES = resources.PERSISTENT_VOLUMES


def volume():
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": spec}


async def set_phase(c, phase):
    await c.client.patch(VOLUMES, "disk", {"status": {"phase": phase}}, subresource="status")


@pytest.mark.parametrize("phase", ["Pending", "Available", "Released", "Failed"])
async def test_a_volume_that_is_not_bound_goes_at_once(phase):
    async with cluster(NAME) as c:
        await c.create(volume())
        await set_phase(c, phase)
        await c.settle()
        since_s = c.now_s
        await c.client.delete(VOLUMES, "disk")
        assert await c.settle() == since_s
        assert await c.find(VOLUMES, "disk", None) is None


async def test_a_bound_volume_goes_when_it_is_released():
    async with cluster(NAME) as c:
        await c.create(volume())
        await set_phase(c, "Bound")
        await c.client.delete(VOLUMES, "disk")
        await c.settle()
        assert objects.is_deleting(await c.get(VOLUMES, "disk", None))
        await set_phase(c, "Released")
        await c.settle()
        assert await c.find(VOLUMES, "disk", None) is None


async def test_a_volume_gets_back_the_finalizer_that_it_lost():
    async with cluster(NAME) as c:
        await c.create(volume())
        await c.client.patch(VOLUMES, "disk", {"metadata": {"finalizers": None}}, type="merge")
        await c.settle()
        assert objects.finalizers(await c.get(VOLUMES, "disk", None)) == [FINALIZER]
