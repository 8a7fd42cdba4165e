"""Models test/e2e/network: endpoints.go, endpointslice.go, service.go, service_latency.go."""

from datetime import datetime
from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import AGNHOST, pod, running


def _serve(kube: Kube, name: str, *ports: int, labels: dict[str, str]) -> str:
    """A pod that serves its host name at ports ``p<number>``; its address."""
    numbered = [{"name": f"p{port}", "containerPort": port} for port in ports]
    args = ["netexec", f"--http-port={ports[0]}"]
    container = {"args": args, "ports": numbered}
    kube.core.create_namespaced_pod(kube.namespace, pod(name, AGNHOST, labels=labels, container=container))
    return str(running(kube, name).status.pod_ip)


def _service(kube: Kube, name: str, selector: dict[str, str], *ports: tuple[str, int, Any], **spec: Any) -> Any:
    """ports: (name, port, target port)."""
    rows = [{"name": name, "port": port, "targetPort": target} for name, port, target in ports]
    body = {"metadata": {"name": name}, "spec": {"selector": selector, "ports": rows, **spec}}
    created = kube.core.create_namespaced_service(kube.namespace, body)
    kube.settle()
    return created


def _endpoints(kube: Kube, service: str) -> dict[str, list[int]]:
    """Address -> ports, from the Endpoints and from the EndpointSlices, which must agree."""
    old: dict[str, list[int]] = {}
    for subset in kube.core.read_namespaced_endpoints(service, kube.namespace).subsets or ():
        for address in subset.addresses or ():
            old.setdefault(address.ip, []).extend(port.port for port in subset.ports)
    new: dict[str, list[int]] = {}
    for each in _slices(kube, service):
        for endpoint in each.endpoints or ():
            assert endpoint.conditions.ready is True
            new.setdefault(endpoint.addresses[0], []).extend(port.port for port in each.ports)
    old, new = ({ip: sorted(ports) for ip, ports in sorted(found.items())} for found in (old, new))
    assert old == new
    return new


def _slices(kube: Kube, service: str) -> list[Any]:
    selector = f"kubernetes.io/service-name={service}"
    return list(kube.discovery.list_namespaced_endpoint_slice(kube.namespace, label_selector=selector).items)


def _reach(kube: Kube, target: str, port: int, expected: set[str]) -> None:
    """A pod asks for the host name again and again, until everybody that is expected has answered."""
    script = f"for i in $(seq 1 30); do wget -q -O - http://{target}:{port}/hostname; echo; done"
    result = kube.kubectl(f"exec execpod -- /bin/sh -c '{script}'")
    assert result.exit_code == 0, result.stderr
    assert set(result.text.split()) == expected


def _now_s(kube: Kube) -> float:
    return datetime.fromisoformat(kube.cluster.now).timestamp()


def _execpod(kube: Kube) -> None:
    kube.core.create_namespaced_pod(kube.namespace, pod("execpod", AGNHOST, container={"args": ["pause"]}))
    running(kube, "execpod")


@conformance("[sig-network] Services should serve a basic endpoint from pods [Conformance]")
def test_a_service_follows_its_pods_and_traffic_reaches_them(kube: Kube) -> None:
    name, labels = "endpoint-test2", {"app": "endpoint-test2"}
    service = _service(kube, name, labels, ("http", 80, 80))
    assert _endpoints(kube, name) == {}
    _execpod(kube)
    first = _serve(kube, "pod1", 80, labels=labels)
    kube.settle()
    assert _endpoints(kube, name) == {first: [80]}
    for target in (name, service.spec.cluster_ip):
        _reach(kube, target, 80, {"pod1"})
    second = _serve(kube, "pod2", 80, labels=labels)
    kube.settle()
    assert _endpoints(kube, name) == {first: [80], second: [80]}
    _reach(kube, name, 80, {"pod1", "pod2"})
    for gone, left in (("pod1", {second: [80]}), ("pod2", {})):
        kube.core.delete_namespaced_pod(gone, kube.namespace)
        kube.settle()
        assert _endpoints(kube, name) == left


@conformance("[sig-network] Services should serve multiport endpoints from pods [Conformance]")
def test_each_port_of_a_service_has_its_own_pods(kube: Kube) -> None:
    name, labels = "multi-endpoint-test", {"app": "multi"}
    _service(kube, name, labels, ("portname1", 80, "p100"), ("portname2", 81, "p101"))
    _execpod(kube)
    first = _serve(kube, "pod1", 100, labels=labels)
    kube.settle()
    assert _endpoints(kube, name) == {first: [100]}
    second = _serve(kube, "pod2", 101, labels=labels)
    kube.settle()
    assert _endpoints(kube, name) == {first: [100], second: [101]}
    _reach(kube, name, 80, {"pod1"})
    _reach(kube, name, 81, {"pod2"})
    kube.core.delete_namespaced_pod("pod1", kube.namespace)
    kube.settle()
    assert _endpoints(kube, name) == {second: [101]}


@conformance(
    "[sig-network] EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service [Conformance]"
)
def test_slices_and_endpoints_come_and_go_with_services(kube: Kube) -> None:
    labels = {"foo-special": "bar"}
    _service(kube, "example-int-port", labels, ("example", 80, 3000), publishNotReadyAddresses=False)
    _service(kube, "example-named-port", labels, ("http", 80, "p3000"))
    _service(kube, "example-no-match", {"foo-special": "nothing"}, ("example-no-match", 80, 3001))
    first = _serve(kube, "pod1", 3000, 3001, labels=labels)
    second = _serve(kube, "pod2", 3000, 3001, labels=labels)
    kube.settle()
    both = {first: [3000], second: [3000]}
    assert _endpoints(kube, "example-int-port") == _endpoints(kube, "example-named-port") == dict(sorted(both.items()))
    assert _endpoints(kube, "example-no-match") == {}
    for each in _slices(kube, "example-int-port"):
        assert each.metadata.owner_references[0].kind == "Service"
        assert each.metadata.labels["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"
        for endpoint in each.endpoints:
            assert endpoint.target_ref.kind == "Pod"
            assert endpoint.node_name in ("node-1", "node-2")
    kube.core.delete_namespaced_service("example-int-port", kube.namespace)
    kube.settle()
    assert _slices(kube, "example-int-port") == []
    kube.until_gone(kube.core.read_namespaced_endpoints, "example-int-port", kube.namespace)


@conformance("[sig-network] EndpointsController should create Endpoints for Pods matching a Service [Conformance]")
def test_endpoints_name_the_pods_and_ports_of_a_service(kube: Kube) -> None:
    labels = {"foo-special": "bar"}
    _service(kube, "example-named-port", labels, ("http", 80, "p3000"))
    address = _serve(kube, "pod1", 3000, labels=labels)
    kube.settle()
    (subset,) = kube.core.read_namespaced_endpoints("example-named-port", kube.namespace).subsets
    assert [(each.ip, each.target_ref.name) for each in subset.addresses] == [(address, "pod1")]
    assert [(port.name, port.port, port.protocol) for port in subset.ports] == [("http", 3000, "TCP")]
    kube.core.delete_namespaced_service("example-named-port", kube.namespace)
    kube.until_gone(kube.core.read_namespaced_endpoints, "example-named-port", kube.namespace)


@conformance("[sig-network] Service endpoints latency should not be very high [Conformance]")
def test_endpoints_of_many_services_appear_at_once(kube: Kube) -> None:
    """The limits are upstream's; they are of the cluster's time."""
    name, selector = "svc-latency", {"name": "svc-latency"}
    _serve(kube, name, 80, labels=selector)
    latencies = []
    for number in range(100):
        body = {"metadata": {"name": f"latency-svc-{number}"}, "spec": {"selector": selector, "ports": [{"port": 80}]}}
        started_s = _now_s(kube)
        kube.core.create_namespaced_service(kube.namespace, body)
        kube.settle()
        assert len(_slices(kube, f"latency-svc-{number}")[0].endpoints) == 1
        latencies.append(_now_s(kube) - started_s)
    in_order = sorted(latencies)
    assert in_order[50] <= 20
    assert in_order[98] <= 50
