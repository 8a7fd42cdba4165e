import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from kube_nb.cluster import pki
from kube_nb.machinery.clock import ManualClock


def authority(seed=0):
    clock = ManualClock(seed)
    return pki.Authority("kubernetes", clock.now(), clock.stream("pki"))


def test_equal_seeds_give_equal_certificates():
    assert authority(1).client("admin") == authority(1).client("admin")
    assert authority(1).certificate != authority(2).certificate


def test_a_client_certificate_carries_user_and_groups():
    pair = authority().client("kubernetes-admin", ["kubeadm:cluster-admins", "system:masters"])
    subject = x509.load_pem_x509_certificate(pair.certificate).subject
    assert [each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["kubernetes-admin"]
    groups = [each.value for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert groups == ["kubeadm:cluster-admins", "system:masters"]


@pytest.mark.parametrize("signed_by", [1, 2], ids=["signed by its own CA", "signed by another CA"])
def test_a_tls_handshake_succeeds_only_under_the_right_authority(signed_by, tmp_path):
    pair = authority(signed_by).server("kube-apiserver", ["localhost", "127.0.0.1"])
    (tmp_path / "crt").write_bytes(pair.certificate + pair.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "crt")
    client = ssl.create_default_context(cadata=authority(1).certificate.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]

    def shake():
        for end in ends * 3:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue

    if signed_by == 2:
        with pytest.raises(ssl.SSLCertVerificationError):
            shake()
    else:
        shake()
        assert ends[0].getpeercert()["subject"] == ((("commonName", "kube-apiserver"),),)
