"""Models test/e2e/auth/subjectreviews.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube

_DEFAULT = "default"


def _check_agreement(kube: Kube, account: str, namespace: str) -> bool:
    """A review for everywhere, one within the namespace and the impersonated request itself say the same."""
    user = f"system:serviceaccount:{kube.namespace}:{account}"
    asked = {"group": "", "verb": "list", "resource": "configmaps", "version": "v1", "namespace": namespace}
    spec = {"user": user, "resourceAttributes": asked}
    review = kube.authorization.create_subject_access_review({"spec": spec})
    local = kube.authorization.create_namespaced_local_subject_access_review(
        namespace, {"metadata": {"namespace": namespace}, "spec": spec}
    )
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    answer = kube.request("GET", path, headers={"Impersonate-User": user})
    assert answer.status in (200, 403)
    assert {review.status.allowed, local.status.allowed} == {answer.status == 200}
    return review.status.allowed


@conformance("[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]")
def test_reviews_agree_with_what_an_impersonated_request_gets(kube: Kube) -> None:
    kube.core.create_namespaced_service_account(kube.namespace, {"metadata": {"name": "e2e"}})
    assert _check_agreement(kube, "e2e", kube.namespace) is False
    role = {
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
    }
    kube.rbac.create_namespaced_role(kube.namespace, role)
    subject = {"kind": "ServiceAccount", "name": "e2e", "namespace": kube.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    binding = {"metadata": {"name": "e2e-reader"}, "subjects": [subject], "roleRef": reference}
    kube.rbac.create_namespaced_role_binding(kube.namespace, binding)
    assert _check_agreement(kube, "e2e", kube.namespace) is True
    assert _check_agreement(kube, "e2e", _DEFAULT) is False
