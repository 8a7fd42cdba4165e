from kube_nb.api import resources
from kube_nb.machinery import errors, objects
from tests.controllers.simulation import cluster, replica_set, template

NAME = "replicaset-controller"


def labelled_pod(name, **labels):
    return {"apiVersion": "v1", "kind": "Pod", **template(**labels), "metadata": {"name": name, "labels": labels}}


async def test_missing_pods_are_made_once_however_late_the_cache_is():
    async with cluster(NAME) as c:
        await c.create(replica_set(replicas=50))
        for _ in range(3):  # changes that have nothing to do with pods must not make more of them
            await c.patch(resources.REPLICA_SETS, "web", {"metadata": {"annotations": {"x": str(_)}}})
        await c.settle()
        assert len(await c.pods()) == 50
        status = (await c.get(resources.REPLICA_SETS, "web"))["status"]
        assert status == {
            "replicas": 50,
            "fullyLabeledReplicas": 50,
            "readyReplicas": 50,
            "availableReplicas": 50,
            "terminatingReplicas": 0,
            "observedGeneration": 1,
        }


async def test_a_deleted_pod_is_replaced_as_soon_as_its_deletion_begins():
    async with cluster(NAME) as c:
        c.kubelet.grace_s = 20.0
        await c.create(replica_set(replicas=1))
        await c.settle()
        (pod,) = await c.pods()
        started_s = c.now_s
        await c.client.delete(resources.PODS, objects.name(pod), "default")
        await c.until(started_s + 1.5)
        pods = await c.pods()
        assert len(pods) == 2
        status = (await c.get(resources.REPLICA_SETS, "web"))["status"]
        assert (status["readyReplicas"], status["terminatingReplicas"]) == (1, 1)
        assert await c.settle() - started_s == 20
        assert len(await c.pods()) == 1


async def test_scaling_down_deletes_pods_that_are_not_ready_first():
    async with cluster(NAME) as c:
        made = []

        def ready_after(pod):
            made.append(objects.name(pod))
            return 1.0 if len(made) != 2 else None

        c.kubelet.ready_after_s = ready_after
        await c.create(replica_set(replicas=3))
        await c.settle()
        await c.patch(resources.REPLICA_SETS, "web", {"spec": {"replicas": 2}})
        await c.settle()
        left = sorted(map(objects.name, await c.pods()))
        assert left == sorted(name for name in made if name != made[1])
        assert await c.events("SuccessfulDelete") == [f"Deleted pod: {made[1]}"]


async def test_min_ready_seconds_delay_availability_exactly():
    async with cluster(NAME) as c:
        await c.create(replica_set(replicas=2, minReadySeconds=15))
        await c.until(2)
        status = (await c.get(resources.REPLICA_SETS, "web"))["status"]
        assert status["readyReplicas"] == 2
        assert "availableReplicas" not in status
        assert await c.settle() == 1 + 15
        assert (await c.get(resources.REPLICA_SETS, "web"))["status"]["availableReplicas"] == 2


async def test_a_matching_orphan_is_adopted_and_one_that_stops_matching_is_released():
    async with cluster(NAME) as c:
        await c.create(labelled_pod("loner", app="web"))
        await c.create(replica_set(replicas=2))
        await c.settle()
        assert objects.owner(await c.get(resources.PODS, "loner"))["name"] == "web"
        assert len(await c.pods()) == 2
        await c.patch(resources.PODS, "loner", {"metadata": {"labels": {"app": "other"}}})
        await c.settle()
        assert objects.owner(await c.get(resources.PODS, "loner")) is None
        assert len(await c.pods("app=web")) == 2


async def test_a_refused_creation_shows_as_a_condition_until_one_succeeds():
    async with cluster(NAME) as c:
        quota = errors.forbidden("pods", "web-", "exceeded quota")
        refused = []

        def refuse(request):
            creates = request.method == "POST" and request.path.endswith("/pods")
            if creates:
                refused.append(request)
            return quota if creates else None

        c.gate.refuse = refuse
        await c.create(replica_set(replicas=40))
        await c.until(0.004)
        assert len(refused) == 2  # slow start: one pod a try; the condition's own write brings the second one
        found = await c.get(resources.REPLICA_SETS, "web")
        row = objects.get_condition(found, "ReplicaFailure")
        assert (row["status"], row["reason"]) == ("True", "FailedCreate")
        assert row["message"] == 'pods "web-" is forbidden: exceeded quota'
        c.gate.refuse = lambda request: None
        await c.settle()
        found = await c.get(resources.REPLICA_SETS, "web")
        assert objects.get_condition(found, "ReplicaFailure") is None
        assert found["status"]["readyReplicas"] == 40


async def test_a_replication_controller_does_the_same_with_its_own_selector():
    async with cluster("replicationcontroller-controller") as c:
        spec = {"replicas": 2, "selector": {"app": "web"}, "template": template(app="web")}
        rc = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"}, "spec": spec}
        await c.create(rc)
        await c.settle()
        found = await c.get(resources.REPLICATION_CONTROLLERS, "web")
        assert found["status"] == {
            "replicas": 2,
            "fullyLabeledReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "observedGeneration": 1,
        }
        assert {objects.owner(pod)["kind"] for pod in await c.pods()} == {"ReplicationController"}
