"""Forks of one cluster, each under another policy, with everything that controllers do."""

from collections.abc import Iterator

import pytest

from kube_nb import Cluster
from kube_nb.whatif import Policy, compare_futures

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: nginx, resources: {requests: {cpu: 200m, memory: 64Mi}}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=4, seed=5) as made:
        yield made


@pytest.mark.slow
def test_each_policy_has_a_future_of_its_own(cluster: Cluster) -> None:
    fullest = Policy.score("fullest", lambda asked, free, capacity: -free["cpu"])
    before = cluster.revision
    found = compare_futures(cluster, ["kube-default", "most-allocated", fullest], DEPLOYMENT, until="1m", seeds=2)
    table = found.df.groupby("policy", sort=False)[["pods", "pending", "nodes"]].max()
    assert list(table["pods"]) == [6, 6, 6]
    assert list(table["pending"]) == [0, 0, 0]
    assert (table["nodes"]["kube-default"], table["nodes"]["fullest"]) == (4, 1)
    assert found.placements["kube-default", 0].keys() != found.placements["kube-default", 1].keys()  # other names
    again = compare_futures(cluster, ["most-allocated"], DEPLOYMENT, until="1m", seeds=2)
    assert again.placements["most-allocated", 1] == found.placements["most-allocated", 1]
    assert cluster.revision == before
    assert found.plot("nodes").get_ylabel() == "nodes"


@pytest.mark.slow
def test_a_change_may_be_anything_that_is_done_to_a_cluster(cluster: Cluster) -> None:
    def cordoned(fork: Cluster) -> None:
        fork.kubectl("cordon node-1 node-2 node-3 node-4")
        fork.apply(DEPLOYMENT)

    found = compare_futures(cluster, ["kube-default"], cordoned, until="30s")
    assert found.df["pending"][0] == 6
    assert "SchedulingDisabled" not in cluster.kubectl("get nodes").text


def test_a_policy_that_needs_the_engine_alone_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="policy 'fgd' needs the engine alone: take a profile"):
        compare_futures(cluster, ["fgd"], DEPLOYMENT)
