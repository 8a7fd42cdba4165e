"""Models rows of test/e2e/node/pods.go and test/e2e/common/node/pods.go that the API alone decides."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube

_SIZE = {"cpu": "100m", "memory": "100Mi"}


def _pod(name: str, container: dict | None = None, **metadata: object) -> dict:
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "nginx", **(container or {})}]}
    return {"metadata": {"name": name, **metadata}, "spec": spec}


def _running(kube: Kube, name: str) -> None:
    select = f"metadata.name={name}"
    listing = kube.core.list_namespaced_pod
    kube.until(listing, lambda event: event.object.status.phase == "Running", kube.namespace, field_selector=select)


@conformance(
    "[sig-node] Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete [Conformance]"
)
def test_a_pods_generation_is_the_servers_and_rises_with_its_deletion(kube: Kube) -> None:
    pods = Operations(kube.core, "pod", kube.namespace)
    pods.create(_pod("generation", generation=100))
    _running(kube, "generation")
    assert pods.read("generation").metadata.generation == 1
    select = "metadata.name=generation"
    with kube.watch(kube.core.list_namespaced_pod, kube.namespace, field_selector=select) as events:
        deleted = kube.core.delete_namespaced_pod("generation", kube.namespace, grace_period_seconds=30)
        assert (deleted.metadata.generation, deleted.metadata.deletion_grace_period_seconds) == (2, 30)
        last = events.until(lambda event: event.type == "DELETED")
        assert last.object.metadata.generation in (2, 3)  # the kubelet shortens the grace to nothing at the end


@conformance(
    "[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu [Conformance]"
)
def test_equal_requests_and_limits_guarantee_a_pod_its_share(kube: Kube) -> None:
    pods = Operations(kube.core, "pod", kube.namespace)
    pods.create(_pod("guaranteed", {"resources": {"requests": _SIZE, "limits": _SIZE}}))
    assert pods.read("guaranteed").status.qos_class == "Guaranteed"
    pods.create(_pod("burstable", {"resources": {"requests": _SIZE}}))
    assert pods.read("burstable").status.qos_class == "Burstable"


@conformance("[sig-node] Pods should be updated [Conformance] [NodeConformance]")
def test_a_running_pod_takes_another_label(kube: Kube) -> None:
    pods = Operations(kube.core, "pod", kube.namespace)
    pods.create(_pod("updated", labels={"name": "foo", "time": "1"}))
    _running(kube, "updated")
    assert [pod.metadata.name for pod in pods.list(kube.namespace, label_selector="time=1").items] == ["updated"]
    fresh = pods.read("updated")
    fresh.metadata.labels["time"] = "updated-1"
    pods.replace("updated", fresh)
    found = pods.list(kube.namespace, label_selector="time=updated-1").items
    assert [pod.metadata.name for pod in found] == ["updated"]
    assert pods.list(kube.namespace, label_selector="time=1").items == []


@conformance("[sig-node] Pods should delete a collection of pods [Conformance]")
def test_pods_are_deleted_by_label(kube: Kube) -> None:
    pods = Operations(kube.core, "pod", kube.namespace)
    names = [f"test-pod-{number}" for number in (1, 2, 3)]
    for name in names:
        pods.create(_pod(name, labels={"type": "Testing"}))
    pods.create(_pod("other"))
    kube.settle()
    found = pods.list(kube.namespace, label_selector="type=Testing").items
    assert [(pod.metadata.name, pod.status.phase) for pod in found] == [(name, "Running") for name in names]
    pods.delete_collection(label_selector="type=Testing")
    kube.settle()
    assert [pod.metadata.name for pod in pods.list(kube.namespace).items] == ["other"]
