"""Credentials from a program that a kubeconfig names (``users[].user.exec``), as managed clouds use them.

Models client-go plugin/pkg/client/auth/exec. Differs: not interactive, no cluster information on request.
"""

import asyncio
import os
import subprocess
from dataclasses import dataclass, field

import orjson

from kube_nb.client.errors import Unreachable
from kube_nb.machinery.types import Obj


@dataclass(frozen=True, slots=True)
class Credential:
    """A token, or a certificate and its key in PEM."""

    token: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)


async def obtain(config: Obj) -> Credential:
    """Run the program (in a thread: it may ask the network) and take what it prints. `Unreachable` if it fails."""
    return await asyncio.get_running_loop().run_in_executor(None, _run, config)


def _run(config: Obj) -> Credential:
    command = [config["command"], *(config.get("args") or ())]
    spec = {"interactive": False}
    request = {"apiVersion": config.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, "KUBERNETES_EXEC_INFO": orjson.dumps(request).decode()}
    environment |= {row["name"]: row["value"] for row in config.get("env") or ()}
    try:
        output = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
        return _parse(orjson.loads(output).get("status") or {})
    except FileNotFoundError:
        hint = config.get("installHint") or ""
        raise Unreachable(f"getting credentials: exec: executable {command[0]} not found\n\n{hint}".strip()) from None
    except (subprocess.CalledProcessError, orjson.JSONDecodeError, AttributeError) as error:
        raise Unreachable(f"getting credentials: exec: {error}") from error


def _parse(status: Obj) -> Credential:
    return Credential(
        token=status.get("token") or "",
        certificate=(status.get("clientCertificateData") or "").encode(),
        key=(status.get("clientKeyData") or "").encode(),
    )
