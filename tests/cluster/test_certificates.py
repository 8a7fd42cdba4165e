"""Certificates through CertificateSigningRequest: from the request to a connection that the server knows."""

import base64
import json
import ssl
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kube_nb import Cluster
from kube_nb.machinery.types import Obj


def key_and_request(name: str, *groups: str) -> tuple[bytes, str]:
    """(PEM of the key, base64 of the request's PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject)).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, base64.b64encode(asked.public_bytes(serialization.Encoding.PEM)).decode()


def signing_request(asked: str, signer: str = "kube-apiserver-client", **spec: object) -> Obj:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "asked"},
        "spec": {"request": asked, "signerName": f"kubernetes.io/{signer}", "usages": ["client auth"], **spec},
    }


def approve(cluster: Cluster) -> None:
    condition = {"type": "Approved", "status": "True", "reason": "ByMe", "message": "yes"}
    patch = json.dumps({"status": {"conditions": [condition]}})
    done = cluster.kubectl(f"patch csr asked --subresource=approval --type=merge -p '{patch}'")
    assert done.exit_code == 0, done.stderr


def status_of(cluster: Cluster) -> Obj:
    found: Obj = json.loads(cluster.kubectl("get csr asked -o json").text)
    status: Obj = found["status"]
    return status


def who_am_i(url: str, context: ssl.SSLContext) -> Obj:
    body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode()
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=context, timeout=20) as answer:
        found: Obj = json.loads(answer.read())["status"]["userInfo"]
    return found


def test_an_approved_request_becomes_a_certificate_that_opens_the_door(tmp_path: Path) -> None:
    with Cluster(nodes=0, pace=50) as cluster:
        serving = cluster.serve()
        key, asked = key_and_request("bob", "developers")
        cluster.apply(signing_request(asked))
        approve(cluster)
        cluster.wait("csr/asked", "jsonpath={.status.certificate}", timeout="60s")
        (tmp_path / "pair.pem").write_bytes(base64.b64decode(status_of(cluster)["certificate"]) + key)
        context = ssl.create_default_context(cadata=_authority(serving.kubeconfig))
        context.load_cert_chain(tmp_path / "pair.pem")
        found = who_am_i(serving.url, context)
        assert (found["username"], found["groups"]) == ("bob", ["developers", "system:authenticated"])


def _authority(path: Path) -> str:
    import yaml

    (cluster,) = yaml.safe_load(path.read_text())["clusters"]
    return base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()


@pytest.fixture(scope="module")
def cluster():
    with Cluster(nodes=0) as made:
        yield made


@pytest.fixture
def empty(cluster):
    yield cluster
    cluster.kubectl("delete csr --all")


def test_a_request_that_its_signer_does_not_sign_fails(empty: Cluster) -> None:
    _key, asked = key_and_request("bob", "developers")
    empty.apply(signing_request(asked, "kube-apiserver-client-kubelet"))
    approve(empty)
    condition = status_of(empty)["conditions"][1]
    assert (condition["type"], condition["reason"]) == ("Failed", "SignerValidationFailure")
    assert condition["message"] == "subject organization is not system:nodes"


def test_a_kubelet_that_may_ask_is_approved_without_a_person(empty: Cluster) -> None:
    _key, asked = key_and_request("system:node:node-9", "system:nodes")
    usages = ["client auth", "digital signature", "key encipherment"]
    empty.apply(signing_request(asked, "kube-apiserver-client-kubelet", usages=usages, expirationSeconds=3600))
    status = status_of(empty)
    assert status["conditions"][0]["message"] == (
        "Auto approving kubelet client certificate after SubjectAccessReview."
    )
    made = x509.load_pem_x509_certificate(base64.b64decode(status["certificate"]))
    assert (made.not_valid_after_utc - made.not_valid_before_utc).total_seconds() == 3600
    assert made.extensions.get_extension_for_class(x509.ExtendedKeyUsage)


def test_a_role_gathers_the_rules_of_those_that_it_chooses(cluster: Cluster) -> None:
    made = cluster.kubectl("create clusterrole readers --aggregation-rule=reads=yes")
    assert made.exit_code == 0, made.stderr
    cluster.kubectl("create clusterrole part --verb=get --resource=pods")
    cluster.kubectl("label clusterrole part reads=yes")
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    assert json.loads(cluster.kubectl("get clusterrole readers -o json").text)["rules"] == [rule]
    cluster.kubectl("label clusterrole part reads-")
    assert not json.loads(cluster.kubectl("get clusterrole readers -o json").text)["rules"]
    before = json.loads(cluster.kubectl("get clusterrole admin -o json").text)
    assert int(before["metadata"]["resourceVersion"]) < 200, "the built-in roles are as their controller makes them"
