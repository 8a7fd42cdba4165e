from collections.abc import Iterator
from typing import Any

import pytest

from kube_nb.api import definitions, openapi
from kube_nb.api.registry import Registry
from kube_nb.machinery.types import Obj

REGISTRY = Registry.builtin()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def group(path: str) -> Obj:
    document = openapi.v3_group(REGISTRY, path)
    assert document is not None
    return document


@pytest.mark.parametrize("path", openapi.v3_index(REGISTRY)["paths"])
def test_each_listed_document_is_whole(path: str) -> None:
    document = group(path)
    schemas = document["components"]["schemas"]
    for reference in set(references(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert document["paths"]


@pytest.mark.parametrize("version", [definitions.versions()[0], definitions.newest()])
def test_the_swagger_document_is_whole(version: str) -> None:
    document = openapi.v2(Registry.builtin(version))
    for reference in set(references(document)):
        assert reference.removeprefix("#/definitions/") in document["definitions"]


def test_a_delete_answers_with_the_object_where_upstream_does() -> None:
    """The kinds are those whose delete methods in the official Python client return the object."""
    document = openapi.v2(REGISTRY)
    found = set()
    for path, item in document["paths"].items():
        if "delete" not in item or not path.endswith("{name}"):
            continue
        answers = {item["delete"]["responses"][code]["schema"]["$ref"] for code in ("200", "202")}
        assert len(answers) == 1
        found.add(answers.pop().rpartition(".")[2])
    core = {
        "PersistentVolumeClaim",
        "PersistentVolume",
        "Pod",
        "PodTemplate",
        "ResourceQuota",
        "Service",
        "ServiceAccount",
    }
    devices = {"DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"}
    storage = {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}
    assert found == {"Status"} | core | devices | storage


def test_operation_ids_are_unique_and_upstreams() -> None:
    document = openapi.v2(REGISTRY)
    ids = [
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids))
    assert {
        "listAppsV1NamespacedDeployment",
        "listAppsV1DeploymentForAllNamespaces",
        "deleteAppsV1CollectionNamespacedDeployment",
        "patchAppsV1NamespacedDeploymentScale",
        "createCoreV1NamespacedPodEviction",
        "connectCoreV1GetNamespacedPodExec",
        "readRbacAuthorizationV1ClusterRole",
        "replaceFlowcontrolApiserverV1FlowSchemaStatus",
        "readCoreV1NamespacedPodLog",
    } <= set(ids)


def test_kubectl_finds_that_patches_take_field_validation_and_dry_run() -> None:
    patch = group("apis/apps/v1")["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"fieldValidation", "dryRun"} <= {parameter["name"] for parameter in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]


def test_kubectl_finds_kinds_and_merge_keys_in_the_schemas() -> None:
    schemas = group("apis/apps/v1")["components"]["schemas"]
    deployment = schemas["io.k8s.api.apps.v1.Deployment"]
    assert deployment["x-kubernetes-group-version-kind"] == [{"group": "apps", "version": "v1", "kind": "Deployment"}]
    assert deployment["type"] == "object"
    assert "enum" not in deployment["properties"]["kind"]
    assert deployment["properties"]["spec"]["allOf"] == [
        {"$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec"}
    ]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["type"] == "array"


def test_lists_can_be_watched() -> None:
    operation = group("api/v1")["paths"]["/api/v1/namespaces/{namespace}/pods"]["get"]
    watch = next(parameter for parameter in operation["parameters"] if parameter["name"] == "watch")
    assert watch["schema"]["type"] == "boolean"
    assert watch["description"].startswith("Watch for changes to the described resources")


def test_the_index_changes_with_the_registry() -> None:
    registry = Registry.builtin()
    before = openapi.v3_index(registry)["paths"]
    pods = registry.resolve("pods")
    assert pods is not None
    registry.remove(pods.gvr)
    after = openapi.v3_index(registry)["paths"]
    assert before["api/v1"] != after["api/v1"]
    assert before["apis/apps/v1"] == after["apis/apps/v1"]


def test_what_is_not_served_has_no_document() -> None:
    assert openapi.v3_group(REGISTRY, "apis/nosuch/v1") is None
    assert openapi.v3_group(REGISTRY, "version") is None
