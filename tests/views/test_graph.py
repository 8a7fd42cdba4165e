import json
from itertools import combinations
from typing import Any

import pytest

from kube_nb.views import graph, layout, relations, svg
from tests.views import objects


def world(pods: int = 2) -> list[Any]:
    web = objects.deployment("web", pods, pods)
    rs = objects.replica_set("web-1", web, pods, pods)
    made = [objects.pod(f"web-1-{n:02}", owner=rs, labels={"app": "web"}) for n in range(pods)]
    svc = objects.service("web", {"app": "web"})
    ends = objects.slice_("web-s", "web", *(objects.endpoint(each) for each in made))
    ends["metadata"]["ownerReferences"] = [{"kind": "Service", "name": "web", "uid": "Service-web"}]
    return [web, rs, *made, svc, ends]


def edges(found: relations.Graph) -> set[str]:
    return {f"{e['source'].partition('/')[0]} {e['kind']} {e['target'].partition('/')[0]}" for e in found["edges"]}


def test_owners_selectors_and_routes_are_edges() -> None:
    found = relations.graph(world())
    assert edges(found) == {
        "Deployment owns ReplicaSet",
        "ReplicaSet owns Pod",
        "Service owns EndpointSlice",
        "Service selects Pod",
        "EndpointSlice routes Pod",
    }
    assert json.loads(json.dumps(found)) == found


def test_mounts_and_bindings_are_edges() -> None:
    pod = objects.pod("one")
    pod["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "conf"}}]
    pod["spec"]["containers"] = [{"envFrom": [{"secretRef": {"name": "key"}}]}]
    node = objects.obj("Node", "node-1", namespace="")
    found = relations.graph(
        [pod, objects.obj("ConfigMap", "conf"), objects.obj("Secret", "key"), node], include_nodes=True
    )
    assert edges(found) == {"Pod mounts ConfigMap", "Pod mounts Secret", "Pod bound Node"}


def test_only_keeps_what_hangs_together_with_the_named_objects() -> None:
    found = relations.graph(
        [*world(), objects.pod("alone"), objects.service("other", {"app": "other"})], only=["deploy/web"]
    )
    names = {node["name"] for node in found["nodes"]}
    assert {"web", "web-1", "web-s"} < names
    assert not {"alone", "other"} & names


def test_many_pods_of_one_owner_are_folded_into_one_node() -> None:
    found = relations.graph(world(40))
    pods = [node for node in found["nodes"] if node["kind"] == "Pod"]
    assert len(pods) == relations.MAX_SIBLINGS
    assert pods[-1]["name"] == "+29 pods"
    assert pods[-1]["detail"] == "29/29"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param({"phase": "Pending"}, ("busy", "Pending"), id="pending"),
        pytest.param({"phase": "Succeeded"}, ("done", "Completed"), id="completed"),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, ("bad", "Evicted"), id="evicted"),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            ("bad", "ImagePullBackOff"),
            id="no image",
        ),
        pytest.param(
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False"}]},
            ("bad", "Unschedulable"),
            id="no node",
        ),
        pytest.param({"phase": "Running"}, ("busy", "not ready"), id="not ready"),
    ],
)
def test_a_pods_colour_tells_its_state(status: Any, state: tuple[str, str]) -> None:
    assert relations.state_of(objects.obj("Pod", "p", status=status)) == state


@pytest.mark.parametrize("pods", [0, 1, 5, 12])
def test_nodes_do_not_overlap_and_lanes_keep_clear_of_them(pods: int) -> None:
    drawn = layout.of(relations.graph(world(pods)))
    for (x1, y1), (x2, y2) in combinations(drawn.places.values(), 2):
        assert abs(x1 - x2) >= svg.NODE_WIDTH or abs(y1 - y2) >= svg.NODE_HEIGHT
    for lane in drawn.lanes.values():
        for x, y in lane:
            at = [abs(y - node) for column, node in drawn.places.values() if column == x]
            assert min(at, default=svg.NODE_HEIGHT) > svg.NODE_HEIGHT / 2


def test_a_deployments_edges_do_not_cross() -> None:
    found = relations.graph(world(4))
    owns = {**found, "edges": [edge for edge in found["edges"] if edge["kind"] == "owns"]}
    drawn = layout.of(found)
    ends = [(drawn.places[edge["source"]], drawn.places[edge["target"]]) for edge in owns["edges"]]
    for (a, b), (c, d) in combinations(ends, 2):
        if a[0] == c[0] and b[0] == d[0]:
            assert (a[1] - c[1]) * (b[1] - d[1]) >= 0


def test_equal_objects_give_the_same_picture_in_any_order() -> None:
    assert svg.render(relations.graph(world())) == svg.render(relations.graph(world()[::-1]))


def test_the_picture_is_well_formed_and_shows_names_as_text() -> None:
    import xml.etree.ElementTree as ElementTree

    web = objects.deployment(objects.EVIL)
    picture = svg.render(relations.graph([web]))
    texts = [each.text for each in ElementTree.fromstring(picture).iter() if each.tag.endswith("text")]
    assert any(text and text.startswith("<img") for text in texts)
    assert "<img" not in picture
    assert "<img" not in graph.html(relations.graph([web])).partition('src="data:image/svg+xml;base64,')[0][4:]


def test_a_long_name_stays_in_its_box_whatever_the_font() -> None:
    long = svg.render(relations.graph([objects.pod("mynginx-77cbcd596c-pspg4")]))
    assert "textLength='160'" in long
    assert "textLength" not in svg.render(relations.graph([objects.pod("web")]))


def test_the_text_face_names_each_edge_and_lonely_objects() -> None:
    text = graph.text(relations.graph([*world(1), objects.obj("ConfigMap", "conf")]))
    assert "Deployment/web owns ReplicaSet/web-1" in text
    assert text.splitlines()[-1] == "ConfigMap/conf"
    assert graph.text({"nodes": [], "edges": []}) == "no objects"


def test_what_every_namespace_has_is_left_out() -> None:
    found = [objects.obj("ConfigMap", "kube-root-ca.crt"), objects.service("kubernetes", {}), objects.pod("kept")]
    assert [obj["metadata"]["name"] for obj in graph.interesting(found)] == ["kept"]


def test_bends_of_live_edges_lie_where_the_static_ones_do() -> None:
    found = relations.graph(world(3))
    drawn = layout.of(found)
    edge = next(each for each in found["edges"] if drawn.lanes.get(each["id"]))
    data = graph._link(edge, drawn)["data"]
    (sx, sy), (ex, ey) = drawn.places[edge["source"]], drawn.places[edge["target"]]
    length = ((ex - sx) ** 2 + (ey - sy) ** 2) ** 0.5
    normal = (-(ey - sy) / length, (ex - sx) / length)
    for weight, distance in zip(data["weights"].split(), data["distances"].split(), strict=True):
        y = sy + float(weight) * (ey - sy) + float(distance) * normal[1]
        assert y == pytest.approx(drawn.lanes[edge["id"]][0][1], abs=0.5)


def test_a_long_name_gives_way_in_its_middle() -> None:
    name = "a-very-long-deployment-name-5d8b658987-48kcz"
    assert svg.short(name) == "a-very-long-de…8987-48kcz"
