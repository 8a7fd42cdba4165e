"""Models test/e2e/common/node/runtimeclass.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube, refused


def _pod(runtime_class: str) -> dict:
    spec = {"runtimeClassName": runtime_class, "automountServiceAccountToken": False}
    return {
        "metadata": {"name": "with-class"},
        "spec": {
            **spec,
            "containers": [{"name": "test", "image": "busybox", "command": ["true"]}],
            "restartPolicy": "Never",
        },
    }


def _scheduled(kube: Kube) -> None:
    def is_scheduled(event: object) -> bool:
        rows = event.object.status.conditions or []
        return any((row.type, row.status) == ("PodScheduled", "True") for row in rows)

    kube.until(kube.core.list_namespaced_pod, is_scheduled, kube.namespace)


@conformance(
    "[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [Conformance] [NodeConformance]"
)
def test_a_runtime_class_that_nobody_made_is_refused(kube: Kube) -> None:
    with refused(403, reason="Forbidden", contains='pod rejected: RuntimeClass "nonexistent" not found'):
        kube.core.create_namespaced_pod(kube.namespace, _pod("nonexistent"))


@conformance(
    "[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [Conformance] [NodeConformance]"
)
def test_a_runtime_class_that_is_gone_is_refused(kube: Kube) -> None:
    kube.node.create_runtime_class({"metadata": {"name": "gone"}, "handler": "runc"})
    kube.node.delete_runtime_class("gone")
    kube.until_gone(kube.node.read_runtime_class, "gone")
    with refused(403, reason="Forbidden", contains='pod rejected: RuntimeClass "gone" not found'):
        kube.core.create_namespaced_pod(kube.namespace, _pod("gone"))


@conformance(
    "[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass without PodOverhead [Conformance] [NodeConformance]"
)
def test_a_pod_with_a_runtime_class_is_scheduled(kube: Kube) -> None:
    kube.node.create_runtime_class({"metadata": {"name": "plain"}, "handler": "runc"})
    made = kube.core.create_namespaced_pod(kube.namespace, _pod("plain"))
    assert made.spec.overhead is None
    _scheduled(kube)


@conformance(
    "[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead [Conformance] [NodeConformance]"
)
def test_a_pod_gets_the_overhead_of_its_runtime_class(kube: Kube) -> None:
    fixed = {"cpu": "10m", "memory": "1Mi"}
    kube.node.create_runtime_class({"metadata": {"name": "heavy"}, "handler": "runc", "overhead": {"podFixed": fixed}})
    made = kube.core.create_namespaced_pod(kube.namespace, _pod("heavy"))
    assert made.spec.overhead == fixed
    _scheduled(kube)


@conformance("[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]")
def test_runtime_classes_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, "node.k8s.io", "v1", "runtimeclasses")
    Operations(kube.node, "runtime_class").check(kube, lambda: {"handler": "runc"})
