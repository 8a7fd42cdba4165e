"""TLS as etcd's client port has it: a server certificate, and clients that must show one of theirs."""

import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Tls:
    """PEM bytes. ca: whose client certificates are required (--trusted-ca-file, --client-cert-auth)."""

    cert: bytes
    key: bytes
    ca: bytes

    def context(self) -> ssl.SSLContext:
        """For the server's end; `ssl` reads a key from a file only, which is there for that moment."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.ca.decode())
        context.set_alpn_protocols(["h2", "http/1.1"])
        with tempfile.TemporaryDirectory(prefix="kube_nb-") as folder:
            path = Path(folder) / "pair.pem"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.cert + b"\n" + self.key)
            context.load_cert_chain(path)
        return context


def common_name(certificate: dict[str, Any] | None) -> str:
    """Of the client's certificate as `ssl` tells it; empty without one."""
    subject = (certificate or {}).get("subject", ())
    return next((str(value) for part in subject for name, value in part if name == "commonName"), "")
