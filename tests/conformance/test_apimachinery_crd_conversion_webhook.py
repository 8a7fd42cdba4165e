"""Models test/e2e/apimachinery/crd_conversion_webhook.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.webhooks import convertible


@conformance(
    "[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert from CR v1 to CR v2 [Conformance]"
)
def test_what_is_stored_in_v1_is_read_in_v2(kube: Kube) -> None:
    v1 = convertible(kube)
    v1.create("cr-instance-1", hostPort="localhost:8080")
    found = v1.at("v2").read("cr-instance-1")
    assert (found["apiVersion"], found["host"], found["port"]) == ("stable.example.com/v2", "localhost", "8080")
    assert "hostPort" not in found


@conformance(
    "[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert a non homogeneous list of CRs [Conformance]"
)
def test_a_list_of_both_stored_versions_is_converted(kube: Kube) -> None:
    v1 = convertible(kube)
    v2 = v1.at("v2")
    v1.create("cr-instance-1", hostPort="localhost:8080")
    stored = [{"op": "replace", "path": f"/spec/versions/{index}/storage", "value": index == 1} for index in (0, 1)]
    kube.extensions.patch_custom_resource_definition(v1.name, stored)
    kube.settle()
    v1.create("cr-instance-2", hostPort="localhost:8080")
    kept = kube.extensions.read_custom_resource_definition(v1.name).status.stored_versions
    assert kept == ["v1", "v2"]
    items = v1.list(*v1.where)["items"]
    assert [(item["metadata"]["name"], item["hostPort"]) for item in items] == [
        ("cr-instance-1", "localhost:8080"),
        ("cr-instance-2", "localhost:8080"),
    ]
    assert [(item["host"], item["port"]) for item in v2.list(*v2.where)["items"]] == [("localhost", "8080")] * 2
