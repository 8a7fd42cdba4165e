import pytest

from kube_nb.api import resources
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, deployment

NAMES = ("garbage-collector-controller",)
ROLLOUT = (*NAMES, "deployment-controller", "replicaset-controller")


def config_map(name, *owners, block=True, **metadata):
    references = [{**objects.owner_reference(owner, controller=False), "blockOwnerDeletion": block} for owner in owners]
    meta = {"name": name, **({"ownerReferences": references} if references else {}), **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


async def names_of(c):
    return sorted(objects.name(each) for each in await c.all(resources.CONFIG_MAPS))


async def test_deleting_a_deployment_takes_its_replica_sets_and_pods_along():
    async with cluster(*ROLLOUT) as c:
        await c.create(deployment(replicas=3))
        await c.settle()
        await c.client.delete(resources.DEPLOYMENTS, "web", "default")
        await c.settle()
        assert await c.replica_sets() == []
        assert await c.pods() == []


async def test_orphaning_leaves_the_dependents_without_their_owner():
    async with cluster(*ROLLOUT) as c:
        await c.create(deployment(replicas=2))
        await c.settle()
        await c.client.delete(resources.DEPLOYMENTS, "web", "default", propagation="Orphan")
        await c.settle()
        assert await c.find(resources.DEPLOYMENTS, "web") is None
        (replica_set,) = await c.replica_sets()
        assert "ownerReferences" not in replica_set["metadata"]
        assert len(await c.pods()) == 2


async def test_a_foreground_deletion_ends_with_the_owner():
    async with cluster(*ROLLOUT) as c:
        c.kubelet.grace_s = 7.0
        await c.create(deployment(replicas=2))
        await c.settle()
        started_s = c.now_s
        await c.client.delete(resources.DEPLOYMENTS, "web", "default", propagation="Foreground")
        await c.until(started_s + 6)
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert objects.finalizers(found) == ["foregroundDeletion"]
        assert [objects.is_deleting(each) for each in await c.replica_sets()] == [True]
        assert await c.settle() - started_s == 7
        assert await c.find(resources.DEPLOYMENTS, "web") is None
        assert await c.replica_sets() == []


async def test_a_foreground_deletion_does_not_wait_for_dependents_that_do_not_block_it():
    async with cluster(*NAMES) as c:
        owner = await c.create(config_map("owner"))
        await c.create(config_map("held", owner, block=False, finalizers=["example.com/held"]))
        await c.settle()
        await c.client.delete(resources.CONFIG_MAPS, "owner", "default", propagation="Foreground")
        await c.settle()
        assert await names_of(c) == ["held"]


async def test_an_object_lives_as_long_as_one_of_its_owners():
    async with cluster(*NAMES) as c:
        first, second = await c.create(config_map("first")), await c.create(config_map("second"))
        await c.create(config_map("child", first, second))
        await c.settle()
        await c.client.delete(resources.CONFIG_MAPS, "first", "default")
        await c.settle()
        (reference,) = objects.owner_references(await c.get(resources.CONFIG_MAPS, "child"))
        assert reference["name"] == "second"
        await c.client.delete(resources.CONFIG_MAPS, "second", "default")
        await c.settle()
        assert await names_of(c) == []


@pytest.mark.parametrize("change", [{"uid": "00000000-0000-4000-8000-000000000000"}, {"name": "never-was"}])
async def test_an_owner_that_never_was_counts_as_gone(change):
    async with cluster(*NAMES) as c:
        owner = await c.create(config_map("owner"))
        child = config_map("child", owner)
        child["metadata"]["ownerReferences"][0] |= change
        await c.create(child)
        await c.settle()
        assert "child" not in await names_of(c)


async def test_two_that_own_each_other_do_not_wait_for_each_other_for_ever():
    async with cluster(*NAMES) as c:
        first = await c.create(config_map("first"))
        second = await c.create(config_map("second", first))
        reference = {**objects.owner_reference(second, controller=False), "blockOwnerDeletion": True}
        await c.patch(resources.CONFIG_MAPS, "first", {"metadata": {"ownerReferences": [reference]}})
        await c.settle()
        await c.client.delete(resources.CONFIG_MAPS, "first", "default", propagation="Foreground")
        await c.settle()
        assert await names_of(c) == []


async def test_an_owner_in_another_namespace_counts_as_gone_and_is_reported():
    async with cluster(*NAMES) as c:
        await c.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        owner = await c.client.create(resources.CONFIG_MAPS, config_map("owner"), "team")
        await c.create(config_map("child", owner))
        await c.settle()
        assert await names_of(c) == []
        (message,) = await c.events("OwnerRefInvalidNamespace")
        assert message == (
            f"ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: {objects.uid(owner)}] "
            'does not exist in namespace "default"'
        )
