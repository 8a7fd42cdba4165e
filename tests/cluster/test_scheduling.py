"""The scheduler of a running cluster takes plugins and configurations, and keeps them when it starts again."""

from collections.abc import Iterator

import pytest

from kube_nb import Cluster, scheduler_plugin
from kube_nb.cluster import scheduling
from kube_nb.scheduler.configuration_error import ConfigurationError


class Favourite:
    """Sends every pod to one node."""

    name = "Favourite"
    weight = 100

    def __init__(self, node: str) -> None:
        self.node = node

    def score(self, state: object, pod: object, node: object) -> int:
        return 100 if node.name == self.node else 0  # type: ignore[attr-defined]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=3, seed=2) as made:
        yield made


def lands(cluster: Cluster, name: str) -> str:
    cluster.kubectl(f"run {name} --image=nginx")
    return str(cluster.get(f"pod/{name}")["spec"].get("nodeName", ""))


def test_a_plugin_of_the_same_name_replaces_the_one_before(cluster: Cluster) -> None:
    cluster.use_scheduler_plugin(Favourite("node-3"))
    assert [lands(cluster, f"a{number}") for number in range(3)] == ["node-3"] * 3
    cluster.use_scheduler_plugin(Favourite("node-2"))
    assert [lands(cluster, f"b{number}") for number in range(3)] == ["node-2"] * 3
    cluster.remove_scheduler_plugin("Favourite")
    assert "node-2" not in [lands(cluster, f"c{number}") for number in range(2)]


def test_a_scheduler_that_starts_again_has_its_plugins(cluster: Cluster) -> None:
    cluster.use_scheduler_plugin(Favourite("node-3"))
    cluster.stop_component("kube-scheduler")
    cluster.start_component("kube-scheduler")
    cluster.advance("30s")
    assert lands(cluster, "late") == "node-3"


def test_a_decorated_class_is_used_by_every_cluster(cluster: Cluster) -> None:
    try:

        @scheduler_plugin
        class ToTwo(Favourite):
            name = "ToTwo"

            def __init__(self) -> None:
                super().__init__("node-2")

        assert lands(cluster, "here") == "node-2"
        with Cluster(nodes=3, seed=2) as other:
            assert lands(other, "there") == "node-2"
    finally:
        del scheduling.EVERYWHERE["ToTwo"]


def test_what_is_no_plugin_is_refused_and_changes_nothing(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="implements no extension point"):
        cluster.use_scheduler_plugin(object())
    assert cluster.engine.scheduling.plugins == []


def test_another_configuration_is_taken_over_at_once_and_kept(cluster: Cluster) -> None:
    pinning = {
        "addedAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-1"]}]}
                ]
            }
        }
    }
    cluster.configure_scheduler({"profiles": [{"pluginConfig": [{"name": "NodeAffinity", "args": pinning}]}]})
    assert [lands(cluster, f"p{number}") for number in range(2)] == ["node-1"] * 2
    cluster.stop_component("kube-scheduler")
    cluster.start_component("kube-scheduler")
    cluster.advance("30s")
    assert lands(cluster, "later") == "node-1"


def test_a_wrong_configuration_names_the_place_and_the_old_one_stays(cluster: Cluster) -> None:
    wrong = "profiles:\n- pluginConfig:\n  - name: NoSuch\n    args: {}\n"
    with pytest.raises(ConfigurationError, match="NoSuch"):
        cluster.configure_scheduler(wrong)
    assert lands(cluster, "fine") != ""
    with pytest.raises(ConfigurationError, match="NoSuch"):
        Cluster(nodes=1, scheduler_config=wrong)


def placed_by(ties: str | None, seed: int) -> list[str]:
    with Cluster(nodes=8, seed=seed, ties=ties) as cluster:
        return [lands(cluster, f"p{number}") for number in range(6)]


def test_ties_are_broken_by_lot_from_the_seed() -> None:
    by_lot = placed_by("random", seed=1)
    assert placed_by("random", seed=1) == by_lot
    assert by_lot != placed_by(None, seed=1)
    assert by_lot != placed_by("random", seed=2)
    with pytest.raises(ValueError, match="unknown tie rule 'dice', known are heap, random, first"):
        Cluster(nodes=1, ties="dice")
