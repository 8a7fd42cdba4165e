"""Who may and what is written down, as policy files say it to a whole cluster."""

import base64
import json
from pathlib import Path

import pytest

from kube_nb import Cluster

#: The administrators by group; bob may only look at pods of one namespace.
ABAC = "\n".join(
    json.dumps({"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": spec})
    for spec in (
        {"group": "system:masters", "namespace": "*", "resource": "*", "apiGroup": "*"},
        {"group": "system:masters", "nonResourcePath": "*"},
        {"user": "bob", "namespace": "default", "resource": "pods", "readonly": True},
    )
)
POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  resources: [{group: "", resources: [configmaps]}]
  namespaces: [default]
- level: None
"""


def test_abac_policies_of_a_file_decide_beside_rbac(tmp_path: Path) -> None:
    file = tmp_path / "abac.jsonl"
    file.write_text(ABAC)
    with Cluster(nodes=1, authorization=("Node", "RBAC", "ABAC"), authorization_policy=file) as cluster:
        cluster.kubectl("run web --image=nginx")
        assert "web" in cluster.kubectl("get pods --as bob").text
        refused = cluster.kubectl("delete pod web --as bob")
        assert 'User "bob" cannot delete resource "pods"' in refused.stderr
        assert "Forbidden" in cluster.kubectl("get pods -n kube-system --as bob").stderr


def test_the_audit_log_holds_what_the_policy_asks_for_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with Cluster(nodes=1, audit=POLICY, audit_log=log) as cluster:
        cluster.kubectl("create configmap seen --from-literal=a=1")
        cluster.kubectl("create secret generic unseen")
        cluster.kubectl("create configmap elsewhere", namespace="kube-system")
        events = cluster.audit_events
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert written == events
    made = [event for event in events if event["verb"] == "create" and event["objectRef"].get("name") == "seen"]
    assert [(event["stage"], event["level"]) for event in made] == [("ResponseComplete", "RequestResponse")]
    assert made[0]["requestObject"]["data"] == {"a": "1"}
    assert {event["objectRef"]["resource"] for event in events} == {"configmaps"}
    assert {event["objectRef"]["namespace"] for event in events} == {"default"}


def test_without_an_audit_nothing_is_kept() -> None:
    with Cluster(nodes=1) as cluster:
        assert cluster.audit_events == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"authorization": ("Magic",)}, "'Magic' is not known; known are Node, RBAC, ABAC, AlwaysAllow"),
        ({"authorization": ("ABAC",)}, "ABAC and a policy file for it go together"),
        ({"authorization": ("ABAC",), "authorization_policy": "{}\n{"}, "line 1: it is no abac"),
        ({"authorization": ("ABAC",), "authorization_policy": "/no/such"}, "/no/such: No such file"),
        ({"audit": "rules: [{level: Loud}]\n"}, r'rules\[0\].level: Unsupported value: "Loud"'),
        ({"audit": {"rules": []}}, "rules: Required value"),
        ({"audit": "kind: [\n"}, "no YAML"),
    ],
)
def test_policies_that_are_none_are_refused_with_their_place(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cluster(nodes=1, **options)  # type: ignore[arg-type]


HELD = """
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  name: held
  annotations: {kubernetes.io/service-account.name: default}
"""


def test_a_secret_holds_its_accounts_token_until_the_account_is_gone() -> None:
    with Cluster(nodes=1) as cluster:
        cluster.apply(HELD)
        cluster.settle()
        token = base64.b64decode(cluster.kubectl("get secret held -o jsonpath={.data.token}").text).decode()
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        command = "create -f - -o jsonpath={.status.user.username}"
        answer = cluster.kubectl(command, stdin=json.dumps(review))
        assert answer.text == "system:serviceaccount:default:default"
        cluster.kubectl("delete serviceaccount default")
        cluster.settle()
        assert cluster.kubectl(command, stdin=json.dumps(review)).text == ""
        assert 'secrets "held" not found' in cluster.kubectl("get secret held").stderr
