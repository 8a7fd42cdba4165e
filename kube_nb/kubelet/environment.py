"""A container's environment: service variables, envFrom, env with its references, ``$(VAR)`` expansion.

Models pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables), pkg/kubelet/envvars and
third_party/forked/golang/expansion.
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from kube_nb.machinery import objects, quantity
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")
Fetch = Callable[[str, str, str], Awaitable[Obj]]


class ConfigFault(Exception):
    """The container cannot be configured: CreateContainerConfigError with this message."""


def expand(text: str, variables: Mapping[str, str]) -> str:
    """``$(NAME)`` becomes the variable's value, or stays if there is none; ``$$`` is a dollar."""
    if "$" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return variables.get(match[2], match[0])

    return _REFERENCE.sub(one, text)


# -- services ----------------------------------------------------------------------------------------------------


def service_variables(service: Obj) -> dict[str, str]:
    """``WEB_SERVICE_HOST`` and the docker links of one service."""
    spec = service.get("spec") or {}
    ip = spec.get("clusterIP")
    ports = spec.get("ports") or ()
    if not ip or ip == "None" or not ports:
        return {}
    prefix = objects.name(service).upper().replace("-", "_")
    found = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    for index, port in enumerate(ports):
        protocol, number = port.get("protocol", "TCP"), port["port"]
        url = f"{protocol.lower()}://{ip}:{number}"
        link = f"{prefix}_PORT_{number}_{protocol}"
        if index == 0:
            found[f"{prefix}_PORT"] = url
        found |= {link: url, f"{link}_PROTO": protocol.lower(), f"{link}_PORT": str(number), f"{link}_ADDR": ip}
    return found


# -- env and envFrom ---------------------------------------------------------------------------------------------


async def variables(
    pod: Obj, container: Obj, services: Mapping[str, str], node: Mapping[str, str], fetch: Fetch
) -> dict[str, str]:
    """The container's own variables, which go over the service's.

    services: for expansion only. node: {"ip": ..., "cpu": milli, "memory": bytes} of the node, for references.
    fetch: ("configmaps" | "secrets", namespace, name) -> object, raising ApiError. Raises ConfigFault.
    """
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix") or ""
        for kind, field, decode in _SOURCES:
            reference = source.get(field)
            if reference is not None:
                data = await _data(pod, reference, kind, decode, fetch)
                found |= {prefix + key: value for key, value in (data or {}).items()}
    for variable in container.get("env") or ():
        name = variable["name"]
        if variable.get("valueFrom") is None:
            found[name] = expand(variable.get("value") or "", {**services, **found})
            continue
        value = await _reference(pod, container, variable["valueFrom"], node, fetch)
        if value is not None:
            found[name] = value
    return found


def _plain(value: str) -> str:
    return value


def _decoded(value: str) -> str:
    return base64.b64decode(value).decode(errors="replace")


_SOURCES = (("configmaps", "configMapRef", _plain), ("secrets", "secretRef", _decoded))
_KEYS = (("configmaps", "configMapKeyRef", _plain), ("secrets", "secretKeyRef", _decoded))
_WORDS = {"configmaps": ("configmap", "ConfigMap"), "secrets": ("secret", "Secret")}


async def _data(
    pod: Obj, reference: Obj, kind: str, decode: Callable[[str], str], fetch: Fetch
) -> dict[str, str] | None:
    """The object's data; None if it is optional and missing."""
    try:
        obj = await fetch(kind, objects.namespace(pod), reference["name"])
    except ApiError as error:
        if error.code == 404 and reference.get("optional"):
            return None
        raise ConfigFault(
            error.message if error.code != 404 else f'{_WORDS[kind][0]} "{reference["name"]}" not found'
        ) from error
    return {key: decode(value) for key, value in (obj.get("data") or {}).items()}


async def _reference(pod: Obj, container: Obj, source: Obj, node: Mapping[str, str], fetch: Fetch) -> str | None:
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"], node)
    if "resourceFieldRef" in source:
        return resource_value(pod, container, source["resourceFieldRef"], node)
    for kind, field, decode in _KEYS:
        reference = source.get(field)
        if reference is None:
            continue
        data = await _data(pod, reference, kind, decode, fetch)
        if data is not None and reference["key"] in data:
            return data[reference["key"]]
        if not reference.get("optional"):
            place = f"{objects.namespace(pod)}/{reference['name']}"
            raise ConfigFault(f"couldn't find key {reference['key']} in {_WORDS[kind][1]} {place}")
    return None


def field_value(pod: Obj, path: str, node: Mapping[str, str]) -> str:
    """The downward API's fields. Raises ConfigFault for others."""
    subscript = re.fullmatch(r"metadata\.(labels|annotations)(?:\['(.+)'\])?", path)
    if subscript:
        found = objects.metadata(pod).get(subscript[1]) or {}
        if subscript[2]:
            return str(found.get(subscript[2], ""))
        return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(found.items()))
    values: dict[str, Callable[[], str]] = {
        "metadata.name": lambda: objects.name(pod),
        "metadata.namespace": lambda: objects.namespace(pod),
        "metadata.uid": lambda: objects.uid(pod),
        "spec.nodeName": lambda: str(pod["spec"].get("nodeName", "")),
        "spec.serviceAccountName": lambda: str(pod["spec"].get("serviceAccountName", "")),
        "status.hostIP": lambda: node["ip"],
        "status.hostIPs": lambda: node["ip"],
        "status.podIP": lambda: node["pod_ip"],
        "status.podIPs": lambda: node["pod_ip"],
    }
    if path not in values:
        raise ConfigFault(f"unsupported fieldPath: {path}")
    return values[path]()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_value(pod: Obj, container: Obj, reference: Obj, node: Mapping[str, str]) -> str:
    """``limits.cpu`` and the like, rounded up to the divisor; without a limit, what the node has."""
    name = reference.get("containerName")
    chosen = next((c for c in pod["spec"]["containers"] if c["name"] == name), container)
    what, _, resource = reference["resource"].partition(".")
    found = ((chosen.get("resources") or {}).get(what) or {}).get(resource)
    if found is None:
        found = node.get(resource, "0") if what == "limits" else "0"
    divisor = quantity.parse(reference.get("divisor") or "1")
    if not divisor:
        divisor = quantity.parse("1")
    milli = quantity.parse(found).milli_value()
    return str(-(-milli // max(1, divisor.milli_value())))


class ServiceVariables:
    """The service variables of one namespace at one moment, put together when they are first asked for.

    A pod's environment is fixed when it starts, but most programs never look: so only references are taken then.
    """

    def __init__(self, fragments: Sequence[Mapping[str, str]]) -> None:
        self._fragments = fragments

    def mapping(self) -> dict[str, str]:
        merged: dict[str, str] = {}
        for fragment in self._fragments:
            merged.update(fragment)
        return merged
