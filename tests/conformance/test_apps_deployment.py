"""Models test/e2e/apps/deployment.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import (
    AGNHOST,
    BROKEN,
    HTTPD,
    condition_row,
    images,
    is_ready,
    names,
    owner,
    pods,
    workload,
)

_REVISION = "deployment.kubernetes.io/revision"


def _create(kube: Kube, name: str, image: str = HTTPD, replicas: int = 1, **spec: Any) -> Any:
    body = workload(name, image, labels={"name": "sample-pod"}, replicas=replicas, **spec)
    return kube.apps.create_namespaced_deployment(kube.namespace, body)


def _replica_set(kube: Kube, name: str) -> Any:
    body = workload(name, labels={"name": "sample-pod", "pod": "httpd"}, replicas=1)
    return kube.apps.create_namespaced_replica_set(kube.namespace, body)


def _sets(kube: Kube) -> list[Any]:
    """The ReplicaSets of the Deployment, oldest revision first."""
    found = kube.apps.list_namespaced_replica_set(kube.namespace, label_selector="name=sample-pod").items
    return sorted(found, key=lambda each: int((each.metadata.annotations or {}).get(_REVISION, 0)))


def _set_image(kube: Kube, name: str, image: str) -> None:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
    kube.apps.patch_namespaced_deployment(name, kube.namespace, change)


@conformance("[sig-apps] Deployment RollingUpdateDeployment should delete old pods and create new ones [Conformance]")
def test_a_deployment_takes_a_replica_set_over_and_replaces_its_pods(kube: Kube) -> None:
    first = _replica_set(kube, "test-rolling-update-controller")
    change = {"metadata": {"annotations": {_REVISION: "3546343826724305832"}}}
    kube.apps.patch_namespaced_replica_set(first.metadata.name, kube.namespace, change)
    kube.settle()
    assert len(pods(kube)) == 1
    _create(kube, "test-rolling-update-deployment", AGNHOST)
    kube.settle()
    old, new = _sets(kube)
    assert (old.metadata.name, old.spec.replicas) == ("test-rolling-update-controller", 0)
    assert new.metadata.annotations[_REVISION] == "3546343826724305833"
    found = kube.apps.read_namespaced_deployment("test-rolling-update-deployment", kube.namespace)
    assert found.metadata.annotations[_REVISION] == "3546343826724305833"
    assert owner(old).uid == found.metadata.uid
    assert images(pods(kube)) == {AGNHOST}


@conformance("[sig-apps] Deployment RecreateDeployment should delete old pods and create new ones [Conformance]")
def test_recreate_never_lets_old_and_new_pods_overlap(kube: Kube) -> None:
    _create(kube, "test-recreate-deployment", AGNHOST, strategy={"type": "Recreate"})
    kube.settle()
    alive: dict[str, str] = {}
    with kube.watch(kube.core.list_namespaced_pod, kube.namespace, label_selector="name=sample-pod") as events:
        _set_image(kube, "test-recreate-deployment", HTTPD)
        kube.settle()
        while True:
            event = events.next()
            image = event.object.spec.containers[0].image
            alive[event.name] = image
            if event.type == "DELETED":
                del alive[event.name]
            assert len(set(alive.values())) <= 1, alive
            if image == HTTPD and _is_ready_event(event):
                break
    assert images(pods(kube)) == {HTTPD}


def _is_ready_event(event: Any) -> bool:
    return event.type == "MODIFIED" and event.object.status.phase == "Running" and is_ready(event.object)


@conformance("[sig-apps] Deployment deployment should delete old replica sets [Conformance]")
def test_history_beyond_the_limit_is_deleted(kube: Kube) -> None:
    _replica_set(kube, "test-cleanup-controller")
    kube.settle()
    _create(kube, "test-cleanup-deployment", AGNHOST, revisionHistoryLimit=0)
    kube.settle()
    (left,) = _sets(kube)
    assert left.metadata.name != "test-cleanup-controller"
    assert images(pods(kube)) == {AGNHOST}


@conformance("[sig-apps] Deployment deployment should support rollover [Conformance]")
def test_a_new_change_supersedes_a_rollout_that_is_stuck(kube: Kube) -> None:
    _replica_set(kube, "test-rollover-controller")
    kube.settle()
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    _create(kube, "test-rollover-deployment", BROKEN, strategy=rolling, minReadySeconds=10)
    kube.settle()
    old, stuck = _sets(kube)
    assert (old.status.ready_replicas, stuck.spec.replicas, stuck.status.ready_replicas) == (1, 1, None)
    _set_image(kube, "test-rollover-deployment", AGNHOST)
    kube.settle()
    old, stuck, new = _sets(kube)
    assert [each.spec.replicas for each in (old, stuck, new)] == [0, 0, 1]
    assert new.status.available_replicas == 1
    assert images(pods(kube)) == {AGNHOST}
    found = kube.apps.read_namespaced_deployment("test-rollover-deployment", kube.namespace)
    assert (found.status.updated_replicas, found.status.available_replicas) == (1, 1)
    assert found.metadata.annotations[_REVISION] == new.metadata.annotations[_REVISION]


@conformance("[sig-apps] Deployment deployment should support proportional scaling [Conformance]")
def test_scaling_during_a_rollout_shares_the_replicas_out_in_proportion(kube: Kube) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    _create(kube, "webserver-deployment", replicas=10, strategy=rolling)
    kube.settle()
    _set_image(kube, "webserver-deployment", BROKEN)
    kube.settle()
    first, second = _sets(kube)
    assert (first.spec.replicas, first.status.available_replicas) == (8, 8)
    assert (second.spec.replicas, second.status.available_replicas) == (5, None)
    kube.apps.patch_namespaced_deployment("webserver-deployment", kube.namespace, {"spec": {"replicas": 30}})
    kube.settle()
    first, second = _sets(kube)
    assert (first.spec.replicas, second.spec.replicas) == (20, 13)


@conformance("[sig-apps] Deployment Deployment should have a working scale subresource [Conformance]")
def test_the_scale_subresource_is_read_replaced_and_patched(kube: Kube) -> None:
    _create(kube, "test-new-deployment")
    kube.settle()
    scale = kube.apps.read_namespaced_deployment_scale("test-new-deployment", kube.namespace)
    assert (scale.spec.replicas, scale.status.replicas) == (1, 1)
    scale.metadata.resource_version = None
    scale.spec.replicas = 2
    kube.apps.replace_namespaced_deployment_scale("test-new-deployment", kube.namespace, scale)
    assert kube.apps.read_namespaced_deployment("test-new-deployment", kube.namespace).spec.replicas == 2
    kube.apps.patch_namespaced_deployment_scale("test-new-deployment", kube.namespace, {"spec": {"replicas": 4}})
    kube.settle()
    found = kube.apps.read_namespaced_deployment("test-new-deployment", kube.namespace)
    assert (found.spec.replicas, found.status.ready_replicas) == (4, 4)


@conformance("[sig-apps] Deployment should validate Deployment Status endpoints [Conformance]")
def test_the_status_can_be_read_updated_and_patched(kube: Kube) -> None:
    _create(kube, "test-deployment")
    kube.settle()
    path = f"/apis/apps/v1/namespaces/{kube.namespace}/deployments/test-deployment/status"
    assert kube.get(path)["status"]["readyReplicas"] == 1
    with kube.watch(kube.apps.list_namespaced_deployment, kube.namespace) as events:
        found = kube.wire(kube.apps.read_namespaced_deployment("test-deployment", kube.namespace))
        found["status"]["conditions"].append(condition_row("StatusUpdate"))
        kube.apps.replace_namespaced_deployment_status("test-deployment", kube.namespace, found)
        events.until(lambda event: "StatusUpdate" in [row.type for row in event.object.status.conditions or ()])
        patch = {"status": {"conditions": [condition_row("StatusPatched")]}}
        kube.apps.patch_namespaced_deployment_status("test-deployment", kube.namespace, patch)
        event = events.until(
            lambda event: "StatusPatched" in [row.type for row in event.object.status.conditions or ()]
        )
        assert event.object.status.ready_replicas == 1


@conformance("[sig-apps] Deployment should run the lifecycle of a Deployment [Conformance]")
def test_the_whole_life_of_a_deployment(kube: Kube) -> None:
    api, ns, selector = kube.apps, kube.namespace, "test-deployment-static=true"
    body = workload("test-deployment", replicas=2, labels={"test-deployment-static": "true"})
    with kube.watch(api.list_deployment_for_all_namespaces, label_selector=selector) as events:
        api.create_namespaced_deployment(ns, body)
        assert events.next().type == "ADDED"
        events.until(lambda event: event.object.status.ready_replicas == 2)
        container = {"name": "main", "image": AGNHOST}
        pod_spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        patch = {"metadata": {"labels": {"test-deployment": "patched"}}}
        patch["spec"] = {"replicas": 1, "template": {"spec": pod_spec}}  # type: ignore[dict-item]
        api.patch_namespaced_deployment("test-deployment", ns, patch)
        events.until(lambda event: event.object.metadata.labels.get("test-deployment") == "patched")
        events.until(lambda event: event.object.status.ready_replicas == event.object.status.updated_replicas == 1)
        assert names(api.list_deployment_for_all_namespaces(label_selector=selector).items) == ["test-deployment"]
        kube.settle()

        found = api.patch_namespaced_deployment_status("test-deployment", ns, {"status": {"readyReplicas": 0}})
        assert found.status.ready_replicas in (None, 0)
        events.until(lambda event: not event.object.status.ready_replicas)
        events.until(lambda event: event.object.status.ready_replicas == 1)
        scale = api.read_namespaced_deployment_scale("test-deployment", ns)
        scale.spec.replicas = 2
        api.replace_namespaced_deployment_scale("test-deployment", ns, scale)
        events.until(lambda event: event.object.status.ready_replicas == 2)
        kube.settle()
        found = api.read_namespaced_deployment_status("test-deployment", ns)
        found.status.ready_replicas = 1
        api.replace_namespaced_deployment_status("test-deployment", ns, found)
        events.until(lambda event: event.object.status.ready_replicas == 1)
        events.until(lambda event: event.object.status.ready_replicas == 2)
        api.delete_collection_namespaced_deployment(ns, label_selector=selector)
        events.until(lambda event: event.type == "DELETED")
    assert images(pods(kube)) in (set(), {AGNHOST})
    kube.settle()
    assert pods(kube) == []
