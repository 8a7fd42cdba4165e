"""Models test/e2e/apps/disruption.go: the rows that need running pods."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube, refused
from tests.conformance.workloads import names, pod, pods, when


def _pods(kube: Kube, count: int) -> None:
    for number in range(count):
        kube.core.create_namespaced_pod(kube.namespace, pod(f"rs-{number}", labels={"foo": "bar"}))
    kube.settle()


def _budget(kube: Kube, available: int) -> None:
    spec = {"selector": {"matchLabels": {"foo": "bar"}}, "minAvailable": available}
    kube.policy.create_namespaced_pod_disruption_budget(kube.namespace, {"metadata": {"name": "foo"}, "spec": spec})
    kube.settle()


def _evict(kube: Kube, name: str) -> Any:
    body = {"metadata": {"name": name, "namespace": kube.namespace}}
    return kube.core.create_namespaced_pod_eviction(name, kube.namespace, body)


@conformance("[sig-apps] DisruptionController should observe PodDisruptionBudget status updated [Conformance]")
def test_a_budget_counts_the_healthy_pods(kube: Kube) -> None:
    _budget(kube, 1)
    _pods(kube, 3)
    status = when(
        kube,
        kube.policy.list_namespaced_pod_disruption_budget,
        "foo",
        lambda found: found.status.disruptions_allowed > 0 and found.status.observed_generation > 0,
    ).status
    assert (status.expected_pods, status.current_healthy, status.desired_healthy) == (3, 3, 1)
    assert status.disruptions_allowed == 2


@conformance(
    "[sig-apps] DisruptionController should block an eviction until the PDB is updated to allow it [Conformance]"
)
def test_an_eviction_waits_for_the_budget(kube: Kube) -> None:
    _pods(kube, 3)
    _budget(kube, 3)
    with refused(429, reason="TooManyRequests", contains="disruption budget") as refusal:
        _evict(kube, "rs-0")
    assert refusal.status["details"]["causes"][0]["reason"] == "DisruptionBudget"
    found = kube.policy.read_namespaced_pod_disruption_budget("foo", kube.namespace)
    found.spec.min_available = 2
    kube.policy.replace_namespaced_pod_disruption_budget("foo", kube.namespace, found)
    kube.settle()
    _evict(kube, "rs-0")
    kube.settle()
    assert names(pods(kube)) == ["rs-1", "rs-2"]

    kube.core.create_namespaced_pod(kube.namespace, pod("rs-3", labels={"foo": "bar"}))
    patch = {"spec": {"minAvailable": 3}}
    kube.policy.patch_namespaced_pod_disruption_budget("foo", kube.namespace, patch)
    kube.settle()
    with refused(429):
        _evict(kube, "rs-1")
    kube.policy.delete_namespaced_pod_disruption_budget("foo", kube.namespace)
    _evict(kube, "rs-1")
    kube.settle()
    assert names(pods(kube)) == ["rs-2", "rs-3"]
