import pytest

from kube_nb.api import resources
from kube_nb.controllers.statefulset import syncing
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, template

NAME = "statefulset-controller"
PROTECTION = "persistentvolumeclaim-protection-controller"
NEW = {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}


def stateful_set(replicas=3, **spec):
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "db"}},
        "template": template(app="db"),
        "serviceName": "db",
        **spec,
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}


def claim_template():
    requests = {"requests": {"storage": "1Gi"}}
    return {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": requests}}


async def names(c):
    return sorted(objects.name(pod) for pod in await c.pods())


async def versions(c):
    return {objects.name(pod): objects.labels(pod).get("v", "1") for pod in await c.pods()}


async def history_of(c):
    """Pod events in order: ``+0`` made, ``-2`` deleted; what was told before counts where it was told last."""
    signs = {"create": "+", "delete": "-"}
    found = []
    for message in await c.events():
        verb, what, name, *_ = message.split()
        if what == "Pod":
            found.append(signs[verb] + name.removeprefix("db-"))
    return " ".join(found)


async def test_pods_are_made_in_order_each_when_the_one_before_is_ready():
    async with cluster(NAME) as c:
        await c.create(stateful_set())
        await c.until(1.5)
        assert await names(c) == ["db-0", "db-1"]
        assert await c.settle() == 3
        pods = sorted(await c.pods(), key=objects.name)
        assert await history_of(c) == "+0 +1 +2"
        (revision,) = await c.all(resources.CONTROLLER_REVISIONS)
        hash = objects.labels(revision)["controller.kubernetes.io/hash"]
        assert (objects.name(revision), revision["revision"]) == (f"db-{hash}", 1)
        assert objects.labels(pods[2]) == {
            "app": "db",
            "controller-revision-hash": f"db-{hash}",
            "statefulset.kubernetes.io/pod-name": "db-2",
            "apps.kubernetes.io/pod-index": "2",
        }
        assert (pods[2]["spec"]["hostname"], pods[2]["spec"]["subdomain"]) == ("db-2", "db")
        assert (await c.get(resources.STATEFUL_SETS, "db"))["status"] == {
            "observedGeneration": 1,
            "replicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "currentReplicas": 3,
            "updatedReplicas": 3,
            "currentRevision": f"db-{hash}",
            "updateRevision": f"db-{hash}",
            "collisionCount": 0,
        }
        assert (await c.events("SuccessfulCreate"))[0] == "create Pod db-0 in StatefulSet db successful"


async def test_scaling_down_takes_the_highest_ordinal_first_and_waits_for_each_to_go():
    async with cluster(NAME) as c:
        c.kubelet.grace_s = 2.0
        await c.create(stateful_set())
        await c.settle()
        started_s = c.now_s
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 1}})
        await c.until(started_s + 1)
        assert await names(c) == ["db-0", "db-1", "db-2"]
        assert await c.settle() - started_s == 4
        assert await names(c) == ["db-0"]
        assert await history_of(c) == "+0 +1 +2 -2 -1"


async def test_scaling_halts_while_a_pod_is_unhealthy():
    async with cluster(NAME) as c:
        c.kubelet.ready_after_s = lambda pod: None if objects.name(pod) == "db-1" else 1.0
        await c.create(stateful_set())
        await c.settle()
        assert await names(c) == ["db-0", "db-1"]
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 1}})
        await c.settle()
        assert await names(c) == ["db-0"], "the unhealthy one itself may go"


async def test_parallel_makes_all_at_once_though_some_are_never_ready():
    async with cluster(NAME) as c:
        c.kubelet.ready_after_s = lambda pod: None
        await c.create(stateful_set(podManagementPolicy="Parallel"))
        assert await c.settle() == 0
        assert await names(c) == ["db-0", "db-1", "db-2"]
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 0}})
        await c.settle()
        assert await names(c) == []


async def test_a_rolling_update_goes_downwards_one_at_a_time_and_back():
    async with cluster(NAME) as c:
        await c.create(stateful_set())
        await c.settle()
        started_s = c.now_s
        await c.patch(resources.STATEFUL_SETS, "db", NEW)
        assert await c.settle() - started_s == 3
        assert set((await versions(c)).values()) == {"2"}
        assert await history_of(c) == "-2 +2 -1 +1 -0 +0"
        status = (await c.get(resources.STATEFUL_SETS, "db"))["status"]
        assert status["currentRevision"] == status["updateRevision"]
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"template": {"metadata": {"labels": {"v": None}}}}})
        await c.settle()
        assert set((await versions(c)).values()) == {"1"}
        revisions = await c.all(resources.CONTROLLER_REVISIONS)
        assert sorted(revision["revision"] for revision in revisions) == [2, 3], "the first came back as the third"


async def test_a_partition_holds_ordinals_below_it_back_also_when_they_are_deleted():
    async with cluster(NAME) as c:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
        await c.create(stateful_set(updateStrategy=rolling))
        await c.settle()
        await c.patch(resources.STATEFUL_SETS, "db", NEW)
        await c.settle()
        assert await versions(c) == {"db-0": "1", "db-1": "1", "db-2": "2"}
        for name in ("db-0", "db-2"):
            await c.client.delete(resources.PODS, name, "default")
            await c.settle()
        assert await versions(c) == {"db-0": "1", "db-1": "1", "db-2": "2"}
        status = (await c.get(resources.STATEFUL_SETS, "db"))["status"]
        assert (status["currentReplicas"], status["updatedReplicas"]) == (2, 1)
        assert status["currentRevision"] != status["updateRevision"]
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
        await c.settle()
        assert set((await versions(c)).values()) == {"2"}


async def test_max_unavailable_replaces_so_many_at_a_time():
    async with cluster(NAME) as c:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
        await c.create(stateful_set(4, podManagementPolicy="Parallel", updateStrategy=rolling))
        await c.settle()
        started_s = c.now_s
        await c.patch(resources.STATEFUL_SETS, "db", NEW)
        assert await c.settle() - started_s == 2
        assert (await history_of(c)).endswith("-3 -2 +2 +3 -1 -0 +0 +1")


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 1), (3, 3), ("50%", 2), ("10%", 1)], ids=["unset", "a number", "rounded", "at least"]
)
def test_how_many_may_be_unavailable_of_five(value, expected):
    assert syncing.max_unavailable(value, 5) == expected


async def test_on_delete_renews_only_what_is_deleted():
    async with cluster(NAME) as c:
        await c.create(stateful_set(2, updateStrategy={"type": "OnDelete"}))
        await c.settle()
        await c.patch(resources.STATEFUL_SETS, "db", NEW)
        await c.settle()
        await c.client.delete(resources.PODS, "db-0", "default")
        await c.settle()
        assert await versions(c) == {"db-0": "2", "db-1": "1"}


async def test_ordinals_may_start_elsewhere_and_move():
    async with cluster(NAME) as c:
        await c.create(stateful_set(2, ordinals={"start": 5}))
        await c.settle()
        assert await names(c) == ["db-5", "db-6"]
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"ordinals": {"start": 6}}})
        await c.settle()
        assert await names(c) == ["db-6", "db-7"]


async def test_min_ready_seconds_delay_the_next_pod():
    async with cluster(NAME) as c:
        await c.create(stateful_set(2, minReadySeconds=10))
        assert await c.settle() == 22
        assert (await c.get(resources.STATEFUL_SETS, "db"))["status"]["availableReplicas"] == 2


async def test_an_ended_pod_is_replaced():
    async with cluster(NAME) as c:
        await c.create(stateful_set(1))
        await c.settle()
        (before,) = await c.pods()
        await c.kubelet.finish(before, "Failed", 1)
        await c.settle()
        (after,) = await c.pods()
        assert objects.name(after) == "db-0"
        assert objects.uid(after) != objects.uid(before)


async def test_a_pod_that_matches_by_label_and_name_is_adopted():
    async with cluster(NAME) as c:
        for name in ("db-0", "other"):
            pod = {"apiVersion": "v1", "kind": "Pod", **template(app="db")}
            await c.create({**pod, "metadata": {**pod["metadata"], "name": name}})
        await c.create(stateful_set(1))
        await c.settle()
        owners = {objects.name(pod): objects.owner(pod) for pod in await c.pods()}
        assert owners["db-0"]["name"] == "db"
        assert owners["other"] is None
        assert objects.labels(await c.get(resources.PODS, "db-0"))["apps.kubernetes.io/pod-index"] == "0"


async def test_claims_are_made_before_their_pod_and_outlive_it():
    async with cluster(NAME) as c:
        await c.create(stateful_set(2, volumeClaimTemplates=[claim_template()]))
        await c.settle()
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 1}})
        await c.settle()
        claims = await c.all(resources.PERSISTENT_VOLUME_CLAIMS)
        assert [objects.name(claim) for claim in claims] == ["data-db-0", "data-db-1"]
        assert [objects.labels(claim) for claim in claims] == [{"app": "db"}, {"app": "db"}]
        assert not any(objects.owner_references(claim) for claim in claims)
        (pod,) = await c.pods()
        volumes = {volume["name"]: volume.get("persistentVolumeClaim") for volume in pod["spec"]["volumes"]}
        assert volumes["data"] == {"claimName": "data-db-0"}
        assert "create Claim data-db-0 Pod db-0 in StatefulSet db success" in await c.events("SuccessfulCreate")


@pytest.mark.parametrize(
    ("scaled", "deleted", "in_range", "outside"),
    [
        ("Retain", "Delete", "db", "db"),
        ("Delete", "Retain", None, "db-1"),
        ("Delete", "Delete", "db", "db-1"),
    ],
)
async def test_whom_a_claim_belongs_to_says_the_retention_policy(scaled, deleted, in_range, outside):
    async with cluster(NAME) as c:
        c.kubelet.grace_s = 5.0
        policy = {"whenScaled": scaled, "whenDeleted": deleted}
        claims = [claim_template()]
        await c.create(stateful_set(2, volumeClaimTemplates=claims, persistentVolumeClaimRetentionPolicy=policy))
        await c.settle()
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 1}})
        await c.settle()
        found = await c.all(resources.PERSISTENT_VOLUME_CLAIMS)
        owners = [(objects.owner(claim) or {}).get("name") for claim in found]
        assert owners == [in_range, outside]


async def test_with_delete_a_claim_goes_with_its_pod_and_comes_anew_with_the_next():
    async with cluster(NAME, "garbage-collector-controller", PROTECTION) as c:
        policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
        claims = [claim_template()]
        await c.create(stateful_set(2, volumeClaimTemplates=claims, persistentVolumeClaimRetentionPolicy=policy))
        await c.settle()
        (first, second) = await c.all(resources.PERSISTENT_VOLUME_CLAIMS)
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 1}})
        await c.settle()
        assert await c.find(resources.PERSISTENT_VOLUME_CLAIMS, "data-db-1") is None
        await c.patch(resources.STATEFUL_SETS, "db", {"spec": {"replicas": 2}})
        await c.settle()
        assert objects.uid(await c.get(resources.PERSISTENT_VOLUME_CLAIMS, "data-db-1")) != objects.uid(second)
        assert objects.uid(await c.get(resources.PERSISTENT_VOLUME_CLAIMS, "data-db-0")) == objects.uid(first)
        await c.client.delete(resources.STATEFUL_SETS, "db", "default")
        await c.settle()
        assert await c.all(resources.PERSISTENT_VOLUME_CLAIMS) == []
        assert await names(c) == []


async def test_history_is_kept_up_to_its_limit():
    async with cluster(NAME) as c:
        await c.create(stateful_set(1, revisionHistoryLimit=1))
        for version in "2345":
            await c.settle()
            await c.patch(
                resources.STATEFUL_SETS, "db", {"spec": {"template": {"metadata": {"labels": {"v": version}}}}}
            )
        await c.settle()
        assert sorted(each["revision"] for each in await c.all(resources.CONTROLLER_REVISIONS)) == [4, 5]


async def test_a_refused_pod_is_told_and_tried_again():
    async with cluster(NAME) as c:
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none"},
            "spec": {"hard": {"pods": "0"}},
        }
        await c.client.create(resources.RESOURCE_QUOTAS, quota, "default")
        await c.until(1)
        await c.create(stateful_set(1))
        await c.until(2)
        (message, *_) = await c.events("FailedCreate")
        assert message.startswith('create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: ')
