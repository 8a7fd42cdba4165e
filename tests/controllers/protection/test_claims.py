import pytest

from kube_nb import Cluster
from kube_nb.api import resources
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster

NAME = "persistentvolumeclaim-protection-controller"
FINALIZER = "kubernetes.io/pvc-protection"
CLAIMS, PODS = resources.PERSISTENT_VOLUME_CLAIMS, resources.PODS
SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none"}
NAMED = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
MADE = {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": SPEC}}}


def claim(name="data", **metadata):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, **metadata}, "spec": SPEC}


def pod(*volumes, name="user", node="node-0", **metadata):
    spec = {"containers": [{"name": "main", "image": "nginx"}], "volumes": list(volumes)}
    spec |= {"nodeName": node} if node else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


async def delete(c, gvr, name):
    await c.client.delete(gvr, name, "default")
    await c.settle()


async def is_held(c, name="data"):
    """Whether the claim is there, and then Terminating."""
    found = await c.find(CLAIMS, name)
    assert found is None or objects.is_deleting(found)
    return found is not None


async def test_an_unused_claim_goes_at_once():
    async with cluster(NAME) as c:
        await c.create(claim())
        await c.create(pod(NAMED, node=None))  # no kubelet has seen it
        await c.settle()
        since_s = c.now_s
        await c.client.delete(CLAIMS, "data", "default")
        assert await is_held(c)
        assert await c.settle() == since_s
        assert not await is_held(c)


async def test_a_claim_that_a_pod_uses_goes_when_the_pod_is_gone():
    async with cluster(NAME) as c:
        c.kubelet.grace_s = 7.0
        await c.create(claim())
        await c.create(pod(NAMED))
        await c.settle()
        await delete(c, CLAIMS, "data")
        assert await is_held(c)
        since_s = c.now_s
        await c.client.delete(PODS, "user", "default")
        await c.until(since_s + 6.9)
        assert await is_held(c)
        await c.until(since_s + 7)
        assert not await is_held(c)


async def test_a_pod_that_has_ended_uses_its_claim_until_it_is_deleted():
    async with cluster(NAME) as c:
        await c.create(claim())
        used = await c.create(pod(NAMED))
        await c.settle()
        await delete(c, CLAIMS, "data")
        await c.kubelet.finish(used, "Succeeded", 0)
        await c.settle()
        assert await is_held(c)
        await delete(c, PODS, "user")
        assert not await is_held(c)


async def test_a_claim_waits_for_the_last_of_its_pods():
    async with cluster(NAME) as c:
        await c.create(claim())
        for name in "ab":
            await c.create(pod(NAMED, name=name))
        await c.settle()
        await delete(c, CLAIMS, "data")
        await delete(c, PODS, "a")
        assert await is_held(c)
        await delete(c, PODS, "b")
        assert not await is_held(c)


@pytest.mark.parametrize("is_own", [True, False])
async def test_a_claim_that_an_ephemeral_volume_makes_is_used_by_its_own_pod(is_own):
    async with cluster(NAME) as c:
        owner = await c.create(pod(MADE))
        references = [objects.owner_reference(owner)] if is_own else []
        await c.create(claim("user-data", ownerReferences=references))
        await c.settle()
        await delete(c, CLAIMS, "user-data")
        assert await is_held(c, "user-data") == is_own


async def test_a_pod_that_only_its_finalizer_keeps_lets_its_ephemeral_claim_go():
    async with cluster(NAME) as c:
        owner = await c.create(pod(MADE, NAMED, finalizers=["example.com/slow"]))
        await c.create(claim("user-data", ownerReferences=[objects.owner_reference(owner)]))
        await c.create(claim())
        await c.settle()
        for name in ("user-data", "data"):
            await delete(c, CLAIMS, name)
        assert await is_held(c, "user-data")
        await delete(c, PODS, "user")
        assert await c.find(PODS, "user") is not None
        assert not await is_held(c, "user-data")
        assert await is_held(c, "data")


async def test_a_claim_gets_back_the_finalizer_that_it_lost():
    async with cluster(NAME) as c:
        await c.create(claim())
        await c.patch(CLAIMS, "data", {"metadata": {"finalizers": None}}, type="merge")
        await c.settle()
        assert objects.finalizers(await c.get(CLAIMS, "data")) == [FINALIZER]


async def test_other_finalizers_are_left_alone():
    async with cluster(NAME) as c:
        await c.create(claim(finalizers=["example.com/a"]))
        await c.settle()
        await delete(c, CLAIMS, "data")
        assert objects.finalizers(await c.get(CLAIMS, "data")) == ["example.com/a"]


def test_people_see_a_claim_that_waits_for_its_pod():
    with Cluster(nodes=1) as c:
        c.apply([claim(), pod(NAMED, node="node-1")])
        c.kubectl("delete pvc data --wait=false")
        row = c.kubectl("get pvc --no-headers").text.split()
        assert row[:2] == ["data", "Terminating"]
        told = c.kubectl("describe pvc data").text
        assert f"Finalizers:    [{FINALIZER}]" in told
        assert "Status:        Terminating (lasts" in told
        c.kubectl("delete pod user")
        assert "No resources found" in str(c.kubectl("get pvc"))
