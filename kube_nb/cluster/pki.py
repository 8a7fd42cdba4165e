"""The cluster's certificate authority and the certificates that it signs.

Keys are P-256. A cluster that serves nobody derives them from its seed, so that equal seeds write equal histories; as
soon as a server listens, `Authority.random` takes the system's randomness instead.
"""

import ipaddress
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CA_LIFETIME = timedelta(days=3650)
_LEAF_LIFETIME = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A self-signed CA. Models what `kubeadm init phase certs ca` writes; names and lifetimes as kubeadm's."""

    def __init__(self, common_name: str, now: datetime, randomness: random.Random) -> None:
        self._randomness = randomness
        self._now = now - timedelta(minutes=5)
        self._key = self._new_key()
        self._name = _name(common_name)
        certificate = (
            self._builder(self._name, self._key, _CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        )
        #: The CA's certificate, PEM.
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)

    @classmethod
    def random(cls, common_name: str, now: datetime) -> "Authority":
        """A CA with keys nobody can derive."""
        return cls(common_name, now, random.SystemRandom())

    def client(self, common_name: str, groups: Sequence[str] = ()) -> KeyPair:
        """A client certificate: CN is the user's name, O its groups."""
        return self._issue(_name(common_name, groups), x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), None)

    def server(self, common_name: str, hosts: Sequence[str], *, peer: bool = False) -> KeyPair:
        """A server's certificate for DNS names and addresses; `peer` may also act as a client (etcd members)."""
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] + ([ExtendedKeyUsageOID.CLIENT_AUTH] if peer else [])
        return self._issue(_name(common_name), x509.ExtendedKeyUsage(usages), _alternative_names(hosts))

    def sign(self, request: bytes, usages: Sequence[str], lifetime: timedelta, now: datetime) -> bytes:
        """The certificate (PEM) of a request (PEM); ValueError for one that is none. Models signer.Sign."""
        asked = x509.load_pem_x509_csr(request)
        if not asked.is_signature_valid:
            raise ValueError("unable to verify certificate request signature")
        since = now - timedelta(minutes=5)
        builder = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(self._name)
            .public_key(asked.public_key())
            .serial_number(self._randomness.getrandbits(159) | 1)
            .not_valid_before(since)
            .not_valid_after(since + lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if set(usages) - set(_EXTENDED):  # an extension without a single usage is not valid
            builder = builder.add_extension(_signed_usage(usages), critical=True)
        extended = [_EXTENDED[usage] for usage in usages if usage in _EXTENDED]
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        for extension in asked.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, critical=False)
        signed = builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        return signed.public_bytes(serialization.Encoding.PEM)

    def _issue(
        self, subject: x509.Name, usage: x509.ExtendedKeyUsage, hosts: x509.SubjectAlternativeName | None
    ) -> KeyPair:
        key = self._new_key()
        builder = (
            self._builder(subject, key, _LEAF_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(usage, critical=False)
        )
        if hosts is not None:
            builder = builder.add_extension(hosts, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(self._randomness.getrandbits(159) | 1)
            .not_valid_before(self._now)
            .not_valid_after(self._now + lifetime)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _new_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self._randomness.randrange(1, _CURVE_ORDER), ec.SECP256R1())


def signing_key() -> bytes:
    """A private key for service accounts' tokens, PEM; nobody can derive it, and no token enters the history
    but what secrets of type kubernetes.io/service-account-token hold."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


#: Usages of a certificate signing request that are extended ones in the certificate.
_EXTENDED = {
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}


def _signed_usage(usages: Sequence[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital signature" in usages or "signing" in usages,
        content_commitment="content commitment" in usages,
        key_encipherment="key encipherment" in usages,
        data_encipherment="data encipherment" in usages,
        key_agreement="key agreement" in usages,
        key_cert_sign="cert sign" in usages,
        crl_sign="crl sign" in usages,
        encipher_only=False,
        decipher_only=False,
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
