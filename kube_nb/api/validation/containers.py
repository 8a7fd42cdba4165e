"""Containers of a pod: names, ports, environment, mounts, probes, hooks. Models validateContainers and below."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kube_nb.api.validation import resources, volumes
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = "must be 'File' or 'FallbackToLogsOnError'"
_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_SUBSCRIPT = re.compile(r"metadata\.(?:labels|annotations)\['([^']*)'\]")
_CONTAINER_RESOURCES = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_VALUE_SOURCES = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


@dataclass(slots=True)
class Surroundings:
    """What containers may refer to, and what they must not repeat.

    volumes: name -> its source's kind. is_pod: a pod's own containers are checked more strictly than a template's.
    """

    volumes: Mapping[str, str] = field(default_factory=dict)
    is_pod: bool = False
    claims: frozenset[str] = frozenset()
    host_network: bool = False
    names: set[str] = field(default_factory=set)
    host_ports: set[tuple[str, str, int]] = field(default_factory=set)


def containers(found: Sequence[Obj], path: str, around: Surroundings, faults: Faults) -> None:
    """The main containers."""
    if not found:
        faults.required(path)
    for index, container in enumerate(found):
        here = f"{path}[{index}]"
        _container(container, here, around, faults)
        _lifecycle(container, here, faults)
        _probes(container, here, faults)
        _host_ports(container, here, around, faults)


def init_containers(found: Sequence[Obj], path: str, around: Surroundings, faults: Faults) -> None:
    """Init containers; only those with restartPolicy Always, sidecars, may have hooks and probes."""
    for index, container in enumerate(found):
        here = f"{path}[{index}]"
        _container(container, here, around, faults)
        if container.get("restartPolicy") == "Always":
            _lifecycle(container, here, faults)
            _probes(container, here, faults)
        else:
            for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
                if container.get(name) is not None:
                    faults.forbidden(
                        f"{here}.{name}", "may not be set for init containers without restartPolicy=Always"
                    )
        _host_ports(container, here, Surroundings(host_network=around.host_network), faults)


def ephemeral_containers(found: Sequence[Obj], path: str, around: Surroundings, faults: Faults) -> None:
    """Debugging containers: no ports, probes, hooks or resources."""
    for index, container in enumerate(found):
        here = f"{path}[{index}]"
        _container(container, here, around, faults)
        for name in ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
            if container.get(name):
                faults.forbidden(f"{here}.{name}", "cannot be set for an Ephemeral Container")
        if section(container, "resources").get("limits") or section(container, "resources").get("requests"):
            faults.forbidden(f"{here}.resources", "cannot be set for an Ephemeral Container")
        target = container.get("targetContainerName")
        if target and target not in around.names:
            faults.not_found(f"{here}.targetContainerName", target)


def _container(container: Obj, path: str, around: Surroundings, faults: Faults) -> None:
    name, image = container.get("name") or "", container.get("image") or ""
    if faults.name(f"{path}.name", name, names.is_dns1123_label) and name in around.names:
        faults.duplicate(f"{path}.name", name)
    around.names.add(name)
    if not image:
        faults.required(f"{path}.image")
    elif around.is_pod and image != image.strip():
        faults.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    _message_policy(container.get("terminationMessagePolicy"), f"{path}.terminationMessagePolicy", faults)
    _ports(items(container, "ports"), f"{path}.ports", faults)
    for index, variable in enumerate(items(container, "env")):
        _variable(variable, f"{path}.env[{index}]", faults)
    for source in items(container, "envFrom"):
        _variables(source, f"{path}.envFrom", faults)
    _mounts(container, path, around, faults)
    faults.one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    resources.requirements(section(container, "resources"), f"{path}.resources", faults, claims=around.claims)
    security_context(section(container, "securityContext"), f"{path}.securityContext", faults)


def _message_policy(policy: str | None, path: str, faults: Faults) -> None:
    if not policy:
        faults.required(path, _MESSAGE_POLICIES)
    elif policy not in ("File", "FallbackToLogsOnError"):
        faults.invalid(path, policy, _MESSAGE_POLICIES)


def _ports(ports: Sequence[Obj], path: str, faults: Faults) -> None:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = f"{path}[{index}]"
        name = port.get("name")
        if name:
            before = len(faults)
            faults.check(f"{here}.name", name, names.is_port_name)
            if len(faults) == before and name in seen:
                faults.duplicate(f"{here}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            faults.required(f"{here}.containerPort")
        else:
            faults.port_number(f"{here}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            faults.port_number(f"{here}.hostPort", port["hostPort"])
        faults.one_of(f"{here}.protocol", port.get("protocol"), PROTOCOLS)


def _host_ports(container: Obj, path: str, around: Surroundings, faults: Faults) -> None:
    for index, port in enumerate(items(container, "ports")):
        number, here = port.get("hostPort"), f"{path}.ports[{index}].hostPort"
        if around.host_network and number and number != port.get("containerPort"):
            faults.invalid(here, number, "must match `containerPort` when `hostNetwork` is true")
        if not number:
            continue
        key = (port.get("protocol", ""), port.get("hostIP", ""), number)
        if key in around.host_ports:
            faults.duplicate(here, "/".join(map(str, key)))
        around.host_ports.add(key)


def _variable(variable: Obj, path: str, faults: Faults) -> None:
    faults.name(f"{path}.name", variable.get("name"), names.is_relaxed_env_var_name)
    source = variable.get("valueFrom")
    if source is None:
        return
    path = f"{path}.valueFrom"
    kinds = [key for key in source if source[key] is not None]
    if not kinds:
        faults.invalid(path, "", f"must specify one of: {_VALUE_SOURCES}")
    elif variable.get("value"):
        faults.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(kinds) > 1:
        faults.invalid(path, "", "may not have more than one field specified at a time")
    for kind in kinds:
        _value_source(kind, source[kind], f"{path}.{kind}", faults)


def _value_source(kind: str, value: Obj, path: str, faults: Faults) -> None:
    if kind == "fieldRef":
        _field_reference(value, path, faults)
    elif kind == "resourceFieldRef":
        if not value.get("resource"):
            faults.required(f"{path}.resource")
        elif value["resource"] not in _CONTAINER_RESOURCES and "hugepages-" not in value["resource"]:
            faults.unsupported(f"{path}.resource", value["resource"], _CONTAINER_RESOURCES)
    elif kind in ("configMapKeyRef", "secretKeyRef"):
        faults.check(f"{path}.name", value.get("name") or "", names.is_dns1123_subdomain)
        faults.name(f"{path}.key", value.get("key"), names.is_config_map_key)


#: What a fieldRef may name at all; only `_FIELDS` of it can be a variable.
_CONVERTIBLE = (
    *_FIELDS,
    "metadata.annotations",
    "metadata.labels",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
)


def _field_reference(value: Obj, path: str, faults: Faults) -> None:
    found = value.get("fieldPath") or ""
    if not value.get("apiVersion"):
        faults.required(f"{path}.apiVersion")
        return
    if not found:
        faults.required(f"{path}.fieldPath")
        return
    path_, bracket, _ = found.partition("[")
    if bracket:
        if path_ not in ("metadata.annotations", "metadata.labels"):
            detail = f"error converting fieldPath: field label does not support subscript: {found}"
            faults.invalid(f"{path}.fieldPath", found, detail)
        elif (match := _SUBSCRIPT.fullmatch(found)) is not None:
            faults.check(path, match[1], names.is_qualified_name)
    elif found not in _CONVERTIBLE:
        detail = f"error converting fieldPath: field label not supported: {found}"
        faults.invalid(f"{path}.fieldPath", found, detail)
    elif found not in _FIELDS:
        faults.unsupported(f"{path}.fieldPath", found, _FIELDS)


def _variables(source: Obj, path: str, faults: Faults) -> None:
    if source.get("prefix"):
        faults.check(f"{path}.prefix", source["prefix"], names.is_relaxed_env_var_name)
    kinds = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
    for kind in kinds:
        if not source[kind].get("name"):
            faults.required(f"{path}.{kind}.name")
    if not kinds:
        faults.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(kinds) > 1:
        faults.invalid(path, "", "may not have more than one field specified at a time")


def _mounts(container: Obj, path: str, around: Surroundings, faults: Faults) -> None:
    mounts, devices = items(container, "volumeMounts"), items(container, "volumeDevices")
    device_names = {device.get("name") for device in devices}
    device_paths = {device.get("devicePath") for device in devices}
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{path}.volumeMounts[{index}]"
        name, where = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            faults.required(f"{here}.name")
        if name not in around.volumes:
            faults.not_found(f"{here}.name", name)
        if not where:
            faults.required(f"{here}.mountPath")
        if where in seen:
            faults.invalid(f"{here}.mountPath", where, "must be unique")
        seen.add(where)
        if name in device_names:
            faults.invalid(f"{here}.name", name, "must not already exist in volumeDevices")
        if where in device_paths:
            faults.invalid(f"{here}.mountPath", where, "must not already exist as a path in volumeDevices")
        _sub_path(mount, here, f"{path}.volumeMounts", faults)
        _propagation(mount.get("mountPropagation"), container, f"{path}.volumeMounts.mountPropagation", faults)
    _devices(devices, path, around, faults)


def _sub_path(mount: Obj, path: str, list_path: str, faults: Faults) -> None:
    """Paths inside a volume; upstream names the list, not the item, for what is wrong with them."""
    if mount.get("subPath"):
        volumes.local_path(f"{list_path}.subPath", mount["subPath"], faults)
    if mount.get("subPathExpr"):
        if mount.get("subPath"):
            detail = "subPathExpr and subPath are mutually exclusive"
            faults.invalid(f"{path}.subPathExpr", mount["subPathExpr"], detail)
        volumes.local_path(f"{list_path}.subPathExpr", mount["subPathExpr"], faults)


_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")


def _propagation(mode: str | None, container: Obj, path: str, faults: Faults) -> None:
    if mode is None:
        return
    if mode not in _PROPAGATIONS:
        faults.unsupported(path, mode, _PROPAGATIONS)
    if mode == "Bidirectional" and not section(container, "securityContext").get("privileged"):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        faults.forbidden(path, detail)


_FOR_BLOCKS = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"


def _devices(devices: Sequence[Obj], path: str, around: Surroundings, faults: Faults) -> None:
    seen: set[str] = set()
    for index, device in enumerate(devices):
        here, name = f"{path}.volumeDevices[{index}]", device.get("name") or ""
        where = device.get("devicePath") or ""
        if not name:
            faults.required(f"{here}.name")
        if name not in around.volumes:
            faults.not_found(f"{here}.name", name)
        elif around.volumes[name] not in ("persistentVolumeClaim", "ephemeral"):
            faults.invalid(f"{here}.name", name, _FOR_BLOCKS)
        if not where:
            faults.required(f"{here}.devicePath")
        if where in seen:
            faults.invalid(f"{here}.devicePath", where, "must be unique")
        seen.add(where)
        if ".." in where.split("/"):
            faults.invalid(f"{here}.devicePath", where, "can not contain backsteps ('..')")


def _probes(container: Obj, path: str, faults: Faults) -> None:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        here = f"{path}.{name}"
        _handler(probe, here, faults)
        faults.at_least_zero(probe, here, *_PROBE_NUMBERS)
        grace = probe.get("terminationGracePeriodSeconds")
        if name == "readinessProbe":
            if grace is not None:
                faults.invalid(f"{here}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
            continue
        if grace is not None and grace <= 0:
            faults.invalid(f"{here}.terminationGracePeriodSeconds", grace, "must be greater than 0")
        if probe.get("successThreshold", 1) != 1:
            faults.invalid(f"{here}.successThreshold", probe["successThreshold"], "must be 1")


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


def _handler(owner: Obj, path: str, faults: Faults) -> None:
    """A probe's or a hook's action: exactly one."""
    found = [key for key in _HANDLERS if owner.get(key) is not None]
    if not found:
        faults.required(path, "must specify a handler type")
    for extra in found[1:]:
        faults.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    for kind in found[:1]:
        _action(kind, owner[kind], f"{path}.{kind}", faults)


def _action(kind: str, action: Obj, path: str, faults: Faults) -> None:
    if kind == "exec" and not action.get("command"):
        faults.required(f"{path}.command")
    if kind == "sleep" and action.get("seconds", 0) < 0:
        faults.invalid(f"{path}.seconds", action["seconds"], "must be greater than or equal to 0")
    if kind not in ("httpGet", "tcpSocket", "grpc"):
        return
    faults.port(f"{path}.port", action.get("port", 0))
    if kind != "httpGet":
        return
    if not action.get("path"):
        faults.required(f"{path}.path")
    if action.get("scheme") not in ("HTTP", "HTTPS"):
        faults.unsupported(f"{path}.scheme", action.get("scheme", ""), ("HTTP", "HTTPS"))
    for header in items(action, "httpHeaders"):
        faults.check(f"{path}.httpHeaders", header.get("name", ""), names.is_http_header_name)


def _lifecycle(container: Obj, path: str, faults: Faults) -> None:
    lifecycle = section(container, "lifecycle")
    for hook in ("postStart", "preStop"):
        if lifecycle.get(hook) is not None:
            _handler(lifecycle[hook], f"{path}.lifecycle.{hook}", faults)


def security_context(context: Obj, path: str, faults: Faults) -> None:
    for name in ("runAsUser", "runAsGroup"):
        if context.get(name) is not None and not 0 <= context[name] < 1 << 31:
            faults.invalid(f"{path}.{name}", context[name], "must be between 0 and 2147483647, inclusive")
    if context.get("procMount") not in (None, "Default", "Unmasked"):
        faults.unsupported(f"{path}.procMount", context["procMount"], ("Default", "Unmasked"))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            faults.invalid(path, context, detail)
        if "CAP_SYS_ADMIN" in (section(context, "capabilities").get("add") or ()):
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            faults.invalid(path, context, detail)
    seccomp_profile(context.get("seccompProfile"), f"{path}.seccompProfile", faults)


def seccomp_profile(profile: Obj | None, path: str, faults: Faults) -> None:
    if profile is None:
        return
    kind, file = profile.get("type"), profile.get("localhostProfile")
    if not kind:
        faults.required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind == "Localhost":
        if file is None:
            faults.required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
        else:
            volumes.local_path(f"{path}.localhostProfile", file, faults)
    elif kind not in ("RuntimeDefault", "Unconfined"):
        faults.unsupported(f"{path}.type", kind, ("Localhost", "RuntimeDefault", "Unconfined"))
    elif file is not None:
        faults.invalid(f"{path}.localhostProfile", profile, "can only be set when seccomp type is Localhost")
