"""Models test/e2e/apimachinery/validatingadmissionpolicy.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube, refused

Obj = dict[str, Any]
_LABELS = {"app": "policy-test"}
_GROUP = "admissionregistration.k8s.io"


def _rules(operations: tuple[str, ...] = ("CREATE", "UPDATE")) -> Obj:
    rule = {"operations": list(operations), "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}
    return {"resourceRules": [rule]}


def _bind(kube: Kube, policy: Obj) -> None:
    """Create a policy and bind it to the scenario's namespace."""
    kube.core.patch_namespace(kube.namespace, {"metadata": {"labels": {kube.namespace: "true"}}})
    spec = {"matchConstraints": _rules(), "failurePolicy": "Fail", **policy}
    kube.admission.create_validating_admission_policy({"metadata": {"name": "policy.example.com"}, "spec": spec})
    selector = {"matchLabels": {kube.namespace: "true"}}
    binding = {
        "policyName": "policy.example.com",
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": selector},
    }
    kube.admission.create_validating_admission_policy_binding(
        {"metadata": {"name": "binding.example.com"}, "spec": binding}
    )


def _deploy(kube: Kube, name: str, replicas: int) -> None:
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": _LABELS}, "template": template}
    kube.apps.create_namespaced_deployment(kube.namespace, {"metadata": {"name": name}, "spec": spec})


@conformance(
    "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment [Conformance]"
)
def test_a_policy_judges_deployments(kube: Kube) -> None:
    told = {
        "expression": "object.spec.replicas > 1",
        "messageExpression": "'wants replicas > 1, got ' + string(object.spec.replicas)",
    }
    own = {"expression": f"namespaceObject.metadata.name == '{kube.namespace}'", "message": "should be this namespace"}
    _bind(kube, {"validations": [told, own]})
    with refused(422, reason="Invalid", contains="wants replicas > 1, got 1"):
        _deploy(kube, "replicated", 1)
    _deploy(kube, "replicated", 2)
    with refused(422, contains="wants replicas > 1, got 0"):
        kube.apps.patch_namespaced_deployment("replicated", kube.namespace, {"spec": {"replicas": 0}})
    kube.namespace = kube.new_namespace("unmarked")
    _deploy(kube, "replicated", 1)


@conformance(
    "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables. [Conformance]"
)
def test_expressions_refer_to_variables(kube: Kube) -> None:
    variables = [
        {"name": "replicas", "expression": "object.spec.replicas"},
        {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
    ]
    validations = [{"expression": "variables.replicas > 1"}, {"expression": "variables.oddReplicas"}]
    _bind(kube, {"variables": variables, "validations": validations})
    with refused(422, contains="failed expression: variables.replicas > 1"):
        _deploy(kube, "replicated", 1)
    with refused(422, contains="failed expression: variables.oddReplicas"):
        _deploy(kube, "replicated", 2)
    _deploy(kube, "replicated", 3)


@conformance(
    "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API operations [Conformance]"
)
def test_policies_have_every_verb(kube: Kube) -> None:
    for plural in ("validatingadmissionpolicies", "validatingadmissionpolicies/status"):
        check_discovery(kube, _GROUP, "v1", plural)
    policies = Operations(kube.admission, "validating_admission_policy")

    def policy() -> Obj:
        return {
            "spec": {
                "matchConstraints": _rules(("CREATE",)),
                "validations": [{"expression": "object.spec.replicas <= 100"}],
            }
        }

    policies.check(kube, policy)
    name = policies.create({"metadata": {"generateName": "e2e-example-vap-"}, **policy()}).metadata.name
    assert policies.read(name, "status").metadata.name == name
    row = {
        "type": "StatusUpdate",
        "status": "True",
        "reason": "E2E",
        "message": "patched",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patched = policies.patch(name, {"status": {"conditions": [row]}}, "status")
    assert [each.message for each in patched.status.conditions] == ["patched"]
    patched.status.conditions[0].message = "updated"
    assert policies.replace(name, patched, "status").status.conditions[0].message == "updated"


@conformance(
    "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicyBinding API operations [Conformance]"
)
def test_bindings_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "validatingadmissionpolicybindings")

    def binding() -> Obj:
        return {"spec": {"policyName": "replicalimit-policy.example.com", "validationActions": ["Deny"]}}

    Operations(kube.admission, "validating_admission_policy_binding").check(kube, binding)
