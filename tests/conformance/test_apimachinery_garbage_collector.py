"""Models test/e2e/apimachinery/garbage_collector.go.

Upstream's replication controllers make 100 pods; ten show the same here.
"""

from typing import Any

import kubernetes.client as k8s

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube, refused

_PODS = 10
_LABELS = {"app": "gc-test"}
_TEMPLATE = {
    "metadata": {"labels": _LABELS},
    "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "nginx", "image": "nginx"}]},
}


def _controller(kube: Kube, name: str = "simpletest-rc", replicas: int = _PODS) -> Any:
    """A replication controller all of whose pods are there."""
    spec = {"replicas": replicas, "selector": _LABELS, "template": _TEMPLATE}
    found = kube.core.create_namespaced_replication_controller(
        kube.namespace, {"metadata": {"name": name}, "spec": spec}
    )
    kube.until(
        kube.core.list_namespaced_replication_controller,
        lambda event: event.object.status.replicas == replicas,
        kube.namespace,
        field_selector=f"metadata.name={name}",
    )
    return found


def _delete_controller(kube: Kube, name: str, policy: str) -> None:
    uid = kube.core.read_namespaced_replication_controller(name, kube.namespace).metadata.uid
    options = k8s.V1DeleteOptions(propagation_policy=policy, preconditions=k8s.V1Preconditions(uid=uid))
    kube.core.delete_namespaced_replication_controller(name, kube.namespace, body=options)


def _pods(kube: Kube) -> list[Any]:
    return list(kube.core.list_namespaced_pod(kube.namespace).items)


def _deployment(kube: Kube) -> None:
    spec = {"replicas": 2, "selector": {"matchLabels": _LABELS}, "template": _TEMPLATE}
    kube.apps.create_namespaced_deployment(
        kube.namespace, {"metadata": {"name": "simpletest.deployment"}, "spec": spec}
    )
    kube.until(kube.apps.list_namespaced_replica_set, lambda event: event.object.status.replicas, kube.namespace)


@conformance("[sig-api-machinery] Garbage collector should delete pods created by rc when not orphaning [Conformance]")
def test_pods_go_after_their_controller(kube: Kube) -> None:
    _controller(kube)
    assert len(_pods(kube)) == _PODS
    _delete_controller(kube, "simpletest-rc", "Background")
    kube.settle()
    assert _pods(kube) == []
    assert kube.core.list_namespaced_replication_controller(kube.namespace).items == []


@conformance(
    "[sig-api-machinery] Garbage collector should orphan pods created by rc if delete options say so [Conformance] [Serial]"
)
def test_orphaned_pods_stay(kube: Kube) -> None:
    _controller(kube)
    before = {pod.metadata.uid for pod in _pods(kube)}
    _delete_controller(kube, "simpletest-rc", "Orphan")
    kube.settle()
    assert kube.core.list_namespaced_replication_controller(kube.namespace).items == []
    kube.advance("30s")
    assert {pod.metadata.uid for pod in _pods(kube)} == before
    assert all(pod.metadata.owner_references is None for pod in _pods(kube))


@conformance(
    "[sig-api-machinery] Garbage collector should delete RS created by deployment when not orphaning [Conformance]"
)
def test_replica_sets_go_after_their_deployment(kube: Kube) -> None:
    _deployment(kube)
    kube.apps.delete_namespaced_deployment("simpletest.deployment", kube.namespace, propagation_policy="Background")
    kube.settle()
    assert kube.apps.list_namespaced_replica_set(kube.namespace).items == []
    assert kube.apps.list_namespaced_deployment(kube.namespace).items == []
    assert _pods(kube) == []


@conformance(
    "[sig-api-machinery] Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan [Conformance]"
)
def test_orphaned_replica_sets_stay(kube: Kube) -> None:
    _deployment(kube)
    kube.apps.delete_namespaced_deployment("simpletest.deployment", kube.namespace, propagation_policy="Orphan")
    kube.settle()
    assert kube.apps.list_namespaced_deployment(kube.namespace).items == []
    kube.advance("30s")
    [found] = kube.apps.list_namespaced_replica_set(kube.namespace).items
    assert found.metadata.owner_references is None
    assert len(_pods(kube)) == 2


@conformance(
    "[sig-api-machinery] Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so [Conformance] [Serial]"
)
def test_an_owner_deleted_in_the_foreground_outlives_its_pods(kube: Kube) -> None:
    _controller(kube)
    listing = kube.core.list_namespaced_replication_controller
    with (
        kube.watch(listing, kube.namespace) as owners,
        kube.watch(kube.core.list_namespaced_pod, kube.namespace) as pods,
    ):
        _delete_controller(kube, "simpletest-rc", "Foreground")
        gone = [
            int(pods.until(lambda event: event.type == "DELETED").object.metadata.resource_version)
            for _ in range(_PODS)
        ]
        marked = owners.until(lambda event: event.object.metadata.deletion_timestamp)
        assert "foregroundDeletion" in marked.object.metadata.finalizers
        last = owners.until(lambda event: event.type == "DELETED")
        assert int(last.object.metadata.resource_version) > max(gone)
    assert _pods(kube) == []


@conformance(
    "[sig-api-machinery] Garbage collector should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted [Conformance] [Serial]"
)
def test_a_pod_with_another_owner_survives(kube: Kube) -> None:
    _controller(kube, "simpletest-rc-to-be-deleted")
    spec = {
        "replicas": 0,
        "selector": {"app": "other"},
        "template": {**_TEMPLATE, "metadata": {"labels": {"app": "other"}}},
    }
    stays = kube.core.create_namespaced_replication_controller(
        kube.namespace, {"metadata": {"name": "simpletest-rc-to-stay"}, "spec": spec}
    )
    reference = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "name": stays.metadata.name,
        "uid": stays.metadata.uid,
    }
    shared = sorted(pod.metadata.name for pod in _pods(kube))[: _PODS // 2]
    for name in shared:
        kube.core.patch_namespaced_pod(name, kube.namespace, {"metadata": {"ownerReferences": [reference]}})
    _delete_controller(kube, "simpletest-rc-to-be-deleted", "Foreground")
    kube.settle()
    with refused(404):
        kube.core.read_namespaced_replication_controller("simpletest-rc-to-be-deleted", kube.namespace)
    left = _pods(kube)
    assert sorted(pod.metadata.name for pod in left) == shared
    assert all(pod.metadata.deletion_timestamp is None for pod in left)
    assert {row.name for pod in left for row in pod.metadata.owner_references} == {"simpletest-rc-to-stay"}


@conformance("[sig-api-machinery] Garbage collector should not be blocked by dependency circle [Conformance]")
def test_a_circle_of_owners_is_collected(kube: Kube) -> None:
    names = ("pod1", "pod2", "pod3")
    for name in names:
        kube.core.create_namespaced_pod(kube.namespace, {"metadata": {"name": name}, "spec": _TEMPLATE["spec"]})
    uids = {pod.metadata.name: pod.metadata.uid for pod in _pods(kube)}
    for name, owner in zip(names, ("pod3", "pod1", "pod2"), strict=True):
        row = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": owner,
            "uid": uids[owner],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        kube.core.patch_namespaced_pod(name, kube.namespace, {"metadata": {"ownerReferences": [row]}})
    kube.settle()
    assert len(_pods(kube)) == 3
    kube.core.delete_namespaced_pod("pod1", kube.namespace, propagation_policy="Foreground")
    kube.settle()
    assert _pods(kube) == []
