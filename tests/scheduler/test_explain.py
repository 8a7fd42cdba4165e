from kube_nb.machinery.types import Obj
from kube_nb.scheduler import explain
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from tests.scheduler.bench import node, pod


def engine(*nodes: Obj) -> Engine:
    columns = Columns()
    for each in nodes:
        columns.add_node(each)
    handle = Handle(columns)
    return Engine(handle, Configuration().profiles_for(handle))


def test_a_decision_is_told_in_a_sentence_and_a_table() -> None:
    found = engine(node("n0", "1"), node("n1", "4"), node("n2", "8"))
    attempt = found.schedule(found.pod(pod("p", "2")))
    told = explain.sentence(attempt)
    assert told.startswith("n2 won with ")
    assert told.endswith("among 2 nodes that fitted; refused by 1 of 3 nodes: 1 Insufficient cpu")
    table = explain.table(attempt)
    assert list(table["node"]) == ["n2", "n1", "n0"]
    assert table["refused_by"].to_list()[2] == "NodeResourcesFit"


def test_why_not_names_every_filter_that_refuses() -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    found = engine(node("n0", "1", taints=[taint]), node("n1"))
    answer = explain.why_not(found, found.pod(pod("p", "2")), "n0")
    assert [status.plugin for status in answer.refusals] == ["TaintToleration", "NodeResourcesFit"]


def test_why_not_counts_the_points_that_a_fitting_node_lacks() -> None:
    found = engine(node("n0", "4"), node("n1", "8"))
    answer = explain.why_not(found, found.pod(pod("p", "2", "1Gi")), "n0")
    assert answer.best == "n1"
    assert answer.behind["NodeResourcesFit"] > 0
    assert "points less than n1" in answer.text


def test_a_placed_pod_is_looked_at_as_if_it_were_not_and_stays() -> None:
    found = engine(node("n0", "4"), node("n1", "4"))
    placed = found.assume(found.pod(pod("p", "3")), "n0")
    assert explain.why_not(found, placed, "n0").refusals == ()
    assert found.columns.node("n0").requested["cpu"] == 3000  # type: ignore[union-attr]  # it is there


def test_the_smallest_request_that_fits_is_found() -> None:
    found = engine(node("n0", "1"), node("n1", "1500m"))
    (request, size) = explain.counterfactual(found, found.pod(pod("p", "2")))
    assert request.text == "request 1500m of cpu in place of 2 (fits n1)"
    assert (size.kind, size.text) == ("node size", "give n1 2 of cpu")


def test_tolerations_taints_labels_and_selectors_are_found() -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    found = engine(node("n0", taints=[taint]))
    kinds = {change.kind: change.text for change in explain.counterfactual(found, found.pod(pod("p")))}
    assert kinds == {"toleration": "tolerate gpu=yes:NoSchedule (of n0)", "taint": "remove gpu from n0"}
    found = engine(node("n0"))
    wants = found.pod(pod("p", nodeSelector={"disk": "ssd"}))
    kinds = {change.kind: change.text for change in explain.counterfactual(found, wants)}
    assert kinds == {"selector": "drop disk from the node selector (fits n0)", "label": "label n0 with disk=ssd"}
    assert found.schedule(wants).node == ""


def test_a_weight_moves_a_pod() -> None:
    image = {"names": ["nginx:latest"], "sizeBytes": 200 * 1024 * 1024}
    found = engine(node("n0", "4", images=[image]), node("n1", "8"))
    wants = found.pod(pod("p", "2", "2Gi"))
    assert found.schedule(wants).node == "n1"
    changes = {change.kind: change.text for change in explain.counterfactual(found, wants, "n0")}
    assert "weight" in changes
