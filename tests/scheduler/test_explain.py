from kube_nb.machinery.types import Obj
from kube_nb.scheduler import explain
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.counterfactual import counterfactual
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.selection import TieBreaker
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


def test_why_not_is_data_too() -> None:
    found = engine(node("n0", "4"), node("n1", "8"), node("n2", "1"))
    asked = found.pod(pod("p", "2", "1Gi"))
    assert list(explain.why_not(found, asked, "n2").df["reasons"]) == ["Insufficient cpu"]
    behind = explain.why_not(found, asked, "n0")
    assert dict(zip(behind.df["plugin"], behind.df["points"], strict=True)) == {
        name: -points for name, points in behind.behind.items()
    }
    scores = explain.score_table(found.schedule(asked))
    fit = scores[scores["plugin"] == "NodeResourcesFit"].set_index("node")
    assert (fit["raw"]["n1"], fit["weighted"]["n1"]) == (85, 85)
    assert list(fit["rank"]) == [1, 2]


def test_a_bound_pod_is_not_held_by_the_name_of_its_node() -> None:
    found = engine(node("n0", "4"), node("n1", "4"))
    bound = found.pod(pod("p", "3", nodeName="n0"))
    found.assume(bound, "n0")
    assert explain.why_not(found, bound, "n1").refusals == ()


def test_a_question_leaves_no_trace() -> None:
    found = engine(*(node(f"n{number}", "4" if number == 3 else "8") for number in range(6)))
    found.ties = TieBreaker("random")
    asked = found.pod(pod("p", "1"))
    before = found.next_start, found.ties.state()
    assert explain.why_not(found, asked, "n3").text
    assert counterfactual(found, asked, "n3")
    assert (found.next_start, found.ties.state()) == before
