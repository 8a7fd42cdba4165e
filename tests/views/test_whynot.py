"""What keeps a pod from a node, and what would bring it there, against a real scheduler."""

from collections.abc import Iterator

import pytest

from kube_nb import Cluster
from kube_nb.views import why, whynot

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  %s
  containers: [{name: c, image: nginx, resources: {requests: {cpu: %s}}}]
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=1) as made:
        made.kubectl("taint node node-1 dedicated=db:NoSchedule")
        made.apply(POD % ("web", "", "100m"))
        made.apply(POD % ("filler", "nodeName: node-2", "500m"))
        made.wait("pod/web", "condition=Ready")
        yield made


def test_a_taint_is_named_and_a_toleration_would_do(cluster: Cluster) -> None:
    view = whynot.show(cluster, "pod/web", "node-1")
    assert view.state["refusals"][0]["plugin"] == "TaintToleration"
    assert "toleration" in set(view.df["kind"])
    assert "any one of these changes" in view.text
    assert "<table" in view.html


def test_what_would_let_it_fit_is_told_where_nothing_would_bring_it_there(cluster: Cluster) -> None:
    cluster.apply(POD % ("filler-too", "nodeName: node-1", "2"))
    view = whynot.show(cluster, "pod/web", "node-1")
    assert not view.state["moves"]
    assert "let it fit there, though another node still has more points" in view.text
    assert "toleration" in set(view.df["kind"])
    cluster.delete("pod/filler-too")


def test_the_change_that_is_named_does_what_it_says(cluster: Cluster) -> None:
    view = whynot.show(cluster, "web", "node-1")
    change = next(each for each in view.state["changes"] if each["kind"] == "taint")
    node = cluster.get("node/node-1")
    cluster.apply({**_bare(node), **change["patch"]})
    again = whynot.show(cluster, "web", "node-1")
    assert not again.state["refusals"]
    cluster.kubectl("taint node node-1 dedicated=db:NoSchedule --overwrite")


def _bare(node: dict) -> dict:  # type: ignore[type-arg]  # an object as the API gives it
    metadata = {key: node["metadata"][key] for key in ("name", "labels")}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


def test_a_pod_that_fits_nowhere_learns_of_a_request_and_of_a_node_that_would_do(cluster: Cluster) -> None:
    cluster.apply(POD % ("huge", "tolerations: [{operator: Exists}]", "64"))
    view = whynot.show(cluster, "huge", "node-1")
    assert {"request", "node size"} <= set(view.df["kind"])
    assert "Insufficient cpu" in view.text
    cluster.delete("pod/huge")


def test_nobody_and_nowhere_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="knows no pod 'default/nobody'"):
        whynot.show(cluster, "nobody", "node-1")
    with pytest.raises(ValueError, match="no node 'nowhere'"):
        whynot.show(cluster, "web", "nowhere")


def test_a_pod_that_drives_others_out_shows_whom_and_why(cluster: Cluster) -> None:
    classes = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 1000\n"
    cluster.apply(classes)
    cluster.apply(POD % ("low", "terminationGracePeriodSeconds: 600", "3"))
    cluster.wait("pod/low", "condition=Ready")
    cluster.apply(POD % ("urgent", "priorityClassName: high", "3"))
    view = why.show(cluster, "urgent")
    assert "preemption: on node-2, default/low has to go" in view.text
    assert "default/low (0)" in view.text
    assert list(view.df["node"])
