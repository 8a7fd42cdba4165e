"""What counts against a quota, and how much."""

import pytest

from kube_nb.api import quota


def pod(*, requests=None, phase="Running", **spec):
    container = {"name": "main", "resources": {"requests": requests or {}}}
    return {"spec": {"containers": [container], **spec}, "status": {"phase": phase}}


ACROSS = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaceSelector": {}}]}}


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("count/deployments.apps", "deployments.apps"),
        ("services.nodeports", "services"),
        ("requests.storage", "persistentvolumeclaims"),
        ("gold.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"),
        ("gold.storageclass.storage.k8s.io/persistentvolumeclaims", "persistentvolumeclaims"),
        ("secrets", "secrets"),
        ("requests.example.com/dongle", "pods"),
    ],
)
def test_a_name_tells_whose_use_it_limits(name, resource):
    assert quota.resource_of(name) == resource


def test_a_pod_that_ended_is_only_an_object():
    used = quota.usage("pods", pod(requests={"cpu": "1"}, phase="Succeeded"))
    assert {name: str(amount) for name, amount in used.items()} == {"count/pods": "1"}


def test_the_largest_init_container_counts_if_it_is_more_than_the_others_together():
    init = {"name": "init", "resources": {"requests": {"cpu": "3", "memory": "1"}}}
    used = quota.usage("pods", pod(requests={"cpu": "1", "memory": "5"}, initContainers=[init], overhead={"cpu": "1"}))
    assert [str(used[name]) for name in ("requests.cpu", "requests.memory", "cpu")] == ["3", "5", "3"]


def test_a_claim_counts_for_its_class_too():
    used = quota.usage(
        "persistentvolumeclaims",
        {"spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "2Gi"}}}},
    )
    assert str(used["gold.storageclass.storage.k8s.io/requests.storage"]) == "2Gi"
    assert str(used["gold.storageclass.storage.k8s.io/persistentvolumeclaims"]) == "1"


@pytest.mark.parametrize(
    ("spec", "obj", "counts"),
    [
        ({}, pod(), True),
        ({"scopes": ["BestEffort"]}, pod(), True),
        ({"scopes": ["BestEffort", "Terminating"]}, pod(), False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, pod(affinity=ACROSS), True),
        ({"scopes": ["CrossNamespacePodAffinity"]}, pod(), False),
        (("In", ["high"]), pod(priorityClassName="high"), True),
        (("In", ["high"]), pod(), False),
        (("NotIn", ["high"]), pod(), True),
        (("Exists", []), pod(priorityClassName="low"), True),
        (("DoesNotExist", []), pod(priorityClassName="low"), False),
    ],
)
def test_scopes_choose_pods(spec, obj, counts):
    if isinstance(spec, tuple):
        row = {"scopeName": "PriorityClass", "operator": spec[0], "values": spec[1]}
        spec = {"scopeSelector": {"matchExpressions": [row]}}
    assert quota.applies(spec, "pods", obj) is counts


def test_a_quota_with_a_scope_is_about_pods_only():
    assert not quota.applies({"scopes": ["NotBestEffort"]}, "secrets", {})
