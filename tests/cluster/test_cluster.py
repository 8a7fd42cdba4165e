"""The spine: from a manifest to running pods, and what a cluster leaves behind."""

import asyncio
import gc
import subprocess
import sys
import threading

import pytest

from kube_nb import Cluster
from kube_nb.kubectl import KubectlError
from kube_nb.machinery import objects
from tests import stores

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: "nginx:1.27", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
"""


@pytest.fixture(params=stores.EVERY)
def cluster(request):
    with stores.cluster_on(request.param, nodes=3, seed=7) as made:
        yield made


def names(cluster, what, **options):
    return sorted(objects.name(obj) for obj in cluster.get(what, **options))


def test_a_fresh_cluster_has_ready_nodes_and_its_control_plane_in_pods(cluster):
    nodes = cluster.get("nodes")
    assert [objects.name(node) for node in nodes] == ["control-plane", "node-1", "node-2", "node-3"]
    assert all(objects.is_condition_true(node, "Ready") for node in nodes)
    pods = cluster.get("pods", namespace="kube-system")
    assert all(objects.is_condition_true(pod, "Ready") for pod in pods)
    components = {objects.labels(pod)["component"] for pod in pods if "component" in objects.labels(pod)}
    assert components == {*cluster.components}
    assert {"kube-apiserver", "kube-controller-manager", "kube-scheduler"} <= components


def test_a_manifest_becomes_ready_pods_behind_a_service(cluster):
    cluster.apply(WEB)
    cluster.wait("deployment/web", "condition=Available", timeout="60s")
    pods = cluster.get("pods", selector="app=web")
    assert len(pods) == 2
    slices = cluster.get("endpointslices", selector="kubernetes.io/service-name=web")
    behind = sorted(address for each in slices[0]["endpoints"] for address in each["addresses"])
    assert behind == sorted(pod["status"]["podIP"] for pod in pods)


def test_a_pod_reaches_a_service_by_its_name(cluster):
    cluster.apply(WEB)
    cluster.wait("deployment/web", "condition=Available")
    cluster.kubectl("run visitor --image=busybox --restart=Never -- wget -qO- http://web.default.svc.cluster.local")
    cluster.wait("pod/visitor", "jsonpath={.status.phase}=Succeeded")
    assert "Welcome to nginx" in cluster.kubectl("logs visitor").text


def test_without_its_scheduler_nothing_is_placed_and_running_pods_live_on(cluster):
    cluster.apply(WEB)
    cluster.wait("deployment/web", "condition=Available")
    cluster.stop_component("kube-scheduler")
    cluster.kubectl("scale deployment web --replicas=3")
    cluster.advance("1m")
    placed = [pod["spec"].get("nodeName") is not None for pod in cluster.get("pods", selector="app=web")]
    assert sorted(placed) == [False, True, True]
    cluster.start_component("kube-scheduler")
    cluster.advance("20s")
    assert all(objects.is_condition_true(pod, "Ready") for pod in cluster.get("pods", selector="app=web"))


def test_without_its_api_server_kubectl_says_so_and_nothing_is_lost(cluster):
    cluster.apply(WEB)
    cluster.stop_component("kube-apiserver")
    refused = cluster.kubectl("get pods")
    assert refused.stderr == (
        "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n"
    )
    cluster.start_component("kube-apiserver")
    cluster.run(cluster.engine.apiserver_up.wait())
    cluster.advance("10s")
    assert names(cluster, "deployments") == ["web"]
    cluster.kubectl("scale deployment web --replicas=1")
    cluster.wait("deployment/web", "jsonpath={.status.replicas}=1", timeout="300s")  # once a manager leads again
    cluster.advance("40s")
    assert len(cluster.get("pods", selector="app=web")) == 1


def test_waiting_does_not_take_the_end_of_the_api_server_for_success():
    with Cluster(nodes=1) as cluster:
        cluster.kubectl("create deployment web --image=nobody/knows")
        nodes, later = cluster.engine.nodes, cluster._loop.call_later
        later(5, nodes.stop_component, "kube-apiserver")
        with pytest.raises(KubectlError, match=r"The connection to the server 127\.0\.0\.1:6443 was refused"):
            cluster.wait("deployment/web", "condition=Available", timeout="60s")
        cluster.start_component("kube-apiserver")
        cluster.run(cluster.engine.apiserver_up.wait())
        later(5, nodes.stop_component, "kube-apiserver")
        later(30, nodes.start_component, "kube-apiserver")
        result = cluster.kubectl("rollout status deployment/web --timeout=5m")
        assert result.stderr == "error: timed out waiting for the condition\n"


def history(seed):
    """Every write of a small scenario: revision, key and value."""
    with Cluster(nodes=2, seed=seed) as cluster:
        cluster.apply(WEB)
        cluster.wait("deployment/web", "condition=Available")
        cluster.kubectl("set image deployment/web nginx=nginx:1.28")
        cluster.advance("2m")
        cluster.kubectl("delete deployment web")
        return [tuple(event.kv) for events in cluster.engine.store.history.events(1) for event in events]


def test_equal_seeds_give_equal_histories_and_another_seed_does_not():
    first, second, other = history(11), history(11), history(12)
    assert first == second
    assert len(first) > 100
    assert first != other


def test_equal_seeds_give_equal_histories_in_processes_with_other_hash_seeds():
    program = (
        "import hashlib, sys; sys.path.insert(0, 'tests/cluster'); import test_cluster;"
        "print(hashlib.sha256(repr(test_cluster.history(5)).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_two_clusters_in_one_process_do_not_disturb_each_other():
    with Cluster(nodes=1, seed=1) as one, Cluster(nodes=1, seed=1) as two:
        one.apply(WEB)
        assert names(two, "deployments") == []
        two.advance("10m")
        assert one.time_s < 300 < two.time_s
        one.wait("deployment/web", "condition=Available")


def test_a_cluster_leaves_no_thread_and_no_task():
    for pace in ("max", 100):
        with Cluster(nodes=1, pace=pace) as cluster:
            cluster.kubectl("create deployment web --image=nginx")
            cluster.serve()
        assert cluster._loop.is_closed()
    gc.collect()
    assert [each.name for each in threading.enumerate() if each.name.startswith("kube_nb")] == []


def test_commands_are_safe_from_many_threads():
    with Cluster(nodes=1, pace=1000) as cluster:
        workers = [
            threading.Thread(target=cluster.kubectl, args=(f"create configmap c{number}",)) for number in range(8)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert names(cluster, "configmaps") == [f"c{number}" for number in range(8)] + ["kube-root-ca.crt"]


def test_the_async_twin_leaves_the_callers_loop_free():
    async def cell(cluster):
        ticks = []

        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        result = await cluster.aio.kubectl("get nodes -o name")
        ticking.cancel()
        return result.text, len(ticks)

    with Cluster(nodes=1) as cluster:
        text, ticks = asyncio.run(cell(cluster))
    assert text == "node/control-plane\nnode/node-1\n"
    assert ticks > 1


def test_ctrl_c_ends_a_wait_and_the_cluster_works_on(cluster):
    import signal

    loop, main = cluster._loop, threading.main_thread().ident
    loop.call_soon_threadsafe(loop.call_later, 5, signal.pthread_kill, main, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        cluster.wait("deployment/never", "create", timeout="1h")
    cluster.apply(WEB)
    cluster.wait("deployment/web", "condition=Available")


def test_a_stream_gives_text_as_it_comes_and_a_result_at_any_end(cluster):
    from kube_nb.kubectl import Result

    result = Result()
    stream = cluster.stream("get nodes -w", limit_s=30, result=result)
    assert next(stream).startswith("NAME")
    stream.close()
    assert result.text.startswith("NAME")


def test_a_refusal_is_raised_by_the_facade_and_changes_nothing(cluster):
    before = cluster.engine.revision
    with pytest.raises(KubectlError, match=r"\.spec\.template\.spec\.containerz: field not declared in schema"):
        cluster.apply(WEB.replace("containers:", "containerz:"))
    assert names(cluster, "deployments") == []
    assert cluster.engine.revision > before, "the service of the same manifest is right and was applied"


def test_hollow_nodes_run_hollow_pods():
    with Cluster(nodes=1, hollow=20) as cluster:
        assert len(cluster.get("nodes")) == 22
        cluster.kubectl("create deployment many --image=nginx --replicas=100")
        cluster.wait("deployment/many", "condition=Available")
        assert len(cluster.get("pods", selector="app=many")) == 100


@pytest.mark.parametrize(
    "options",
    [{"nodes": -1}, {"hollow": -1}, {"pace": 0}, {"pace": "quick"}, {"version": "9.9"}],
    ids=lambda options: next(f"{name}={value}" for name, value in options.items()),
)
def test_what_no_cluster_can_be_is_said_at_once(options):
    with pytest.raises(ValueError, match=f"{next(iter(options.values()))}"):
        Cluster(**options)


def test_a_pod_is_taken_for_a_label_that_the_node_got_a_moment_ago():
    with Cluster(nodes=2, seed=1) as cluster:
        cluster.kubectl("label node node-2 disk=ssd")
        cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "picky"},
                "spec": {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "c", "image": "nginx"}]},
            }
        )
        cluster.wait("pod/picky", "condition=Ready")
