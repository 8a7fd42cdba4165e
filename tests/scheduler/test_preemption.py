from typing import Any

import pytest

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.preemption import NO_VICTIMS, Candidate, Evaluator, Preemption, choose, split_by_budgets
from tests.scheduler.bench import node, pod
from tests.scheduler.test_plugins import engine


def evaluator(found: Any, budgets: Any = ()) -> Evaluator:
    return Evaluator(found, found.handle.stream, lambda: budgets)


def running(
    found: Any, name: str, where: str, cpu: str, priority: int, start: str = "2026-01-01T00:00:00Z", **more: Any
) -> None:
    found.assume(found.pod(pod(name, cpu, priority=priority, start=start, **more)), where)


def preempt(found: Any, obj: Obj, budgets: Any = ()) -> Preemption:
    asked = found.pod(obj)
    return evaluator(found, budgets).preempt(asked, found.schedule(asked))


def candidate(name: str, *victims: Any, violations: int = 0) -> Candidate:
    found = engine(node("x"))
    pods = [
        found.pod(pod(f"{name}-{i}", priority=priority, start=start)) for i, (priority, start) in enumerate(victims)
    ]
    return Candidate(name, tuple(pods), violations)


OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("candidates", "winner", "last_step"),
    [
        pytest.param(
            [candidate("a", (1, OLD), violations=1), candidate("b", (5, OLD))],
            "b",
            "fewest PDB violations",
            id="budgets first",
        ),
        pytest.param(
            [candidate("a", (5, OLD)), candidate("b", (3, OLD), (3, OLD))],
            "b",
            "lowest priority of the most important victim",
            id="then the highest victim",
        ),
        pytest.param(
            [candidate("a", (5, OLD), (4, OLD)), candidate("b", (5, OLD), (1, OLD))],
            "b",
            "smallest sum of priorities",
            id="then the sum",
        ),
        pytest.param(
            [candidate("a", (-(2**31), OLD), (-(2**31), OLD)), candidate("b", (-(2**31), OLD))],
            "b",
            "fewest victims",
            id="then the number",
        ),
        pytest.param(
            [candidate("a", (5, OLD)), candidate("b", (5, NEW))],
            "b",
            "latest start of the most important victims",
            id="then the youngest",
        ),
        pytest.param(
            [candidate("a", (5, OLD)), candidate("b", (5, OLD))], "a", "first in the nodes' order", id="then the first"
        ),
    ],
)
def test_the_six_steps_of_the_choice(candidates: list[Candidate], winner: str, last_step: str) -> None:
    result = Preemption(candidates=candidates)
    assert choose(result).node == winner
    assert result.steps[-1] == (last_step, [winner])


def test_victims_are_the_least_important_that_make_room() -> None:
    found = engine(node("n0"))
    for name, cpu, priority in (("a", "1", 1), ("b", "1", 2), ("c", "2", 3)):
        running(found, name, "n0", cpu, priority)
    result = preempt(found, pod("p", "2", priority=10))
    assert (result.node, [victim.name for victim in result.victims]) == ("n0", ["b", "a"])


def test_equal_priority_is_never_a_victim() -> None:
    found = engine(node("n0", "1"))
    running(found, "a", "n0", "1", 10)
    result = preempt(found, pod("p", "1", priority=10))
    assert result.node == ""
    assert result.message == f"0/1 nodes are available: 1 {NO_VICTIMS}."


def test_a_pod_that_never_preempts_says_so() -> None:
    found = engine(node("n0", "1"))
    running(found, "a", "n0", "1", 1)
    result = preempt(found, pod("p", "1", priority=10, preemptionPolicy="Never"))
    assert result.message == "not eligible due to preemptionPolicy=Never."


def test_protected_pods_are_spared_where_others_will_do() -> None:
    found = engine(node("n0", "2"))
    running(found, "guarded", "n0", "1", 1, labels={"app": "web"})
    running(found, "free", "n0", "1", 1, labels={"app": "db"})
    budget = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 0},
    }
    result = preempt(found, pod("p", "1", priority=10), [budget])
    assert [victim.name for victim in result.victims] == ["free"]
    pods = list(found.columns.node("n0").pods.values())
    violating, others = split_by_budgets(pods, [budget])
    assert ([each.name for each in violating], [each.name for each in others]) == (["guarded"], ["free"])


def test_anti_affinity_is_relieved_by_preemption_too() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    found = engine(node("n0"))
    running(found, "web", "n0", "1", 1, labels={"app": "web"})
    result = preempt(found, pod("p", "1", priority=10, affinity=affinity))
    assert [victim.name for victim in result.victims] == ["web"]


def test_a_nominated_node_is_kept_for_the_one_it_is_promised_to() -> None:
    found = engine(node("n0", "2"))
    found.handle.nominator.add(found.pod(pod("vip", "2", priority=10)), "n0")
    assert found.schedule(found.pod(pod("low", "1", priority=1))).node == ""
    assert found.schedule(found.pod(pod("higher", "1", priority=20))).node == "n0"


def test_a_preemption_is_data_with_every_candidate_and_step() -> None:
    found = engine(node("n0", "1"), node("n1", "1"), node("n2", "1"))
    for where, priority, start in (("n0", 5, OLD), ("n1", 3, OLD), ("n2", 3, NEW)):
        running(found, f"on-{where}", where, "1", priority, start)
    result = preempt(found, pod("p", "1", priority=10))
    table = result.df.set_index("node")
    assert result.node == "n2"
    assert dict(table["victims"]) == {name: f"default/on-{name}" for name in ("n0", "n1", "n2")}
    assert table["lost_at"]["n0"] == "lowest priority of the most important victim"
    assert table["lost_at"]["n1"] == "latest start of the most important victims"
    assert table["lost_at"]["n2"] == ""
    assert result.text.startswith("n2: evict default/on-n2 (of 3 candidates; fewest PDB violations: ")


def test_a_node_that_would_not_do_even_empty_says_why() -> None:
    found = engine(node("n0", "1"), node("n1", "1"))
    running(found, "a", "n0", "1", 20)
    running(found, "b", "n1", "1", 1)
    result = preempt(found, pod("p", "1", priority=10))
    assert (result.node, result.to_dict()["refused"]) == ("n1", {"n0": [NO_VICTIMS]})
