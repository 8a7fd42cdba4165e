import pytest

from kube_nb.api import resources
from kube_nb.controllers.services import endpoints
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, replica_set, template

CONTROLLERS = ("endpoints-controller", "endpointslice-controller", "replicaset-controller")


def service(name="web", port=80, **spec):
    ports = [{"port": port, "targetPort": spec.pop("targetPort", port)}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"team": "a"}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


async def slices(c, name="web"):
    return await c.all(resources.ENDPOINT_SLICES, selector=f"kubernetes.io/service-name={name}")


async def test_a_service_without_pods_has_empty_endpoints_and_a_placeholder_slice():
    async with cluster(*CONTROLLERS) as c:
        await c.create(service())
        await c.settle()
        assert "subsets" not in await c.get(resources.ENDPOINTS, "web")
        (slice,) = await slices(c)
        assert not slice.get("endpoints")
        assert not slice.get("ports")
        assert slice["addressType"] == "IPv4"
        assert objects.name(slice).startswith("web-")
        assert objects.owner(slice)["kind"] == "Service"
        assert objects.labels(slice) == {
            "team": "a",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }


async def test_ready_pods_are_endpoints_and_others_are_listed_as_not_ready():
    async with cluster(*CONTROLLERS) as c:
        await c.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}})
        spec = template(app="web")
        spec["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
        await c.create(replica_set(replicas=2, template=spec))
        await c.create(service(targetPort="http"))
        assert await c.settle() == 1
        first, second = sorted(await c.pods(), key=lambda pod: pod["status"]["podIP"])
        ready = [{"type": "Ready", "status": "False", "lastTransitionTime": c.loop.timestamp()}]
        await c.kubelet.set_status(second, {"conditions": ready})
        await c.settle()
        (subset,) = (await c.get(resources.ENDPOINTS, "web"))["subsets"]
        assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]
        assert [row["ip"] for row in subset["addresses"]] == [first["status"]["podIP"]]
        assert subset["notReadyAddresses"] == [
            {
                "ip": second["status"]["podIP"],
                "nodeName": "node-0",
                "targetRef": {
                    "kind": "Pod",
                    "namespace": "default",
                    "name": objects.name(second),
                    "uid": objects.uid(second),
                },
            }
        ]
        (slice,) = await slices(c)
        assert slice["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
        found = {each["addresses"][0]: each["conditions"] for each in slice["endpoints"]}
        assert found == {
            first["status"]["podIP"]: {"ready": True, "serving": True, "terminating": False},
            second["status"]["podIP"]: {"ready": False, "serving": False, "terminating": False},
        }


async def test_a_terminating_pod_leaves_endpoints_at_once_and_its_slice_when_it_is_gone():
    async with cluster(*CONTROLLERS) as c:
        c.kubelet.grace_s = 10.0
        await c.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}})
        await c.create(replica_set(replicas=1))
        await c.create(service())
        await c.settle()
        started_s = c.now_s
        await c.patch(resources.REPLICA_SETS, "web", {"spec": {"replicas": 0}})
        await c.until(started_s + 5)
        assert "subsets" not in await c.get(resources.ENDPOINTS, "web")
        ((endpoint,),) = [slice["endpoints"] for slice in await slices(c)]
        assert endpoint["conditions"] == {"ready": False, "serving": True, "terminating": True}
        assert await c.settle() - started_s == 10
        assert [slice.get("endpoints") or [] for slice in await slices(c)] == [[]]


@pytest.mark.slow
async def test_more_than_a_hundred_endpoints_take_several_slices_of_which_few_change():
    async with cluster(*CONTROLLERS) as c:
        await c.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}})
        await c.create(service())
        await c.create(replica_set(replicas=130))
        await c.settle()
        sizes = sorted(len(slice["endpoints"]) for slice in await slices(c))
        assert sum(sizes) == 130
        assert max(sizes) <= 100
        revisions = {objects.name(slice): objects.resource_version(slice) for slice in await slices(c)}
        (victim, *_) = await c.pods()
        await c.client.delete(resources.PODS, objects.name(victim), "default", grace_period_s=0)
        await c.settle()
        after = {objects.name(slice): objects.resource_version(slice) for slice in await slices(c)}
        assert len(revisions.items() - after.items()) == 1


async def test_a_headless_service_that_publishes_not_ready_addresses_lists_pods_by_their_host_names():
    async with cluster(*CONTROLLERS) as c:
        c.kubelet.ready_after_s = lambda pod: None
        await c.create(service(clusterIP="None", publishNotReadyAddresses=True))
        spec = template(app="web")
        spec["spec"] |= {"hostname": "first", "subdomain": "web"}
        await c.create(replica_set(replicas=1, template=spec))
        await c.settle()
        (pod,) = await c.pods()
        await c.kubelet.set_status(pod, {"phase": "Running", "podIP": "10.0.0.9", "podIPs": [{"ip": "10.0.0.9"}]})
        await c.settle()
        found = await c.get(resources.ENDPOINTS, "web")
        assert objects.labels(found)["service.kubernetes.io/headless"] == ""
        assert found["subsets"][0]["addresses"][0]["hostname"] == "first"
        ((endpoint,),) = [slice["endpoints"] for slice in await slices(c)]
        assert (endpoint["hostname"], endpoint["conditions"]["ready"]) == ("first", True)


async def test_endpoints_go_with_their_service_and_those_without_a_selector_are_left_alone_until_then():
    async with cluster(*CONTROLLERS) as c:
        await c.create(service())
        own = service("own")
        del own["spec"]["selector"]
        await c.create(own)
        manual = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "own"}}
        await c.client.create(resources.ENDPOINTS, manual, "default")
        await c.settle()
        await c.client.delete(resources.SERVICES, "web", "default")
        await c.settle()
        assert await c.find(resources.ENDPOINTS, "web") is None
        assert await c.find(resources.ENDPOINTS, "own") is not None
        assert await slices(c, "own") == []
        await c.client.delete(resources.SERVICES, "own", "default")
        await c.settle()
        assert await c.find(resources.ENDPOINTS, "own") is None


async def test_a_write_tells_when_the_change_happened_that_it_answers():
    async with cluster(*CONTROLLERS) as c:
        annotation = "endpoints.kubernetes.io/last-change-trigger-time"
        await c.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}})
        await c.create(service())
        await c.until(10)
        await c.create(replica_set(replicas=1))
        await c.settle()
        (slice,) = await slices(c)
        for found in (slice, await c.get(resources.ENDPOINTS, "web")):
            assert objects.annotations(found)[annotation] == "2026-01-01T00:00:11Z"


async def test_a_changed_slice_is_put_right_and_a_deleted_one_made_again():
    async with cluster(*CONTROLLERS) as c:
        await c.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-0"}})
        await c.create(service())
        await c.create(replica_set(replicas=1))
        await c.settle()
        (slice,) = await slices(c)
        await c.client.patch(resources.ENDPOINT_SLICES, objects.name(slice), {"endpoints": []}, "default")
        await c.settle()
        (again,) = await slices(c)
        assert again["endpoints"] == slice["endpoints"]
        await c.client.delete(resources.ENDPOINT_SLICES, objects.name(slice), "default")
        await c.settle()
        (new,) = await slices(c)
        assert objects.name(new) != objects.name(slice)
        assert new["endpoints"] == slice["endpoints"]


def test_endpoints_beyond_a_thousand_are_cut_off_ready_ones_last():
    ready = [{"ip": f"10.0.0.{number}"} for number in range(700)]
    other = [{"ip": f"10.0.1.{number}"} for number in range(700)]
    subsets, cut = endpoints.truncated([{"addresses": ready, "notReadyAddresses": other, "ports": []}])
    assert cut
    assert [len(subsets[0]["addresses"]), len(subsets[0]["notReadyAddresses"])] == [700, 300]
