"""Models test/e2e/apimachinery/namespace.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Event, Kube, refused

_PAUSE = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}


def _running(event: Event) -> bool:
    return event.object.status.phase == "Running"


@conformance(
    "[sig-api-machinery] Namespaces should ensure that all pods are removed when a namespace is deleted [Conformance] [Serial]"
)
def test_a_namespace_takes_its_pods_along(kube: Kube) -> None:
    name = kube.new_namespace("nsdeletetest")
    kube.core.create_namespaced_pod(name, {"metadata": {"name": "test-pod"}, "spec": _PAUSE})
    kube.until(kube.core.list_namespaced_pod, _running, name)
    kube.core.delete_namespace(name)
    kube.until_gone(kube.core.read_namespace, name)
    kube.core.create_namespace({"metadata": {"name": name}})
    with refused(404, reason="NotFound"):
        kube.core.read_namespaced_pod("test-pod", name)


@conformance(
    "[sig-api-machinery] Namespaces should ensure that all services are removed when a namespace is deleted [Conformance] [Serial]"
)
def test_a_namespace_takes_its_services_along(kube: Kube) -> None:
    name = kube.new_namespace("nsdeletetest")
    spec = {"selector": {"foo": "bar"}, "ports": [{"port": 80, "targetPort": 80}]}
    kube.core.create_namespaced_service(name, {"metadata": {"name": "test-service"}, "spec": spec})
    kube.core.delete_namespace(name)
    kube.until_gone(kube.core.read_namespace, name)
    kube.core.create_namespace({"metadata": {"name": name}})
    with refused(404, reason="NotFound"):
        kube.core.read_namespaced_service("test-service", name)


@conformance("[sig-api-machinery] Namespaces should patch a Namespace [Conformance] [Serial]")
def test_a_patched_label_is_there(kube: Kube) -> None:
    name = kube.new_namespace("nspatchtest")
    kube.core.patch_namespace(name, {"metadata": {"labels": {"testLabel": "testValue"}}})
    assert kube.core.read_namespace(name).metadata.labels["testLabel"] == "testValue"


@conformance("[sig-api-machinery] Namespaces should apply changes to a namespace status [Conformance] [Serial]")
def test_a_status_is_read_patched_and_replaced(kube: Kube) -> None:
    found = kube.core.read_namespace_status(kube.namespace)
    assert found.status.phase == "Active"
    row = {"type": "StatusPatch", "status": "True", "reason": "E2E", "message": "Patched by an e2e test"}
    patched = kube.core.patch_namespace_status(
        kube.namespace, {"metadata": {"annotations": {"e2e": "patched"}}, "status": {"conditions": [row]}}
    )
    assert [condition.message for condition in patched.status.conditions] == ["Patched by an e2e test"]
    condition = patched.status.conditions[0]
    condition.type, condition.message = "StatusUpdate", "Updated by an e2e test"
    updated = kube.core.replace_namespace_status(kube.namespace, patched)
    assert [condition.type for condition in updated.status.conditions] == ["StatusUpdate"]
    assert updated.status.phase == "Active"


@conformance("[sig-api-machinery] Namespaces should apply an update to a Namespace [Conformance] [Serial]")
def test_an_update_sticks(kube: Kube) -> None:
    namespace = kube.core.read_namespace(kube.namespace)
    namespace.metadata.labels[kube.namespace] = "updated"
    assert kube.core.replace_namespace(kube.namespace, namespace).metadata.labels[kube.namespace] == "updated"
    assert kube.core.read_namespace(kube.namespace).metadata.labels[kube.namespace] == "updated"


@conformance("[sig-api-machinery] Namespaces should apply a finalizer to a Namespace [Conformance] [Serial]")
def test_a_finalizer_comes_and_goes_by_the_subresource(kube: Kube) -> None:
    name = kube.new_namespace("e2e-ns")
    namespace = kube.core.read_namespace(name)
    assert namespace.spec.finalizers == ["kubernetes"]
    namespace.spec.finalizers.append("e2e.example.com/fakeFinalizer")
    changed = kube.core.replace_namespace_finalize(name, namespace)
    assert changed.spec.finalizers == ["kubernetes", "e2e.example.com/fakeFinalizer"]
    changed.spec.finalizers = ["kubernetes"]
    assert kube.core.replace_namespace_finalize(name, changed).spec.finalizers == ["kubernetes"]
    assert kube.core.read_namespace(name).spec.finalizers == ["kubernetes"]


@conformance("[sig-api-machinery] OrderedNamespaceDeletion namespace deletion should delete pod first [Conformance]")
def test_pods_go_first(kube: Kube) -> None:
    name = kube.new_namespace("nsdeletetest")
    finalizer = "e2e.example.com/finalizer"
    metadata = {"name": "test-pod", "finalizers": [finalizer]}
    kube.core.create_namespaced_pod(name, {"metadata": metadata, "spec": _PAUSE})
    kube.core.create_namespaced_config_map(name, {"metadata": {"name": "test-configmap"}})
    kube.until(kube.core.list_namespaced_pod, _running, name)
    kube.core.delete_namespace(name)
    kube.settle()
    assert kube.core.read_namespaced_pod("test-pod", name).metadata.deletion_timestamp
    assert kube.core.read_namespaced_config_map("test-configmap", name).metadata.deletion_timestamp is None
    namespace = kube.core.read_namespace(name)
    assert namespace.status.phase == "Terminating"
    rows = {row.type: (row.status, row.message) for row in namespace.status.conditions}
    assert rows["NamespaceContentRemaining"][0] == "True"
    assert "pods. has 1 resource instances" in rows["NamespaceContentRemaining"][1]
    assert f"{finalizer} in 1 resource instances" in rows["NamespaceFinalizersRemaining"][1]
    kube.core.patch_namespaced_pod("test-pod", name, {"metadata": {"$deleteFromPrimitiveList/finalizers": [finalizer]}})
    kube.until_gone(kube.core.read_namespace, name)
    for read, what in (
        (kube.core.read_namespaced_pod, "test-pod"),
        (kube.core.read_namespaced_config_map, "test-configmap"),
    ):
        with refused(404):
            read(what, name)
