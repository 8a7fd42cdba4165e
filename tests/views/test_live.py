"""Live views on a real cluster at pace "max": what they show follows what happens."""

from collections.abc import Iterator
from typing import Any

import pytest

from kube_nb.api import resources
from kube_nb.cluster import Cluster
from kube_nb.views import endpoints, feed, graph, match, status, why

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=4) as made:
        made.kubectl("create deployment web --image=nginx --replicas=2")
        made.kubectl("expose deployment web --port=80")
        yield made


def ids(canvas: Any) -> list[str]:
    return [node.data["id"] for node in canvas.graph.nodes]


def test_a_feed_draws_what_is_there_and_then_each_change(cluster: Cluster) -> None:
    drawn: list[int] = []
    following = feed.Feed(cluster, [resources.CONFIG_MAPS], lambda found: drawn.append(len(found)), namespace="default")
    following.start()
    feed.flush()
    before = drawn[-1]
    cluster.kubectl("create configmap fed")
    feed.flush()
    assert drawn[-1] == before + 1
    following.stop()
    cluster.kubectl("create configmap unfed")
    feed.flush()
    assert drawn[-1] == before + 1


def test_objects_come_with_their_kind_and_version(cluster: Cluster) -> None:
    seen: list[Any] = []
    feed.Feed(cluster, [resources.DEPLOYMENTS], lambda found: seen.append(found), namespace="default").start()
    feed.flush()
    for found in (seen[-1], feed.objects_of(cluster, [resources.DEPLOYMENTS], "default")):
        assert [(obj["apiVersion"], obj["kind"]) for obj in found] == [("apps/v1", "Deployment")]


def test_only_the_youngest_views_stay_live(cluster: Cluster) -> None:
    drawn: list[int] = []
    feed.Feed(cluster, [resources.SECRETS], lambda found: drawn.append(0)).start()
    for _ in range(feed.MAX_LIVE):
        feed.Feed(cluster, [resources.SECRETS], lambda found: None).start()
    feed.flush()
    count = len(drawn)
    cluster.kubectl("create secret generic late")
    feed.flush()
    assert len(drawn) == count


def test_views_move_no_time_and_write_nothing(cluster: Cluster) -> None:
    time_s, revision = cluster.time_s, cluster.engine.revision
    pod = cluster.get("pods", selector="app=web")[0]["metadata"]["name"]
    views = [graph.show(cluster), status.show(cluster), match.show(cluster, "app=web"), endpoints.show(cluster, "web")]
    for view in [*views, why.show(cluster, pod)]:
        assert view.text
        assert view.html
    feed.flush()
    assert (cluster.time_s, cluster.engine.revision) == (time_s, revision)


def test_the_live_graph_grows_and_shrinks_with_the_deployment(cluster: Cluster) -> None:
    live = graph.LiveGraph(cluster, "default", False, ("deployment/web",))
    box = live.make_widget(None)  # type: ignore[arg-type]  # the graph's widget does not ask for its view
    canvas = box.children[0]
    assert sum(id_.startswith("Pod/") for id_ in ids(canvas)) == 2
    for replicas in (5, 1, 2):
        cluster.kubectl(f"scale deployment web --replicas={replicas}")
        cluster.settle()
        feed.flush()
        assert sum(id_.startswith("Pod/") for id_ in ids(canvas)) == replicas
        assert len(set(ids(canvas))) == len(ids(canvas))
    assert "owns" in box.children[1].value


def test_a_click_shows_the_object_as_escaped_yaml(cluster: Cluster) -> None:
    cluster.kubectl(["annotate", "deployment", "web", "note=<img src=x onerror=alert(1)>"])
    live = graph.LiveGraph(cluster, "default", False, ())
    box = live.make_widget(None)  # type: ignore[arg-type]  # as above
    live._clicked({"data": {"id": "Deployment/default/web"}})
    detail = box.children[2].value
    assert "&lt;img src=x" in detail
    assert "<img" not in detail
    assert "managedFields" not in detail


def test_more_pods_are_ready_behind_the_service_as_they_come(cluster: Cluster) -> None:
    cluster.kubectl("scale deployment web --replicas=3")
    cluster.settle()
    assert "traffic goes to 3 of 3 pods" in endpoints.show(cluster, "web").text
