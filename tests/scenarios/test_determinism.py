"""Equal seeds give equal histories, whatever happens in them; each scenario once more with another seed differs."""

import pytest

from kube_nb import Cluster

JOBS = """\
apiVersion: batch/v1
kind: Job
metadata: {name: some}
spec:
  completions: 5
  parallelism: 2
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sh, -c, "sleep 3"]}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: failing}
spec:
  backoffLimit: 2
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sh, -c, "exit 1"]}]}
"""
CRASHES = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: crash}
spec:
  replicas: 3
  selector: {matchLabels: {app: crash}}
  template:
    metadata: {labels: {app: crash}}
    spec: {containers: [{name: c, image: busybox, command: [sh, -c, "echo boom; exit 1"]}]}
"""
PROBES = """\
apiVersion: v1
kind: Pod
metadata: {name: unhealthy, labels: {app: probed}}
spec:
  containers:
  - name: c
    image: nginx
    livenessProbe: {httpGet: {path: /absent, port: 80}, periodSeconds: 2}
    readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 3}
---
apiVersion: v1
kind: Service
metadata: {name: probed}
spec: {selector: {app: probed}, ports: [{port: 80}]}
"""
MANY = CRASHES.replace("replicas: 3", "replicas: 40").replace("crash", "many").replace("exit 1", "sleep 9d")


def jobs(cluster):
    cluster.apply(JOBS)
    cluster.advance("5m")
    assert len(cluster.get("pods", selector="job-name=some")) == 5


def crash_loops(cluster):
    cluster.apply(CRASHES)
    cluster.advance("5m")
    restarts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in cluster.get("pods")]
    assert len(restarts) == 3
    assert min(restarts) >= 4


def probes(cluster):
    cluster.apply(PROBES)
    cluster.advance("3m")
    assert cluster.get("pod/unhealthy")["status"]["containerStatuses"][0]["restartCount"] >= 2


def a_drained_node(cluster):
    cluster.apply(MANY.replace("replicas: 40", "replicas: 6"))
    cluster.wait("deployment/many", "condition=Available")
    cluster.kubectl("drain node-1 --ignore-daemonsets")
    cluster.advance("2m")
    assert all(pod["spec"]["nodeName"] != "node-1" for pod in cluster.get("pods"))


def a_control_plane_that_stops(cluster):
    cluster.stop_component("kube-controller-manager")
    cluster.apply(CRASHES)
    cluster.advance("1m")
    cluster.stop_component("kube-apiserver")
    cluster.advance("1m")
    cluster.start_component("kube-apiserver")
    cluster.start_component("kube-controller-manager")
    cluster.advance("1m")
    assert len(cluster.get("pods")) == 3


def hollow_nodes(cluster):
    cluster.apply(MANY)
    cluster.wait("deployment/many", "condition=Available")
    cluster.kubectl("delete deployment many")
    cluster.advance("1m")
    assert cluster.get("pods") == []


SCENARIOS = [jobs, crash_loops, probes, a_drained_node, a_control_plane_that_stops, hollow_nodes]


def history(scenario, seed):
    """Every write: revision, key and value."""
    with Cluster(nodes=2, hollow=10 if scenario is hollow_nodes else 0, seed=seed) as cluster:
        scenario(cluster)
        return [tuple(event.kv) for events in cluster.engine.store.history.events(1) for event in events]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__.replace("_", " "))
def test_equal_seeds_give_equal_histories_and_another_seed_does_not(scenario):
    first, second = history(scenario, 3), history(scenario, 3)
    assert next((pair for pair in zip(first, second, strict=False) if pair[0] != pair[1]), None) is None
    assert len(first) == len(second) > 100
    assert history(scenario, 4) != first
