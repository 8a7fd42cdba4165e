"""Models the rows of test/e2e/kubectl/kubectl.go that need no running container, with the machine's kubectl."""

import re
import socket
from pathlib import Path

import pytest
import urllib3

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.scenarios.real import Kubectl

pytestmark = pytest.mark.kubectl


@pytest.fixture
def kubectl(kube: Kube) -> Kubectl:
    return Kubectl(Path(kube.kubeconfig), kube.namespace)


@conformance(
    "[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions [Conformance]"
)
def test_api_versions_lists_v1(kubectl: Kubectl) -> None:
    assert "v1" in kubectl.out("api-versions").splitlines()


@conformance(
    "[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info [Conformance]"
)
def test_cluster_info_tells_where_the_control_plane_runs(kube: Kube, kubectl: Kubectl) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", kubectl.out("cluster-info"))
    assert f"Kubernetes control plane is running at {kube.client.configuration.host}" in plain


_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: httpd}
spec:
  replicas: 1
  selector: {matchLabels: {app: httpd}}
  template:
    metadata: {labels: {app: httpd}}
    spec:
      containers: [{name: httpd, image: "httpd:2.4"}]
"""


@conformance(
    "[sig-cli] Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments [Conformance]"
)
def test_diff_shows_another_image(kubectl: Kubectl) -> None:
    kubectl("create -f -", stdin=_DEPLOYMENT)
    shown = kubectl("diff -f -", stdin=_DEPLOYMENT.replace("httpd:2.4", "busybox:1.29"), code=1).out
    assert re.search(r"^-\s+- image: httpd:2\.4$", shown, re.MULTILINE)
    assert re.search(r"^\+\s+- image: busybox:1\.29$", shown, re.MULTILINE)
    assert kubectl.out("get deployment httpd -o jsonpath={..image}") == "httpd:2.4"


@conformance(
    "[sig-cli] Kubectl client Kubectl run pod should create a pod from an image when restart is Never [Conformance]"
)
def test_run_makes_a_pod_that_never_restarts(kube: Kube, kubectl: Kubectl) -> None:
    kubectl("run e2e-test-httpd-pod --restart=Never --image=httpd:2.4")
    pod = kube.core.read_namespaced_pod("e2e-test-httpd-pod", kube.namespace)
    assert pod.spec.restart_policy == "Never"
    assert [container.image for container in pod.spec.containers] == ["httpd:2.4"]


@conformance(
    "[sig-cli] Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods [Conformance]"
)
def test_a_dry_run_patch_changes_nothing(kube: Kube, kubectl: Kubectl) -> None:
    kubectl("run e2e-test-httpd-pod --image=httpd:2.4 --labels=run=e2e-test-httpd-pod")
    patch = '{"spec":{"containers":[{"name":"e2e-test-httpd-pod","image":"busybox:1.29"}]}}'
    shown = kubectl.out(
        f"patch pod e2e-test-httpd-pod -p '{patch}' --dry-run=server -o jsonpath={{..spec.containers[0].image}}"
    )
    assert shown == "busybox:1.29"
    pod = kube.core.read_namespaced_pod("e2e-test-httpd-pod", kube.namespace)
    assert [container.image for container in pod.spec.containers] == ["httpd:2.4"]


@conformance("[sig-cli] Kubectl client Kubectl version should check is all data is printed [Conformance]")
def test_version_tells_of_client_and_server(kube: Kube, kubectl: Kubectl) -> None:
    printed = kubectl.out("version")
    server = kube.get("/version")
    assert re.search(r"^Client Version: v1\.\d+\.", printed, re.MULTILINE)
    assert f"Server Version: {server['gitVersion']}" in printed
    told = kubectl.out("version -o json")
    for field in ("major", "minor", "gitVersion", "gitCommit", "buildDate", "platform"):
        assert told.count(f'"{field}"') == 2, field


@conformance("[sig-cli] Kubectl client Proxy server should support --unix-socket=/path [Conformance]")
def test_a_proxy_on_a_unix_socket_serves_the_api(kubectl: Kubectl, tmp_path: Path) -> None:
    path = tmp_path / "proxy.sock"
    with kubectl.start(f"proxy --unix-socket={path}") as proxy:
        assert proxy.stdout.readline().strip() == f"Starting to serve on {path}"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"GET /api/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.split()[1] == "200"
    assert '"versions"' in answer
    assert '"v1"' in answer


@conformance("[sig-cli] Kubectl client Proxy server should support proxy with --port 0 [Conformance]")
def test_a_proxy_on_a_free_port_serves_the_api(kubectl: Kubectl) -> None:
    with kubectl.start("proxy -p 0 --disable-filter") as proxy:
        port = re.search(r"Starting to serve on 127\.0\.0\.1:(\d+)", proxy.stdout.readline())[1]
        with urllib3.PoolManager() as pool:
            answer = pool.request("GET", f"http://127.0.0.1:{port}/api/", timeout=10)
            assert answer.status == 200
            assert answer.json()["versions"] == ["v1"]
