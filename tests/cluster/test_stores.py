"""The same cluster on other stores: members that agree by Raft, and a real etcd."""

import asyncio
import subprocess

import pytest

from kube_nb import Cluster
from kube_nb.api import resources
from kube_nb.etcd.errors import EtcdError
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from tests.etcd.real import etcd


def ready_pods(cluster):
    return sum(objects.is_condition_true(pod, "Ready") for pod in cluster.get("pods", selector="app=web"))


def test_one_members_death_loses_nothing_and_stops_nothing():
    with Cluster(nodes=1, etcd_members=3) as cluster:
        cluster.kubectl("create deployment web --image=nginx --replicas=2")
        cluster.wait("deployment/web", "condition=Available")
        cluster.stop_component("etcd-0")
        cluster.kubectl("scale deployment web --replicas=3")
        cluster.advance("30s")
        assert ready_pods(cluster) == 3


def test_a_minority_refuses_and_a_quorum_goes_on_where_it_was():
    with Cluster(nodes=1, etcd_members=3) as cluster:
        cluster.kubectl("create configmap before")
        cluster.stop_component("etcd-0")
        cluster.stop_component("etcd-1")
        assert "etcdserver: request timed out" in cluster.kubectl("create configmap lost").stderr
        cluster.start_component("etcd-1")
        cluster.advance("30s")
        assert cluster.kubectl("create configmap after").exit_code == 0
        names = {objects.name(each) for each in cluster.get("configmaps")}
        assert {"before", "after"} <= names


def test_three_members_go_on_where_their_data_directory_ended(tmp_path):
    with Cluster(nodes=1, etcd_members=3, data_dir=tmp_path) as cluster:
        cluster.kubectl("create configmap kept")
        before = cluster.etcdctl("get /registry/configmaps/default/kept -w json").text
    with Cluster(nodes=1, etcd_members=3, data_dir=tmp_path) as cluster:
        assert cluster.kubectl("get configmap kept").exit_code == 0
        again = cluster.etcdctl("get /registry/configmaps/default/kept -w json").text
        assert again.partition('"kvs"')[2] == before.partition('"kvs"')[2]
    with pytest.raises(EtcdError, match=r"etcd-0, etcd-1, etcd-2: etcd_members=3 goes on with it"):
        Cluster(nodes=1, data_dir=tmp_path)


def test_a_member_whose_disk_is_full_is_started_again_by_its_kubelet(tmp_path):
    with Cluster(nodes=1, etcd_members=3, data_dir=tmp_path) as cluster:
        members = cluster.engine.members
        full = next(member for member in members.running.values() if not member.is_leader)
        full.stable._disk._db.execute("PRAGMA max_page_count=12")
        cluster.kubectl("create configmap while-it-is-down")
        cluster.advance("1m")
        (pod,) = [p for p in cluster.get("pods", namespace="kube-system") if full.member.name in objects.name(p)]
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 1
        assert members.running[full.id] is not full
        assert cluster.kubectl("get configmap while-it-is-down").exit_code == 0


def test_patches_that_meet_are_all_made_and_an_outdated_update_is_not():
    async def together(cluster):
        patches = [{"metadata": {"labels": {f"l{number}": "x"}}} for number in range(5)]
        gvr = resources.CONFIG_MAPS
        stale = await cluster.client.get(gvr, "shared", "default")
        await asyncio.gather(*(cluster.client.patch(gvr, "shared", patch, "default") for patch in patches))
        with pytest.raises(ApiError, match="the object has been modified"):
            await cluster.client.update(gvr, {**stale, "data": {"a": "b"}})
        return await cluster.client.get(gvr, "shared", "default")

    with Cluster(nodes=0, etcd_members=3) as cluster:
        cluster.kubectl("create configmap shared")
        assert len(objects.labels(cluster.run(together(cluster)))) == 5


def test_the_last_finalizer_goes_though_somebody_writes_meanwhile():
    async def together(cluster, number):
        gvr, name = resources.CONFIG_MAPS, f"doomed-{number}"
        metadata = {"name": name, "namespace": "default", "finalizers": ["example.com/kept"]}
        await cluster.client.create(gvr, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        await cluster.client.delete(gvr, name, "default")
        label, free = {"metadata": {"labels": {"a": "b"}}}, {"metadata": {"finalizers": None}}
        await asyncio.gather(*(cluster.client.patch(gvr, name, each, "default") for each in (label, free)))

    with Cluster(nodes=0, etcd_members=3) as cluster:
        for number in range(3):
            cluster.run(together(cluster, number))
        assert [objects.name(each) for each in cluster.get("configmaps")] == ["kube-root-ca.crt"]


def test_equal_seeds_give_equal_histories_on_three_members():
    def revisions():
        with Cluster(nodes=1, seed=3, etcd_members=3) as cluster:
            cluster.kubectl("create deployment web --image=nginx")
            cluster.wait("deployment/web", "condition=Available")
            return cluster.etcdctl("get /registry/ --prefix -w json").text

    assert revisions() == revisions()


@pytest.fixture
def real_etcd():
    with etcd() as client:
        yield client


@pytest.mark.etcd
def test_the_same_cluster_runs_on_a_real_etcd(real_etcd):
    with Cluster(nodes=1, store=real_etcd, pace=20) as cluster:
        assert "etcd" not in {
            objects.labels(pod).get("component") for pod in cluster.get("pods", namespace="kube-system")
        }
        cluster.kubectl("create deployment web --image=nginx --replicas=2")
        cluster.wait("deployment/web", "condition=Available")
        assert ready_pods(cluster) == 2
        at = cluster.revision
        cluster.delete("deployment/web")
        assert objects.name(cluster.get("deployment/web", at=at)) == "web"
        assert "deleted" in {step["verb"] for step in cluster.timeline(at + 1) if step["kind"] == "Deployment"}
        assert cluster.etcd_members()["outside"]
        with cluster.fork(at, pace="max") as fork:
            fork.wait("deployment/web", "condition=Available")
            fork.kubectl("scale deployment web --replicas=3")
            fork.wait("deployment/web", "jsonpath={.status.readyReplicas}=3")
        cluster.kubectl("create deployment web --image=nginx --replicas=2")
        cluster.wait("deployment/web", "condition=Available")
    command = ["etcdctl", "--endpoints", real_etcd, "get", "/registry/deployments/default/web", "--print-value-only"]
    environment = {"ETCDCTL_API": "3", "PATH": "/usr/bin:/usr/local/bin"}
    value = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert b'"readyReplicas":2' in value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"etcd_members": 2}, "1, 3 or 5"),
        ({"store": "http://127.0.0.1:2379", "data_dir": "x", "pace": 1}, "a store elsewhere keeps its own data"),
        ({"store": "http://127.0.0.1:1"}, "finite pace"),
    ],
)
def test_stores_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Cluster(nodes=1, **options)
