"""A plugin in a cell has a method per extension point that it wants; what it answers there does what it says."""

from typing import Any

import pytest

from tests.scheduler.bench import Bench, bench, node, pod
from tests.scheduler.test_scheduler import settled


class Recorder:
    """Says yes everywhere and notes that it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def _note(self, point: str) -> None:
        if not self.asked or self.asked[-1] != point:
            self.asked.append(point)

    def pre_enqueue(self, pod: Any) -> Any:
        self._note("PreEnqueue")

    def pre_filter(self, state: Any, pod: Any, columns: Any) -> Any:
        self._note("PreFilter")
        state["seen"] = pod.name

    def filter(self, state: Any, pod: Any, node: Any) -> Any:
        self._note("Filter")
        return state["seen"] == pod.name

    def pre_score(self, state: Any, pod: Any, columns: Any, rows: Any) -> Any:
        self._note("PreScore")

    def score(self, state: Any, pod: Any, node: Any) -> Any:
        self._note("Score")
        return 0

    def normalize(self, state: Any, pod: Any, scores: Any) -> Any:
        self._note("NormalizeScore")
        return scores

    def reserve(self, state: Any, pod: Any, node_name: str) -> Any:
        self._note("Reserve")

    def unreserve(self, state: Any, pod: Any, node_name: str) -> Any:
        self._note("Unreserve")

    def permit(self, state: Any, pod: Any, node_name: str) -> Any:
        self._note("Permit")

    def pre_bind(self, state: Any, pod: Any, node_name: str) -> Any:
        self._note("PreBind")

    def post_bind(self, state: Any, pod: Any, node_name: str) -> Any:
        self._note("PostBind")


FORWARD = ["PreEnqueue", "PreFilter", "Filter", "PreScore", "Score", "NormalizeScore", "Reserve", "Permit", "PreBind"]


async def placed(cluster: Bench) -> str:
    await cluster.add(node("n0"), node("n1"), pod("p", "1"))
    await settled()
    return await cluster.where("p")


async def test_every_point_is_asked_in_upstreams_order() -> None:
    recorder = Recorder()
    async with bench(plugins=[recorder]) as cluster:
        assert await placed(cluster) != ""
    assert recorder.asked == [*FORWARD, "PostBind"]


def refusing(method: str, answer: Any) -> Any:
    """A recorder whose one method answers so, or throws it."""

    def refuse(self: Any, *arguments: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return type("Refusing", (Recorder,), {method: refuse})()


@pytest.mark.parametrize(
    ("method", "answer", "told"),
    [
        pytest.param("reserve", "the licence is taken", "the licence is taken", id="reserve says why not"),
        pytest.param(
            "reserve", ValueError("oops"), 'running Reserve plugin "Refusing": ValueError: oops', id="it throws"
        ),
        pytest.param("permit", "not now", "not now", id="permit says why not"),
        pytest.param("pre_bind", "no disk", "no disk", id="pre_bind says why not"),
        pytest.param(
            "pre_bind", OSError("gone"), 'running PreBind plugin "Refusing": OSError: gone', id="pre_bind throws"
        ),
        pytest.param("pre_score", 7, 'PreScore plugin "Refusing" answers 7', id="nonsense"),
    ],
)
async def test_a_refusal_late_in_the_cycle_gives_everything_back(method: str, answer: Any, told: str) -> None:
    plugin = refusing(method, answer)
    async with bench(plugins=[plugin]) as cluster:
        assert await placed(cluster) == ""
        assert told in cluster.scheduler.why("default/p")
        assert len(cluster.scheduler.decisions.of("default/p")) == 1
        assert cluster.scheduler.engine.columns.bound_pods() == []
        if method != "pre_score":
            assert plugin.asked[-1] == "Unreserve"
        cluster.scheduler.remove_plugin("Refusing")
        for _ in range(4):
            await settled()
        assert await cluster.where("p") != ""


@pytest.mark.parametrize("method", ["unreserve", "post_bind"])
async def test_a_fault_where_nothing_can_be_refused_is_a_warning(method: str) -> None:
    plugin = refusing(method, RuntimeError("oops"))
    if method == "unreserve":
        plugin.__class__.pre_bind = lambda self, state, pod, node_name: "no"
    async with bench(plugins=[plugin]) as cluster:
        bound = await placed(cluster)
        assert (bound != "") is (method == "post_bind")
        warnings = cluster.scheduler.decisions.of("default/p")[0].warnings
        assert any("RuntimeError: oops" in warning for warning in warnings)
        assert len(cluster.scheduler.engine.columns.bound_pods()) == (method == "post_bind")


async def test_a_pod_waits_until_somebody_allows_it_or_its_time_is_up() -> None:
    class Patient:
        def permit(self, state: Any, pod: Any, node_name: str) -> Any:
            return 30  # seconds

    async with bench(plugins=[Patient()]) as cluster:
        assert await placed(cluster) == ""
        waiting = cluster.scheduler.waiting_pods
        assert list(waiting) == ["default/p"]
        waiting.allow("default/p", "Patient")
        await settled()
        assert await cluster.where("p") != ""
        await cluster.add(pod("q", "1"))
        await settled()
        waiting.reject("default/q", "Patient", "nobody came")
        await settled()
        assert await cluster.where("q") == ""
        assert any("nobody came" in event for event in await cluster.events("FailedScheduling"))


async def test_a_plugin_may_bind_itself_as_a_coroutine() -> None:
    class Own:
        async def bind(self, state: Any, pod: Any, node_name: str) -> Any:
            await self.client.bind(pod.namespace, pod.name, node_name)

    own = Own()
    config = {"profiles": [{"plugins": {"bind": {"disabled": [{"name": "*"}], "enabled": [{"name": "Own"}]}}}]}
    async with bench(config=config, plugins=[own]) as cluster:
        own.client = cluster.client  # type: ignore[attr-defined]  # as a cell would do it
        assert await placed(cluster) != ""


async def test_an_order_of_its_own_and_one_that_fails() -> None:
    class Longest:
        def sort_key(self, pod: Any, timestamp_s: float) -> Any:
            if pod.name == "odd":
                raise RuntimeError("no idea")
            return -len(pod.name), timestamp_s

    config = {"profiles": [{"plugins": {"queueSort": {"disabled": [{"name": "*"}], "enabled": [{"name": "Longest"}]}}}]}
    async with bench(config=config, plugins=[Longest()]) as cluster:
        await cluster.add(*(pod(name, "1") for name in ("a", "ccc", "bb", "odd")), node("n0", "8"))
        await settled()
        order = [attempt.pod.partition("/")[2] for attempt in cluster.scheduler.decisions if attempt.node]
        assert order == ["ccc", "bb", "a", "odd"]
