import pytest

from kube_nb.api import resources
from kube_nb.controllers.services import mirroring
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster

NAME = "endpointslice-mirroring-controller"
PORT = {"name": "http", "port": 80, "protocol": "TCP"}


def service(**spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "custom"}, "spec": {"ports": [PORT], **spec}}


def endpoints(*subsets, **metadata):
    metadata = {"name": "custom", **metadata}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": list(subsets)}


def subset(*ips, not_ready=(), port=PORT):
    rows = {"addresses": ips, "notReadyAddresses": not_ready}
    return {**{field: [{"ip": ip} for ip in found] for field, found in rows.items() if found}, "ports": [port]}


async def slices(c):
    await c.settle()
    found = await c.all(resources.ENDPOINT_SLICES)
    return sorted(found, key=lambda slice: (slice["addressType"], slice["ports"][0]["port"]))


def told(slice):
    return {row["addresses"][0]: row["conditions"]["ready"] for row in slice["endpoints"]}


async def put(c, obj):
    await c.client.update(resources.ENDPOINTS, obj, "default")


async def test_endpoints_of_a_service_without_selector_are_mirrored():
    async with cluster(NAME) as c:
        await c.create(service())
        annotations = {
            "mine": "kept",
            mirroring.LAST_APPLIED: "{}",
            "endpoints.kubernetes.io/last-change-trigger-time": "x",
        }
        rows = {"addresses": [{"ip": "10.0.0.1", "hostname": "one", "nodeName": "node-0"}], "ports": [PORT]}
        made = await c.create(endpoints(rows, labels={"app": "x"}, annotations=annotations))
        (found,) = await slices(c)
        assert found["metadata"]["name"].startswith("custom-")
        assert objects.labels(found) == {
            "app": "x",
            "kubernetes.io/service-name": "custom",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        }
        assert objects.annotations(found) == {"mine": "kept"}
        assert objects.owner(found) == objects.owner_reference(made)
        assert found["ports"] == [PORT]
        endpoint = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "hostname": "one", "nodeName": "node-0"}
        assert found["endpoints"] == [endpoint]


async def test_a_slice_for_each_family_and_set_of_ports_follows_every_change():
    async with cluster(NAME) as c:
        await c.create(service())
        other = {"name": "other", "port": 90, "protocol": "UDP"}
        await c.create(endpoints(subset("10.0.0.1", "fd00::1", not_ready=["10.0.0.2"]), subset("10.0.0.1", port=other)))
        v4, v4_other, v6 = await slices(c)
        assert [told(slice) for slice in (v4, v4_other, v6)] == [
            {"10.0.0.1": True, "10.0.0.2": False},
            {"10.0.0.1": True},
            {"fd00::1": True},
        ]
        await put(c, endpoints(subset("10.0.0.2", "10.0.0.3")))
        (left,) = await slices(c)
        assert objects.name(left) == objects.name(v4)
        assert told(left) == {"10.0.0.2": True, "10.0.0.3": True}
        version = objects.resource_version(left)
        await put(c, endpoints(subset("10.0.0.2", "10.0.0.3"), labels={"new": "label"}))
        (left,) = await slices(c)
        assert objects.labels(left)["new"] == "label"
        assert objects.resource_version(left) != version


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.client.delete(resources.ENDPOINTS, "custom", "default"),
        lambda c: c.client.delete(resources.SERVICES, "custom", "default"),
        lambda c: c.patch(resources.SERVICES, "custom", {"spec": {"selector": {"a": "b"}}}),
        lambda c: c.patch(resources.ENDPOINTS, "custom", {"metadata": {"labels": {mirroring.SKIP_MIRROR: "true"}}}),
    ],
    ids=["endpoints deleted", "service deleted", "service selects", "label says skip"],
)
async def test_what_is_no_longer_to_be_mirrored_loses_its_slices(change):
    async with cluster(NAME) as c:
        await c.create(service())
        await c.create(endpoints(subset("10.0.0.1")))
        assert len(await slices(c)) == 1
        await change(c)
        assert await slices(c) == []


async def test_a_lock_and_endpoints_without_service_are_not_mirrored():
    async with cluster(NAME) as c:
        await c.create(endpoints(subset("10.0.0.1")))
        assert await slices(c) == []
        await put(c, endpoints(subset("10.0.0.1"), annotations={mirroring.LEADER: "{}"}))
        await c.create(service())
        assert await slices(c) == []


async def test_a_mirror_that_somebody_deletes_or_changes_comes_back():
    async with cluster(NAME) as c:
        await c.create(service())
        await c.create(endpoints(subset("10.0.0.1")))
        (first,) = await slices(c)
        await c.patch(resources.ENDPOINT_SLICES, objects.name(first), {"endpoints": []})
        (changed,) = await slices(c)
        assert told(changed) == {"10.0.0.1": True}
        await c.client.delete(resources.ENDPOINT_SLICES, objects.name(first), "default")
        (second,) = await slices(c)
        assert objects.uid(second) != objects.uid(first)


async def test_more_than_a_thousand_addresses_are_cut_off_and_told():
    async with cluster(NAME) as c:
        await c.create(service())
        await c.create(endpoints(subset(*(f"10.0.{number // 250}.{number % 250 + 1}" for number in range(1003)))))
        (found,) = await slices(c)
        assert len(found["endpoints"]) == 1000
        (text,) = await c.events("TooManyAddressesToMirror")
        assert text.endswith("per Endpoints subset. 3 addresses were skipped")
