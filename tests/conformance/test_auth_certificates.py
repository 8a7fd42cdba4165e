"""Models test/e2e/auth: certificates.go and podcertificaterequest.go."""

import base64
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.resource_walk import ResourceWalk
from tests.conformance.scenario import Kube

_GROUP = "certificates.k8s.io"


def _request(key: ec.EllipticCurvePrivateKey, common_name: str = "") -> x509.CertificateSigningRequest:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())


def _pem(request: x509.CertificateSigningRequest) -> str:
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def _condition(type: str, reason: str) -> dict:
    return {"type": type, "status": "True", "reason": reason, "message": f"Set from an e2e test: {reason}"}


@conformance("[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]")
def test_certificate_signing_requests_have_every_verb_and_their_subresources(kube: Kube) -> None:
    for plural in ("", "/status", "/approval"):
        check_discovery(kube, _GROUP, "v1", f"certificatesigningrequests{plural}")
    key = ec.generate_private_key(ec.SECP256R1())
    signer = "example.com/e2e"
    body = {
        "spec": {
            "request": _pem(_request(key, "e2e.example.com")),
            "signerName": signer,
            "usages": ["digital signature"],
            "expirationSeconds": 3600,
        }
    }
    requests = Operations(kube.certificates, "certificate_signing_request")
    requests.check(kube, lambda: body)
    made = requests.create({"metadata": {"name": "csr"}, **body})
    assert (made.spec.username, "system:authenticated" in made.spec.groups) == ("kubernetes-admin", True)
    assert requests.patch("csr", {"spec": {"signerName": "example.com/other"}}).spec.signer_name == signer
    _check_approval(kube, requests)
    _check_status(kube, requests, key)
    everyone = kube.certificates.list_certificate_signing_request(field_selector=f"spec.signerName={signer}").items
    assert [item.metadata.name for item in everyone] == ["csr"]
    requests.delete("csr")
    kube.until_gone(requests.read, "csr")


def _check_approval(kube: Kube, requests: Operations) -> None:
    assert requests.read("csr", "approval").metadata.name == "csr"
    change = {
        "metadata": {"annotations": {"patched": "approval"}},
        "status": {"conditions": [_condition("ApprovalPatch", "E2E")]},
    }
    patched = requests.patch("csr", change, "approval")
    assert [row.type for row in patched.status.conditions] == ["ApprovalPatch"]
    wire = kube.wire(patched)
    wire["status"]["conditions"].append(_condition("Approved", "E2E"))
    updated = requests.replace("csr", wire, "approval")
    assert [row.type for row in updated.status.conditions] == ["ApprovalPatch", "Approved"]


def _check_status(kube: Kube, requests: Operations, key: ec.EllipticCurvePrivateKey) -> None:
    assert requests.read("csr", "status").metadata.name == "csr"
    certificate = base64.b64encode(_certificate(kube, key).public_bytes(serialization.Encoding.PEM)).decode()
    patched = requests.patch("csr", {"status": {"certificate": certificate}}, "status")
    assert kube.wire(patched)["status"]["certificate"] == certificate
    wire = kube.wire(patched)
    wire["status"]["conditions"].append(_condition("StatusUpdate", "E2E"))
    updated = requests.replace("csr", wire, "status")
    assert [row.type for row in updated.status.conditions] == ["ApprovalPatch", "Approved", "StatusUpdate"]


def _certificate(kube: Kube, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Signed by itself, valid for an hour of cluster time from a minute ago."""
    begin = kube.cluster.engine.wall_now() - timedelta(minutes=1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "e2e.example.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(hours=1))
    return made.sign(key, hashes.SHA256())


@conformance(
    "[sig-auth] PodCertificateRequest API [Privileged:ClusterAdmin] should support PodCertificateRequest API operations [Conformance]"
)
def test_pod_certificate_requests_take_every_verb(kube: Kube) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(kube, key)
    uid = "12345678-1234-1234-1234-12345678901"
    spec = {
        "signerName": "example.com/e2e",
        "podName": "test-pod",
        "podUID": f"{uid}2",
        "serviceAccountName": "default",
        "serviceAccountUID": f"{uid}3",
        "nodeName": "test-node",
        "nodeUID": f"{uid}4",
        "maxExpirationSeconds": 86400,
        "stubPKCS10Request": base64.b64encode(_request(key).public_bytes(serialization.Encoding.DER)).decode(),
    }
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    condition = {**_condition("Issued", "E2E"), "lastTransitionTime": _stamp(begin)}
    status = {
        "certificateChain": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "notBefore": _stamp(begin),
        "notAfter": _stamp(end),
        "beginRefreshAt": _stamp(begin + timedelta(minutes=15)),
        "conditions": [condition],
    }
    initial = {"apiVersion": f"{_GROUP}/v1", "kind": "PodCertificateRequest", "metadata": {"name": "pcr"}, "spec": spec}
    change = {"metadata": {"labels": {"test.podcertificaterequest.example.com": "test"}}}
    walk = ResourceWalk(kube, _GROUP, "v1", "podcertificaterequests", namespaced=True)
    walk.check(initial, change, status)


def _stamp(moment: object) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
