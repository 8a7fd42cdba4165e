"""Kubeconfigs for a serving cluster: where it listens, whom to trust, who one is.

Models `kubeadm init phase kubeconfig`.
"""

import base64
import os
from pathlib import Path

import yaml

from kube_nb.cluster.pki import KeyPair
from kube_nb.machinery.types import Obj


def admin(name: str, server: str, authority: bytes, user: KeyPair) -> Obj:
    """A kubeconfig with one context, certificates inside."""
    context = f"{name}-admin@{name}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": _data(authority)}}],
        "users": [
            {
                "name": f"{name}-admin",
                "user": {"client-certificate-data": _data(user.certificate), "client-key-data": _data(user.key)},
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": name, "user": f"{name}-admin"}}],
        "current-context": context,
        "preferences": {},
    }


def _data(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def write(path: Path, config: Obj) -> None:
    """Write a kubeconfig to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_secret(path, yaml.safe_dump(config, sort_keys=False).encode())


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that may hold a private key: readable by its owner only, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(unfinished, path)
