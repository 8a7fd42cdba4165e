import asyncio

import pytest

from kube_nb.api import resources
from kube_nb.controllers.deployment import surge
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, deployment

CONTROLLERS = ("deployment-controller", "replicaset-controller")


def condition(obj, type):
    row = objects.get_condition(obj, type)
    return None if row is None else (row["status"], row["reason"], row["message"])


def images(pods):
    return sorted(pod["spec"]["containers"][0]["image"] for pod in pods)


async def test_a_new_deployment_gets_one_replica_set_with_its_pods_and_says_so():
    async with cluster(*CONTROLLERS) as c:
        await c.create(deployment(replicas=2))
        assert await c.settle() == 1
        (replica_set,) = await c.replica_sets()
        name, hash = objects.name(replica_set), objects.labels(replica_set)["pod-template-hash"]
        assert name == f"web-{hash}"
        assert replica_set["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": hash}}
        assert objects.annotations(replica_set) == {
            "deployment.kubernetes.io/desired-replicas": "2",
            "deployment.kubernetes.io/max-replicas": "3",
            "deployment.kubernetes.io/revision": "1",
        }
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert objects.annotations(found)["deployment.kubernetes.io/revision"] == "1"
        status = {field: value for field, value in found["status"].items() if field != "conditions"}
        assert status == {
            "observedGeneration": 1,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "terminatingReplicas": 0,
        }
        assert condition(found, "Available") == (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
        progressed = f'ReplicaSet "{name}" has successfully progressed.'
        assert condition(found, "Progressing") == ("True", "NewReplicaSetAvailable", progressed)
        assert await c.events("ScalingReplicaSet") == [f"Scaled up replica set {name} from 0 to 2"]
        assert all(message.startswith(f"Created pod: {name}-") for message in await c.events("SuccessfulCreate"))


async def test_a_rolling_update_never_leaves_its_bounds_and_takes_a_second_a_step():
    async with cluster(*CONTROLLERS) as c:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        await c.create(deployment(replicas=3, strategy=strategy))
        await c.settle()
        (old,) = await c.replica_sets()
        available, total = [], []

        informer = c.manager.informers.informer(resources.PODS)

        def watch(before, pod):
            pods = [
                each for each in c.manager.informers.informer(resources.PODS).list() if not objects.is_deleting(each)
            ]
            total.append(len(pods))
            available.append(len([each for each in pods if objects.is_condition_true(each, "Ready")]))

        informer.add_handler(on_update=watch)
        started_s = c.now_s
        await c.patch(resources.DEPLOYMENTS, "web", {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})
        assert await c.settle() - started_s == 3
        assert (min(available), max(total)) == (3, 4)
        new = next(each for each in await c.replica_sets() if objects.uid(each) != objects.uid(old))
        assert objects.annotations(new)["deployment.kubernetes.io/revision"] == "2"
        assert (await c.get(resources.REPLICA_SETS, objects.name(old)))["spec"]["replicas"] == 0
        events = await c.events("ScalingReplicaSet")
        first, second = objects.name(old), objects.name(new)
        assert events == [
            f"Scaled up replica set {first} from 0 to 3",
            f"Scaled up replica set {second} from 0 to 1",
            f"Scaled down replica set {first} from 3 to 2",
            f"Scaled up replica set {second} from 1 to 2",
            f"Scaled down replica set {first} from 2 to 1",
            f"Scaled up replica set {second} from 2 to 3",
            f"Scaled down replica set {first} from 1 to 0",
        ]


@pytest.mark.parametrize(
    ("replicas", "max_surge", "max_unavailable", "expected"),
    [
        pytest.param(10, "25%", "25%", (3, 2), id="surge rounds up and unavailable down"),
        pytest.param(1, "25%", "25%", (1, 0), id="one pod is replaced by surging"),
        pytest.param(2, 0, "25%", (0, 1), id="both zero becomes one unavailable"),
        pytest.param(3, "100%", "100%", (3, 3), id="everything at once"),
        pytest.param(4, 2, 1, (2, 1), id="numbers stand as they are"),
    ],
)
def test_bounds_of_a_rolling_update(replicas, max_surge, max_unavailable, expected):
    parameters = {"maxSurge": max_surge, "maxUnavailable": max_unavailable}
    strategy = {"type": "RollingUpdate", "rollingUpdate": parameters}
    assert surge.bounds(deployment(replicas=replicas, strategy=strategy)) == expected


async def test_undo_reuses_the_old_replica_set_as_a_new_revision():
    async with cluster(*CONTROLLERS) as c:
        await c.create(deployment(replicas=1))
        await c.settle()
        (first,) = await c.replica_sets()
        for image in ("nginx:2", "nginx"):
            change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
            await c.patch(resources.DEPLOYMENTS, "web", change, type="strategic")
            await c.settle()
        again = await c.get(resources.REPLICA_SETS, objects.name(first))
        assert again["spec"]["replicas"] == 1
        annotations = objects.annotations(again)
        assert annotations["deployment.kubernetes.io/revision"] == "3"
        assert annotations["deployment.kubernetes.io/revision-history"] == "1"
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert objects.annotations(found)["deployment.kubernetes.io/revision"] == "3"
        assert len(await c.replica_sets()) == 2


async def test_a_rollout_that_does_not_move_times_out_a_second_after_its_deadline_and_recovers():
    async with cluster(*CONTROLLERS) as c:
        c.kubelet.ready_after_s = lambda pod: None if images([pod]) == ["bad"] else 1.0
        await c.create(deployment(replicas=1, progressDeadlineSeconds=10))
        await c.settle()
        change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "bad"}]}}}}
        started_s = c.now_s
        await c.patch(resources.DEPLOYMENTS, "web", change, type="strategic")
        assert await c.settle() - started_s == 10 + 1
        found = await c.get(resources.DEPLOYMENTS, "web")
        status, reason, message = condition(found, "Progressing")
        assert (status, reason) == ("False", "ProgressDeadlineExceeded")
        assert message.endswith("has timed out progressing.")
        assert found["status"]["unavailableReplicas"] == 1
        back = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx"}]}}}}
        await c.patch(resources.DEPLOYMENTS, "web", back, type="strategic")
        await c.settle()
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert condition(found, "Progressing")[:2] == ("True", "NewReplicaSetAvailable")
        assert images(await c.pods()) == ["nginx"]


async def test_recreate_waits_for_the_last_old_pod_to_be_gone():
    async with cluster(*CONTROLLERS) as c:
        c.kubelet.grace_s = 5.0
        await c.create(deployment(replicas=2, strategy={"type": "Recreate"}))
        await c.settle()
        change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "new"}]}}}}
        started_s = c.now_s
        await c.patch(resources.DEPLOYMENTS, "web", change, type="strategic")
        await c.until(started_s + 4.9)
        assert images(await c.pods()) == ["nginx", "nginx"]
        assert await c.settle() - started_s == 5 + 1
        assert images(await c.pods()) == ["new", "new"]
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert condition(found, "Progressing")[:2] == ("True", "NewReplicaSetAvailable")


async def test_a_paused_deployment_scales_but_does_not_roll_out():
    async with cluster(*CONTROLLERS) as c:
        await c.create(deployment(replicas=1))
        await c.settle()
        change = {"spec": {"paused": True, "replicas": 3, "template": {"metadata": {"labels": {"v": "2"}}}}}
        await c.patch(resources.DEPLOYMENTS, "web", change)
        await c.settle()
        assert len(await c.replica_sets()) == 1
        assert len(await c.pods()) == 3
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert condition(found, "Progressing") == ("Unknown", "DeploymentPaused", "Deployment is paused")
        assert "updatedReplicas" not in found["status"]
        await c.patch(resources.DEPLOYMENTS, "web", {"spec": {"paused": False}})
        await c.settle()
        assert len(await c.replica_sets()) == 2
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert condition(found, "Progressing")[:2] == ("True", "NewReplicaSetAvailable")


async def test_scaling_in_the_middle_of_a_rollout_shares_the_new_pods_in_proportion():
    async with cluster(*CONTROLLERS) as c:
        c.kubelet.ready_after_s = lambda pod: None if images([pod]) == ["bad"] else 1.0
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
        await c.create(deployment(replicas=10, strategy=strategy))
        await c.settle(5)
        change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "bad"}]}}}}
        await c.patch(resources.DEPLOYMENTS, "web", change, type="strategic")
        await c.settle(5)
        assert [each["spec"]["replicas"] for each in await c.replica_sets()] == [8, 5]
        await c.patch(resources.DEPLOYMENTS, "web", {"spec": {"replicas": 15}})
        await c.settle(5)
        # upstream's documented example: 5 more pods, 3 for the old ReplicaSet and 2 for the new one
        assert [each["spec"]["replicas"] for each in await c.replica_sets()] == [11, 7]


async def test_old_revisions_beyond_the_limit_are_deleted_oldest_first():
    async with cluster(*CONTROLLERS) as c:
        await c.create(deployment(replicas=1, revisionHistoryLimit=2))
        await c.settle()
        for number in range(4):
            await c.patch(
                resources.DEPLOYMENTS, "web", {"spec": {"template": {"metadata": {"labels": {"v": str(number)}}}}}
            )
            await c.settle()
        revisions = [objects.annotations(each)["deployment.kubernetes.io/revision"] for each in await c.replica_sets()]
        assert sorted(revisions) == ["3", "4", "5"]


async def test_a_deployment_adopts_a_replica_set_that_matches_it():
    async with cluster(*CONTROLLERS) as c:
        orphan = deployment(replicas=1)
        await c.create({**orphan, "kind": "ReplicaSet", "metadata": {"name": "mine", "labels": {"app": "web"}}})
        await c.settle()
        await c.create(orphan)
        await c.settle()
        (found,) = await c.replica_sets()
        assert objects.name(found) == "mine"
        assert objects.owner(found)["kind"] == "Deployment"
        owner = await c.get(resources.DEPLOYMENTS, "web")
        assert condition(owner, "Progressing")[:2] == ("True", "NewReplicaSetAvailable")


async def test_a_taken_name_counts_as_a_collision_and_the_next_hash_is_used():
    async with cluster(*CONTROLLERS) as c:
        await c.create(deployment(replicas=1))
        await c.settle()
        (first,) = await c.replica_sets()
        await c.client.delete(resources.DEPLOYMENTS, "web", "default", propagation="Orphan")
        await c.client.delete(resources.REPLICA_SETS, objects.name(first), "default")
        squatter = deployment(name="web", replicas=0)
        squatter = {**squatter, "kind": "ReplicaSet", "metadata": {"name": objects.name(first)}}
        squatter["spec"] = {
            **squatter["spec"],
            "selector": {"matchLabels": {"app": "other"}},
            "template": {**squatter["spec"]["template"], "metadata": {"labels": {"app": "other"}}},
        }
        await c.create(squatter)
        found = await c.find(resources.DEPLOYMENTS, "web")
        if found is not None:  # nobody runs the garbage collector here: let it go by hand
            await c.patch(resources.DEPLOYMENTS, "web", {"metadata": {"finalizers": None}})
        await c.settle()
        await c.create(deployment(replicas=1))
        await c.settle()
        found = await c.get(resources.DEPLOYMENTS, "web")
        assert found["status"]["collisionCount"] == 1
        assert found["status"]["readyReplicas"] == 1


async def test_writes_are_few_and_name_their_cause():
    async with cluster(*CONTROLLERS) as c:
        await c.create(deployment(replicas=1))
        await c.settle()
        writers = [cause.actor for cause in c.server.causes.values()]
        assert writers.count("deployment-controller") == 5
        assert writers.count("replicaset-controller") == 4
        await asyncio.sleep(1000)
        assert len(c.server.causes) == len(writers)
