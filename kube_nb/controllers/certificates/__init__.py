"""Certificate signing requests: kubelets' own are approved, approved ones are signed, old ones removed.

Read `signers` for what each signer wants of a request, then `signing`. Models pkg/controller/certificates.
"""

from kube_nb.controllers.certificates.approving import CertificateApprover
from kube_nb.controllers.certificates.cleaning import CertificateCleaner
from kube_nb.controllers.certificates.signing import CertificateSigner

__all__ = ["CertificateApprover", "CertificateCleaner", "CertificateSigner"]
