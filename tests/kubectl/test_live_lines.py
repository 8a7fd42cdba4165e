"""Lines that need a living cluster, or time: rollouts, waits, watches, logs, exec, drains."""

import asyncio

import pytest

from kube_nb import kubectl
from kube_nb.cluster import Cluster
from kube_nb.kubectl.result import Result
from tests.kubectl import sides

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "main", "image": "nginx"}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "nginx"}]},
        },
    },
}


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=2, seed=7) as made:
        made.kubectl("create deployment web --image=nginx --replicas=2 --port=80")
        made.kubectl("expose deployment web")
        yield made


def test_a_rollout_is_told_to_its_end(cluster):
    assert cluster.kubectl("rollout status deploy/web").text == 'deployment "web" successfully rolled out\n'
    assert cluster.kubectl("rollout history deploy/web").text.startswith("deployment.apps/web \nREVISION  CHANGE-CAUSE")


def test_a_pod_that_is_run_and_removed_shows_what_it_printed(cluster):
    line = "run tmp --rm -i --image=busybox --restart=Never -- wget -qO- http://web"
    found = cluster.kubectl(line)
    assert "Welcome to nginx!" in found.text
    assert found.text.endswith('pod "tmp" deleted\n')
    assert "tmp" not in cluster.kubectl("get pods").text


def test_a_pod_that_fails_ends_its_command_likewise(cluster):
    found = cluster.kubectl(
        ["run", "bad", "--rm", "-i", "--image=busybox", "--restart=Never", "--", "sh", "-c", "exit 4"]
    )
    assert found.exit_code == 4


def test_exec_takes_over_the_exit_code(cluster):
    assert "etc" in cluster.kubectl("exec deploy/web -- ls /").text
    found = cluster.kubectl(["exec", "deploy/web", "--", "sh", "-c", "exit 3"])
    assert (found.stderr, found.exit_code) == ("command terminated with exit code 3\n", 3)


def test_logs_of_a_workload_are_those_of_one_pod(cluster):
    found = cluster.kubectl("logs deploy/web --tail=1")
    assert "start worker processes" in found.text
    assert found.stderr.startswith("Found 2 pods, using pod/web-")


def test_a_drained_node_has_no_pods_but_those_of_daemon_sets(cluster):
    refused = cluster.kubectl("drain node-1")
    assert "(use --ignore-daemonsets to ignore)" in refused.stderr
    found = cluster.kubectl("drain node-1 --ignore-daemonsets --delete-emptydir-data --force")
    assert found.text.endswith("node/node-1 drained\n")
    left = cluster.kubectl("get pods -A --field-selector=spec.nodeName=node-1 -o name").text.splitlines()
    assert all(name.startswith("pod/kube-proxy-") for name in left)
    assert cluster.kubectl("uncordon node-1").text == "node/node-1 uncordoned\n"


async def test_wait_ends_when_the_condition_comes_true():
    async with sides.session([POD]) as session:
        waiting = asyncio.create_task(kubectl.run("wait --for=jsonpath={.status.phase}=Running pod/web", session))
        await asyncio.sleep(7)
        await kubectl.run(
            ["patch", "pod", "web", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Running"}}'],
            session,
        )
        assert str(await waiting) == "pod/web condition met\n"
        assert session.clock.time() == 7


async def test_wait_gives_up_after_its_timeout():
    async with sides.session([POD]) as session:
        found = await kubectl.run("wait --for=condition=Ready pod/web --timeout=12s", session)
        assert found.stderr == "error: timed out waiting for the condition on pods/web\n"
        assert session.clock.time() == 12


async def test_delete_waits_for_finalizers():
    held = {**POD, "metadata": {**POD["metadata"], "finalizers": ["example.com/hold"]}}
    async with sides.session([held]) as session:
        deleting = asyncio.create_task(kubectl.run("delete pod web --grace-period=0 --force", session))
        await asyncio.sleep(3)
        assert not deleting.done()
        await kubectl.run(["patch", "pod", "web", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'], session)
        assert (await deleting).exit_code == 0


async def test_a_watch_streams_a_line_per_change_and_leaves_a_result():
    async with sides.session([POD]) as session:
        heard: list[str] = []
        session.emit = heard.append
        result = Result()
        watching = asyncio.create_task(kubectl.run("get pods -w", session, result))
        await asyncio.sleep(1)
        await kubectl.run("label pod web color=blue", session)
        await asyncio.sleep(1)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
        rows = [line.split()[0] for line in result.text.splitlines()]
        assert rows == ["NAME", "web", "web"]
        assert "".join(heard).startswith("NAME")


async def test_rollout_status_follows_the_deployment():
    async with sides.session([DEPLOYMENT]) as session:
        following = asyncio.create_task(kubectl.run("rollout status deploy/web", session))
        for available in (0, 1, 2):
            await asyncio.sleep(1)
            counts = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": available, "observedGeneration": 1}
            path = "/apis/apps/v1/namespaces/default/deployments/web/status"
            headers = {"content-type": "application/merge-patch+json"}
            await session.client.raw("PATCH", path, {}, {"status": counts}, headers)
        waiting = 'Waiting for deployment "web" rollout to finish: '
        assert (await following).text == (
            "Waiting for deployment spec update to be observed...\n"
            f"{waiting}0 of 2 updated replicas are available...\n"
            f"{waiting}1 of 2 updated replicas are available...\n"
            'deployment "web" successfully rolled out\n'
        )


async def test_edit_sends_what_the_editor_changed():
    async with sides.session([POD]) as session:
        session.edit = lambda text: text.replace("app: web", "app: shop")
        assert str(await kubectl.run("edit pod web", session)) == "pod/web edited\n"
        assert (await kubectl.run("get pod web -o jsonpath={.metadata.labels.app}", session)).text == "shop"
        session.edit = lambda text: text
        assert str(await kubectl.run("edit pod web", session)) == "Edit cancelled, no changes made.\n"


async def test_an_edit_without_an_editor_says_so():
    async with sides.session([POD]) as session:
        assert "there is no editor here" in (await kubectl.run("edit pod web", session)).stderr


async def test_warnings_of_the_server_are_told_once():
    async with sides.session() as session:
        found = await kubectl.run("get endpoints,endpoints", session)
        assert found.stderr.count("Warning: ") == 1
        strict = await kubectl.run("get endpoints --warnings-as-errors", session)
        assert strict.exit_code == 1


async def test_drain_waits_for_a_budget():
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {
            "observedGeneration": 1,
            "currentHealthy": 1,
            "desiredHealthy": 1,
            "disruptionsAllowed": 0,
            "expectedPods": 1,
        },
    }
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    running = {**POD, "spec": {**POD["spec"], "nodeName": "node-1"}, "status": ready}
    async with sides.session([node, running, budget]) as session:
        found = await kubectl.run("drain node-1 --force --timeout=12s", session)
        assert found.exit_code == 1
        assert "will retry after 5s" in found.stderr
        assert "global timeout reached: 12s" in found.stderr
        assert session.clock.time() == 12


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("port-forward pod/web 80", "is not available in a notebook"),
        ("apply -k here", "kustomizations are not built here"),
        ("top pods", "error: Metrics API not available"),
        ("frobnicate", 'error: unknown command "frobnicate" for "kubectl"'),
        ("gett pods", "Did you mean this?\n\tget\n"),
    ],
    ids=str,
)
async def test_what_is_not_there_says_so(line, expected):
    async with sides.session() as session:
        found = await kubectl.run(line, session)
    assert found.exit_code == 1
    assert expected in found.stderr
