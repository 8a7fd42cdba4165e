"""Models test/e2e/apps/daemon_set.go and controller_revision.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import (
    AGNHOST,
    HTTPD,
    condition_row,
    images,
    is_ready,
    names,
    pods,
    when,
    workload,
)

_LABEL = {"daemonset-name": "daemon-set"}
_SELECTOR = "daemonset-name=daemon-set"


def _create(kube: Kube, **spec: Any) -> Any:
    return kube.apps.create_namespaced_daemon_set(kube.namespace, workload("daemon-set", labels=_LABEL, **spec))


def _nodes(kube: Kube) -> list[str]:
    """Where the daemon's pods run, ready; a node twice if it has two."""
    return sorted(pod.spec.node_name for pod in pods(kube, _SELECTOR) if is_ready(pod))


def _status(kube: Kube) -> Any:
    return kube.apps.read_namespaced_daemon_set_status("daemon-set", kube.namespace).status


def _change(kube: Kube, patch: dict[str, Any]) -> Any:
    return kube.apps.patch_namespaced_daemon_set("daemon-set", kube.namespace, patch)


def _change_image(kube: Kube, image: str) -> None:
    _change(kube, {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}})


def _revisions(kube: Kube) -> list[Any]:
    found = kube.apps.list_namespaced_controller_revision(kube.namespace, label_selector=_SELECTOR).items
    return sorted(found, key=lambda revision: revision.revision)


@conformance("[sig-apps] Daemon set should run and stop simple daemon [Conformance] [Serial]")
def test_every_node_that_takes_pods_runs_one_and_a_deleted_one_comes_back(kube: Kube) -> None:
    _create(kube)
    kube.settle()
    assert _nodes(kube) == ["node-1", "node-2"]
    victim = pods(kube, _SELECTOR)[0]
    kube.core.delete_namespaced_pod(victim.metadata.name, kube.namespace)
    kube.settle()
    assert _nodes(kube) == ["node-1", "node-2"]
    assert victim.metadata.name not in names(pods(kube, _SELECTOR))


@conformance("[sig-apps] Daemon set should run and stop complex daemon [Conformance] [Serial]")
def test_a_daemon_follows_the_labels_that_its_node_selector_asks_for(kube: Kube) -> None:
    def paint(color: str) -> None:
        kube.core.patch_node("node-1", {"metadata": {"labels": {"daemonset-color": color}}})
        kube.settle()

    created = workload("daemon-set", labels=_LABEL)
    created["spec"]["template"]["spec"]["nodeSelector"] = {"daemonset-color": "blue"}
    kube.apps.create_namespaced_daemon_set(kube.namespace, created)
    kube.settle()
    assert _nodes(kube) == []
    paint("blue")
    assert _nodes(kube) == ["node-1"]
    assert (_status(kube).desired_number_scheduled, _status(kube).current_number_scheduled) == (1, 1)
    paint("green")
    assert _nodes(kube) == []
    assert _status(kube).number_misscheduled == 0
    selector = {"nodeSelector": {"daemonset-color": "green"}}
    _change(kube, {"spec": {"template": {"spec": selector}, "updateStrategy": {"type": "RollingUpdate"}}})
    kube.settle()
    assert _nodes(kube) == ["node-1"]
    assert (_status(kube).desired_number_scheduled, _status(kube).number_ready) == (1, 1)


@conformance("[sig-apps] Daemon set should retry creating failed daemon pods [Conformance] [Serial]")
def test_a_pod_that_failed_is_replaced(kube: Kube) -> None:
    _create(kube)
    kube.settle()
    victim = pods(kube, _SELECTOR)[0]
    victim.metadata.resource_version = None
    victim.status.phase = "Failed"
    kube.core.replace_namespaced_pod_status(victim.metadata.name, kube.namespace, victim)
    kube.settle()
    assert _nodes(kube) == ["node-1", "node-2"]
    kube.until_gone(kube.core.read_namespaced_pod, victim.metadata.name, kube.namespace)


@conformance(
    "[sig-apps] Daemon set should update pod when spec was updated and update strategy is RollingUpdate [Conformance] [Serial]"
)
def test_a_rolling_update_brings_every_node_the_new_image(kube: Kube) -> None:
    _create(kube, updateStrategy={"type": "RollingUpdate"})
    kube.settle()
    (first,) = _revisions(kube)
    hash = first.metadata.labels["controller-revision-hash"]
    assert first.revision == 1
    assert {pod.metadata.labels["controller-revision-hash"] for pod in pods(kube, _SELECTOR)} == {hash}
    _change_image(kube, AGNHOST)
    kube.settle()
    assert _nodes(kube) == ["node-1", "node-2"]
    assert images(pods(kube, _SELECTOR)) == {AGNHOST}
    _, second = _revisions(kube)
    hash = second.metadata.labels["controller-revision-hash"]
    assert second.revision == 2
    assert {pod.metadata.labels["controller-revision-hash"] for pod in pods(kube, _SELECTOR)} == {hash}


@conformance("[sig-apps] Daemon set should rollback without unnecessary restarts [Conformance] [Serial]")
def test_a_rollback_leaves_the_pods_alone_that_the_bad_rollout_did_not_reach(kube: Kube) -> None:
    _create(kube, updateStrategy={"type": "RollingUpdate"})
    kube.settle()
    before = {pod.metadata.uid: pod for pod in pods(kube, _SELECTOR)}
    _change_image(kube, "foo:non-existent")
    when(kube, kube.apps.list_namespaced_daemon_set, "daemon-set", lambda found: found.status.number_unavailable == 1)
    kube.settle()
    found = pods(kube, _SELECTOR)
    assert sorted(images([pod]).pop() for pod in found) == ["foo:non-existent", HTTPD]
    (kept,) = (pod for pod in found if pod.metadata.uid in before)
    _change_image(kube, HTTPD)
    kube.settle()
    after = {pod.metadata.uid: pod for pod in pods(kube, _SELECTOR)}
    assert _nodes(kube) == ["node-1", "node-2"]
    assert images(list(after.values())) == {HTTPD}
    assert after[kept.metadata.uid].status.container_statuses[0].restart_count == 0


@conformance("[sig-apps] Daemon set should list and delete a collection of DaemonSets [Conformance] [Serial]")
def test_daemon_sets_are_listed_and_deleted_by_label(kube: Kube) -> None:
    _create(kube)
    kube.settle()
    found = kube.apps.list_daemon_set_for_all_namespaces(label_selector=_SELECTOR).items
    assert names(found) == ["daemon-set"]
    kube.apps.delete_collection_namespaced_daemon_set(kube.namespace, label_selector=_SELECTOR)
    kube.settle()
    assert kube.apps.list_namespaced_daemon_set(kube.namespace, label_selector=_SELECTOR).items == []
    assert pods(kube, _SELECTOR) == []


@conformance("[sig-apps] Daemon set should verify changes to a daemon set status [Conformance] [Serial]")
def test_the_status_can_be_read_updated_patched_and_watched(kube: Kube) -> None:
    _create(kube)
    kube.settle()
    path = f"/apis/apps/v1/namespaces/{kube.namespace}/daemonsets/daemon-set/status"
    assert kube.get(path)["status"]["numberReady"] == 2
    with kube.watch(kube.apps.list_namespaced_daemon_set, kube.namespace, label_selector=_SELECTOR) as events:
        found = kube.wire(kube.apps.read_namespaced_daemon_set("daemon-set", kube.namespace))
        found["status"]["conditions"] = [condition_row("StatusUpdate")]
        kube.apps.replace_namespaced_daemon_set_status("daemon-set", kube.namespace, found)
        event = events.until(lambda event: event.object.status.conditions)
        assert [row.type for row in event.object.status.conditions] == ["StatusUpdate"]
        patch = {"status": {"conditions": [condition_row("StatusPatched")]}}
        kube.apps.patch_namespaced_daemon_set_status("daemon-set", kube.namespace, patch)
        events.until(lambda event: "StatusPatched" in [row.type for row in event.object.status.conditions or ()])
    assert _status(kube).number_ready == 2


@conformance("[sig-apps] ControllerRevision should manage the lifecycle of a ControllerRevision [Conformance] [Serial]")
def test_revisions_can_be_labelled_made_and_deleted_and_are_numbered_on(kube: Kube) -> None:
    api, ns = kube.apps, kube.namespace
    _create(kube)
    kube.settle()
    (initial,) = _revisions(kube)
    name = initial.metadata.name
    patched = api.patch_namespaced_controller_revision(name, ns, {"metadata": {"labels": {name: "patched"}}})
    assert patched.metadata.labels[name] == "patched"

    metadata = {
        "name": "daemon-set-copy",
        "labels": {**initial.metadata.labels},
        "ownerReferences": initial.metadata.owner_references,
    }
    body = {"metadata": metadata, "data": initial.data, "revision": initial.revision + 1}
    api.create_namespaced_controller_revision(ns, body)
    kube.settle()
    assert names(_revisions(kube)) == [name, "daemon-set-copy"]
    api.delete_namespaced_controller_revision(name, ns)
    kube.settle()
    (copy,) = _revisions(kube)
    assert copy.metadata.name == "daemon-set-copy"

    copy.metadata.labels["daemon-set-copy"] = "updated"
    assert (
        api.replace_namespaced_controller_revision("daemon-set-copy", ns, copy).metadata.labels["daemon-set-copy"]
        == "updated"
    )
    _change(kube, {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}})
    kube.settle()
    assert len(_revisions(kube)) == 2
    api.delete_collection_namespaced_controller_revision(ns, label_selector="daemon-set-copy=updated")
    kube.settle()
    (last,) = _revisions(kube)
    assert last.revision == 3
