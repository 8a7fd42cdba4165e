"""What is kept for pods alike, and caught up with late and together, decides as a look at everything anew does."""

import random
from typing import Any

import pytest

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.pod_classes import SLOTS
from tests.scheduler.bench import node, pod

GPU = "example.com/gpu"


def engine(draw: random.Random, size: int, **options: Any) -> Engine:
    columns = Columns()
    for number in range(size):
        more = {GPU: "4"} if draw.random() < 0.5 else {}
        columns.add_node(node(f"n{number}", draw.choice(("1", "2")), draw.choice(("2Gi", "4Gi")), more=more))
    handle = Handle(columns)
    return Engine(handle, Configuration().profiles_for(handle), **options)


def shapes(draw: random.Random, count: int) -> list[Obj]:
    found: list[Obj] = []
    for _ in range(count):
        fields: dict[str, Any] = {"more": {GPU: "1"}} if draw.random() < 0.2 else {}
        if draw.random() < 0.2:
            prefers = [{"weight": 7, "preference": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}]
            fields["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": prefers}}
        cpu = draw.choice(("", f"{draw.randrange(10, 1400)}m"))
        found.append(pod("p", cpu, f"{draw.randrange(16, 900)}Mi" if cpu else "", **fields)["spec"])
    return found


@pytest.mark.parametrize(
    ("seed", "count", "explain"),
    [(1, 6, True), (2, 6, False), pytest.param(3, SLOTS + 12, True, id="more shapes than are done together")],
)
def test_classes_that_catch_up_late_decide_as_those_made_anew(seed: int, count: int, explain: bool) -> None:
    draw = random.Random(seed)
    kept = engine(random.Random(seed), 420, explain=explain)
    anew = engine(random.Random(seed), 420, equivalence_classes=False)
    specs, placed, nowhere = shapes(draw, count), [], 0
    for number in range(900):
        obj = {"metadata": {"name": f"p{number}", "namespace": "d"}, "spec": draw.choice(specs)}
        one, other = kept.pod(obj), anew.pod(obj)
        found, expected = kept.schedule(one), anew.schedule(other)
        assert (found.node, found.processed, found.tied) == (expected.node, expected.processed, expected.tied), number
        if explain and number % 10 == 0:
            assert found.scores() == expected.scores(), number
            assert found.refused() == expected.refused(), number
        if not found.node:
            nowhere += 1
            continue
        placed.append((kept.assume(one, found.node), anew.assume(other, found.node)))
        if number % 7 == 0:
            gone = placed.pop(draw.randrange(len(placed)))
            kept.forget(gone[0])
            anew.forget(gone[1])
    assert nowhere > 0, "the nodes were to become full"


@pytest.mark.parametrize("seed", range(4))
def test_nodes_promised_to_others_are_passed_over_as_when_all_are_looked_at(seed: int) -> None:
    """The filters that must run for every pod take the long way; with and without one the decisions are the same."""
    draw = random.Random(seed)
    quick, slow = engine(random.Random(seed), 260), engine(random.Random(seed), 260)
    framework = slow.profiles["default-scheduler"]
    framework.late_tests.append((EveryNode(), None))
    for number in range(120):
        priority = draw.choice((0, 5, 10))
        obj = pod(f"p{number}", f"{draw.randrange(100, 1500)}m", "64Mi", priority=priority)
        if draw.random() < 0.4:
            where = f"n{draw.randrange(260)}"
            vip = pod(f"vip{number}", f"{draw.randrange(500, 1000)}m", priority=draw.choice((1, 5, 20)))
            for each in (quick, slow):
                each.handle.nominator.add(each.pod(vip), where)
            continue
        one, other = quick.pod(obj), slow.pod(obj)
        found, expected = quick.schedule(one), slow.schedule(other)
        assert (found.node, found.processed) == (expected.node, expected.processed), number
        assert found.refused() == expected.refused(), number
        if found.node:
            quick.assume(one, found.node)
            slow.assume(other, found.node)


class EveryNode:
    """A filter without columns that refuses nobody."""

    name = "EveryNode"

    def filter(self, state: Any, pod: Any, node: Any) -> None:
        return None
