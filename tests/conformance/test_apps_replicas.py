"""Models test/e2e/apps/replica_set.go and rc.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import (
    HTTPD,
    HTTPD_NEW,
    condition_row,
    images,
    names,
    owner,
    pod,
    pods,
    running,
    template,
    workload,
)


def _create(kube: Kube, name: str, replicas: int = 1, /, **labels: str) -> Any:
    body = workload(name, labels=labels or {"app": name}, replicas=replicas)
    return kube.apps.create_namespaced_replica_set(kube.namespace, body)


def _controller(kube: Kube, name: str, replicas: int = 1, /, **labels: str) -> Any:
    selector = labels or {"name": name}
    body = {"replicas": replicas, "selector": selector, "template": template(selector)}
    metadata = {"name": name, "labels": selector}
    return kube.core.create_namespaced_replication_controller(kube.namespace, {"metadata": metadata, "spec": body})


@conformance(
    "[sig-apps] ReplicaSet should adopt matching pods on creation and release no longer matching pods [Conformance]"
)
def test_a_replica_set_adopts_what_it_selects_and_releases_what_it_does_not(kube: Kube) -> None:
    kube.core.create_namespaced_pod(kube.namespace, pod("bare", HTTPD, labels={"name": "adoption"}))
    running(kube, "bare")
    created = _create(kube, "adoption", name="adoption")
    kube.settle()
    (adopted,) = pods(kube)
    assert (adopted.metadata.name, owner(adopted).uid) == ("bare", created.metadata.uid)
    kube.core.patch_namespaced_pod("bare", kube.namespace, {"metadata": {"labels": {"name": "not-matching"}}})
    kube.settle()
    released = kube.core.read_namespaced_pod("bare", kube.namespace)
    assert owner(released) is None
    (new,) = pods(kube, "name=adoption")
    assert owner(new).uid == created.metadata.uid


@conformance("[sig-apps] ReplicaSet Replicaset should have a working scale subresource [Conformance]")
def test_the_scale_subresource_is_read_replaced_and_patched(kube: Kube) -> None:
    _create(kube, "test-rs")
    kube.settle()
    scale = kube.apps.read_namespaced_replica_set_scale("test-rs", kube.namespace)
    assert (scale.spec.replicas, scale.status.replicas) == (1, 1)
    scale.metadata.resource_version = None
    scale.spec.replicas = 2
    kube.apps.replace_namespaced_replica_set_scale("test-rs", kube.namespace, scale)
    assert kube.apps.read_namespaced_replica_set("test-rs", kube.namespace).spec.replicas == 2
    kube.apps.patch_namespaced_replica_set_scale("test-rs", kube.namespace, {"spec": {"replicas": 4}})
    kube.settle()
    assert kube.apps.read_namespaced_replica_set("test-rs", kube.namespace).status.ready_replicas == 4


@conformance("[sig-apps] ReplicaSet Replace and Patch tests [Conformance]")
def test_a_replica_set_follows_replace_and_patch(kube: Kube) -> None:
    _create(kube, "test-rs", 1, name="sample-pod", pod="httpd")
    kube.settle()
    with kube.watch(kube.apps.list_namespaced_replica_set, kube.namespace) as events:
        found = kube.apps.read_namespaced_replica_set("test-rs", kube.namespace)
        found.spec.replicas = 2
        kube.apps.replace_namespaced_replica_set("test-rs", kube.namespace, found)
        events.until(lambda event: event.object.status.ready_replicas == 2)
        spec = {"containers": [{"name": "main", "image": HTTPD_NEW}], "terminationGracePeriodSeconds": 0}
        change = {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 3, "template": {"spec": spec}}}
        kube.apps.patch_namespaced_replica_set("test-rs", kube.namespace, change)
        event = events.until(lambda event: event.object.status.ready_replicas == 3)
        assert event.object.metadata.labels["test-rs"] == "patched"
    assert sorted(next(iter(images([each]))) for each in pods(kube)) == [HTTPD, HTTPD, HTTPD_NEW]


@conformance("[sig-apps] ReplicaSet should list and delete a collection of ReplicaSets [Conformance]")
def test_replica_sets_are_listed_and_deleted_by_label(kube: Kube) -> None:
    _create(kube, "test-rs", 3, name="sample-pod")
    kube.settle()
    assert len(pods(kube)) == 3
    assert names(kube.apps.list_replica_set_for_all_namespaces(label_selector="name=sample-pod").items) == ["test-rs"]
    kube.apps.delete_collection_namespaced_replica_set(kube.namespace, label_selector="name=sample-pod")
    kube.settle()
    assert kube.apps.list_namespaced_replica_set(kube.namespace).items == []
    assert pods(kube) == []


@conformance("[sig-apps] ReplicaSet should validate Replicaset Status endpoints [Conformance]")
def test_the_status_can_be_read_updated_and_patched(kube: Kube) -> None:
    _create(kube, "test-rs")
    kube.settle()
    path = f"/apis/apps/v1/namespaces/{kube.namespace}/replicasets/test-rs/status"
    assert kube.get(path)["status"]["readyReplicas"] == 1
    with kube.watch(kube.apps.list_namespaced_replica_set, kube.namespace) as events:
        found = kube.wire(kube.apps.read_namespaced_replica_set("test-rs", kube.namespace))
        found["status"]["conditions"] = [condition_row("StatusUpdate")]
        kube.apps.replace_namespaced_replica_set_status("test-rs", kube.namespace, found)
        events.until(lambda event: "StatusUpdate" in [row.type for row in event.object.status.conditions or ()])
        patch = {"status": {"conditions": [condition_row("StatusPatched")]}}
        kube.apps.patch_namespaced_replica_set_status("test-rs", kube.namespace, patch)
        event = events.until(
            lambda event: "StatusPatched" in [row.type for row in event.object.status.conditions or ()]
        )
        assert event.object.status.ready_replicas == 1


@conformance("[sig-apps] ReplicationController should adopt matching pods on creation [Conformance]")
def test_a_controller_adopts_a_bare_pod(kube: Kube) -> None:
    kube.core.create_namespaced_pod(kube.namespace, pod("pod-adoption", HTTPD, labels={"name": "pod-adoption"}))
    running(kube, "pod-adoption")
    created = _controller(kube, "pod-adoption")
    kube.settle()
    (adopted,) = pods(kube)
    assert (adopted.metadata.name, owner(adopted).uid) == ("pod-adoption", created.metadata.uid)


@conformance("[sig-apps] ReplicationController should release no longer matching pods [Conformance]")
def test_a_controller_releases_a_relabelled_pod(kube: Kube) -> None:
    created = _controller(kube, "pod-release")
    kube.settle()
    (member,) = pods(kube, "name=pod-release")
    name = member.metadata.name
    assert owner(member).uid == created.metadata.uid
    kube.core.patch_namespaced_pod(name, kube.namespace, {"metadata": {"labels": {"name": "not-matching-name"}}})
    kube.settle()
    assert owner(kube.core.read_namespaced_pod(name, kube.namespace)) is None
    assert len(pods(kube, "name=pod-release")) == 1


@conformance("[sig-apps] ReplicationController should test the lifecycle of a ReplicationController [Conformance]")
def test_the_whole_life_of_a_replication_controller(kube: Kube) -> None:
    api, ns, selector = kube.core, kube.namespace, "test-rc-static=true"
    with kube.watch(api.list_namespaced_replication_controller, ns, label_selector=selector) as events:
        _controller(kube, "rc-test", **{"test-rc-static": "true"})
        assert events.next().type == "ADDED"
        events.until(lambda event: event.object.status.ready_replicas == 1)
        api.patch_namespaced_replication_controller("rc-test", ns, {"metadata": {"labels": {"test-rc": "patched"}}})
        events.until(lambda event: event.object.metadata.labels.get("test-rc") == "patched")
        kube.settle()

        api.patch_namespaced_replication_controller_status("rc-test", ns, {"status": {"readyReplicas": 0}})
        events.until(lambda event: not event.object.status.ready_replicas)
        events.until(lambda event: event.object.status.ready_replicas == 1)
        path = f"/api/v1/namespaces/{ns}/replicationcontrollers/rc-test/status"
        assert kube.get(path)["status"]["replicas"] == 1
        api.patch_namespaced_replication_controller_scale("rc-test", ns, {"spec": {"replicas": 2}})
        events.until(lambda event: event.object.status.ready_replicas == 2)
        kube.settle()

        found = api.read_namespaced_replication_controller("rc-test", ns)
        found.spec.replicas = 3
        found.metadata.annotations = {"test": "updated"}
        api.replace_namespaced_replication_controller("rc-test", ns, found)
        event = events.until(lambda event: event.object.status.ready_replicas == 3)
        assert event.object.metadata.annotations["test"] == "updated"
        everywhere = api.list_replication_controller_for_all_namespaces(label_selector=selector).items
        assert names(everywhere) == ["rc-test"]
        api.delete_collection_namespaced_replication_controller(ns, label_selector=selector)
        events.until(lambda event: event.type == "DELETED")
