"""Models the CRUD tests of test/e2e/dra/dra.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.resource_walk import ResourceWalk
from tests.conformance.scenario import Kube

_CLAIM = {"devices": {"requests": [{"name": "req-0", "exactly": {"deviceClassName": "example-class"}}]}}
_LABELLED = {"metadata": {"labels": {"test.dra.example.com": "test"}}}


def _walk(kube: Kube, plural: str, *, namespaced: bool = False) -> ResourceWalk:
    return ResourceWalk(kube, "resource.k8s.io", "v1", plural, namespaced=namespaced)


@conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceClass [Conformance]")
def test_device_classes_take_every_verb(kube: Kube) -> None:
    initial = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "e2e-class"}, "spec": {}}
    selector = {"cel": {"expression": 'device.driver == "dra.example.com"'}}
    _walk(kube, "deviceclasses").check(initial, {"spec": {"selectors": [selector]}})


@conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceTaintRule [Conformance]")
def test_device_taint_rules_take_every_verb(kube: Kube) -> None:
    taint = {"key": "example.com/taint", "value": "sick", "effect": "NoSchedule"}
    spec = {"deviceSelector": {"driver": "dra.example.com"}, "taint": taint}
    initial = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceTaintRule",
        "metadata": {"name": "e2e-rule"},
        "spec": spec,
    }
    condition = {
        "type": "EvictionInProgress",
        "status": "True",
        "reason": "E2E",
        "message": "a test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    change = {"spec": {"taint": {**taint, "value": "tainted"}}}
    _walk(kube, "devicetaintrules").check(initial, change, {"conditions": [condition]})


@conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaim [Conformance]")
def test_resource_claims_take_every_verb(kube: Kube) -> None:
    initial = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "e2e-claim", "labels": {"a": "b"}},
        "spec": _CLAIM,
    }
    result = {"request": "req-0", "driver": "dra.example.com", "pool": "e2e-pool", "device": "e2e-device"}
    status = {"allocation": {"devices": {"results": [result]}}}
    _walk(kube, "resourceclaims", namespaced=True).check(initial, _LABELLED, status)


@conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate [Conformance]")
def test_resource_claim_templates_take_every_verb(kube: Kube) -> None:
    initial = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "e2e-template", "labels": {"a": "b"}},
        "spec": {"spec": _CLAIM},
    }
    _walk(kube, "resourceclaimtemplates", namespaced=True).check(initial, _LABELLED)


@conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceSlice [Conformance]")
def test_resource_slices_take_every_verb(kube: Kube) -> None:
    spec = {
        "driver": "dra.example.com",
        "nodeName": "e2e-node",
        "pool": {"name": "cluster", "resourceSliceCount": 1, "generation": 1},
    }
    initial = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "e2e-slice"},
        "spec": spec,
    }
    _walk(kube, "resourceslices").check(initial, {"spec": {"devices": [{"name": "device-0"}]}})
