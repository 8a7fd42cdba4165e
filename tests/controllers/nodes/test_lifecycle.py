import pytest

from kube_nb.api import resources
from kube_nb.controllers import Options
from kube_nb.controllers.nodes import taints, zones
from kube_nb.machinery import clock, objects
from tests.controllers.simulation import cluster, replica_set, template

CONTROLLERS = ("node-lifecycle-controller", "taint-eviction-controller")


def node(name, ready="True", **metadata):
    stamp = "2026-01-01T00:00:00Z"
    kinds = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
    rows = [
        {
            "type": kind,
            "status": ready if kind == "Ready" else "False",
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
        }
        for kind in kinds
    ]
    labels = {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "a"}
    meta = {"name": name, "labels": labels, **metadata}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": {"conditions": rows}}


def pod(name, node_name, tolerations=()):
    spec = {**template()["spec"], "nodeName": node_name, "tolerations": list(tolerations)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


async def add(c, name, **fields):
    wanted = node(name, **fields)
    await c.create(wanted)
    await c.client.patch(resources.NODES, name, {"status": wanted["status"]}, subresource="status")


async def heartbeats(c, *names):
    """Renew the leases of some nodes every 10 s, for good."""
    for name in names:
        lease = {"metadata": {"name": name}, "spec": {"renewTime": c.loop.timestamp_micro()}}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **lease}
        await c.client.create(resources.LEASES, lease, "kube-node-lease")
    while True:
        await clock.periodic_sleep(10)
        for name in names:
            patch = {"spec": {"renewTime": c.loop.timestamp_micro()}}
            await c.client.patch(resources.LEASES, name, patch, "kube-node-lease")


def keys(found):
    return sorted((row["key"], row["effect"]) for row in found["spec"].get("taints") or ())


UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"


async def test_a_silent_node_becomes_unknown_tainted_and_loses_its_pods_after_their_toleration():
    async with cluster(*CONTROLLERS) as c:
        await add(c, "quiet")
        await add(c, "lively")
        alive = c.loop.create_task(heartbeats(c, "lively"))
        stays = [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]
        await c.create(pod("patient", "quiet", stays))
        await c.create(pod("steady", "quiet", [{"operator": "Exists"}]))
        # the first round that sees the nodes is at 5 s; silence is noticed more than 50 s after that
        await c.until(59)
        assert objects.is_condition_true(await c.get(resources.NODES, "quiet", None), "Ready")
        await c.until(60.1)
        found = await c.get(resources.NODES, "quiet", None)
        row = objects.get_condition(found, "Ready")
        assert (row["status"], row["reason"]) == ("Unknown", "NodeStatusUnknown")
        assert row["message"] == "Kubelet stopped posting node status."
        assert row["lastTransitionTime"] == "2026-01-01T00:01:00Z"
        assert keys(found) == [(UNREACHABLE, "NoExecute"), (UNREACHABLE, "NoSchedule")]
        assert not objects.is_condition_true(await c.get(resources.PODS, "patient"), "Ready")
        told = ["Node quiet status is now: NodeNotReady", "Node is not ready", "Node is not ready"]
        assert await c.events("NodeNotReady") == told
        assert keys(await c.get(resources.NODES, "lively", None)) == []
        await c.until(60 + 299)
        assert not objects.is_deleting(await c.get(resources.PODS, "patient"))
        await c.until(60 + 300.1)
        assert await c.find(resources.PODS, "patient") is None
        assert await c.find(resources.PODS, "steady") is not None
        assert await c.events("TaintManagerEviction") == ["Marking for deletion Pod default/patient"]
        alive.cancel()


async def test_a_node_that_comes_back_is_freed_and_its_pods_stay():
    async with cluster(*CONTROLLERS) as c:
        await add(c, "node-1")
        await add(c, "node-2")
        alive = c.loop.create_task(heartbeats(c, "node-2"))
        stays = [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]
        await c.create(pod("patient", "node-1", stays))
        await c.until(100)
        stamp = c.loop.timestamp()
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
        back = c.loop.create_task(heartbeats(c, "node-1"))
        patch = {"status": {"conditions": [ready]}}
        await c.client.patch(resources.NODES, "node-1", patch, type="strategic", subresource="status")
        await c.until(105.1)
        assert keys(await c.get(resources.NODES, "node-1", None)) == []
        await c.until(600)
        assert await c.find(resources.PODS, "patient") is not None
        assert (await c.events("TaintManagerEviction"))[-1] == "Cancelling deletion of Pod default/patient"
        alive.cancel()
        back.cancel()


async def test_when_every_node_is_silent_nobody_is_evicted():
    async with cluster(*CONTROLLERS) as c:
        await add(c, "node-1")
        await add(c, "node-2")
        await c.create(pod("web", "node-1"))
        await c.until(600)
        for name in ("node-1", "node-2"):
            found = await c.get(resources.NODES, name, None)
            assert keys(found) == [(UNREACHABLE, "NoSchedule")]
        assert await c.find(resources.PODS, "web") is not None


async def test_nodes_are_tainted_one_in_ten_seconds():
    async with cluster(*CONTROLLERS) as c:
        for number in range(6):
            await add(c, f"node-{number}")
        alive = c.loop.create_task(heartbeats(c, "node-0", "node-1", "node-2", "node-3"))
        await c.until(60.1)

        async def evicting():
            nodes = await c.all(resources.NODES, None)
            return [objects.name(each) for each in nodes if (UNREACHABLE, "NoExecute") in keys(each)]

        assert await evicting() == ["node-4"]
        await c.until(69.9)
        assert await evicting() == ["node-4"]
        await c.until(70.1)
        assert await evicting() == ["node-4", "node-5"]
        alive.cancel()


async def test_a_node_that_says_it_is_not_ready_is_tainted_so_and_marked_unschedulable_ones_too():
    async with cluster(*CONTROLLERS) as c:
        await add(c, "sick", ready="False")
        await add(c, "well")
        await c.until(0.5)
        assert (NOT_READY, "NoSchedule") in keys(await c.get(resources.NODES, "sick", None))
        await c.client.patch(resources.NODES, "well", {"spec": {"unschedulable": True}})
        await c.until(1)
        found = await c.get(resources.NODES, "well", None)
        assert keys(found) == [("node.kubernetes.io/unschedulable", "NoSchedule")]
        assert objects.labels(found)["beta.kubernetes.io/os"] == "linux"
        await c.client.patch(resources.NODES, "well", {"spec": {"unschedulable": None}})
        await c.until(2)
        assert keys(await c.get(resources.NODES, "well", None)) == []


async def test_pod_ranges_are_handed_out_in_turn_and_known_ones_respected():
    async with cluster("node-ipam-controller") as c:
        taken = node("taken")
        taken["spec"] = {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]}
        await c.create(taken)
        await c.settle()
        for name in ("first", "second"):
            await c.create(node(name))
        await c.settle()
        found = {name: (await c.get(resources.NODES, name, None))["spec"]["podCIDR"] for name in ("first", "second")}
        assert found == {"first": "10.244.0.0/24", "second": "10.244.2.0/24"}


async def test_pods_of_a_node_that_is_gone_fail_and_are_removed_after_a_quarantine():
    async with cluster("pod-garbage-collector-controller", "replicaset-controller") as c:
        c.kubelet.grace_s = 1e6
        await c.create(node("node-0"))
        await c.create(replica_set(replicas=1))
        await c.until(25)
        await c.client.delete(resources.NODES, "node-0")
        (pod,) = await c.pods()
        # missing since the round at 40 s, quarantined until 80 s
        await c.until(79)
        assert [objects.uid(each) for each in await c.pods()] == [objects.uid(pod)]
        await c.until(80.1)
        assert objects.uid(pod) not in [objects.uid(each) for each in await c.pods()]


async def test_every_node_says_how_long_its_kubelet_may_cache():
    async with cluster("ttl-controller") as c:
        await c.create(node("node-0"))
        await c.settle()
        found = await c.get(resources.NODES, "node-0", None)
        assert objects.annotations(found)["node.alpha.kubernetes.io/ttl"] == "0"
        for number in range(1, 101):
            await c.create(node(f"node-{number}"))
        await c.settle()
        nodes = await c.all(resources.NODES, None)
        assert {objects.annotations(each)["node.alpha.kubernetes.io/ttl"] for each in nodes} == {"15"}


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        pytest.param([True, True, True], zones.NORMAL, id="all well"),
        pytest.param([False], zones.FULL, id="the only node"),
        pytest.param([False, False, True], zones.NORMAL, id="two lost nodes are no disruption"),
        pytest.param([False, False, False, True, True], zones.PARTIAL, id="three of five"),
        pytest.param([False, False, False, True, True, True], zones.NORMAL, id="half are too few"),
        pytest.param([], zones.NORMAL, id="no nodes"),
    ],
)
def test_the_state_of_a_zone(ready, expected):
    assert zones.state_of(ready, 0.55) == expected


@pytest.mark.parametrize(
    ("state", "size", "rate"),
    [
        pytest.param(zones.NORMAL, 10, 0.1, id="a node in ten seconds"),
        pytest.param(zones.FULL, 10, 0.1, id="one dead zone among others likewise"),
        pytest.param(zones.PARTIAL, 10, 0.0, id="a small zone in trouble: none"),
        pytest.param(zones.PARTIAL, 51, 0.01, id="a large one: slowly"),
    ],
)
def test_the_rate_of_evictions(state, size, rate):
    assert zones.rate(state, size, Options()) == rate


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        pytest.param([], 0.0, id="none: not at all"),
        pytest.param([{"operator": "Exists"}], None, id="everything: for good"),
        pytest.param([{"key": "a", "operator": "Exists", "tolerationSeconds": 30}], 0.0, id="one of two is too few"),
        pytest.param(
            [
                {"key": "a", "operator": "Exists", "tolerationSeconds": 30},
                {"key": "b", "value": "1", "effect": "NoExecute", "tolerationSeconds": 20},
            ],
            20.0,
            id="the shortest counts",
        ),
        pytest.param(
            [{"key": "a", "operator": "Exists"}, {"key": "b", "value": "2"}], 0.0, id="another value is another taint"
        ),
    ],
)
def test_how_long_a_pod_tolerates_two_taints(tolerations, expected):
    present = [{"key": "a", "effect": "NoExecute"}, {"key": "b", "value": "1", "effect": "NoExecute"}]
    assert taints.tolerated_s({"spec": {"tolerations": tolerations}}, present) == expected
