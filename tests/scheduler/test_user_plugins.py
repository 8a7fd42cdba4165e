from typing import Any

import pytest

from kube_nb.scheduler.framework import guard
from kube_nb.scheduler.framework.guard import Guarded
from tests.scheduler.bench import bench, node, pod
from tests.scheduler.test_scheduler import settled


class EvenNodes:
    def filter(self, state: Any, pod: Any, node: Any) -> Any:
        return int(node.name[1:]) % 2 == 0 or "odd nodes are not liked"


class LastNode:
    name = "LastNode"
    weight = 100

    def score(self, state: Any, pod: Any, node: Any) -> Any:
        return 10 * int(node.name[1:])


class Throwing:
    def score(self, state: Any, pod: Any, node: Any) -> Any:
        return {}[node.name]


class Meddling:
    def filter(self, state: Any, pod: Any, node: Any) -> Any:
        node.obj["metadata"]["labels"]["x"] = "y"


class NotANumber:
    def score(self, state: Any, pod: Any, node: Any) -> Any:
        return float("nan")


class TooMuch:
    def score(self, state: Any, pod: Any, node: Any) -> Any:
        return 101


async def test_a_plugin_filters_and_scores() -> None:
    async with bench(plugins=[EvenNodes(), LastNode()]) as cluster:
        await cluster.add(*(node(f"n{i}") for i in range(4)), pod("p", "1"))
        await settled()
        assert await cluster.where("p") == "n2"
        (attempt,) = cluster.scheduler.decisions.to_dict("default/p")
        assert {row["node"]: row["reasons"] for row in attempt["refused"]} == {
            "n1": ["odd nodes are not liked"],
            "n3": ["odd nodes are not liked"],
        }
        assert attempt["scores"][0]["plugins"]["LastNode"] == {
            "raw": 20,
            "normalized": 20,
            "weight": 100,
            "weighted": 2000,
        }


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        pytest.param(Throwing(), "running Score plugin \"Throwing\": KeyError: 'n0'", id="one that throws"),
        pytest.param(Meddling(), "plugins must not change what they are given", id="one that changes a node"),
        pytest.param(NotANumber(), 'Score plugin "NotANumber" answers nan for node n0', id="one that answers NaN"),
        pytest.param(TooMuch(), "returns an invalid score 101", id="one whose score is above 100"),
    ],
)
async def test_a_faulty_plugin_is_reported_and_replaced(plugin: Any, message: str) -> None:
    async with bench(plugins=[plugin]) as cluster:
        await cluster.add(node("n0"), node("n1"), pod("p", "1"))
        await settled()
        assert await cluster.where("p") == ""
        assert any(message in event for event in await cluster.events("FailedScheduling"))
        cluster.scheduler.remove_plugin(type(plugin).__name__)
        await settled()
        await settled()
        await settled()
        assert await cluster.where("p") != ""


async def test_a_slow_plugin_is_reported_with_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SLOW_S", 0.0)  # so that any call is a slow one
    async with bench(plugins=[LastNode()]) as cluster:
        await cluster.add(node("n0"), node("n1"), pod("p", "1"))
        await settled()
        assert await cluster.where("p") == "n1"
        (attempt,) = cluster.scheduler.decisions.of("default/p")
        assert attempt.warnings == ('Score plugin "LastNode" took 0.0 s',) * 2
        assert cluster.scheduler.why("default/p").endswith('Score plugin "LastNode" took 0.0 s')


async def test_other_pods_go_on_while_one_meets_a_fault() -> None:
    class Picky:
        def filter(self, state: Any, pod: Any, node: Any) -> Any:
            if pod.name == "cursed":
                raise RuntimeError("not this one")

    async with bench(plugins=[Picky()]) as cluster:
        await cluster.add(node("n0"), pod("cursed", "1"), pod("p", "1"))
        await settled()
        assert (await cluster.where("cursed"), await cluster.where("p")) == ("", "n0")
        assert 'Filter plugin "Picky": RuntimeError: not this one' in cluster.scheduler.why("default/cursed")


async def test_running_the_cell_again_replaces_the_plugin() -> None:
    async with bench(plugins=[EvenNodes()]) as cluster:
        await cluster.add(node("n1"), pod("p", "1"))
        await settled()
        assert await cluster.where("p") == ""
        replaced = type("EvenNodes", (), {"filter": lambda self, state, pod, node: True})
        cluster.scheduler.use_plugin(replaced())
        await settled()
        assert await cluster.where("p") == "n1"


def test_a_plugin_without_any_extension_point_is_refused() -> None:
    with pytest.raises(ValueError, match="implements no extension point"):
        Guarded(object())
