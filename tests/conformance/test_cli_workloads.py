"""Models the rows of test/e2e/kubectl/kubectl.go that need running pods, with the machine's kubectl."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import AGNHOST, HTTPD, PAUSE, is_ready, names, pods, when
from tests.scenarios.real import Kubectl

pytestmark = pytest.mark.kubectl

NAUTILUS = "registry.k8s.io/e2e-test-images/nautilus:1.7"


@pytest.fixture
def kubectl(kube: Kube) -> Kubectl:
    return Kubectl(Path(kube.kubeconfig), kube.namespace)


def _controller(name: str, image: str, replicas: int, port: int, **labels: str) -> str:
    lines = "".join(f", {key}: {value}" for key, value in labels.items())
    return f"""\
apiVersion: v1
kind: ReplicationController
metadata: {{name: {name}, labels: {{name: {name}{lines}}}}}
spec:
  replicas: {replicas}
  selector: {{name: {name}{lines}}}
  template:
    metadata: {{labels: {{name: {name}{lines}}}}}
    spec:
      containers:
      - {{name: {name}, image: {image}, ports: [{{name: agnhost-server, containerPort: {port}}}]}}
"""


def _primary(kube: Kube, kubectl: Kubectl) -> Any:
    """agnhost-primary and its one pod, once that runs."""
    kubectl.out("create -f -", stdin=_controller("agnhost-primary", AGNHOST, 1, 6379, app="agnhost", role="primary"))
    kube.settle()
    (found,) = pods(kube, "app=agnhost")
    assert is_ready(found)
    return found


def _demo(kube: Kube, kubectl: Kubectl, count: int) -> None:
    """So many pods of the demo run, and each serves its data through the proxy."""
    kube.settle()
    template = "{{range .items}}{{.metadata.name}} {{end}}"
    found = kubectl.out(f"get pods -o template --template='{template}' -l name=update-demo").split()
    assert len(found) == count
    for name in found:
        state = "{{range .status.containerStatuses}}{{if .state.running}}true{{end}}{{end}}"
        assert kubectl.out(f"get pods {name} -o template --template='{state}'") == "true"
        data = kube.get(f"/api/v1/namespaces/{kube.namespace}/pods/{name}/proxy/data.json")
        assert data == {"image": "nautilus.jpg"}


@conformance("[sig-cli] Kubectl client Update Demo should create and stop a replication controller [Conformance]")
def test_the_demo_is_created_serves_and_is_stopped(kube: Kube, kubectl: Kubectl) -> None:
    demo = _controller("update-demo", NAUTILUS, 2, 80)
    kubectl.out("create -f -", stdin=demo)
    _demo(kube, kubectl, 2)
    kubectl.out("delete --grace-period=0 --force -f -", stdin=demo)
    kube.settle()
    assert kubectl.out("get rc,svc -l name=update-demo --no-headers") == ""
    assert pods(kube, "name=update-demo") == []


@conformance("[sig-cli] Kubectl client Update Demo should scale a replication controller [Conformance]")
def test_the_demo_is_scaled_down_and_up(kube: Kube, kubectl: Kubectl) -> None:
    kubectl.out("create -f -", stdin=_controller("update-demo", NAUTILUS, 2, 80))
    _demo(kube, kubectl, 2)
    for replicas in (1, 2):
        kubectl.out(f"scale rc update-demo --replicas={replicas} --timeout=5m")
        _demo(kube, kubectl, replicas)


@conformance(
    "[sig-cli] Kubectl client Kubectl describe should check if kubectl describe prints relevant information for rc and pods [Conformance]"
)
def test_describe_tells_what_matters(kube: Kube, kubectl: Kubectl) -> None:
    pod = _primary(kube, kubectl)
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}\n"
    )
    service += "spec: {ports: [{port: 6379, targetPort: agnhost-server}], selector: {app: agnhost, role: primary}}\n"
    kubectl.out("create -f -", stdin=service)
    kube.settle()
    node = pod.spec.node_name
    told: dict[str, list[tuple[str, str]]] = {
        f"pod {pod.metadata.name}": [
            ("Name:", "agnhost-primary-"),
            ("Namespace:", kube.namespace),
            ("Node:", node),
            ("Labels:", "app=agnhost"),
            ("", "role=primary"),
            ("Status:", "Running"),
            ("IP:", pod.status.pod_ip),
            ("Controlled By:", "ReplicationController/agnhost-primary"),
            ("Image:", AGNHOST),
            ("State:", "Running"),
            ("QoS Class:", "BestEffort"),
        ],
        "rc agnhost-primary": [
            ("Name:", "agnhost-primary"),
            ("Namespace:", kube.namespace),
            ("Selector:", "app=agnhost,name=agnhost-primary,role=primary"),
            ("Labels:", "app=agnhost"),
            ("Annotations:", ""),
            ("Replicas:", "1 current / 1 desired"),
            ("Pods Status:", "1 Running / 0 Waiting / 0 Succeeded / 0 Failed"),
            ("Pod Template:", ""),
            ("Image:", AGNHOST),
            ("Events:", ""),
        ],
        "service agnhost-primary": [
            ("Name:", "agnhost-primary"),
            ("Namespace:", kube.namespace),
            ("Labels:", "app=agnhost"),
            ("Annotations:", ""),
            ("Selector:", "app=agnhost,role=primary"),
            ("Type:", "ClusterIP"),
            ("IP:", ""),
            ("Port:", "<unset>"),
            ("Endpoints:", f"{pod.status.pod_ip}:6379"),
            ("Session Affinity:", "None"),
        ],
        f"node {node}": [
            *((word, "") for word in ("Labels:", "Annotations:", "CreationTimestamp:", "Conditions:", "Addresses:")),
            *((word, "") for word in ("Capacity:", "Kernel Version:", "Kubelet Version:", "Non-terminated Pods:")),
            ("Name:", node),
            ("Container Runtime Version:", "containerd"),
        ],
        f"namespace {kube.namespace}": [("Name:", kube.namespace), ("Status:", "Active")],
    }
    for subject, lines in told.items():
        text = kubectl.out(f"describe {subject}")
        for label, value in lines:
            pattern = rf"^\s*{re.escape(label)}.*{re.escape(value)}" if label else re.escape(value)
            assert re.search(pattern, text, re.MULTILINE), (subject, label, value, text)


@conformance("[sig-cli] Kubectl client Kubectl expose should create services for rc [Conformance]")
def test_expose_makes_services_of_a_controller_and_of_a_service(kube: Kube, kubectl: Kubectl) -> None:
    pod = _primary(kube, kubectl)

    def check(name: str, port: int) -> None:
        kube.settle()
        (row,) = kube.core.read_namespaced_service(name, kube.namespace).spec.ports
        assert (row.port, row.target_port) == (port, 6379)
        (subset,) = kube.core.read_namespaced_endpoints(name, kube.namespace).subsets
        assert [(each.ip, subset.ports[0].port) for each in subset.addresses] == [(pod.status.pod_ip, 6379)]

    kubectl.out("expose rc agnhost-primary --name=rm2 --port=1234 --target-port=6379")
    check("rm2", 1234)
    kubectl.out("expose service rm2 --name=rm3 --port=2345 --target-port=6379")
    check("rm3", 2345)


@conformance("[sig-cli] Kubectl client Kubectl label should update the label on a resource [Conformance]")
def test_a_label_is_added_and_taken_away(kube: Kube, kubectl: Kubectl) -> None:
    kubectl.out(f"run pause --image={PAUSE} --labels=name=pause")
    when(kube, kube.core.list_namespaced_pod, "pause", is_ready)
    kubectl.out("label pods pause testing-label=testing-label-value")
    assert "testing-label-value" in kubectl.out("get pod pause -L testing-label")
    assert names(pods(kube, "testing-label=testing-label-value")) == ["pause"]
    kubectl.out("label pods pause testing-label-")
    assert "testing-label-value" not in kubectl.out("get pod pause -L testing-label")


@conformance("[sig-cli] Kubectl client Kubectl patch should add annotations for pods in rc [Conformance]")
def test_a_patch_annotates_the_pods_of_a_controller(kube: Kube, kubectl: Kubectl) -> None:
    pod = _primary(kube, kubectl)
    patch = '{"metadata":{"annotations":{"x":"y"}}}'
    kubectl.out(f"patch pod {pod.metadata.name} -p '{patch}'")
    (found,) = pods(kube, "app=agnhost")
    assert found.metadata.annotations["x"] == "y"


@conformance("[sig-cli] Kubectl client Kubectl replace should update a single-container pod's image [Conformance]")
def test_replace_changes_a_pods_image(kube: Kube, kubectl: Kubectl) -> None:
    kubectl.out(f"run e2e-test-httpd-pod --image={HTTPD} --labels=run=e2e-test-httpd-pod")
    when(kube, kube.core.list_namespaced_pod, "e2e-test-httpd-pod", is_ready)
    text = kubectl.out("get pod e2e-test-httpd-pod -o json")
    kubectl.out("replace -f -", stdin=text.replace(HTTPD, PAUSE))
    assert kube.core.read_namespaced_pod("e2e-test-httpd-pod", kube.namespace).spec.containers[0].image == PAUSE
