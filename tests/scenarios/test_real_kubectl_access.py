"""What upstream's test/cmd auth, rbac, certificate and kubeconfig scripts ask, asked by the machine's kubectl."""

import base64
import json
import re
import stat

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.scenarios.real import Kubectl

pytestmark = [pytest.mark.kubectl, pytest.mark.xdist_group("real-kubectl-access")]


def test_can_i_answers_and_warns(kubectl):
    assert kubectl.out("auth can-i '*' '*'") == "yes\n"
    assert kubectl.out("auth can-i get pods --subresource=log") == "yes\n"
    unknown = kubectl("auth can-i get invalid_resource")
    assert (unknown.out, "the server doesn't have a resource type 'invalid_resource'" in unknown.err) == ("yes\n", True)
    assert "--subresource can not be used with NonResourceURL" in kubectl.refused(
        "auth can-i get /logs/ --subresource=log"
    )
    assert kubectl("auth can-i list jobs.batch --quiet") == kubectl("auth can-i list jobs.batch -q")
    assert kubectl.out("auth can-i list jobs.batch --quiet") == ""
    assert kubectl("auth can-i list jobs.batch --quiet --as=nobody", code=1).out == ""
    assert "is not namespace scoped" in kubectl("auth can-i get nodes").err
    assert "is not namespace scoped" not in kubectl("auth can-i get nodes --all-namespaces").err
    listed = kubectl.out("auth can-i --list --as=nobody")
    assert "selfsubjectreviews.authentication.k8s.io" in listed


RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: testing-cr-of-access, labels: {test: reconcile}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: testing-r, namespace: NAMESPACE, labels: {test: reconcile}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: testing-rb, namespace: NAMESPACE, labels: {test: reconcile}}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:masters"}]
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: testing-r}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: testing-crb-of-access, labels: {test: reconcile}}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:masters"}]
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
"""
KINDS = "clusterroles,roles,rolebindings,clusterrolebindings"


def test_reconcile_makes_what_is_missing(kubectl):
    rbac = RBAC.replace("NAMESPACE", kubectl.namespace)
    try:
        kubectl("auth reconcile --dry-run=client -f -", stdin=rbac)
        assert kubectl.out(f"get {KINDS} -l test=reconcile -o name") == ""
        assert kubectl.out("auth reconcile -f -", stdin=rbac).count("reconciled") == 4
        assert len(kubectl.out(f"get {KINDS} -l test=reconcile -o name").split()) == 4
        more = rbac.replace("verbs: [get]", "verbs: [get, list]")
        kubectl("auth reconcile -f -", stdin=more)
        assert kubectl.out("get role testing-r -o jsonpath={.rules[*].verbs}") != '["get"]'
    finally:
        kubectl(f"delete {KINDS} -l test=reconcile")


def test_roles_and_their_subjects(kubectl):
    names = kubectl.out("get clusterroles,clusterrolebindings cluster-admin -o name").split()
    assert names == [
        "clusterrole.rbac.authorization.k8s.io/cluster-admin",
        "clusterrolebinding.rbac.authorization.k8s.io/cluster-admin",
    ]
    try:
        kubectl("create clusterrole admin-of-access --verb=get,list --resource=pods,pods/status --resource-name=foo")
        rules = json.loads(kubectl.out("get clusterrole admin-of-access -o json"))["rules"]
        assert rules == [
            {
                "apiGroups": [""],
                "resourceNames": ["foo"],
                "resources": ["pods", "pods/status"],
                "verbs": ["get", "list"],
            }
        ]
        kubectl("create clusterrole urls-of-access --verb=get --non-resource-url=/logs/*,/healthz/*")
        kubectl("create clusterrole sum-of-access --aggregation-rule=part=of-access")
        kubectl("label clusterrole urls-of-access part=of-access")
        kubectl("wait clusterrole/sum-of-access --for=jsonpath={.rules[0].nonResourceURLs[0]}=/logs/* --timeout=20s")
        assert "the server doesn't have a resource type" in kubectl.refused(
            "create clusterrole x --verb=get --resource=nope"
        )
        kubectl(
            "create clusterrolebinding bound-of-access --clusterrole=view --user=u --group=g --serviceaccount=ns:sa"
        )
        path = "get clusterrolebinding bound-of-access -o jsonpath={.subjects[*].name}"
        assert kubectl.out(path) == "u g sa"
        kubectl("set subject clusterrolebinding bound-of-access --user=second --serviceaccount=ns:other")
        assert kubectl.out(path) == "u g sa second other"
    finally:
        kubectl("delete clusterrole admin-of-access urls-of-access sum-of-access --ignore-not-found")
        kubectl("delete clusterrolebinding bound-of-access --ignore-not-found")
    kubectl("create role mine --verb=* --resource=pods")
    kubectl("create rolebinding one --role=mine --user=a")
    kubectl("create rolebinding two --clusterrole=view --group=b")
    kubectl("set subject rolebindings --all --user=everyone")
    assert kubectl.out("get rolebindings -o jsonpath={.items[*].subjects[*].name}") == "a everyone b everyone"


def test_who_am_i_and_who_i_act_for(kubectl):
    me = json.loads(kubectl.out("auth whoami -o json"))["status"]["userInfo"]
    assert (me["username"], "system:masters" in me["groups"]) == ("kubernetes-admin", True)
    flags = "--as=user1 --as-group=group2 --as-group=group1 --as-uid=uid1 --as-user-extra=k1=v1 --as-user-extra=k1=v2"
    flags = flags.rsplit(" --as-user-extra", 2)[0]  # a flag of newer releases of kubectl
    acted = json.loads(kubectl.out(f"auth whoami -o json {flags}"))["status"]["userInfo"]
    assert (acted["username"], acted["uid"]) == ("user1", "uid1")
    assert acted["groups"] == ["group2", "group1", "system:authenticated"]
    for alone in ("--as-group=group1", "--as-uid=1"):
        assert "without impersonating a user" in kubectl.refused(f"get pods {alone}")
    spec = {"user": "nobody", "resourceAttributes": {"verb": "get", "resource": "pods"}}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    assert kubectl.out("create -f - -o jsonpath={.status.allowed}", stdin=json.dumps(review)) == "false"
    raw = "create --raw /apis/authorization.k8s.io/v1/subjectaccessreviews -f -"
    assert json.loads(kubectl.out(raw, stdin=json.dumps(review)))["status"]["allowed"] is False


def test_signing_requests_are_approved_and_denied(kubectl):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    made = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    request = base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()

    def csr(name):
        spec = {"request": request, "signerName": "example.com/none", "usages": ["client auth"]}
        body = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": spec,
        }
        kubectl("create -f -", stdin=json.dumps(body))
        return json.dumps(body)

    conditions = "jsonpath={range .items[*].status.conditions[*]}{.type} {end}"
    for verb, type in (("approve", "Approved"), ("deny", "Denied")):
        body = csr("by-name"), csr("by-file")
        kubectl(f"certificate {verb} by-name")
        kubectl(f"certificate {verb} -f -", stdin=body[1])
        told = kubectl.out(f"get csr by-name by-file -o '{conditions}'")
        assert told.split() == [type, type]
        assert kubectl.out("get csr by-name -o jsonpath={.spec.username}") == "kubernetes-admin"
        kubectl("delete csr by-name by-file")


def test_an_approved_request_becomes_a_client_certificate(kubectl, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bob")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    request = base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()
    spec = {"request": request, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    body = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "bob"}}
    kubectl("create -f -", stdin=json.dumps({**body, "spec": spec}))
    try:
        assert kubectl.out("get csr bob -o jsonpath={.status.certificate}") == ""
        kubectl("certificate approve bob")
        kubectl("wait --for=jsonpath={.status.certificate} csr/bob --timeout=20s")
        certificate = kubectl.out("get csr bob -o jsonpath={.status.certificate}")
        assert re.search(
            r"bob +\S+ +kubernetes.io/kube-apiserver-client +kubernetes-admin .*Approved,Issued", kubectl.out("get csr")
        )
    finally:
        kubectl("delete csr bob")
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    secret = base64.b64encode(key.private_bytes(*form)).decode()
    config["users"][0]["user"] = {"client-certificate-data": certificate, "client-key-data": secret}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    bob = Kubectl(tmp_path / "config", kubectl.namespace)
    assert json.loads(bob.out("auth whoami -o json"))["status"]["userInfo"]["username"] == "bob"
    assert 'User "bob" cannot list resource "secrets"' in bob.refused("get secrets")


def test_a_credential_plugin_brings_the_token(kubectl, tmp_path):
    kubectl("create sa robot")
    token = kubectl.out("create token robot").strip()
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
    plugin = tmp_path / "plugin.sh"
    plugin.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(credential)}\nEND\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    config["users"][0]["user"] = {"exec": run}
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    robot = Kubectl(tmp_path / "config", kubectl.namespace)
    user = f"system:serviceaccount:{kubectl.namespace}:robot"
    assert json.loads(robot.out("auth whoami -o json"))["status"]["userInfo"]["username"] == user
    assert "cannot list resource" in robot.refused("get secrets")
    plugin.write_text("#!/bin/sh\necho nonsense\n")
    assert "decoding stdout" in robot.refused("get pods")
    plugin.write_text("#!/bin/sh\nexit 1\n")
    assert "failed with exit code 1" in robot.refused("get pods")


def test_kubeconfigs_are_written_and_their_faults_told(kubectl, tmp_path):
    path = tmp_path / "config"
    config = Kubectl(path)
    config("config set-cluster there --server=https://nowhere.example:1")
    (tmp_path / "ca").write_text("not a certificate")
    config(f"config set-cluster there --certificate-authority={tmp_path}/ca --embed-certs")
    config("config set-credentials me --token=abc")
    config("config set-context here --cluster=there --user=me --namespace=mine")
    config("config use-context here")
    written = yaml.safe_load(path.read_text())
    assert (
        written["clusters"][0]["cluster"]["certificate-authority-data"]
        == base64.b64encode(b"not a certificate").decode()
    )
    assert written["users"] == [{"name": "me", "user": {"token": "abc"}}]
    assert config.out("config current-context") == "here\n"
    for flag, text in (
        ("--context=nope", "context was not found for specified context: nope"),
        ("--cluster=nope", 'no server found for cluster "nope"'),
        ("--user=nope", 'auth info "nope" does not exist'),
    ):
        assert text in config.refused(f"get pods {flag}")
    assert "no such file or directory" in kubectl.refused(f"get pods --kubeconfig={tmp_path}/nope")
    served = yaml.safe_load(kubectl.kubeconfig.read_text())
    served["users"][0]["user"] |= {"as": "user1", "as-uid": "u1", "as-groups": ["g1"], "as-user-extra": {"k": ["v"]}}
    (tmp_path / "acting").write_text(yaml.safe_dump(served))
    me = json.loads(Kubectl(tmp_path / "acting").out("auth whoami -o json"))["status"]["userInfo"]
    assert (me["username"], me["uid"], me["groups"], me["extra"]) == (
        "user1",
        "u1",
        ["g1", "system:authenticated"],
        {"k": ["v"]},
    )
