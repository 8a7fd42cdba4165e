import pytest

from kube_nb.api import discovery
from kube_nb.api.registry import Registry
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

REGISTRY = Registry.builtin()


def resource(group: str, version: str, name: str) -> Obj:
    document = discovery.resource_list(REGISTRY, group, version)
    assert document is not None
    found: Obj = next(row for row in document["resources"] if row["name"] == name)
    return found


def test_the_core_group_is_listed_apart() -> None:
    assert discovery.core_versions("127.0.0.1:6443") == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
    }
    assert "" not in [group["name"] for group in discovery.group_list(REGISTRY)["groups"]]


def test_groups_come_in_upstreams_order() -> None:
    found = [group["name"] for group in discovery.group_list(REGISTRY)["groups"]]
    assert found[:6] == [
        "apiregistration.k8s.io",
        "apps",
        "events.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
    ]


def test_a_group_names_its_preferred_version() -> None:
    found = discovery.group(REGISTRY, "autoscaling")
    assert found == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "autoscaling",
        "versions": [
            {"groupVersion": "autoscaling/v2", "version": "v2"},
            {"groupVersion": "autoscaling/v1", "version": "v1"},
        ],
        "preferredVersion": {"groupVersion": "autoscaling/v2", "version": "v2"},
    }


@pytest.mark.parametrize("name", ["", "nosuch.example.com"])
def test_what_is_no_group_has_no_document(name: str) -> None:
    assert discovery.group(REGISTRY, name) is None
    assert discovery.resource_list(REGISTRY, name, "v9") is None


def test_pods_are_listed_with_all_that_a_client_needs() -> None:
    assert resource("", "v1", "pods") == {
        "name": "pods",
        "singularName": "pod",
        "namespaced": True,
        "kind": "Pod",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["po"],
        "categories": ["all"],
        "storageVersionHash": "xPOwRZ+Yhw8=",
    }


@pytest.mark.parametrize(
    ("group", "name", "expected"),
    [
        ("", "pods/eviction", {"group": "policy", "version": "v1", "kind": "Eviction", "verbs": ["create"]}),
        ("", "pods/log", {"kind": "Pod", "verbs": ["get"]}),
        (
            "apps",
            "deployments/scale",
            {"group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]},
        ),
    ],
)
def test_a_subresource_says_what_it_takes(group: str, name: str, expected: Obj) -> None:
    assert resource(group, "v1", name) == {"name": name, "singularName": "", "namespaced": True, **expected}


@pytest.mark.parametrize(
    ("gvk", "expected"),
    [
        (GVK("", "v1", "Pod"), "xPOwRZ+Yhw8="),
        (GVK("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration"), "Sqi0GUgDaX0="),
    ],
)
def test_storage_version_hashes_are_upstreams(gvk: GVK, expected: str) -> None:
    assert discovery.storage_version_hash(gvk) == expected


def test_aggregated_discovery_tells_everything_at_once() -> None:
    document = discovery.aggregated(REGISTRY, core=False)
    assert document["apiVersion"] == "apidiscovery.k8s.io/v2"
    apps = next(item for item in document["items"] if item["metadata"]["name"] == "apps")
    deployments = next(row for row in apps["versions"][0]["resources"] if row["resource"] == "deployments")
    assert deployments["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert deployments["subresources"][0]["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert [row["subresource"] for row in deployments["subresources"]] == ["scale", "status"]


def test_aggregated_discovery_of_the_core_group() -> None:
    document = discovery.aggregated(REGISTRY, core=True, version="v2beta1")
    assert document["apiVersion"] == "apidiscovery.k8s.io/v2beta1"
    assert [item["versions"][0]["version"] for item in document["items"]] == ["v1"]
