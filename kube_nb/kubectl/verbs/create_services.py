"""``kubectl create service``."""

from kube_nb.kubectl import workloads
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.create_command import Make, command
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


def _service(type: str) -> Make:
    def make(inv: Invocation, name: str) -> Obj:
        ports = [_tcp(text) for text in inv["tcp"]]
        spec: Obj = {}
        if type == "ClusterIP" and inv["clusterip"]:
            spec["clusterIP"] = inv["clusterip"]
        if type == "NodePort" and inv["node-port"]:
            ports = [{**port, "nodePort": inv["node-port"]} for port in ports]
        if not ports and spec.get("clusterIP") != "None":
            raise KubectlError("error: at least one tcp port specifier must be provided")
        return workloads.service(name, selector={"app": name}, ports=ports, labels={"app": name}, type=type, spec=spec)

    return make


def _external_name(inv: Invocation, name: str) -> Obj:
    spec = {"externalName": inv["external-name"]}
    ports = [_tcp(text) for text in inv["tcp"]]
    return workloads.service(
        name, selector={"app": name}, ports=ports, labels={"app": name}, type="ExternalName", spec=spec
    )


def _tcp(text: str) -> Obj:
    """``80:8080`` or ``80`` as a service port, named as kubectl names it."""
    port, colon, target = text.partition(":")
    if not port.isdecimal():
        raise KubectlError(f"error: invalid port: {text}")
    target = target if colon else port
    return {
        "name": f"{port}-{target}" if colon else port,
        "port": int(port),
        "protocol": "TCP",
        "targetPort": workloads.target_port(target),
    }


_TCP = Flag("tcp", "strings", help="Port pairs can be specified as '<port>:<targetPort>'.")
COMMAND = Command(
    name="service",
    aliases=("svc",),
    about="Create a service using a specified subcommand.",
    usage="kubectl create service (clusterip | nodeport | loadbalancer | externalname) [options]",
    subcommands=(
        command(
            "clusterip",
            "Create a ClusterIP service with the specified name.",
            "service clusterip NAME [--tcp=<port>:<targetPort>]",
            _service("ClusterIP"),
            _TCP,
            Flag("clusterip", help="Assign your own ClusterIP or set to 'None' for a 'headless' service."),
            refusal="failed to create ClusterIP service:",
        ),
        command(
            "nodeport",
            "Create a NodePort service with the specified name.",
            "service nodeport NAME [--tcp=port:targetPort]",
            _service("NodePort"),
            _TCP,
            Flag("node-port", "int", help="Port used to expose the service on each node in a cluster."),
            refusal="failed to create NodePort service:",
        ),
        command(
            "loadbalancer",
            "Create a LoadBalancer service with the specified name.",
            "service loadbalancer NAME [--tcp=port:targetPort]",
            _service("LoadBalancer"),
            _TCP,
            refusal="failed to create LoadBalancer service:",
        ),
        command(
            "externalname",
            "Create an ExternalName service with the specified name.",
            "service externalname NAME --external-name external.name",
            _external_name,
            _TCP,
            Flag("external-name", help="External name of service."),
            refusal="failed to create ExternalName service:",
            required=("external-name",),
        ),
    ),
)
