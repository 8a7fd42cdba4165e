"""The picture of the store's members."""

import base64
import re

import pytest

from kube_nb import Cluster
from kube_nb.views import etcd


def state(roles, cut=(), **options):
    names = [f"etcd-{number}" for number in range(len(roles))]
    return {
        "time": "2026-01-01T00:00:00Z",
        "outside": False,
        "voters": len(roles),
        "members": [
            {
                "name": name,
                "id": "1f",
                "role": role,
                "term": 2,
                "leader": names[roles.index("leader")] if "leader" in roles else "",
                "commit": 9,
                "applied": 9,
                "last": 10,
                "revision": 8,
                "entries": [{"place": 10, "term": 2, "what": "put <b>", "committed": False, "applied": False}],
                "side": 0,
                "quorum": role != "down" and not any(name in pair for pair in cut),
            }
            for name, role in zip(names, roles, strict=True)
        ],
        "links": [
            {"one": one, "other": other, "cut": (one, other) in cut, "said": ""}
            for number, one in enumerate(names)
            for other in names[number + 1 :]
        ],
        "messages": [{"time_s": 1.5, "sender": "etcd-0", "to": "etcd-1", "what": "<i>append", "lost": True}],
        **options,
    }


def svg_of(html):
    return base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()


@pytest.mark.parametrize("roles", [["leader"], ["leader", "follower", "follower"], ["leader", *["follower"] * 4]])
def test_every_member_has_a_box_of_its_own_inside_the_picture(roles):
    picture = etcd.render(state(roles))
    width, height = map(float, re.search(r"width='(\d+)' height='(\d+)'", picture).groups())
    boxes = [tuple(map(float, box)) for box in re.findall(r"<rect x='(\d+)' y='(\d+)' width='250'", picture)]
    assert len(set(boxes)) == len(roles)
    assert all(x + 250 <= width and y + 112 <= height for x, y in boxes)
    for number, (x1, y1) in enumerate(boxes):
        assert all(abs(x1 - x2) >= 250 or abs(y1 - y2) >= 112 for x2, y2 in boxes[number + 1 :]), "boxes overlap"


def test_a_partition_is_seen_and_said():
    parted = state(["leader", "follower", "pre-candidate"], [("etcd-0", "etcd-2"), ("etcd-1", "etcd-2")])
    parted["members"][0]["quorum"] = parted["members"][1]["quorum"] = True
    assert etcd.sentence(parted) == "etcd-0 leads in term 2; etcd-2 cut off from the quorum"
    assert etcd.render(parted).count("stroke-linecap='round'") == 2
    assert "nobody (cut off from etcd-0, etcd-1)" in etcd.text(parted)


def test_what_keeps_the_store_from_writing_is_said():
    assert etcd.sentence(state(["follower", "candidate", "follower"])).startswith("no leader yet")
    lost = state(["follower", "down", "down"])
    lost["members"][0]["quorum"] = False
    assert etcd.sentence(lost) == (
        "no quorum: at most 1 of 3 members reach each other, so nothing is written; etcd-1, etcd-2 are down"
    )


def test_texts_are_escaped_in_both_parts():
    html = etcd.html(state(["leader", "follower", "follower"]))
    assert "<i>append" not in html
    assert "<b>" not in svg_of(html)
    assert "put &lt;b&gt;" in svg_of(html)


def test_the_view_of_a_cluster_has_every_face():
    with Cluster(nodes=0, etcd_members=3) as cluster:
        view = etcd.show(cluster)
        assert "leads in term" in view.text
        assert 'src="data:image/svg+xml;base64,' in view.html
        assert sorted(view.df["name"]) == ["etcd-0", "etcd-1", "etcd-2"]
