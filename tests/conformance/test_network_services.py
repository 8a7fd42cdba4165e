"""Models rows of test/e2e/network that services, endpoints and their controllers decide: apiserver.go, endpoints.go,
endpointslice.go, endpointslicemirroring.go, service.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused


def _of_service(name: str) -> dict:
    return {"label_selector": f"kubernetes.io/service-name={name}"}


@conformance("[sig-network] API Server should provide secure master service [Conformance]")
def test_the_api_server_is_a_service(kube: Kube) -> None:
    service = kube.core.read_namespaced_service("kubernetes", "default")
    assert [(port.name, port.port, port.protocol) for port in service.spec.ports] == [("https", 443, "TCP")]


@conformance("[sig-network] API Server should have Endpoints and EndpointSlices pointing to API Server [Conformance]")
def test_the_api_servers_service_leads_to_it(kube: Kube) -> None:
    cluster_ip = kube.core.read_namespaced_service("kubernetes", "default").spec.cluster_ip
    assert cluster_ip not in ("", "None")
    endpoints = kube.core.read_namespaced_endpoints("kubernetes", "default")
    slices = kube.discovery.list_namespaced_endpoint_slice("default", **_of_service("kubernetes")).items
    assert len(slices) == 1
    (subset,) = endpoints.subsets
    addresses = [address.ip for address in subset.addresses]
    assert [endpoint.addresses for endpoint in slices[0].endpoints] == [[ip] for ip in addresses]
    assert all(endpoint.conditions.ready for endpoint in slices[0].endpoints)
    found = [(port.name, port.port, port.protocol) for port in subset.ports]
    assert found == [(port.name, port.port, port.protocol) for port in slices[0].ports]
    assert [name for name, _, _ in found] == ["https"]
    assert slices[0].address_type == "IPv4"


def _empty_service(kube: Kube, name: str) -> Operations:
    services = Operations(kube.core, "service", kube.namespace)
    ports = [{"name": "example", "port": 80, "protocol": "TCP"}]
    services.create(
        {"metadata": {"name": name}, "spec": {"selector": {"does-not-match-anything": "x"}, "ports": ports}}
    )
    return services


@conformance(
    "[sig-network] EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods [Conformance]"
)
def test_a_service_without_pods_has_an_empty_slice(kube: Kube) -> None:
    services = _empty_service(kube, "empty")
    listing = kube.discovery.list_namespaced_endpoint_slice
    made = kube.until(listing, lambda event: event.type == "ADDED", kube.namespace, **_of_service("empty"))
    assert not made.object.endpoints
    services.delete("empty")
    kube.settle()
    assert listing(kube.namespace, **_of_service("empty")).items == []


@conformance(
    "[sig-network] EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods [Conformance]"
)
def test_a_service_without_pods_has_empty_endpoints(kube: Kube) -> None:
    services = _empty_service(kube, "empty")
    listing = kube.core.list_namespaced_endpoints
    made = kube.until(listing, lambda event: event.name == "empty", kube.namespace)
    assert not made.object.subsets
    services.delete("empty")
    kube.until_gone(kube.core.read_namespaced_endpoints, "empty", kube.namespace)


@conformance(
    "[sig-network] EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete [Conformance]"
)
def test_endpoints_made_by_hand_are_mirrored(kube: Kube) -> None:
    ports = [{"name": "example", "port": 80, "protocol": "TCP"}]
    kube.core.create_namespaced_service(kube.namespace, {"metadata": {"name": "custom"}, "spec": {"ports": ports}})
    endpoints = Operations(kube.core, "endpoints", kube.namespace)

    def mirrored() -> list:
        kube.settle()
        return kube.discovery.list_namespaced_endpoint_slice(kube.namespace, **_of_service("custom")).items

    subset = {"addresses": [{"ip": "10.1.2.3"}], "ports": ports}
    endpoints.create({"metadata": {"name": "custom"}, "subsets": [subset]})
    (slice,) = mirrored()
    assert slice.metadata.labels["endpointslice.kubernetes.io/managed-by"] == "endpointslicemirroring-controller.k8s.io"
    assert [(port.name, port.port, port.protocol) for port in slice.ports] == [("example", 80, "TCP")]
    assert [(found.addresses, found.conditions.ready) for found in slice.endpoints] == [(["10.1.2.3"], True)]

    subset["addresses"].append({"ip": "10.2.3.4"})
    endpoints.replace("custom", {"metadata": {"name": "custom"}, "subsets": [subset]})
    (slice,) = mirrored()
    assert sorted(found.addresses for found in slice.endpoints) == [["10.1.2.3"], ["10.2.3.4"]]

    endpoints.delete("custom")
    assert mirrored() == []


@conformance("[sig-network] Endpoints should test the lifecycle of an Endpoint [Conformance]")
def test_endpoints_live_and_their_watch_tells(kube: Kube) -> None:
    endpoints = Operations(kube.core, "endpoints", kube.namespace)
    select = {"label_selector": "test-endpoint-static=true"}
    port = {"name": "http", "port": 80, "protocol": "TCP"}
    metadata = {"name": "testservice", "labels": {"test-endpoint-static": "true"}}
    with kube.watch(kube.core.list_namespaced_endpoints, kube.namespace, **select) as events:
        endpoints.create({"metadata": metadata, "subsets": [{"addresses": [{"ip": "10.0.0.24"}], "ports": [port]}]})
        assert str(events.next()) == "ADDED testservice"
        everywhere = kube.core.list_endpoints_for_all_namespaces(**select).items
        assert [(item.metadata.name, item.metadata.namespace) for item in everywhere] == [
            ("testservice", kube.namespace)
        ]
        fresh = endpoints.read("testservice")
        fresh.metadata.labels["test-service"] = "updated"
        endpoints.replace("testservice", fresh)
        event = events.next()
        assert (event.type, event.object.metadata.labels["test-service"]) == ("MODIFIED", "updated")
        changed = {"addresses": [{"ip": "10.0.0.25"}], "ports": [{**port, "name": "http-test", "port": 8080}]}
        patch = {"metadata": {"labels": {"test-service": "patched"}}, "subsets": [changed]}
        endpoints.patch("testservice", patch)
        event = events.next()
        assert (event.type, event.object.metadata.labels["test-service"]) == ("MODIFIED", "patched")
        (subset,) = endpoints.read("testservice").subsets
        assert (subset.addresses[0].ip, subset.ports[0].name, subset.ports[0].port) == ("10.0.0.25", "http-test", 8080)
        endpoints.delete_collection(**select)
        assert str(events.next()) == "DELETED testservice"
    assert endpoints.list(kube.namespace, **select).items == []


@conformance("[sig-network] Services should find a service from listing all namespaces [Conformance]")
def test_the_api_servers_service_is_found_in_all_namespaces(kube: Kube) -> None:
    services = kube.core.list_service_for_all_namespaces().items
    assert ("default", "kubernetes") in [(item.metadata.namespace, item.metadata.name) for item in services]


@conformance("[sig-network] Services should complete a service status lifecycle [Conformance]")
def test_a_service_has_a_status_of_its_own(kube: Kube) -> None:
    services = Operations(kube.core, "service", kube.namespace)
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]
    labels = {"test-service-static": "true"}
    services.create(
        {"metadata": {"name": "test-service", "labels": labels}, "spec": {"type": "LoadBalancer", "ports": ports}}
    )
    select = {"label_selector": "test-service-static=true"}
    listing = kube.core.list_namespaced_service
    with kube.watch(listing, kube.namespace, **select) as events:
        assert str(events.next()) == "ADDED test-service"
        assert [item.metadata.name for item in kube.core.list_service_for_all_namespaces(**select).items] == [
            "test-service"
        ]
        assert services.read("test-service", "status").status.load_balancer is not None
        row = {"ip": "203.0.113.1"}
        change = {
            "metadata": {"annotations": {"patchedstatus": "true"}},
            "status": {"loadBalancer": {"ingress": [row]}},
        }
        patched = services.patch("test-service", change, "status")
        assert [found.ip for found in patched.status.load_balancer.ingress] == ["203.0.113.1"]
        events.until(lambda event: (event.object.metadata.annotations or {}).get("patchedstatus") == "true")
        condition = {
            "type": "StatusUpdate",
            "status": "True",
            "reason": "E2E",
            "message": "Set from e2e test",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        wire = kube.wire(patched)
        wire["status"]["conditions"] = [condition]
        updated = services.replace("test-service", wire, "status")
        assert [(found.type, found.message) for found in updated.status.conditions] == [
            ("StatusUpdate", "Set from e2e test")
        ]
        events.until(lambda event: event.object.status.conditions)
        services.patch("test-service", {"metadata": {"labels": {"test-service": "patched"}}})
        events.until(lambda event: event.object.metadata.labels.get("test-service") == "patched")
        services.delete("test-service")
        events.until(lambda event: event.type == "DELETED")
    with refused(404):
        services.read("test-service")


@conformance("[sig-network] Services should delete a collection of services [Conformance]")
def test_services_are_deleted_by_label(kube: Kube) -> None:
    services = Operations(kube.core, "service", kube.namespace)
    for number in range(3):
        label = "wanted" if number < 2 else "other"
        spec = {"ports": [{"name": "http", "port": 80, "targetPort": 80}], "selector": {"a": "b"}}
        services.create({"metadata": {"name": f"svc-{number}", "labels": {"set": label}}, "spec": spec})
    assert len(services.list(kube.namespace, label_selector="set=wanted").items) == 2
    services.delete_collection(label_selector="set=wanted")
    kube.settle()
    assert [item.metadata.name for item in services.list(kube.namespace).items] == ["svc-2"]
