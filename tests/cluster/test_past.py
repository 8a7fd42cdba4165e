"""Reading the cluster as it was."""

import pytest

from kube_nb import Cluster
from kube_nb.kubectl import KubectlError
from kube_nb.machinery import objects

WIDGETS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=1) as made:
        made.kubectl("create deployment web --image=nginx --replicas=2")
        made.wait("deployment/web", "condition=Available")
        made.advance("1m")
        yield made


def test_objects_tables_and_ages_are_those_of_the_revision(cluster):
    at, now = cluster.revision, cluster.kubectl("get pods,deployments -o wide").text
    pod = cluster.get("pods")[0]
    cluster.kubectl("set image deployment/web nginx=nginx:1.28")
    cluster.advance("10m")
    assert cluster.kubectl("get pods,deployments -o wide", at=at).text == now
    assert cluster.get(f"pod/{objects.name(pod)}", at=at) == pod
    assert cluster.get("pods", selector="app=web", at=at) != cluster.get("pods", selector="app=web")
    assert "Scaled up replica set" in cluster.kubectl("describe deployment web", at=at).text
    with pytest.raises(KubectlError, match=f'pods "{objects.name(pod)}" not found'):
        cluster.get(f"pod/{objects.name(pod)}")


def test_a_kind_that_came_later_was_not_there(cluster):
    at = cluster.revision
    cluster.apply(WIDGETS)
    cluster.wait("crd/widgets.example.com", "condition=Established")
    later = cluster.revision
    assert "the server doesn't have a resource type" in cluster.kubectl("get widgets", at=at).stderr
    assert cluster.kubectl("get widgets", at=later).stderr == "No resources found in default namespace.\n"


@pytest.mark.parametrize("line", ["delete deployment web", "create configmap x", "scale deployment web --replicas=1"])
def test_the_past_cannot_be_changed(cluster, line):
    before, at = cluster.revision, cluster.revision - 1
    assert "the past cannot be changed" in cluster.kubectl(line, at=at).stderr
    assert cluster.revision == before


def test_what_the_store_does_not_have_is_said_so(cluster):
    with pytest.raises(ValueError, match="still to come: the store is at"):
        cluster.get("pods", at=10**6)
    with pytest.raises(ValueError, match="a revision is a number from 1 on"):
        cluster.get("pods", at=0)


def test_members_know_the_past_too():
    with Cluster(nodes=1, etcd_members=3) as cluster:
        cluster.kubectl("create configmap early")
        at = cluster.revision
        cluster.delete("configmap/early")
        assert {"early"} == {objects.name(each) for each in cluster.get("configmaps", at=at)} - {"kube-root-ca.crt"}
