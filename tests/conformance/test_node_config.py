"""Models test/e2e/common/node: configmap.go and secrets.go."""

import base64

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _check_no_empty_key(found: Operations, value: str) -> None:
    with refused(422, reason="Invalid") as refusal:
        found.create({"metadata": {"name": "empty-key"}, "data": {"": value}})
    (cause,) = refusal.status["details"]["causes"]
    assert cause["field"] == "data[]"
    assert cause["message"].startswith('Invalid value: "": a valid config key must consist of alphanumeric characters')


@conformance("[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]")
def test_a_config_map_has_no_empty_key(kube: Kube) -> None:
    _check_no_empty_key(Operations(kube.core, "config_map", kube.namespace), "value-1")


@conformance("[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]")
def test_a_secret_has_no_empty_key(kube: Kube) -> None:
    _check_no_empty_key(Operations(kube.core, "secret", kube.namespace), _b64("value-1"))


@conformance("[sig-node] ConfigMap should update ConfigMap successfully [Conformance] [NodeConformance]")
def test_a_config_map_takes_an_update(kube: Kube) -> None:
    found = Operations(kube.core, "config_map", kube.namespace)
    made = found.create({"metadata": {"name": "changed"}, "data": {"data-1": "value-1"}})
    made.data = {"data": "value"}
    assert found.replace("changed", made).data == {"data": "value"}
    assert found.read("changed").data == {"data": "value"}


@conformance("[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]")
def test_a_config_map_lives_and_its_watch_tells(kube: Kube) -> None:
    found = Operations(kube.core, "config_map", kube.namespace)
    select = "test-configmap-static=true"
    labels = {"test-configmap-static": "true"}
    with kube.watch(kube.core.list_namespaced_config_map, kube.namespace, label_selector=select) as events:
        found.create({"metadata": {"name": "test-configmap", "labels": labels}, "data": {"valueName": "value"}})
        assert str(events.next()) == "ADDED test-configmap"
        patch = {"metadata": {"labels": {"test-configmap": "patched"}}, "data": {"valueName": "value1"}}
        found.patch("test-configmap", patch)
        event = events.next()
        assert str(event) == "MODIFIED test-configmap"
        assert event.object.metadata.labels == {**labels, "test-configmap": "patched"}
        assert found.read("test-configmap").data == {"valueName": "value1"}
        everywhere = kube.core.list_config_map_for_all_namespaces(label_selector=select).items
        assert [(item.metadata.name, item.metadata.namespace) for item in everywhere] == [
            ("test-configmap", kube.namespace)
        ]
        found.delete_collection(label_selector=select)
        assert str(events.next()) == "DELETED test-configmap"
    assert found.list(kube.namespace, label_selector=select).items == []


@conformance("[sig-node] Secrets should patch a secret [Conformance]")
def test_a_secret_takes_a_patch(kube: Kube) -> None:
    found = Operations(kube.core, "secret", kube.namespace)
    body = {"metadata": {"name": "test-secret", "labels": {"testsecret-constant": "true"}}, "type": "Opaque"}
    found.create({**body, "data": {"key": _b64("value")}})
    everywhere = kube.core.list_secret_for_all_namespaces(label_selector="testsecret-constant=true").items
    assert [(item.metadata.name, item.data) for item in everywhere] == [("test-secret", {"key": _b64("value")})]
    found.patch("test-secret", {"metadata": {"labels": {"testsecret": "true"}}, "data": {"key": _b64("value1")}})
    read = found.read("test-secret")
    assert read.data == {"key": _b64("value1")}
    assert read.metadata.labels == {"testsecret-constant": "true", "testsecret": "true"}
    found.delete_collection(label_selector="testsecret=true")
    everywhere = kube.core.list_secret_for_all_namespaces(label_selector="testsecret-constant=true").items
    assert everywhere == []
