"""What each signer of kube-controller-manager wants of a request.

Models pkg/controller/certificates/signer/signer.go and pkg/apis/certificates/helpers.go.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from kube_nb.machinery.types import Obj

LEGACY = "kubernetes.io/legacy-unknown"
CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
_CLIENT_USAGES = (
    {"key encipherment", "digital signature", "client auth"},
    {"digital signature", "client auth"},
)
_SERVING_USAGES = (
    {"key encipherment", "digital signature", "server auth"},
    {"digital signature", "server auth"},
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request as its PEM says: name, organizations, and whether it has alternative names of each sort."""

    common_name: str
    organizations: tuple[str, ...]
    hosts: bool
    others: bool


def parsed(request: Obj) -> Wanted:
    """ValueError for what is no certificate request."""
    try:
        pem = base64.b64decode((request.get("spec") or {}).get("request") or "")
        found = x509.load_pem_x509_csr(pem)
    except (ValueError, binascii.Error):
        raise ValueError("unable to parse csr: PEM block type must be CERTIFICATE REQUEST") from None
    names = [str(each.value) for each in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(each.value) for each in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    alternatives = _alternatives(found)
    hosts = any(isinstance(each, (x509.DNSName, x509.IPAddress)) for each in alternatives)
    others = any(isinstance(each, (x509.RFC822Name, x509.UniformResourceIdentifier)) for each in alternatives)
    return Wanted(names[0] if names else "", tuple(groups), hosts, others)


def _alternatives(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def fault_of_kubelet_client(found: Wanted, usages: set[str]) -> str:
    """Models ValidateKubeletClientCSR."""
    if found.organizations != ("system:nodes",):
        return "subject organization is not system:nodes"
    if found.hosts or found.others:
        return "DNS, IP, email, and URI subjectAltNames are not allowed"
    if not found.common_name.startswith("system:node:"):
        return "subject common name does not begin with system:node:"
    if usages not in _CLIENT_USAGES:
        return (
            "usages did not match [client auth digital signature] or [client auth digital signature key encipherment]"
        )
    return ""


def fault_of_kubelet_serving(found: Wanted, usages: set[str]) -> str:
    """Models ValidateKubeletServingCSR."""
    if found.organizations != ("system:nodes",):
        return "subject organization is not system:nodes"
    if not found.hosts:
        return "DNS or IP subjectAltName is required"
    if found.others:
        return "email and URI subjectAltNames are not allowed"
    if usages not in _SERVING_USAGES:
        return (
            "usages did not match [digital signature server auth] or [digital signature key encipherment server auth]"
        )
    if not found.common_name.startswith("system:node:"):
        return "subject common name does not begin with system:node:"
    return ""


def fault_of_client(found: Wanted, usages: set[str]) -> str:
    if "client auth" not in usages:
        return "usages must include client auth"
    return "" if usages <= _CLIENT_USAGES[0] else f"unsupported usages: {', '.join(sorted(usages))}"


#: Signer -> what is wrong with a request, "" if it may be signed.
SIGNERS: dict[str, Callable[[Wanted, set[str]], str]] = {
    LEGACY: lambda found, usages: "",
    CLIENT: fault_of_client,
    KUBELET_CLIENT: fault_of_kubelet_client,
    KUBELET_SERVING: fault_of_kubelet_serving,
}


def has_condition(request: Obj, type: str) -> bool:
    return any(row.get("type") == type for row in (request.get("status") or {}).get("conditions") or ())
