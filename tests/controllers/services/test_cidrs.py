import pytest

from kube_nb.api import resources
from kube_nb.controllers.services.cidrs import FINALIZER
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from tests.controllers.simulation import cluster

NAME = "service-cidr-controller"


def cidr(name, *networks):
    spec = {"cidrs": list(networks)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": name}, "spec": spec}


def service(name, ip=None):
    spec = {"ports": [{"port": 80}], **({"clusterIP": ip} if ip else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


async def ready(c, name):
    await c.settle()
    found = await c.find(resources.SERVICE_CIDRS, name, None)
    if found is None:
        return None
    row = objects.get_condition(found, "Ready")
    return row["status"], row.get("reason", ""), row["message"]


async def delete(c, gvr, name, namespace=None):
    await c.client.delete(gvr, name, namespace)


async def test_a_network_becomes_ready_and_is_held_by_a_finalizer():
    async with cluster(NAME) as c:
        await c.create(cidr("more", "203.0.113.0/24"))
        assert await ready(c, "more") == ("True", "", "Kubernetes Service CIDR is ready")
        assert objects.finalizers(await c.get(resources.SERVICE_CIDRS, "more", None)) == [FINALIZER]
        assert (await ready(c, "kubernetes"))[0] == "True"
        made = await c.create(service("there", "203.0.113.10"))
        assert made["spec"]["clusterIPs"] == ["203.0.113.10"]


async def test_an_unneeded_network_goes_after_ten_seconds():
    async with cluster(NAME) as c:
        await c.create(cidr("more", "203.0.113.0/24"))
        await c.settle()
        since_s = c.now_s
        await delete(c, resources.SERVICE_CIDRS, "more")
        assert await c.settle() == since_s + 10
        assert await c.find(resources.SERVICE_CIDRS, "more", None) is None


async def test_a_network_stays_while_a_service_has_an_address_of_it_and_gives_no_more():
    async with cluster(NAME) as c:
        await c.create(cidr("more", "203.0.113.0/24"))
        await c.settle()
        await c.create(service("there", "203.0.113.10"))
        await delete(c, resources.SERVICE_CIDRS, "more")
        status, reason, message = await ready(c, "more")
        assert (status, reason) == ("False", "Terminating")
        assert message.startswith("There are still IPAddresses referencing the ServiceCIDR")
        with pytest.raises(ApiError, match="the provided network does not match the current range"):
            await c.create(service("late", "203.0.113.11"))
        await delete(c, resources.SERVICES, "there", "default")
        assert await ready(c, "more") is None


async def test_a_network_inside_another_is_free_to_go():
    async with cluster(NAME) as c:
        await c.create(cidr("outer", "203.0.112.0/20"))
        await c.create(cidr("inner", "203.0.113.0/24"))
        await c.settle()
        await c.create(service("there", "203.0.113.10"))
        await delete(c, resources.SERVICE_CIDRS, "inner")
        assert await ready(c, "inner") is None


async def test_a_network_that_another_takes_over_is_free_to_go():
    async with cluster(NAME) as c:
        await c.create(cidr("old", "203.0.113.0/24"))
        await c.settle()
        await c.create(service("there", "203.0.113.10"))
        await delete(c, resources.SERVICE_CIDRS, "old")
        assert (await ready(c, "old"))[1] == "Terminating"
        await c.create(cidr("new", "203.0.112.0/20"))
        assert await ready(c, "old") is None
