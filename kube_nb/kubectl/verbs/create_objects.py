"""``kubectl create deployment|namespace|configmap|secret|job|cronjob|serviceaccount``: objects made from flags."""

import base64
import json
from collections.abc import Mapping

from kube_nb.kubectl import workloads
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import create_access, create_jobs, create_policies, create_services
from kube_nb.kubectl.verbs.create_command import command
from kube_nb.machinery import names
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


def _deployment(inv: Invocation, name: str) -> Obj:
    images = inv["image"]
    command = inv.args[1:]
    if command and len(images) > 1:
        raise KubectlError("error: cannot specify multiple --image options and command")
    return workloads.deployment(name, images, replicas=inv["replicas"], port=inv["port"], command=command)


def _namespace(inv: Invocation, name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}}


def _service_account(inv: Invocation, name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


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
    data = {"tls.crt": _pem(inv, inv["cert"]), "tls.key": _pem(inv, inv["key"])}
    return _secret(name, data, "kubernetes.io/tls")


def _pem(inv: Invocation, path: str) -> bytes:
    try:
        return _file(inv, path)
    except KubectlError as error:
        raise KubectlError(f"error: Cannot read file {path}, {error.text.removeprefix('error: ')}") from None


def _registry_secret(inv: Invocation, name: str) -> Obj:
    user, password = inv["docker-username"], inv["docker-password"]
    if not inv["from-file"] and not (user and password and inv["docker-server"]):
        raise KubectlError(
            "error: either --from-file or the combination of --docker-username, --docker-password and --docker-server "
            "is required"
        )
    if inv["from-file"]:
        data = _file(inv, inv["from-file"][0].rpartition("=")[2])
    else:
        entry = {"username": user, "password": password, "email": inv["docker-email"]}
        entry = {key: value for key, value in entry.items() if value}
        entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
        data = json.dumps({"auths": {inv["docker-server"]: entry}}, separators=(",", ":")).encode()
    return _secret(name, {".dockerconfigjson": data}, "kubernetes.io/dockerconfigjson")


_SECRET = Command(
    name="secret",
    about="Create a secret with specified type.",
    usage="kubectl create secret (docker-registry | generic | tls) [options]",
    subcommands=(
        command(
            "docker-registry",
            "Create a new secret for use with container registries.",
            "secret docker-registry NAME --docker-username=user --docker-password=password --docker-email=email",
            _registry_secret,
            Flag("docker-server", default="https://index.docker.io/v1/", help="Server location for the registry."),
            Flag("docker-username", help="Username for the registry authentication."),
            Flag("docker-password", help="Password for the registry authentication."),
            Flag("docker-email", help="Email for the registry."),
            Flag("from-file", "strings", help="A file that holds the registry's configuration."),
            refusal="failed to create secret",
        ),
        command(
            "generic",
            "Create a secret from a local file, directory, or literal value.",
            "secret generic NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
            _generic_secret,
            *_DATA_FLAGS,
            Flag("type", help="The type of secret to create."),
            refusal="failed to create secret",
        ),
        command(
            "tls",
            "Create a TLS secret from the given public/private key pair.",
            "secret tls NAME --cert=path/to/cert/file --key=path/to/key/file",
            _tls_secret,
            Flag("cert", help="Path to PEM encoded public key certificate."),
            Flag("key", help="Path to private key associated with given certificate."),
            refusal="failed to create secret",
        ),
    ),
)


SUBCOMMANDS = (
    command(
        "configmap",
        "Create a config map from a local file, directory or literal value.",
        "configmap NAME [--from-file=[key=]source] [--from-literal=key1=value1]",
        _config_map,
        *_DATA_FLAGS,
        aliases=("cm",),
        refusal="failed to create configmap:",
    ),
    command(
        "deployment",
        "Create a deployment with the specified name.",
        "deployment NAME --image=image -- [COMMAND] [args...]",
        _deployment,
        Flag("image", "strings", help="Image names to run."),
        Flag("port", "int", default=-1, help="The containerPort that this deployment exposes."),
        Flag("replicas", "int", default=1, short="r", help="Number of replicas to create."),
        aliases=("deploy",),
        refusal="failed to create deployment:",
        required=("image",),
    ),
    command("namespace", "Create a namespace with the specified name.", "namespace NAME", _namespace, aliases=("ns",)),
    _SECRET,
    create_services.COMMAND,
    *create_access.COMMANDS,
    *create_jobs.COMMANDS,
    *create_policies.COMMANDS,
    command(
        "serviceaccount",
        "Create a service account with the specified name.",
        "serviceaccount NAME",
        _service_account,
        aliases=("sa",),
        refusal="failed to create serviceaccount:",
    ),
)
