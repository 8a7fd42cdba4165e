"""Models test/e2e/apimachinery/aggregator.go."""

import base64
from typing import Any

from tests.conformance import wardle
from tests.conformance.catalogue import conformance
from tests.conformance.customresources import Custom
from tests.conformance.operations import check_discovery
from tests.conformance.scenario import Kube, refused

Obj = dict[str, Any]
_NAME = f"{wardle.VERSION}.{wardle.GROUP}"
_LABELS = {"apiserver": "true"}


def _deploy(kube: Kube) -> None:
    """The sample server behind a service."""
    container = {"name": "sample-apiserver", "image": f"{wardle.IMAGE}:1.29", "ports": [{"containerPort": wardle.PORT}]}
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": template}
    kube.apps.create_namespaced_deployment(
        kube.namespace, {"metadata": {"name": "sample-apiserver-deployment"}, "spec": spec}
    )
    ports = [{"protocol": "TCP", "port": wardle.PORT, "targetPort": wardle.PORT}]
    kube.core.create_namespaced_service(
        kube.namespace, {"metadata": {"name": "sample-api"}, "spec": {"selector": _LABELS, "ports": ports}}
    )


def _register(kube: Kube) -> None:
    """The APIService for it; returns once it is available."""
    bundle = base64.b64encode(kube.cluster.engine.authority.certificate).decode()
    spec = {
        "group": wardle.GROUP,
        "version": wardle.VERSION,
        "groupPriorityMinimum": 2000,
        "versionPriority": 200,
        "service": {"namespace": kube.namespace, "name": "sample-api", "port": wardle.PORT},
        "caBundle": bundle,
    }
    kube.registration.create_api_service({"metadata": {"name": _NAME}, "spec": spec})

    def available(event: Any) -> bool:
        rows = (event.object.status and event.object.status.conditions) or ()
        return any(row.type == "Available" and row.status == "True" for row in rows)

    kube.until(kube.registration.list_api_service, available, field_selector=f"metadata.name={_NAME}")


def _use(kube: Kube) -> None:
    """Flunders are created, listed and deleted through the aggregator."""
    names = {"plural": "flunders", "kind": "Flunder"}
    spec = {"group": wardle.GROUP, "versions": [{"name": wardle.VERSION}], "names": names, "scope": "Namespaced"}
    flunders = Custom(kube, {"metadata": {"name": _NAME}, "spec": spec})
    check_discovery(kube, wardle.GROUP, wardle.VERSION, "flunders")
    flunders.create("dynamic-flunder")
    flunders.create("rest-flunder")
    found = [item["metadata"]["name"] for item in flunders.list(*flunders.where)["items"]]
    assert found == ["dynamic-flunder", "rest-flunder"]
    flunders.delete("rest-flunder")
    with refused(404, reason="NotFound", contains='"rest-flunder" not found'):
        flunders.read("rest-flunder")
    kube.custom.delete_collection_namespaced_custom_object(*flunders.where)
    assert flunders.list(*flunders.where)["items"] == []


@conformance(
    "[sig-api-machinery] Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator [LinuxOnly] [Conformance]"
)
def test_a_server_in_a_pod_serves_its_group(kube: Kube) -> None:
    _deploy(kube)
    _register(kube)
    _use(kube)
    services = kube.registration
    found = services.read_api_service_status(_NAME)
    assert [row.status for row in found.status.conditions if row.type == "Available"] == ["True"]
    patched = services.patch_api_service(_NAME, {"spec": {"versionPriority": 400}})
    assert patched.spec.version_priority == 400
    listed = {item.metadata.name: item for item in services.list_api_service().items}
    assert listed[_NAME].spec.version_priority == 400
    assert listed["v1.apps"].spec.service is None
    services.patch_api_service(_NAME, {"metadata": {"labels": {"e2e-apiservice": "patched"}}})
    row = {
        "type": "StatusUpdated",
        "status": "True",
        "reason": "E2E",
        "message": "Set from e2e test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    sent = kube.wire(services.read_api_service_status(_NAME))
    sent["status"]["conditions"].append(row)
    updated = services.replace_api_service_status(_NAME, sent)
    assert "Set from e2e test" in [each.message for each in updated.status.conditions]
    row = {**row, "type": "StatusPatched", "message": "Patched by e2e test"}
    patched = services.patch_api_service_status(_NAME, {"status": {"conditions": [*sent["status"]["conditions"], row]}})
    assert "Patched by e2e test" in [each.message for each in patched.status.conditions]
    replacing = kube.wire(services.read_api_service(_NAME))
    replacing["metadata"]["labels"][_NAME] = "updated"
    assert services.replace_api_service(_NAME, replacing).metadata.labels[_NAME] == "updated"
    select = {"label_selector": f"{_NAME}=updated"}
    assert [item.metadata.name for item in services.list_api_service(**select).items] == [_NAME]
    services.delete_collection_api_service(**select)
    assert services.list_api_service(**select).items == []
    kube.settle()
    assert kube.request("GET", f"/apis/{wardle.GROUP}/{wardle.VERSION}").status == 404
