"""``kubectl create deployment|namespace|configmap|secret|job|service``: objects made from flags."""

import base64
from collections.abc import Callable, Mapping, Sequence

from kube_nb.kubectl import changes, resources, workloads
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import names
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

Make = Callable[[Invocation, str], Obj]


def _command(name: str, about: str, usage: str, make: Make, *flags: Flag, aliases: Sequence[str] = ()) -> Command:
    async def run(inv: Invocation) -> None:
        if not inv.args:
            raise KubectlError(
                f"error: exactly one NAME is required, got 0\nSee 'kubectl create {name} -h' for help and examples"
            )
        await _create(inv, make(inv, inv.args[0]))

    return Command(
        name=name,
        about=about,
        usage=f"kubectl create {usage} [options]",
        run=run,
        aliases=aliases,
        flags=(*flags, changes.VALIDATE, *changes.change_flags("kubectl-create")),
    )


async def _create(inv: Invocation, obj: Obj) -> None:
    mapping = await inv.session.mapper.kind(GVK.of(obj))
    assert mapping is not None
    namespace = inv.namespace if mapping.namespaced else None
    target = resources.Target(mapping, namespace, obj["metadata"]["name"], obj)
    changes.report(inv, target, await changes.create(inv, target, obj), "created")


def _deployment(inv: Invocation, name: str) -> Obj:
    images = inv["image"]
    if not images:
        raise KubectlError('error: required flag(s) "image" not set')
    command = inv.args[1:]
    if command and len(images) > 1:
        raise KubectlError("error: cannot specify multiple --image options and command")
    return workloads.deployment(name, images, replicas=inv["replicas"], port=inv["port"], command=command)


def _namespace(inv: Invocation, name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}}


def _service_account(inv: Invocation, name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def _job(inv: Invocation, name: str) -> Obj:
    if not inv["image"]:
        raise KubectlError("error: either --image or --from must be specified")
    container: Obj = {"image": inv["image"], "name": name, "resources": {}}
    if inv.args[1:]:
        container["command"] = inv.args[1:]
    template = {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template},
        "status": {},
    }


# -- data from literals and files --------------------------------------------------------------------------------------


def _entries(inv: Invocation) -> dict[str, bytes]:
    """The keys of --from-literal, --from-file and --from-env-file, in that order."""
    found: dict[str, bytes] = {}
    for text in inv["from-literal"]:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise KubectlError(f"error: invalid literal source {text}, expected key=value")
        _add(found, key, value.encode())
    for text in inv["from-file"]:
        _add_files(inv, found, text)
    for path in inv["from-env-file"]:
        for line in _file(inv, path).decode().splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                key, _, value = line.partition("=")
                _add(found, key.strip(), value.encode())
    return found


def _add_files(inv: Invocation, found: dict[str, bytes], text: str) -> None:
    key, equals, path = text.partition("=")
    path = path if equals else text
    files = inv.session.read(path)
    if not files:
        raise KubectlError(f"error: error reading {path}: no such file or directory")
    for name, data in files.items():
        _add(found, key if equals else name.rpartition("/")[2], data)


def _file(inv: Invocation, path: str) -> bytes:
    files = inv.session.read(path)
    if not files:
        raise KubectlError(f"error: open {path}: no such file or directory")
    return next(iter(files.values()))


def _add(found: dict[str, bytes], key: str, value: bytes) -> None:
    if faults := names.is_config_map_key(key):
        raise KubectlError(f'error: "{key}" is not a valid key name for a ConfigMap: {"; ".join(faults)}')
    if key in found:
        raise KubectlError(f"error: cannot add key {key}, another key by that name already exists in Data")
    found[key] = value


_DATA_FLAGS = (
    Flag("from-literal", "array", help="Specify a key and literal value to insert (i.e. mykey=somevalue)."),
    Flag("from-file", "strings", help="Key file can be specified using its file path, or as KEY=PATH."),
    Flag("from-env-file", "strings", help="Specify the path to a file to read lines of key=val pairs."),
)


def _config_map(inv: Invocation, name: str) -> Obj:
    text: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in _entries(inv).items():
        try:
            text[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    body = {**({"data": text} if text else {}), **({"binaryData": binary} if binary else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", **body, "metadata": {"name": name}}


def _secret(name: str, data: Mapping[str, bytes], type: str) -> Obj:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    secret: Obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
    return {**secret, **({"data": encoded} if encoded else {}), **({"type": type} if type else {})}


def _generic_secret(inv: Invocation, name: str) -> Obj:
    return _secret(name, _entries(inv), inv["type"])


def _tls_secret(inv: Invocation, name: str) -> Obj:
    if not inv["cert"] or not inv["key"]:
        raise KubectlError("error: key and cert must be specified")
    data = {"tls.crt": _file(inv, inv["cert"]), "tls.key": _file(inv, inv["key"])}
    return _secret(name, data, "kubernetes.io/tls")


_SECRET = Command(
    name="secret",
    about="Create a secret with specified type.",
    usage="kubectl create secret (generic | tls) [options]",
    subcommands=(
        _command(
            "generic",
            "Create a secret from a local file, directory, or literal value.",
            "secret generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
            _generic_secret,
            *_DATA_FLAGS,
            Flag("type", help="The type of secret to create."),
        ),
        _command(
            "tls",
            "Create a TLS secret from the given public/private key pair.",
            "secret tls NAME --cert=path/to/cert/file --key=path/to/key/file",
            _tls_secret,
            Flag("cert", help="Path to PEM encoded public key certificate."),
            Flag("key", help="Path to private key associated with given certificate."),
        ),
    ),
)


# -- services ----------------------------------------------------------------------------------------------------------


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
    if not inv["external-name"]:
        raise KubectlError('error: required flag(s) "external-name" not set')
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
_SERVICE = Command(
    name="service",
    aliases=("svc",),
    about="Create a service using a specified subcommand.",
    usage="kubectl create service (clusterip | nodeport | loadbalancer | externalname) [options]",
    subcommands=(
        _command(
            "clusterip",
            "Create a ClusterIP service with the specified name.",
            "service clusterip NAME [--tcp=<port>:<targetPort>]",
            _service("ClusterIP"),
            _TCP,
            Flag("clusterip", help="Assign your own ClusterIP or set to 'None' for a 'headless' service."),
        ),
        _command(
            "nodeport",
            "Create a NodePort service with the specified name.",
            "service nodeport NAME [--tcp=port:targetPort]",
            _service("NodePort"),
            _TCP,
            Flag("node-port", "int", help="Port used to expose the service on each node in a cluster."),
        ),
        _command(
            "loadbalancer",
            "Create a LoadBalancer service with the specified name.",
            "service loadbalancer NAME [--tcp=port:targetPort]",
            _service("LoadBalancer"),
            _TCP,
        ),
        _command(
            "externalname",
            "Create an ExternalName service with the specified name.",
            "service externalname NAME --external-name external.name",
            _external_name,
            _TCP,
            Flag("external-name", help="External name of service."),
        ),
    ),
)

SUBCOMMANDS = (
    _command(
        "configmap",
        "Create a config map from a local file, directory or literal value.",
        "configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1]",
        _config_map,
        *_DATA_FLAGS,
        aliases=("cm",),
    ),
    _command(
        "deployment",
        "Create a deployment with the specified name.",
        "deployment NAME --image=image -- [COMMAND] [args...]",
        _deployment,
        Flag("image", "strings", help="Image names to run."),
        Flag("port", "int", help="The containerPort that this deployment exposes."),
        Flag("replicas", "int", default=1, short="r", help="Number of replicas to create."),
        aliases=("deploy",),
    ),
    _command(
        "job",
        "Create a job with the specified name.",
        "job NAME --image=image -- [COMMAND] [args...]",
        _job,
        Flag("image", help="Image name to run."),
    ),
    _command("namespace", "Create a namespace with the specified name.", "namespace NAME", _namespace, aliases=("ns",)),
    _SECRET,
    _SERVICE,
    _command(
        "serviceaccount",
        "Create a service account with the specified name.",
        "serviceaccount NAME",
        _service_account,
        aliases=("sa",),
    ),
)
