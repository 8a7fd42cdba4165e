"""Models test/e2e/apimachinery/table_conversion.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@conformance(
    "[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata [Conformance]"
)
def test_a_review_has_no_table(kube: Kube) -> None:
    review = {"spec": {"resourceAttributes": {"namespace": kube.namespace, "verb": "list", "resource": "pods"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = kube.request("POST", path, review, headers={"accept": _TABLE})
    assert (answer.status, answer.obj["reason"], answer.obj["kind"]) == (406, "NotAcceptable", "Status")
    assert kube.get(f"/api/v1/namespaces/{kube.namespace}/pods", accept=_TABLE)["kind"] == "Table"
