"""Models test/e2e/apimachinery/aggregated_discovery.go.

The Python client discovers group by group, so these ask for the documents that client-go's discovery reads.
"""

from typing import Any

import pytest

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import define, definition
from tests.conformance.scenario import Kube

Obj = dict[str, Any]
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_CLIENT_GO = f"{_AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"


def _resources(kube: Kube, accept: str = _CLIENT_GO) -> dict[tuple[str, str, str], Obj]:
    """(group, version, plural) -> its row."""
    found = {}
    for path in ("/api", "/apis"):
        document = kube.get(path, accept=accept)
        assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
        for group in document["items"]:
            for version in group["versions"]:
                for row in version["resources"]:
                    found[group["metadata"].get("name", ""), version["version"], row["resource"]] = row
    return found


_BUILT_IN = [
    ("", "v1", "namespaces", "Namespace", "Cluster"),
    ("", "v1", "nodes", "Node", "Cluster"),
    ("", "v1", "pods", "Pod", "Namespaced"),
    ("", "v1", "services", "Service", "Namespaced"),
    ("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "Cluster"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        "Cluster",
    ),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", "Cluster"),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", "Cluster"),
    ("apps", "v1", "deployments", "Deployment", "Namespaced"),
    ("apps", "v1", "replicasets", "ReplicaSet", "Namespaced"),
    ("apps", "v1", "statefulsets", "StatefulSet", "Namespaced"),
    ("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", "Cluster"),
    ("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", "Namespaced"),
    ("batch", "v1", "cronjobs", "CronJob", "Namespaced"),
    ("coordination.k8s.io", "v1", "leases", "Lease", "Namespaced"),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "Namespaced"),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", "Namespaced"),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "Namespaced"),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "Cluster"),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "Cluster"),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", "Cluster"),
]


@conformance(
    "[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers [Conformance]"
)
def test_the_accept_header_chooses_the_document(kube: Kube) -> None:
    for path, plain in (("/api", "APIVersions"), ("/apis", "APIGroupList")):
        for accept in (_AGGREGATED, _CLIENT_GO):
            answer = kube.request("GET", path, headers={"accept": accept})
            assert answer.obj["kind"] == "APIGroupDiscoveryList"
            assert answer.obj["items"]
            assert answer.headers["content-type"] == _AGGREGATED
        for accept in ("application/json", "*/*"):
            answer = kube.request("GET", path, headers={"accept": accept})
            assert (answer.obj["kind"], answer.headers["content-type"]) == (plain, "application/json")


@conformance("[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]")
def test_two_documents_tell_of_every_built_in_resource(kube: Kube) -> None:
    found = _resources(kube)
    for group, version, plural, kind, scope in _BUILT_IN:
        row = found[group, version, plural]
        assert (row["responseKind"]["kind"], row["scope"]) == (kind, scope)
        assert "create" in row["verbs"]
    assert [each["subresource"] for each in found["apps", "v1", "deployments"]["subresources"]] == ["scale", "status"]


@pytest.mark.parametrize("scope", ["Namespaced", "Cluster"])
@conformance(
    "[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery request for CRDs [Conformance]"
)
def test_a_definition_is_in_the_document(kube: Kube, scope: str) -> None:
    define(kube, definition("widgets", "raw.example.com", kind="Widget", scope=scope))
    row = _resources(kube, _AGGREGATED)["raw.example.com", "v1", "widgets"]
    assert (row["responseKind"]["kind"], row["singularResource"], row["scope"]) == ("Widget", "widget", scope)


@conformance(
    "[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface for CRDs [Conformance]"
)
def test_definitions_come_to_the_document_and_go(kube: Kube) -> None:
    before = _resources(kube)
    custom = define(
        kube,
        definition(
            "gadgets", "crd.example.com", versions={"v1": {"type": "object"}, "v2": {"type": "object"}}, kind="Gadget"
        ),
    )
    found = _resources(kube)
    assert set(found) - set(before) == {("crd.example.com", version, "gadgets") for version in ("v1", "v2")}
    assert set(found["crd.example.com", "v1", "gadgets"]["verbs"]) >= {
        "create",
        "delete",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    }
    kube.extensions.delete_custom_resource_definition(custom.name)
    kube.settle()
    assert _resources(kube) == before
