"""Models test/e2e/common/node/pods.go, test/e2e/node/pods.go and ephemeral_containers.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import (
    BUSYBOX,
    HTTPD,
    HTTPD_NEW,
    condition_of,
    is_ready,
    names,
    pod,
    running,
    shell,
    when,
)


def _create(kube: Kube, name: str, *args: Any, **fields: Any) -> Any:
    return kube.core.create_namespaced_pod(kube.namespace, pod(name, *args, **fields))


def _read(kube: Kube, name: str) -> Any:
    return kube.core.read_namespaced_pod(name, kube.namespace)


@conformance("[sig-node] Pods should get a host IP [Conformance] [NodeConformance]")
def test_a_pod_knows_the_address_of_its_node(kube: Kube) -> None:
    _create(kube, "pod-hostip")
    found = running(kube, "pod-hostip")
    (node,) = (each for each in kube.core.list_node().items if each.metadata.name == found.spec.node_name)
    assert found.status.host_ip == node.status.addresses[0].address
    assert kube.wire(found)["status"]["hostIPs"] == [{"ip": found.status.host_ip}]


@conformance("[sig-node] Pods should be submitted and removed [Conformance] [NodeConformance]")
def test_a_pod_is_watched_from_its_creation_to_its_end(kube: Kube) -> None:
    listing, selector = kube.core.list_namespaced_pod, "time=now"
    assert listing(kube.namespace, label_selector=selector).items == []
    version = listing(kube.namespace).metadata.resource_version
    with kube.watch(listing, kube.namespace, label_selector=selector, resource_version=version) as events:
        _create(kube, "pod-submit", HTTPD, labels={"time": "now"}, terminationGracePeriodSeconds=30)
        assert names(listing(kube.namespace, label_selector=selector).items) == ["pod-submit"]
        assert str(events.next()) == "ADDED pod-submit"
        running(kube, "pod-submit")
        kube.core.delete_namespaced_pod("pod-submit", kube.namespace, grace_period_seconds=30)
        event = events.until(lambda event: event.type == "DELETED")
        assert event.object.metadata.deletion_timestamp is not None
        assert event.object.spec.termination_grace_period_seconds == 30
    assert listing(kube.namespace, label_selector=selector).items == []


@conformance("[sig-node] Pods should allow activeDeadlineSeconds to be updated [Conformance] [NodeConformance]")
def test_a_deadline_that_was_set_later_ends_the_pod(kube: Kube) -> None:
    _create(kube, "pod-update-activedeadlineseconds", HTTPD)
    running(kube, "pod-update-activedeadlineseconds")
    patch = {"spec": {"activeDeadlineSeconds": 5}}
    kube.core.patch_namespaced_pod("pod-update-activedeadlineseconds", kube.namespace, patch)
    found = when(
        kube,
        kube.core.list_namespaced_pod,
        "pod-update-activedeadlineseconds",
        lambda found: found.status.phase == "Failed",
    )
    assert found.status.reason == "DeadlineExceeded"


@conformance("[sig-node] Pods should patch a pod status [Conformance]")
def test_a_patched_status_stays(kube: Kube) -> None:
    _create(kube, "pod-patch", HTTPD)
    running(kube, "pod-patch")
    patch = {"status": {"message": "Patched by e2e test", "reason": "E2E"}}
    found = kube.core.patch_namespaced_pod_status("pod-patch", kube.namespace, patch)
    assert (found.status.message, found.status.reason) == ("Patched by e2e test", "E2E")


@conformance("[sig-node] Pods should run through the lifecycle of Pods and PodStatus [Conformance]")
def test_the_whole_life_of_a_pod_and_its_status(kube: Kube) -> None:
    api, ns = kube.core, kube.namespace
    with kube.watch(api.list_namespaced_pod, ns, label_selector="test-pod-static=true") as events:
        _create(kube, "pod-test", HTTPD, labels={"test-pod-static": "true"})
        events.until(lambda event: event.object.status.phase == "Running" and is_ready(event.object))
        change = {"metadata": {"labels": {"test-pod": "patched"}}}
        change["spec"] = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": HTTPD_NEW}]}  # type: ignore[dict-item]
        api.patch_namespaced_pod("pod-test", ns, change)
        events.until(lambda event: event.object.metadata.labels.get("test-pod") == "patched")
        kube.settle()
        found = _read(kube, "pod-test")
        assert found.spec.containers[0].image == HTTPD_NEW
        assert is_ready(found)
        status = kube.get(f"/api/v1/namespaces/{ns}/pods/pod-test/status")
        for row in status["status"]["conditions"]:
            if row["type"] == "Ready":
                row["status"] = "False"
        api.replace_namespaced_pod_status("pod-test", ns, status)
        events.until(lambda event: condition_of(event.object, "Ready").status == "False")
        api.delete_collection_namespaced_pod(ns, label_selector="test-pod-static=true")
        events.until(lambda event: event.type == "DELETED")


@conformance(
    "[sig-node] Pods Extended (pod generation) Pod Generation pod generation should start at 1 and increment per update [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_a_pods_generation_rises_with_its_spec_and_is_observed(kube: Kube) -> None:
    def change(patch: dict[str, Any], generation: int) -> None:
        kube.core.patch_namespaced_pod("pod-generation", kube.namespace, patch)
        kube.settle()
        found = _read(kube, "pod-generation")
        assert (found.metadata.generation, found.status.observed_generation) == (generation, generation)
        assert {row.observed_generation for row in found.status.conditions} == {generation}

    _create(kube, "pod-generation", activeDeadlineSeconds=6000)
    found = running(kube, "pod-generation")
    assert (found.metadata.generation, found.status.observed_generation) == (1, 1)
    change({"spec": {"tolerations": [*kube.wire(found.spec.tolerations), {"key": "foo", "operator": "Exists"}]}}, 2)
    change({"spec": {"activeDeadlineSeconds": 5000}}, 3)
    change({"spec": {"containers": [{"name": "main", "image": HTTPD}]}}, 4)
    change({"metadata": {"labels": {"foo": "bar"}}}, 4)
    debugger = {"name": "debugger", "image": BUSYBOX, "command": ["sleep", "3600"]}
    body = {"spec": {"ephemeralContainers": [debugger]}}
    kube.core.patch_namespaced_pod_ephemeralcontainers("pod-generation", kube.namespace, body)
    assert _read(kube, "pod-generation").metadata.generation == 5
    patch = {"metadata": {"finalizers": ["example.com/test-finalizer"]}}
    kube.core.patch_namespaced_pod("pod-generation", kube.namespace, patch)
    kube.core.delete_namespaced_pod("pod-generation", kube.namespace, grace_period_seconds=1)
    kube.settle()
    assert _read(kube, "pod-generation").metadata.generation == 6
    kube.core.patch_namespaced_pod("pod-generation", kube.namespace, {"metadata": {"finalizers": None}})
    kube.until_gone(kube.core.read_namespaced_pod, "pod-generation", kube.namespace)


@conformance(
    "[sig-node] Pods Extended (pod generation) Pod Generation issue 500 podspec updates and verify generation and observedGeneration eventually converge [MinimumKubeletVersion:1.34] [Conformance]"
)
def test_the_kubelet_catches_up_with_five_hundred_changes(kube: Kube) -> None:
    _create(kube, "pod-generation", activeDeadlineSeconds=6000)
    running(kube, "pod-generation")
    path, type = f"/api/v1/namespaces/{kube.namespace}/pods/pod-generation", "application/merge-patch+json"
    for number in range(499):
        patch = {"spec": {"activeDeadlineSeconds": 5999 - number}}
        assert kube.request("PATCH", path, patch, headers={"content-type": type}).status == 200
    kube.settle()
    found = _read(kube, "pod-generation")
    assert (found.metadata.generation, found.status.observed_generation) == (500, 500)


@conformance(
    "[sig-node] Ephemeral Containers should update the ephemeral containers in an existing pod [Conformance] [NodeConformance]"
)
def test_ephemeral_containers_are_added_one_after_the_other(kube: Kube) -> None:
    api, ns = kube.core, kube.namespace
    _create(kube, "ephemeral-containers-target", **shell("trap 'exit 0' TERM; while true; do sleep 1; done"))
    running(kube, "ephemeral-containers-target")

    def attached(found: Any) -> list[str]:
        rows = found.status.ephemeral_container_statuses or ()
        return [row.name for row in rows if row.state.running is not None]

    def debugger(name: str) -> dict[str, Any]:
        return {"name": name, "image": BUSYBOX, "command": ["/bin/sh"], "stdin": True, "tty": True}

    def add(name: str, expected: list[str]) -> None:
        body = {"spec": {"ephemeralContainers": [debugger(name)]}}
        api.patch_namespaced_pod_ephemeralcontainers("ephemeral-containers-target", ns, body)
        found = when(
            kube, api.list_namespaced_pod, "ephemeral-containers-target", lambda found: attached(found) == expected
        )
        assert [each.name for each in found.spec.ephemeral_containers] == expected

    add("debugger", ["debugger"])
    whole = api.read_namespaced_pod_ephemeralcontainers("ephemeral-containers-target", ns)
    assert [each.name for each in whole.spec.ephemeral_containers] == ["debugger"]
    wire = kube.get(f"/api/v1/namespaces/{ns}/pods/ephemeral-containers-target")
    wire["spec"]["ephemeralContainers"].append(debugger("debugger2"))
    api.replace_namespaced_pod_ephemeralcontainers("ephemeral-containers-target", ns, wire)
    found = when(kube, api.list_namespaced_pod, "ephemeral-containers-target", lambda found: len(attached(found)) == 2)
    assert attached(found) == ["debugger", "debugger2"]
    assert found.status.container_statuses[0].restart_count == 0
