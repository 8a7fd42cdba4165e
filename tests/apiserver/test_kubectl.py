"""Real kubectl against the HTTPS front."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.apiserver.https import Https, at_walls_pace, listening
from tests.apiserver.nodes import EchoNode
from tests.apiserver.serving import PODS, pod

KUBECTL = shutil.which("kubectl")
Kubectl = Callable[..., Awaitable[tuple[int, str]]]

pytestmark = [pytest.mark.kubectl, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _kubectl_is_there() -> None:
    if KUBECTL is None:
        if os.environ.get("KUBE_NB_NO_SKIP") == "1":
            pytest.fail("kubectl is missing")
        pytest.skip("kubectl is missing")


def of(server: Https) -> Kubectl:
    """Run kubectl: (exit status, output and errors)."""
    kubeconfig = server.authority.kubeconfig(server.port, "admin")

    async def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
        assert KUBECTL is not None
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *arguments,
            env={**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(server.authority.folder)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        return process.returncode or 0, output.decode()

    return run


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1"}
"""

#: Arguments, standard input, exit status, part of the output.
SESSION: list[tuple[str, str, int, str]] = [
    ("version", "", 0, "Server Version: v1."),
    ("get namespaces -o name", "", 0, "namespace/kube-system"),
    ("api-resources --api-group=apps -o name", "", 0, "deployments.apps"),
    ("api-versions", "", 0, "apps/v1"),
    ("create deployment web --image=nginx --replicas=2", "", 0, "deployment.apps/web created"),
    ("get deployment web", "", 0, "0/2"),
    ("get deployment web -o wide", "", 0, "app=web"),
    ("scale deployment web --replicas=4", "", 0, "deployment.apps/web scaled"),
    ("get deployment web -o jsonpath={.spec.replicas}/{.metadata.generation}", "", 0, "4/2"),
    ("set image deployment/web nginx=nginx:1.27", "", 0, "image updated"),
    ("label deployment web tier=front", "", 0, "labeled"),
    ("annotate deployment web note=here", "", 0, "annotated"),
    ('patch deployment web -p {"spec":{"paused":true}}', "", 0, "patched"),
    ('patch deployment web --type=json -p [{"op":"remove","path":"/spec/paused"}]', "", 0, "patched"),
    ('patch deployment web --type=merge -p {"spec":{"replicas":1}}', "", 0, "patched"),
    ("describe deployment web", "", 0, "tier=front"),
    ("explain deployment.spec.replicas", "", 0, "<integer>"),
    ("expose deployment web --port=80", "", 0, "service/web exposed"),
    ("get service web -o jsonpath={.spec.clusterIP}", "", 0, "10.96."),
    ("apply -f -", MANIFEST, 0, "configmap/settings created"),
    ("apply -f -", MANIFEST, 0, "configmap/settings unchanged"),
    ("apply -f -", MANIFEST.replace('"1"', '"2"'), 0, "configmap/settings configured"),
    ("apply --server-side --force-conflicts -f -", MANIFEST, 0, "serverside-applied"),
    ("apply -f -", MANIFEST.replace("\ndata:", "\ndaata:"), 1, 'unknown field "daata"'),
    ("diff -f -", MANIFEST.replace('"1"', '"3"'), 1, '+  a: "3"'),
    ("create job once --image=busybox -- true", "", 0, "job.batch/once created"),
    ("create cronjob often --image=busybox --schedule=*/5 -- true", "", 1, "expected exactly 5 fields"),
    ("create secret generic hidden --from-literal=a=b", "", 0, "secret/hidden created"),
    ("run single --image=nginx", "", 0, "pod/single created"),
    ("get pods --field-selector=status.phase=Pending -o name", "", 0, "pod/single"),
    ("wait pod/single --for=condition=Ready --timeout=1s", "", 1, "timed out waiting"),
    ("delete pod single", "", 0, 'pod "single" deleted'),
    ("delete deployment web --cascade=orphan --wait=false", "", 0, "deleted"),
    ("get deployment web -o jsonpath={.metadata.finalizers}", "", 0, '["orphan"]'),
    ("get deployment other", "", 1, 'deployments.apps "other" not found'),
    ("get nothing", "", 1, 'the server doesn\'t have a resource type "nothing"'),
    ("create namespace blue", "", 0, "namespace/blue created"),
    ("delete namespace kube-system", "", 1, "this namespace may not be deleted"),
    ("auth whoami -o jsonpath={.status.userInfo.username}", "", 0, "kubernetes-admin"),
    ("auth can-i delete nodes", "", 0, "yes"),
    ("auth can-i delete nodes --as=bob", "", 1, "no"),
    ("get pods --as=bob", "", 1, 'User "bob" cannot list resource "pods"'),
    ("create rolebinding view --clusterrole=view --user=bob", "", 0, "created"),
    ("auth can-i list pods --as=bob", "", 0, "yes"),
    ("auth can-i --list --as=bob", "", 0, "pods"),
    ("get --raw /readyz", "", 0, "ok"),
    ("create quota few --hard=pods=3", "", 0, "created"),
    ("get configmaps -A", "", 0, "settings"),
    ("get events", "", 0, "No resources found"),
]


def test_a_session(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path) as server:
            kubectl = of(server)
            for arguments, stdin, status, text in SESSION:
                found, output = await kubectl(*arguments.split(" "), stdin=stdin)
                assert found == status, (arguments, output)
                assert text in output, (arguments, output)

    at_walls_pace(story())


def test_sessions_with_a_pod(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path, nodes={"node-1": EchoNode()}) as server:
            kubectl = of(server)
            await server.api.create(PODS, pod())
            await server.api.create(f"{PODS}/web/binding", {"target": {"kind": "Node", "name": "node-1"}})
            assert await kubectl("logs", "web") == (0, "web/main started\nready\n")
            assert await kubectl("exec", "web", "--", "echo", "hello") == (0, "echo hello\n")
            assert await kubectl("exec", "-i", "web", "--", "cat", stdin="over and out\n") == (0, "over and out\n")
            status, output = await kubectl("exec", "web", "--", "false")
            assert (status, "exit code 3" in output) == (3, True)

    at_walls_pace(story())


def test_port_forward(tmp_path: Path) -> None:
    async def story() -> None:
        async with listening(tmp_path, nodes={"node-1": EchoNode()}) as server:
            await server.api.create(PODS, pod())
            await server.api.create(f"{PODS}/web/binding", {"target": {"kind": "Node", "name": "node-1"}})
            await server.api.patch(f"{PODS}/web/status", {"status": {"phase": "Running"}})
            assert KUBECTL is not None
            kubeconfig = server.authority.kubeconfig(server.port, "admin")
            process = await asyncio.create_subprocess_exec(
                KUBECTL,
                "port-forward",
                "pod/web",
                ":8080",
                env={**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            try:
                assert process.stdout is not None
                line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
                local = int(line.split("127.0.0.1:")[1].split()[0])
                for _ in range(3):
                    reader, writer = await asyncio.open_connection("127.0.0.1", local)
                    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert (await asyncio.wait_for(reader.read(), 20)).endswith(b"port 8080\n")
                    writer.close()
            finally:
                process.terminate()
                await process.wait()

    at_walls_pace(story())
