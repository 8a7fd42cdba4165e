"""Models test/e2e/apimachinery/custom_resource_definition.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import define, definition
from tests.conformance.operations import check_discovery
from tests.conformance.scenario import Kube, refused


@conformance(
    "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition creating/deleting custom resource definition objects works [Conformance]"
)
def test_a_definition_comes_and_goes(kube: Kube) -> None:
    custom = define(kube, definition())
    assert kube.get(custom.path)["items"] == []
    kube.extensions.delete_custom_resource_definition(custom.name)
    kube.until_gone(kube.extensions.read_custom_resource_definition, custom.name)
    assert kube.request("GET", custom.path).status == 404


@conformance(
    "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition listing custom resource definition objects works [Conformance]"
)
def test_definitions_are_listed_and_deleted_by_label(kube: Kube) -> None:
    label = {"e2e-list-test-uuid": "10"}
    names = []
    for number in range(10):
        body = definition(f"e2e-tests-{number}", kind=f"E2eTest{number}")
        body["metadata"]["labels"] = label
        names.append(define(kube, body).name)
    select = {"label_selector": "e2e-list-test-uuid=10"}
    found = kube.extensions.list_custom_resource_definition(**select).items
    assert sorted(item.metadata.name for item in found) == sorted(names)
    assert all(item.spec.group == "crd-test.example.com" for item in found)
    kube.extensions.delete_collection_custom_resource_definition(**select)
    kube.settle()
    assert kube.extensions.list_custom_resource_definition(**select).items == []


@conformance(
    "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works [Conformance]"
)
def test_the_status_of_a_definition_is_read_replaced_and_patched(kube: Kube) -> None:
    name = define(kube, definition()).name
    found = kube.extensions.read_custom_resource_definition_status(name)
    assert found.metadata.name == name
    row = {
        "type": "StatusUpdate",
        "status": "True",
        "reason": "E2E",
        "message": "Set from e2e test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    sent = kube.wire(found)
    sent["status"]["conditions"].append(row)
    updated = kube.extensions.replace_custom_resource_definition_status(name, sent)
    assert "Set from e2e test" in [each.message for each in updated.status.conditions]
    row = {**row, "type": "StatusPatched", "message": "patched"}
    patched = kube.extensions.patch_custom_resource_definition_status(name, {"status": {"conditions": [row]}})
    assert "patched" in [each.message for each in patched.status.conditions]
    assert kube.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")["spec"] == sent["spec"]


@conformance(
    "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] should include custom resource definition resources in discovery documents [Conformance]"
)
def test_definitions_are_in_discovery(kube: Kube) -> None:
    check_discovery(kube, "apiextensions.k8s.io", "v1", "customresourcedefinitions")
    assert kube.get("/apis/apiextensions.k8s.io/v1")["groupVersion"] == "apiextensions.k8s.io/v1"


@conformance(
    "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] custom resource defaulting for requests and from storage works [Conformance]"
)
def test_defaults_apply_to_requests_and_to_what_is_stored(kube: Kube) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "default": "A"}, "b": {"type": "string"}}}
    body = definition(versions={"v1": schema})
    custom = define(kube, body)
    created = custom.create("foo")
    assert created["a"] == "A"
    assert "b" not in created
    path = "/spec/versions/0/schema/openAPIV3Schema/properties"
    patch = [
        {"op": "add", "path": f"{path}/b/default", "value": "B"},
        {"op": "remove", "path": f"{path}/a/default"},
    ]
    kube.extensions.patch_custom_resource_definition(custom.name, patch)
    found = custom.read("foo")
    assert (found["a"], found["b"]) == ("A", "B")  # a was stored with the object, b is filled in as it is read
    created = custom.create("bar")
    assert created["b"] == "B"
    assert "a" not in created
    with refused(422, reason="Invalid"):
        custom.create("wrong", b=1)
