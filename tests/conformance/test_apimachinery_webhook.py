"""Models test/e2e/apimachinery/webhook.go."""

from typing import Any

import pytest
from kubernetes.client import ApiException
from kubernetes.stream import stream

from tests.conformance.catalogue import conformance
from tests.conformance.customresources import define, definition
from tests.conformance.operations import check_discovery
from tests.conformance.scenario import Kube, refused
from tests.conformance.webhooks import MARK, Webhooks

Obj = dict[str, Any]
_PAUSE = {"name": "pause", "image": "registry.k8s.io/pause:3.10"}
_DATA = {
    "type": "object",
    "properties": {"data": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    "x-kubernetes-preserve-unknown-fields": True,
}
_PRUNING = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {"mutation-start": {"type": "string"}, "mutation-stage-1": {"type": "string"}},
        }
    },
}


@pytest.fixture
def hooks(kube: Kube) -> Webhooks:
    return Webhooks(kube)


def _config_map(kube: Kube, name: str = "", namespace: str = "", **data: str) -> Any:
    metadata = {"name": name} if name else {"generateName": "cm-"}
    body = {"metadata": metadata, "data": {key.replace("_", "-"): value for key, value in data.items()}}
    return kube.core.create_namespaced_config_map(namespace or kube.namespace, body)


def _pod(name: str, **metadata: Any) -> Obj:
    return {"metadata": {"name": name, **metadata}, "spec": {"containers": [_PAUSE]}}


_UNWANTED = {MARK.replace("-", "_"): "webhook-disallow"}


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should include webhook resources in discovery documents [Conformance]"
)
def test_configurations_are_in_discovery(kube: Kube) -> None:
    for plural in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        check_discovery(kube, "admissionregistration.k8s.io", "v1", plural)


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny pod and configmap creation [Conformance]"
)
def test_pods_and_config_maps_are_denied(kube: Kube, hooks: Webhooks) -> None:
    exempt = {"matchExpressions": [{"key": "skip-webhook-admission", "operator": "NotIn", "values": ["yes"]}]}
    hooks.validating(
        hooks.row("/pods", "pods"),
        hooks.row("/configmaps", "configmaps", ("CREATE", "UPDATE", "DELETE"), namespaceSelector=exempt),
    )
    body = _pod("disallowed-pod", labels={MARK: "webhook-disallow"})
    body["spec"] = {"containers": [{**_PAUSE, "name": "webhook-disallow"}]}
    with refused(400, contains="the pod contains unwanted container name; the pod contains unwanted label"):
        kube.core.create_namespaced_pod(kube.namespace, body)
    with refused(500, contains="deadline"):
        kube.core.create_namespaced_pod(kube.namespace, _pod("hanging-pod", labels={MARK: "wait-forever"}))
    for name in ("disallowed-pod", "hanging-pod"):
        with refused(404):
            kube.core.read_namespaced_pod(name, kube.namespace)
    with refused(400, contains="the configmap contains unwanted key and value"):
        _config_map(kube, "disallowed-configmap", **_UNWANTED)
    allowed = _config_map(kube, "allowed-configmap", can_be="changed")
    allowed.data[MARK] = "webhook-disallow"
    with refused(400, contains="the configmap contains unwanted key and value"):
        kube.core.replace_namespaced_config_map("allowed-configmap", kube.namespace, allowed)
    with refused(400, contains="the configmap contains unwanted key and value"):
        patch = {"data": {MARK: "webhook-disallow"}}
        kube.core.patch_namespaced_config_map("allowed-configmap", kube.namespace, patch)
    assert MARK not in kube.core.read_namespaced_config_map("allowed-configmap", kube.namespace).data
    spared = kube.new_namespace("exempted", **{"skip-webhook-admission": "yes"})
    _config_map(kube, "disallowed-configmap", spared, **_UNWANTED)


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny attaching pod [Conformance]"
)
def test_attaching_is_denied(kube: Kube, hooks: Webhooks) -> None:
    hooks.validating(hooks.row("/pods/attach", "pods/attach", ("CONNECT",)))
    kube.core.create_namespaced_pod(kube.namespace, _pod("to-be-attached-pod"))
    kube.until(kube.core.list_namespaced_pod, lambda event: event.object.status.phase == "Running", kube.namespace)
    with pytest.raises(ApiException, match=r"400 Bad Request.*attaching to pod 'to-be-attached-pod' is not allowed"):
        stream(
            kube.core.connect_get_namespaced_pod_attach,
            "to-be-attached-pod",
            kube.namespace,
            stdin=True,
            stdout=True,
            tty=False,
            _preload_content=False,
        )


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny custom resource creation, update and deletion [Conformance]"
)
def test_custom_resources_are_denied(kube: Kube, hooks: Webhooks) -> None:
    custom = define(kube, definition(versions={"v1": _DATA}))
    resource = f"{custom.plural}.{custom.group}/v1"
    hooks.validating(hooks.row("/custom-resource", resource, ("CREATE", "UPDATE", "DELETE")))
    unwanted = {MARK: "webhook-disallow"}
    with refused(400, contains="the custom resource contains unwanted data"):
        custom.create("disallowed", data=unwanted)
    custom.create("allowed", data={MARK: "webhook-allow"})
    with refused(400, contains="the custom resource contains unwanted data"):
        custom.patch("allowed", {"data": unwanted})
    kube.core.patch_namespace(kube.namespace, {"metadata": {"labels": {f"{kube.namespace}-is-checked": None}}})
    custom.patch("allowed", {"data": unwanted})  # nobody asks now
    kube.core.patch_namespace(kube.namespace, {"metadata": {"labels": {f"{kube.namespace}-is-checked": "true"}}})
    with refused(400, contains="the custom resource contains unwanted data"):
        custom.delete("allowed")
    custom.patch("allowed", {"data": {MARK: None}})
    custom.delete("allowed")


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should unconditionally reject operations on fail closed webhook [Conformance]"
)
def test_a_webhook_that_cannot_be_asked_refuses(kube: Kube, hooks: Webhooks) -> None:
    nobody = {"service": {"namespace": "default", "name": "nobody-there", "path": "/configmaps", "port": 8443}}
    row = hooks.row("/configmaps", "configmaps", clientConfig=nobody, failurePolicy="Fail")
    hooks.validating(row)
    with refused(500, reason="InternalError", contains="failed calling webhook"):
        _config_map(kube, "foo")


@conformance("[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate configmap [Conformance]")
def test_a_second_webhook_sees_what_the_first_did(kube: Kube, hooks: Webhooks) -> None:
    stages = [hooks.row("/mutating-configmaps", "configmaps", name=f"stage-{number}.k8s.io") for number in (1, 2)]
    hooks.mutating(*stages)
    found = _config_map(kube, "to-be-mutated", mutation_start="yes")
    assert found.data == {"mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes"}


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate pod and apply defaults after mutation [Conformance]"
)
def test_what_a_webhook_adds_gets_defaults(kube: Kube, hooks: Webhooks) -> None:
    hooks.mutating(hooks.row("/mutating-pods", "pods"))
    [init] = kube.core.create_namespaced_pod(kube.namespace, _pod("webhook-to-be-mutated")).spec.init_containers
    assert init.name == "webhook-added-init-container"
    assert init.termination_message_policy == "File"


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should not be able to mutate or prevent deletion of webhook configuration objects [Conformance]"
)
def test_configurations_of_webhooks_are_nobodys_business(kube: Kube, hooks: Webhooks) -> None:
    everything = ("CREATE", "UPDATE", "DELETE")
    group = "admissionregistration.k8s.io/v1"
    for kind in ("validating", "mutating"):
        resource = f"{kind}webhookconfigurations.{group}"
        hooks.validating(hooks.row("/always-deny", resource, everything, namespaceSelector={}), name=f"deny-{kind}")
        hooks.mutating(hooks.row("/add-label", resource, ("CREATE",), namespaceSelector={}), name=f"label-{kind}")
    dummy = hooks.row("/always-deny", "invalid.example.com/v1")
    created = hooks.mutating(dummy, name="dummy"), hooks.validating(dummy, name="dummy")
    assert all("added-label" not in (each.metadata.labels or {}) for each in created)
    kube.admission.delete_mutating_webhook_configuration("dummy")
    kube.admission.delete_validating_webhook_configuration("dummy")
    assert hooks.log() == ""


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource [Conformance]"
)
def test_a_custom_resource_is_mutated(kube: Kube, hooks: Webhooks) -> None:
    custom = define(kube, definition(versions={"v1": _DATA}))
    rows = _stages(hooks, f"{custom.plural}.{custom.group}/v1")
    hooks.mutating(*rows)
    created = custom.create("cr-instance-1", data={"mutation-start": "yes"})
    assert created["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes"}


def _stages(hooks: Webhooks, resource: str, operations: tuple[str, ...] = ("CREATE",)) -> list[Obj]:
    path = "/mutating-custom-resource"
    return [hooks.row(path, resource, operations, name=f"stage-{number}.k8s.io") for number in (1, 2)]


@conformance("[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should deny crd creation [Conformance]")
def test_a_definition_is_denied(kube: Kube, hooks: Webhooks) -> None:
    resource = "customresourcedefinitions.apiextensions.k8s.io/v1"
    hooks.validating(hooks.row("/crd", resource, namespaceSelector={}))
    body = definition()
    body["metadata"]["labels"] = {MARK: "webhook-disallow"}
    with refused(400, contains="the crd contains unwanted label"):
        kube.extensions.create_custom_resource_definition(body)
    with refused(404):
        kube.extensions.read_custom_resource_definition(body["metadata"]["name"])


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with different stored version [Conformance]"
)
def test_mutation_goes_on_when_another_version_is_stored(kube: Kube, hooks: Webhooks) -> None:
    custom = define(kube, definition(versions={"v1": _DATA, "v2": _DATA}))
    hooks.mutating(*_stages(hooks, f"{custom.plural}.{custom.group}/v1", ("CREATE", "UPDATE")))
    created = custom.create("cr-instance-1", data={"mutation-start": "yes"})
    assert created["data"]["mutation-stage-1"] == "yes"
    patch = [
        {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
        {"op": "replace", "path": "/spec/versions/1/storage", "value": True},
    ]
    kube.extensions.patch_custom_resource_definition(custom.name, patch)
    kube.settle()
    patched = custom.patch("cr-instance-1", {"data": {"mutation-stage-1": None, "mutation-stage-2": None}, "extra": 1})
    assert patched["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes"}
    assert custom.at("v2").patch("cr-instance-1", {"dummy": "test"})["data"] == patched["data"]


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with pruning [Conformance]"
)
def test_what_a_webhook_adds_is_pruned(kube: Kube, hooks: Webhooks) -> None:
    custom = define(kube, definition(versions={"v1": _PRUNING}))
    hooks.mutating(*_stages(hooks, f"{custom.plural}.{custom.group}/v1"))
    created = custom.create("cr-instance-1", data={"mutation-start": "yes"})
    assert created["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes"}
    assert custom.read("cr-instance-1")["data"] == created["data"]


@conformance("[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should honor timeout [Conformance]")
def test_a_slow_webhook_is_waited_for_as_long_as_it_may_take(kube: Kube, hooks: Webhooks) -> None:
    def register(**fields: Any) -> None:
        hooks.validating(hooks.row("/always-allow-delay-5s", "configmaps", **fields))

    def unregister() -> None:
        kube.admission.delete_validating_webhook_configuration(f"{kube.namespace}-validating")

    register(timeoutSeconds=1, failurePolicy="Fail")
    with refused(500, reason="InternalError", contains="context deadline exceeded"):
        _config_map(kube)
    unregister()
    register(timeoutSeconds=1, failurePolicy="Ignore")
    _config_map(kube)
    unregister()
    register(timeoutSeconds=10, failurePolicy="Fail")
    _config_map(kube)
    unregister()
    register()
    _config_map(kube)


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a validating webhook should work [Conformance]"
)
def test_the_rules_of_a_validating_webhook_change(kube: Kube, hooks: Webhooks) -> None:
    name = f"{kube.namespace}-validating"
    created = hooks.validating(hooks.row("/configmaps", "configmaps"))
    with refused(400, contains="unwanted key and value"):
        _config_map(kube, **_UNWANTED)
    created.webhooks[0].rules[0].operations = ["UPDATE"]
    kube.admission.replace_validating_webhook_configuration(name, created)
    _config_map(kube, **_UNWANTED)
    patch = [{"op": "replace", "path": "/webhooks/0/rules/0/operations/0", "value": "CREATE"}]
    kube.admission.patch_validating_webhook_configuration(name, patch)
    with refused(400, contains="unwanted key and value"):
        _config_map(kube, **_UNWANTED)


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a mutating webhook should work [Conformance]"
)
def test_the_rules_of_a_mutating_webhook_change(kube: Kube, hooks: Webhooks) -> None:
    name = f"{kube.namespace}-mutating"
    created = hooks.mutating(hooks.row("/mutating-configmaps", "configmaps", ("CREATE",)))
    assert "mutation-stage-1" in _config_map(kube, mutation_start="yes").data
    created.webhooks[0].rules[0].operations = ["UPDATE"]
    kube.admission.replace_mutating_webhook_configuration(name, created)
    assert _config_map(kube, mutation_start="yes").data == {"mutation-start": "yes"}
    patch = [{"op": "replace", "path": "/webhooks/0/rules/0/operations/0", "value": "CREATE"}]
    kube.admission.patch_mutating_webhook_configuration(name, patch)
    assert "mutation-stage-1" in _config_map(kube, mutation_start="yes").data


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] listing validating webhooks should work [Conformance]"
)
def test_validating_configurations_are_listed_and_deleted_together(kube: Kube, hooks: Webhooks) -> None:
    label = {"e2e-list-test-uuid": "validating"}
    for number in range(10):
        hooks.validating(hooks.row("/configmaps", "configmaps"), name=f"list-{number}", labels=label)
    select = {"label_selector": "e2e-list-test-uuid=validating"}
    assert len(kube.admission.list_validating_webhook_configuration(**select).items) == 10
    with refused(400, contains="unwanted key and value"):
        _config_map(kube, **_UNWANTED)
    kube.admission.delete_collection_validating_webhook_configuration(**select)
    assert kube.admission.list_validating_webhook_configuration(**select).items == []
    _config_map(kube, **_UNWANTED)


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] listing mutating webhooks should work [Conformance]"
)
def test_mutating_configurations_are_listed_and_deleted_together(kube: Kube, hooks: Webhooks) -> None:
    label = {"e2e-list-test-uuid": "mutating"}
    for number in range(10):
        hooks.mutating(hooks.row("/mutating-configmaps", "configmaps"), name=f"list-{number}", labels=label)
    select = {"label_selector": "e2e-list-test-uuid=mutating"}
    assert len(kube.admission.list_mutating_webhook_configuration(**select).items) == 10
    assert "mutation-stage-1" in _config_map(kube, mutation_start="yes").data
    kube.admission.delete_collection_mutating_webhook_configuration(**select)
    assert kube.admission.list_mutating_webhook_configuration(**select).items == []
    assert _config_map(kube, mutation_start="yes").data == {"mutation-start": "yes"}


# -- match conditions ----------------------------------------------------------------------------------------------

_CONDITIONS = [{"name": "expression-1", "expression": "object.metadata.namespace == 'production'"}]
_OTHERS = [*_CONDITIONS, {"name": "expression-2", "expression": "object.metadata.namespace == 'staging'"}]
_BROKEN = [{"name": "invalid-expression-1", "expression": "... [] bad expression"}]


def _told(configuration: Any) -> list[Obj]:
    return [{"name": row.name, "expression": row.expression} for row in configuration.webhooks[0].match_conditions]


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update validating webhook configurations with match conditions [Conformance]"
)
def test_match_conditions_of_validating_webhooks_are_kept(kube: Kube, hooks: Webhooks) -> None:
    created = hooks.validating(hooks.row("/always-deny", "configmaps", matchConditions=_CONDITIONS))
    name = created.metadata.name
    assert _told(kube.admission.read_validating_webhook_configuration(name)) == _CONDITIONS
    body = kube.wire(created)
    body["webhooks"][0]["matchConditions"] = _OTHERS
    assert _told(kube.admission.replace_validating_webhook_configuration(name, body)) == _OTHERS


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update mutating webhook configurations with match conditions [Conformance]"
)
def test_match_conditions_of_mutating_webhooks_are_kept(kube: Kube, hooks: Webhooks) -> None:
    created = hooks.mutating(hooks.row("/add-label", "configmaps", matchConditions=_CONDITIONS))
    name = created.metadata.name
    assert _told(kube.admission.read_mutating_webhook_configuration(name)) == _CONDITIONS
    body = kube.wire(created)
    body["webhooks"][0]["matchConditions"] = _OTHERS
    assert _told(kube.admission.replace_mutating_webhook_configuration(name, body)) == _OTHERS


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should reject validating webhook configurations with invalid match conditions [Conformance]"
)
def test_a_condition_of_a_validating_webhook_must_compile(kube: Kube, hooks: Webhooks) -> None:
    with refused(422, reason="Invalid", contains="compilation failed"):
        hooks.validating(hooks.row("/always-deny", "configmaps", matchConditions=_BROKEN))


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should reject mutating webhook configurations with invalid match conditions [Conformance]"
)
def test_a_condition_of_a_mutating_webhook_must_compile(kube: Kube, hooks: Webhooks) -> None:
    with refused(422, reason="Invalid", contains="compilation failed"):
        hooks.mutating(hooks.row("/add-label", "configmaps", matchConditions=_BROKEN))


@conformance(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate everything except 'skip-me' configmaps [Conformance]"
)
def test_a_condition_spares_one_name(kube: Kube, hooks: Webhooks) -> None:
    condition = {"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}
    hooks.mutating(hooks.row("/mutating-configmaps", "configmaps", matchConditions=[condition]))
    assert _config_map(kube, "skip-me", mutation_start="yes").data == {"mutation-start": "yes"}
    assert "mutation-stage-1" in _config_map(kube, "mutate-me", mutation_start="yes").data
