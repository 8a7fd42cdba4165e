"""Models the rows of test/e2e/apps/disruption.go that need no eviction."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube

_SELECTOR = {"matchLabels": {"foo": "bar"}}


def _budget(name: str, minimum: object = 1, **labels: str) -> dict:
    spec = {"selector": _SELECTOR, "minAvailable": minimum}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def _budgets(kube: Kube, namespace: str = "") -> Operations:
    return Operations(kube.policy, "pod_disruption_budget", namespace or kube.namespace)


def _processed(kube: Kube, name: str) -> None:
    def is_processed(event: object) -> bool:
        found = event.object
        return found.status is not None and found.status.observed_generation == found.metadata.generation

    listing = kube.policy.list_namespaced_pod_disruption_budget
    kube.until(listing, is_processed, kube.namespace, field_selector=f"metadata.name={name}")


@conformance("[sig-apps] DisruptionController should create a PodDisruptionBudget [Conformance]")
def test_a_budget_is_made_changed_patched_and_deleted(kube: Kube) -> None:
    budgets = _budgets(kube)
    budgets.create(_budget("foo"))
    _processed(kube, "foo")
    fresh = budgets.read("foo")
    fresh.spec.min_available = 2
    assert budgets.replace("foo", fresh).spec.min_available == 2
    _processed(kube, "foo")
    assert budgets.patch("foo", {"spec": {"minAvailable": "30%"}}).spec.min_available == "30%"
    _processed(kube, "foo")
    budgets.delete("foo")
    kube.until_gone(budgets.read, "foo")


@conformance(
    "[sig-apps] DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets [Conformance]"
)
def test_budgets_are_listed_everywhere_and_deleted_by_label(kube: Kube) -> None:
    other = kube.new_namespace("disruption-2")
    select = {"label_selector": "special=pdb"}
    for namespace, name in ((kube.namespace, "foo"), (kube.namespace, "foo2"), (other, "foo3")):
        _budgets(kube, namespace).create(_budget(name, special="pdb"))
    everywhere = kube.policy.list_pod_disruption_budget_for_all_namespaces(**select).items
    assert sorted(item.metadata.name for item in everywhere) == ["foo", "foo2", "foo3"]
    here = _budgets(kube).list(kube.namespace, **select).items
    assert [item.metadata.name for item in here] == ["foo", "foo2"]
    _budgets(kube).delete_collection(**select)
    kube.settle()
    left = kube.policy.list_pod_disruption_budget_for_all_namespaces(**select).items
    assert [item.metadata.name for item in left] == ["foo3"]


@conformance("[sig-apps] DisruptionController should update/patch PodDisruptionBudget status [Conformance]")
def test_a_budgets_status_is_written_by_its_subresource(kube: Kube) -> None:
    budgets = _budgets(kube)
    container = {"name": "main", "image": "nginx"}
    pod = {"metadata": {"name": "rs-pod", "labels": {"foo": "bar"}}, "spec": {"containers": [container]}}
    kube.core.create_namespaced_pod(kube.namespace, pod)
    budgets.create(_budget("foo"))
    kube.settle()
    fresh = budgets.read("foo", "status")
    assert (fresh.status.current_healthy, fresh.status.desired_healthy) == (1, 1)
    now = kube.get(f"/api/v1/namespaces/{kube.namespace}/pods/rs-pod")["metadata"]["creationTimestamp"]
    wire = kube.wire(fresh)
    wire["status"]["disruptedPods"] = {"rs-pod": now}
    assert list(budgets.replace("foo", wire, "status").status.disrupted_pods) == ["rs-pod"]
    assert list(budgets.read("foo", "status").status.disrupted_pods) == ["rs-pod"]
    patched = budgets.patch("foo", {"status": {"disruptedPods": {"rs-pod": None}}}, "status")
    assert not patched.status.disrupted_pods
    assert patched.spec.min_available == 1
