"""Who may approve, sign and attest under the name of a signer, and what no client certificate may claim.

CertificateApproval, CertificateSigning, ClusterTrustBundleAttest, CertificateSubjectRestriction. Models
plugin/pkg/admission/certificates.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import ClassVar

from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.apiserver.authz import ALLOW, Access
from kube_nb.machinery import errors
from kube_nb.machinery.types import Obj

_GROUP = "certificates.k8s.io"
_REQUESTS = f"certificatesigningrequests.{_GROUP}"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


async def _may(attributes: Attributes, verb: str, signer: str) -> bool:
    """Whether the caller has the verb for the signer by its name, or for all of its domain."""
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        access = Access(attributes.call.user, verb, _GROUP, "*", "signers", name=name)
        if (await attributes.server.decide(access)).verdict == ALLOW:
            return True
    return False


def _no(attributes: Attributes, why: str) -> errors.ApiError:
    return errors.forbidden(attributes.group_resource, attributes.name, why)


def _signer(obj: Obj | None) -> str:
    return str(((obj or {}).get("spec") or {}).get("signerName") or "")


class CertificateApproval:
    """Approving takes the verb approve on the signer."""

    name: ClassVar[str] = "CertificateApproval"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {UPDATE: (f"certificatesigningrequests/approval.{_GROUP}",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        signer = _signer(attributes.old)
        if not await _may(attributes, "approve", signer):
            raise _no(attributes, f'user not permitted to approve requests with signerName "{signer}"')


class CertificateSigning:
    """Setting the certificate or the conditions takes the verb sign on the signer."""

    name: ClassVar[str] = "CertificateSigning"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {UPDATE: (f"certificatesigningrequests/status.{_GROUP}",)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        old, new = ((obj or {}).get("status") or {} for obj in (attributes.old, attributes.obj))
        if all(old.get(field) == new.get(field) for field in ("certificate", "conditions")):
            return
        signer = _signer(attributes.old)
        if not await _may(attributes, "sign", signer):
            raise _no(attributes, f'user not permitted to sign requests with signerName "{signer}"')


class ClusterTrustBundleAttest:
    """A bundle under a signer's name takes the verb attest on it."""

    name: ClassVar[str] = "ClusterTrustBundleAttest"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        CREATE: (f"clustertrustbundles.{_GROUP}",),
        UPDATE: (f"clustertrustbundles.{_GROUP}",),
    }
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        signer = _signer(attributes.obj)
        if signer and not await _may(attributes, "attest", signer):
            raise _no(attributes, f'user not permitted to attest for signerName "{signer}"')


class CertificateSubjectRestriction:
    """No client certificate of the API server makes its holder a member of system:masters."""

    name: ClassVar[str] = "CertificateSubjectRestriction"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {CREATE: (_REQUESTS,)}
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        if _signer(attributes.obj) != CLIENT_SIGNER:
            return
        if "system:masters" in _organizations(attributes):
            raise _no(attributes, f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed")


def _organizations(attributes: Attributes) -> list[str]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        pem = base64.b64decode((attributes.new.get("spec") or {}).get("request") or "")
        found = x509.load_pem_x509_csr(pem).subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    except (ValueError, binascii.Error):
        raise _no(attributes, "failed to parse CSR: PEM block type must be CERTIFICATE REQUEST") from None
    return [str(each.value) for each in found]
