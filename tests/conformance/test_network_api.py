"""Models the rows of test/e2e/network that ask for every verb: endpointslice.go, ingress.go, ingressclass.go,
service_cidrs.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube, refused

_GROUP = "networking.k8s.io"


@conformance("[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]")
def test_endpoint_slices_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, "discovery.k8s.io", "v1", "endpointslices")

    def slice() -> dict:
        endpoint = {"addresses": ["1.2.3.4", "5.6.7.8"], "conditions": {"ready": True}}
        return {"addressType": "IPv4", "ports": [{"name": "", "port": 80, "protocol": "TCP"}], "endpoints": [endpoint]}

    Operations(kube.discovery, "endpoint_slice", kube.namespace).check(kube, slice)
    kube.discovery.create_namespaced_endpoint_slice(kube.namespace, {"metadata": {"name": "mine"}, **slice()})
    everywhere = kube.discovery.list_endpoint_slice_for_all_namespaces(field_selector="metadata.name=mine").items
    assert [item.metadata.namespace for item in everywhere] == [kube.namespace]


def _ingress() -> dict:
    backend = {"service": {"name": "default-backend", "port": {"number": 80}}}
    paths = [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "test-backend", "port": {"number": 8080}}}}
    ]
    return {"spec": {"defaultBackend": backend, "rules": [{"host": "foo.bar.com", "http": {"paths": paths}}]}}


@conformance("[sig-network] Ingress API should support creating Ingress API operations [Conformance]")
def test_ingresses_have_every_verb_and_a_status(kube: Kube) -> None:
    for plural in ("ingresses", "ingresses/status"):
        check_discovery(kube, _GROUP, "v1", plural)
    ingresses = Operations(kube.networking, "ingress", kube.namespace)
    ingresses.check(kube, _ingress)
    ingresses.create({"metadata": {"name": "mine"}, **_ingress()})
    everywhere = kube.networking.list_ingress_for_all_namespaces().items
    assert [(item.metadata.name, item.metadata.namespace) for item in everywhere] == [("mine", kube.namespace)]

    assert ingresses.read("mine", "status").metadata.name == "mine"
    row = {"ip": "169.1.1.1"}
    change = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"loadBalancer": {"ingress": [row]}}}
    patched = ingresses.patch("mine", change, "status")
    assert patched.metadata.annotations["patchedstatus"] == "true"
    assert patched.status.load_balancer.ingress[0].ip == "169.1.1.1"
    patched.status.load_balancer.ingress[0].ip = "169.1.1.2"
    patched.spec.default_backend.service.name = "ignored"
    updated = ingresses.replace("mine", patched, "status")
    assert updated.status.load_balancer.ingress[0].ip == "169.1.1.2"
    assert updated.spec.default_backend.service.name == "default-backend"
    ingresses.delete("mine")
    with refused(404):
        ingresses.read("mine")


@conformance("[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]")
def test_ingress_classes_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "ingressclasses")
    spec = {"controller": "example.com/controller"}
    Operations(kube.networking, "ingress_class").check(kube, lambda: {"spec": spec})


@conformance("[sig-network] ServiceCIDR and IPAddress API should support ServiceCIDR API operations [Conformance]")
def test_the_service_network_is_an_object(kube: Kube) -> None:
    for plural in ("servicecidrs", "servicecidrs/status"):
        check_discovery(kube, _GROUP, "v1", plural)
    cidrs = Operations(kube.networking, "service_cidr")
    default = cidrs.read("kubernetes")
    assert len(default.spec.cidrs) == 1
    of_status = kube.get(f"/apis/{_GROUP}/v1/servicecidrs/kubernetes/status")
    assert (of_status["kind"], of_status["metadata"]["uid"]) == ("ServiceCIDR", default.metadata.uid)
    assert [item.metadata.name for item in cidrs.list().items] == ["kubernetes"]
    with kube.watch(kube.networking.list_service_cidr) as events:
        ready = events.until(lambda event: event.object.status and event.object.status.conditions)
    rows = [(row.type, row.status) for row in ready.object.status.conditions]
    assert rows == [("Ready", "True")]


def _address(name: str, type: str) -> dict:
    parent = {"group": "mygroup", "resource": "myresources", "namespace": "foo", "name": "bar"}
    return {"metadata": {"name": name, "labels": {"type": type}}, "spec": {"parentRef": parent}}


@conformance("[sig-network] ServiceCIDR and IPAddress API should support IPAddress API operations [Conformance]")
def test_addresses_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "ipaddresses")
    addresses = Operations(kube.networking, "ip_address")
    ip, link_local = "255.255.255.255", "fe80::42:1dff:fe84:f9e2"
    made = addresses.create(_address(ip, "broadcast"))
    addresses.create(_address(link_local, "link-local"))
    patched = addresses.patch(ip, {"metadata": {"annotations": {"patched": "true"}}})
    assert patched.metadata.annotations == {"patched": "true"}
    assert int(patched.metadata.resource_version) > int(made.metadata.resource_version)
    fresh = addresses.read(ip)
    fresh.metadata.annotations["updated"] = "true"
    assert addresses.replace(ip, fresh).metadata.annotations == {"patched": "true", "updated": "true"}
    assert [item.metadata.name for item in addresses.list(label_selector="type=broadcast").items] == [ip]
    with kube.watch(kube.networking.list_ip_address, label_selector="type=broadcast") as events:
        assert events.next().name == ip
        addresses.delete(ip)
        assert str(events.next()) == f"DELETED {ip}"
    addresses.delete_collection(label_selector="type=link-local")
    assert addresses.list(label_selector="type=link-local").items == []
