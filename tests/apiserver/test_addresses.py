"""Cluster IPs: each is an IPAddress object as long as its service has it."""

import asyncio

from kube_nb.apiserver import ApiServer, allocators
from kube_nb.etcd.local import LocalBackend
from kube_nb.etcd.store import Store
from tests.apiserver.serving import SERVICES, Api, serving

ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
CIDRS = "/apis/networking.k8s.io/v1/servicecidrs"


def service(name="web", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}], **spec},
    }


async def held(api):
    """address -> the service that it is held for."""
    items = (await api.get(ADDRESSES))["items"]
    return {item["metadata"]["name"]: item["spec"]["parentRef"]["name"] for item in items}


async def test_a_services_address_is_an_object_until_the_service_goes():
    async with serving() as api:
        assert await held(api) == {"10.96.0.1": "kubernetes"}
        made = await api.create(SERVICES, service())
        ip = made["spec"]["clusterIP"]
        found = await api.get(f"{ADDRESSES}/{ip}")
        assert found["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "web"}
        assert found["metadata"]["labels"] == {
            "ipaddress.kubernetes.io/ip-family": "IPv4",
            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        }
        await api.ok("DELETE", f"{SERVICES}/web")
        assert await held(api) == {"10.96.0.1": "kubernetes"}


async def test_a_service_without_address_holds_none_and_gives_back_what_it_had():
    async with serving() as api:
        await api.create(SERVICES, service("headless", clusterIP="None"))
        assert await held(api) == {"10.96.0.1": "kubernetes"}
        await api.create(SERVICES, service())
        assert len(await held(api)) == 2
        await api.patch(f"{SERVICES}/web", {"spec": {"type": "ExternalName", "externalName": "example.com"}})
        assert await held(api) == {"10.96.0.1": "kubernetes"}
        back = await api.patch(f"{SERVICES}/web", {"spec": {"type": "ClusterIP", "externalName": None}})
        assert (await held(api))[back["spec"]["clusterIP"]] == "web"


async def test_an_address_that_somebody_holds_is_not_given_away():
    async with serving(service_cidr="10.0.0.0/29") as api:
        parent = {"group": "example.com", "resource": "gateways", "name": "mine"}
        for last in (2, 3, 4, 5):
            await api.create(
                ADDRESSES,
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "IPAddress",
                    "metadata": {"name": f"10.0.0.{last}"},
                    "spec": {"parentRef": parent},
                },
            )
        status = await api.refused("POST", SERVICES, service(clusterIP="10.0.0.3"))
        assert status["message"].endswith(
            'spec.clusterIPs: Invalid value: ["10.0.0.3"]: failed to allocate IP 10.0.0.3: '
            "provided IP is already allocated"
        )
        assert (await api.create(SERVICES, service()))["spec"]["clusterIP"] == "10.0.0.6"
        status = await api.refused("POST", SERVICES, service("late"))
        assert "range is full" in status["message"]


async def test_a_refused_service_leaves_no_address_behind():
    async with serving() as api:
        await api.create(SERVICES, service())
        before = await held(api)
        await api.refused("POST", SERVICES, service())  # the name is taken
        await api.refused("POST", SERVICES, service("other", clusterIP=next(ip for ip in before if ip != "10.96.0.1")))
        await api.create(SERVICES, service("dry"), dryRun="All")
        assert await held(api) == before


async def test_the_service_network_is_the_default_service_cidr():
    async with serving(service_cidr="10.1.0.0/24") as api:
        (found,) = (await api.get(CIDRS))["items"]
        assert (found["metadata"]["name"], found["spec"]["cidrs"]) == ("kubernetes", ["10.1.0.0/24"])
        (row,) = found["status"]["conditions"]
        assert (row["type"], row["status"], row["message"]) == (
            "Ready",
            "True",
            "Kubernetes default Service CIDR is ready",
        )
        status = await api.refused("POST", SERVICES, service(clusterIP="10.2.0.7"))
        assert "the provided network does not match the current range" in status["message"]
        status = await api.refused("POST", SERVICES, service(clusterIP="10.1.0.0"))
        assert "The range of valid IPs is 10.1.0.0/24" in status["message"]


async def test_a_full_network_is_left_for_the_next_one():
    async with serving(service_cidr="10.0.0.0/30") as api:
        assert (await api.create(SERVICES, service("a")))["spec"]["clusterIP"] == "10.0.0.2"
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"}}
        await api.create(CIDRS, {**body, "spec": {"cidrs": ["10.9.0.0/30"]}})
        taken = {(await api.create(SERVICES, service(name)))["spec"]["clusterIP"] for name in "bc"}
        assert taken == {"10.9.0.1", "10.9.0.2"}


async def test_a_release_without_address_objects_allocates_all_the_same():
    async with serving(version="1.30") as api:
        assert (await api.create(SERVICES, service()))["spec"]["clusterIP"].startswith("10.96.")
        await api.refused("GET", ADDRESSES)


async def test_a_server_repairs_at_its_start_what_a_crash_left():
    store = LocalBackend(Store(), asyncio.get_running_loop())
    async with serving(backend=store) as api:
        kept = (await api.create(SERVICES, service()))["spec"]["clusterIP"]
        await api.ok("DELETE", f"{ADDRESSES}/{kept}")
        await api.create(ADDRESSES, allocators.address_object("10.96.7.7", "default/gone"))
        again = ApiServer(store, asyncio.get_running_loop())
        await again.start()
        try:
            assert await held(Api(again)) == {"10.96.0.1": "kubernetes", kept: "web"}
        finally:
            await again.stop()
