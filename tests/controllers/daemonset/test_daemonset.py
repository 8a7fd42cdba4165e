import pytest

from kube_nb.api import resources
from kube_nb.controllers.daemonset import placement
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, template

NAME = "daemonset-controller"


def node(name, taints=(), **labels):
    spec = {"taints": list(taints)} if taints else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": spec}


def daemon_set(**spec):
    pods = template(app="agent")
    del pods["spec"]["nodeName"]
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": pods, **spec}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}


async def placed(c):
    return sorted(placement.target_node(pod) for pod in await c.pods())


async def prepare(c, *names):
    """Nodes that are ready: admission taints new ones, somebody else would take that off."""
    for name in names:
        await add(c, node(name))


async def add(c, wanted):
    await c.create(wanted)
    await c.client.patch(resources.NODES, objects.name(wanted), {"spec": {"taints": None}})


CHANGE = {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}


async def test_every_node_gets_a_pod_that_asks_for_it_also_those_that_come_later():
    async with cluster(NAME) as c:
        await prepare(c, "node-1", "node-2")
        await c.create(daemon_set())
        assert await c.settle() == 1
        await prepare(c, "node-3")
        await c.settle()
        assert await placed(c) == ["node-1", "node-2", "node-3"]
        found = await c.get(resources.DAEMON_SETS, "agent")
        assert found["status"] == {
            "currentNumberScheduled": 3,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 3,
            "numberReady": 3,
            "updatedNumberScheduled": 3,
            "numberAvailable": 3,
            "observedGeneration": 1,
        }
        (revision,) = await c.all(resources.CONTROLLER_REVISIONS)
        hash = objects.labels(revision)["controller-revision-hash"]
        assert (objects.name(revision), revision["revision"]) == (f"agent-{hash}", 1)
        assert {objects.labels(pod)["controller-revision-hash"] for pod in await c.pods()} == {hash}


async def test_a_rolling_update_replaces_one_node_at_a_time():
    async with cluster(NAME) as c:
        await prepare(c, "node-1", "node-2", "node-3")
        await c.create(daemon_set())
        await c.settle()
        started_s = c.now_s
        await c.patch(resources.DAEMON_SETS, "agent", CHANGE)
        assert await c.settle() - started_s == 3
        assert {objects.labels(pod)["v"] for pod in await c.pods()} == {"2"}
        assert await placed(c) == ["node-1", "node-2", "node-3"]
        revisions = await c.all(resources.CONTROLLER_REVISIONS)
        assert sorted(revision["revision"] for revision in revisions) == [1, 2]


async def test_with_surge_the_old_pod_leaves_when_the_new_one_is_ready():
    async with cluster(NAME) as c:
        await prepare(c, "node-1")
        rolling = {"maxSurge": 1, "maxUnavailable": 0}
        await c.create(daemon_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling}))
        await c.settle()
        started_s = c.now_s
        await c.patch(resources.DAEMON_SETS, "agent", CHANGE)
        await c.until(started_s + 0.5)
        assert len(await c.pods()) == 2
        assert await c.settle() - started_s == 1
        (pod,) = await c.pods()
        assert objects.labels(pod)["v"] == "2"


async def test_on_delete_replaces_only_what_is_deleted():
    async with cluster(NAME) as c:
        await prepare(c, "node-1", "node-2")
        await c.create(daemon_set(updateStrategy={"type": "OnDelete"}))
        await c.settle()
        await c.patch(resources.DAEMON_SETS, "agent", CHANGE)
        await c.settle()
        victim = (await c.pods())[0]
        await c.client.delete(resources.PODS, objects.name(victim), "default")
        await c.settle()
        assert sorted(objects.labels(pod).get("v", "") for pod in await c.pods()) == ["", "2"]
        assert (await c.get(resources.DAEMON_SETS, "agent"))["status"]["updatedNumberScheduled"] == 1


async def test_a_node_that_no_longer_fits_loses_its_pod():
    async with cluster(NAME) as c:
        await add(c, node("node-1", disk="ssd"))
        await add(c, node("node-2"))
        pods = daemon_set()["spec"]["template"]
        pods["spec"]["nodeSelector"] = {"disk": "ssd"}
        await c.create(daemon_set(template=pods))
        await c.settle()
        assert await placed(c) == ["node-1"]
        await c.client.patch(resources.NODES, "node-1", {"metadata": {"labels": {"disk": "hdd"}}})
        await c.settle()
        assert await placed(c) == []


async def test_a_failed_pod_is_replaced_each_time_later():
    async with cluster(NAME) as c:
        c.kubelet.outcome = lambda pod: ("Failed", 1, 0.0)
        await prepare(c, "node-1")
        await c.create(daemon_set())
        await c.until(20)
        (message, *_) = await c.events("FailedDaemonPod")
        assert message.startswith("Found failed daemon pod default/agent-")
        assert message.endswith("on node node-1, will try to kill it")
        # a pod fails a second after its creation: replaced at 1, 2, 4, 8 and 16 s
        assert len(await c.events("SuccessfulCreate")) == 6


@pytest.mark.parametrize(
    ("taint", "expected"),
    [
        pytest.param({"key": "k", "effect": "PreferNoSchedule"}, (True, True), id="a preference does not matter"),
        pytest.param({"key": "k", "effect": "NoSchedule"}, (False, True), id="NoSchedule keeps new pods away"),
        pytest.param({"key": "k", "effect": "NoExecute"}, (False, False), id="NoExecute drives pods away"),
        pytest.param(
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
            (True, True),
            id="lost nodes keep daemons",
        ),
        pytest.param(
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, (True, True), id="and on cordoned ones"
        ),
    ],
)
def test_taints_and_daemons(taint, expected):
    assert placement.judge(node("n", [taint]), {}) == expected
