"""Models test/e2e/apimachinery/mutatingadmissionpolicy.go."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube

Obj = dict[str, Any]
_LABELS = {"app": "test"}
_GROUP = "admissionregistration.k8s.io"


def _policy(kube: Kube, expression: str) -> Obj:
    rule = {
        "operations": ["CREATE", "UPDATE"],
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "resources": ["deployments"],
    }
    return {
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": {"matchLabels": {kube.namespace: "true"}}},
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        "reinvocationPolicy": "Never",
    }


def _mutated(kube: Kube, expression: str) -> Any:
    """The Deployment that is created under a bound policy."""
    kube.core.patch_namespace(kube.namespace, {"metadata": {"labels": {kube.namespace: "true"}}})
    metadata = {"name": "policy.example.com"}
    kube.admission.create_mutating_admission_policy({"metadata": metadata, "spec": _policy(kube, expression)})
    kube.admission.create_mutating_admission_policy_binding(
        {"metadata": {"name": "binding.example.com"}, "spec": {"policyName": "policy.example.com"}}
    )
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [{"name": "nginx", "image": "nginx:latest"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": _LABELS}, "template": template}
    body = {"metadata": {"name": "test-deployment", "annotations": {"given": "by-the-user"}}, "spec": spec}
    return kube.apps.create_namespaced_deployment(kube.namespace, body)


@conformance(
    "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment [Conformance]"
)
def test_a_policy_changes_the_replicas(kube: Kube) -> None:
    created = _mutated(kube, "Object{spec: Object.spec{replicas: object.spec.replicas + 1}}")
    assert created.spec.replicas == 3
    assert kube.apps.read_namespaced_deployment("test-deployment", kube.namespace).spec.replicas == 3


@conformance(
    "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment with annotations [Conformance]"
)
def test_a_policy_adds_annotations(kube: Kube) -> None:
    expression = 'Object{metadata: Object.metadata{annotations: {"mutated-by": "admission-policy"}}}'
    found = _mutated(kube, expression).metadata.annotations
    assert (found["mutated-by"], found["given"]) == ("admission-policy", "by-the-user")


@conformance(
    "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicy API operations [Conformance]"
)
def test_policies_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "mutatingadmissionpolicies")
    expression = 'Object{metadata: Object.metadata{annotations: {"my-foo-annotation": "myAnnotationValue"}}}'
    policies = Operations(kube.admission, "mutating_admission_policy")
    policies.check(kube, lambda: {"spec": _policy(kube, expression)})


@conformance(
    "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicyBinding API operations [Conformance]"
)
def test_bindings_have_every_verb(kube: Kube) -> None:
    check_discovery(kube, _GROUP, "v1", "mutatingadmissionpolicybindings")
    bindings = Operations(kube.admission, "mutating_admission_policy_binding")
    bindings.check(kube, lambda: {"spec": {"policyName": "replicalimit-policy.example.com"}})
