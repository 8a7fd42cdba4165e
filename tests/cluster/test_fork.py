"""A second cluster out of a moment of the first: independent, with a future of its own."""

import re
import threading

import pytest

from kube_nb import Cluster
from kube_nb.machinery import objects

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: nginx, readinessProbe: {httpGet: {port: 80}, periodSeconds: 2}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sleep, 9d]}]}}}
"""


@pytest.fixture(scope="module")
def first():
    with Cluster(nodes=2, seed=7) as cluster:
        cluster.apply(WEB)
        cluster.wait("deployment/web", "condition=Available")
        cluster.advance("1m")
        yield cluster


def history(cluster, since):
    return [tuple(event.kv) for events in cluster.engine.store.history.events(since) for event in events]


def names(cluster, what, **options):
    return sorted(objects.name(obj) for obj in cluster.get(what, **options))


def workload(cluster):
    """What people made, and what was made of it."""
    return {
        objects.uid(obj): obj
        for what in ("deployments", "replicasets", "jobs", "pods", "services", "endpointslices", "endpoints")
        for obj in cluster.get(what)
    }


def test_a_fork_changes_none_of_the_objects_that_it_finds_and_its_pods_serve(first):
    before, now = workload(first), first.now
    with first.fork() as fork:
        assert fork.now >= now
        fork.advance("10m")
        assert workload(fork) == before
        fork.kubectl("run visitor --image=busybox --restart=Never -- wget -qO- http://web")
        fork.wait("pod/visitor", "jsonpath={.status.phase}=Succeeded")
        assert "Welcome to nginx" in fork.kubectl("logs visitor").text
        assert all(objects.is_condition_true(node, "Ready") for node in fork.get("nodes"))
    assert workload(first) == before


def test_neither_cluster_sees_what_the_other_does(first):
    with first.fork() as fork:
        fork.kubectl("create configmap there")
        first.kubectl("create configmap here")
        assert "there" not in names(first, "configmaps")
        assert "here" not in names(fork, "configmaps")
        fork.delete("deployment/web")
        fork.advance("1m")
        assert names(fork, "pods", selector="app=web") == []
    assert len(names(first, "pods", selector="app=web")) == 2


def test_equal_forks_have_equal_futures_and_another_seed_has_another(first):
    def future(**options):
        with first.fork(at, **options) as fork:
            fork.kubectl("scale deployment web --replicas=4")
            fork.wait("deployment/web", "jsonpath={.status.readyReplicas}=4")
            fork.advance("1m")
            return history(fork, at + 1), {objects.uid(pod) for pod in fork.get("pods")}

    at = first.engine.revision
    one, uids = future()
    assert len(one) > 50
    assert (one, uids) == future()
    other, other_uids = future(seed=8)
    assert one != other
    assert len(uids & other_uids) == 3, "only the pods that were there before are in both"


def test_a_fork_of_the_past_starts_at_its_time_without_what_came_later(first):
    then, at = first.now, first.engine.revision
    first.advance("10m")
    first.kubectl("create deployment later --image=nginx")
    first.wait("deployment/later", "condition=Available")
    with first.fork(at) as fork:
        assert names(fork, "deployments") == ["web"]
        assert (objects_age_s := _seconds_between(then, fork.now)) <= 2, objects_age_s
        fork.wait("deployment/web", "condition=Available")
        with fork.fork() as second:
            assert names(second, "deployments") == ["web"]
    first.delete("deployment/later")


def _seconds_between(earlier, later):
    from kube_nb.machinery import times

    return (times.parse(later) - times.parse(earlier)).total_seconds()


def test_why_a_pod_is_where_it_is_is_known_in_the_fork(first):
    pod = names(first, "pods", selector="app=web")[0]
    with first.fork() as fork:
        assert [each.node for each in fork.decisions(pod)] == [each.node for each in first.decisions(pod)] != []


def test_what_somebody_stopped_stays_stopped(first):
    first.stop_component("kube-scheduler")
    with first.fork() as fork:
        fork.kubectl("run waiting --image=nginx")
        fork.advance("1m")
        assert "nodeName" not in fork.get("pod/waiting")["spec"]
        fork.start_component("kube-scheduler")
        fork.wait("pod/waiting", "condition=Ready")
    first.start_component("kube-scheduler")
    first.advance("20s")


def test_a_revision_that_is_not_there_is_said_so(first):
    with pytest.raises(ValueError, match="revision 999999 is still to come: the store is at"):
        first.fork(999999)
    with first.fork() as fork:
        fork.etcdctl(f"compaction {fork.engine.revision}")
        with pytest.raises(ValueError, match="revision 50 has been compacted away"):
            fork.fork(50)


def test_hollow_pods_keep_their_addresses_and_new_ones_get_others():
    with Cluster(nodes=0, hollow=10) as first:
        first.kubectl("create deployment many --image=nginx --replicas=20")
        first.wait("deployment/many", "condition=Available")
        first.kubectl("taint node control-plane node-role.kubernetes.io/control-plane-")
        with first.fork() as fork:
            fork.kubectl("scale deployment many --replicas=40")
            fork.wait("deployment/many", "jsonpath={.status.readyReplicas}=40")
            pods = fork.get("pods")
            assert len({pod["status"]["podIP"] for pod in pods}) == 40
            old = {objects.name(pod): pod["status"]["podIP"] for pod in first.get("pods")}
            assert old.items() <= {objects.name(pod): pod["status"]["podIP"] for pod in pods}.items()


def test_a_cluster_of_three_members_forks_into_one_of_three():
    with Cluster(nodes=1, etcd_members=3) as first:
        first.kubectl("create deployment web --image=nginx")
        first.wait("deployment/web", "condition=Available")
        with first.fork() as fork:
            fork.kubectl("scale deployment web --replicas=2")
            fork.wait("deployment/web", "jsonpath={.status.readyReplicas}=2")
            assert fork.etcdctl("member list").text.count("started") == 3
        assert len(first.get("pods")) == 1


def test_a_running_cluster_is_forked_at_its_pace_and_nothing_is_left_behind():
    with Cluster(nodes=1, pace=100) as first:
        first.kubectl("create deployment web --image=nginx")
        first.wait("deployment/web", "condition=Available")
        with first.fork(name="other") as paced, first.fork(pace="max") as still:
            assert (paced.pace, still.pace) == (100, "max")
            paced.wait("deployment/web", "condition=Available")
            still.wait("deployment/web", "condition=Available")
    assert [each.name for each in threading.enumerate() if each.name.startswith("kube_nb")] == []


@pytest.mark.parametrize("members", [1, 3])
def test_a_data_directory_goes_on_in_its_own_time_with_pods_that_live_on(tmp_path, members):
    with Cluster(nodes=1, data_dir=tmp_path, etcd_members=members) as first:
        first.kubectl("create deployment web --image=nginx")
        first.wait("deployment/web", "condition=Available")
        first.advance("2m")
        before, then = workload(first), first.now
        uids = set(before)
    with Cluster(nodes=1, data_dir=tmp_path, etcd_members=members) as second:
        assert workload(second) == before
        assert -10 <= _seconds_between(then, second.now) <= 10
        second.advance("10m")
        assert all(objects.is_condition_true(node, "Ready") for node in second.get("nodes"))
        second.kubectl("create deployment more --image=nginx")
        second.wait("deployment/more", "condition=Available")
        made = [obj for uid, obj in workload(second).items() if uid not in uids]
        assert {obj["kind"] for obj in made} == {"Deployment", "ReplicaSet", "Pod"}


def test_a_crash_loop_goes_on_with_its_count():
    with Cluster(nodes=1) as first:
        first.kubectl("run crash --image=busybox -- sh -c 'exit 3'")
        first.advance("3m")
        count = first.get("pod/crash")["status"]["containerStatuses"][0]["restartCount"]
        with first.fork() as fork:
            fork.advance("10m")
            assert fork.get("pod/crash")["status"]["containerStatuses"][0]["restartCount"] > count > 2
        assert re.search(r"CrashLoopBackOff|Error", first.kubectl("get pods").text)
