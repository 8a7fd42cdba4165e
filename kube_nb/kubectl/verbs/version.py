"""``kubectl version`` and ``kubectl cluster-info``."""

import json

from kube_nb.api.resources import SERVICES
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.printers import objects
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

#: The kubectl whose behaviour and texts ours are.
CLIENT: Obj = {"major": "1", "minor": "32", "gitVersion": "v1.32.4", "platform": "kube_nb"}
KUSTOMIZE = "v5.5.0"


async def _version(inv: Invocation) -> None:
    if inv.args:
        raise usage_error("kubectl version", f"extra arguments: [{' '.join(inv.args)}]")
    if inv["output"] not in ("", "json", "yaml"):
        raise KubectlError("error: --output must be 'yaml' or 'json'")
    found: Obj = {"clientVersion": CLIENT, "kustomizeVersion": KUSTOMIZE}
    if not inv["client"]:
        found["serverVersion"] = (await inv.session.client.raw("GET", "/version")).object()
    if inv["output"]:
        inv.write(json.dumps(found, indent=2) + "\n" if inv["output"] == "json" else objects.to_yaml(found))
        if "serverVersion" in found:
            _warn_of_skew(inv, found["serverVersion"])
        return
    inv.out(f"Client Version: {CLIENT['gitVersion']}")
    inv.out(f"Kustomize Version: {KUSTOMIZE}")
    if "serverVersion" in found:
        inv.out(f"Server Version: {found['serverVersion']['gitVersion']}")
        _warn_of_skew(inv, found["serverVersion"])


def _warn_of_skew(inv: Invocation, server: Obj) -> None:
    client_minor, server_minor = int(CLIENT["minor"]), int(str(server.get("minor", "0")).rstrip("+") or 0)
    if abs(client_minor - server_minor) > 1:
        inv.err(
            f"WARNING: version difference between client (1.{client_minor}) and server (1.{server_minor}) exceeds the "
            "supported minor version skew of +/-1"
        )


async def _cluster_info(inv: Invocation) -> None:
    server = _server(inv)
    inv.out(f"Kubernetes control plane is running at {server}")
    selector = "kubernetes.io/cluster-service=true"
    listed = await inv.session.client.list(SERVICES, "kube-system", label_selector=selector)
    for service in listed.get("items") or []:
        metadata = service["metadata"]
        name = (metadata.get("labels") or {}).get("kubernetes.io/name") or metadata["name"]
        inv.out(f"{name} is running at {server}{_proxy_path(service)}")
    inv.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.")


def _server(inv: Invocation) -> str:
    for cluster in inv.session.config.get("clusters") or []:
        return str(cluster["cluster"]["server"])
    return "https://127.0.0.1:6443"


def _proxy_path(service: Obj) -> str:
    metadata, ports = service["metadata"], service["spec"].get("ports") or []
    port = ports[0] if ports else {}
    scheme = "https:" if port.get("name") == "https" or port.get("port") == 443 else ""
    name = f"{scheme}{metadata['name']}:{port['name']}" if port.get("name") else f"{scheme}{metadata['name']}"
    return f"/api/v1/namespaces/{metadata['namespace']}/services/{name}/proxy"


VERSION = Command(
    name="version",
    about="Print the client and server version information for the current context.",
    usage="kubectl version [flags] [options]",
    examples="  # Print the client and server versions for the current context\n  kubectl version",
    run=_version,
    flags=(
        Flag("client", "bool", help="If true, shows client version only (no server required)."),
        Flag("output", short="o", help="One of 'yaml' or 'json'."),
    ),
)
CLUSTER_INFO = Command(
    name="cluster-info",
    about="Display addresses of the control plane and services with label kubernetes.io/cluster-service=true.",
    usage="kubectl cluster-info [flags] [options]",
    examples="  # Print the address of the control plane and cluster services\n  kubectl cluster-info",
    run=_cluster_info,
)
