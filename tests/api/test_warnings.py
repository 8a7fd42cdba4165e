import pytest
import yaml

from kube_nb.api import duplicates, warnings
from kube_nb.api.registry import Registry
from kube_nb.machinery.gvk import GVK

REGISTRY = Registry.builtin()


@pytest.mark.parametrize(
    ("resource", "version", "expected"),
    [
        ("componentstatuses", "1.37", "v1 ComponentStatus is deprecated in v1.19+"),
        ("endpoints", "1.37", "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
        ("endpoints", "1.32", ""),
        ("pods", "1.37", ""),
    ],
)
def test_deprecated_versions_warn(resource: str, version: str, expected: str) -> None:
    kind = Registry.builtin(version).resolve(resource)
    assert kind is not None
    assert warnings.deprecated(kind, version) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{env: [{name: A}, {name: A}]}]}}",
            ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
            id="a variable twice",
        ),
        pytest.param(
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {containers: "
            "[{ports: [{containerPort: 80}, {containerPort: 80}]}]}}}}",
            [
                "spec.template.spec.containers[0].ports[1]: "
                "duplicate port definition with spec.template.spec.containers[0].ports[0]"
            ],
            id="a port twice",
        ),
        pytest.param(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {loadBalancerIP: 1.2.3.4}}",
            ["spec.loadBalancerIP is deprecated in v1.24+; use a provider specific annotation instead"],
            id="an old field",
        ),
        pytest.param("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{}]}}", [], id="nothing"),
    ],
)
def test_objects_earn_warnings(text: str, expected: list[str]) -> None:
    obj = yaml.safe_load(text)
    kind = REGISTRY.by_gvk(GVK.of(obj))
    assert kind is not None
    assert warnings.of(kind, obj) == expected
    assert warnings.of(kind, obj, obj) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1,"b":{"c":[1,2]}}', []),
        (b'{ "a": 1 , "b": "\\u00e4" }\n', []),
        (b'{"a":1,"a":2}', ['duplicate field "a"']),
        (b'{"spec":{"x":[{"n":1},{"n":1,"n":2}]}}', ['duplicate field "spec.x[1].n"']),
        (b'{"a":{"b":1,"b":2,"b":3}}', ['duplicate field "a.b"', 'duplicate field "a.b"']),
    ],
)
def test_duplicate_fields_are_found(data: bytes, expected: list[str]) -> None:
    assert duplicates.find(data) == expected
