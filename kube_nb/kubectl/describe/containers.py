"""The Containers sections of pods and pod templates."""

import json
from collections.abc import Callable, Sequence
from urllib.parse import quote

from kube_nb.kubectl.describe.writer import Writer, amount, or_none, rfc1123, shown, title_bool
from kube_nb.machinery import quantity
from kube_nb.machinery.types import Json, Obj

#: The value of an environment variable's fieldRef.
Resolve = Callable[[str], str]


def write(
    out: Writer,
    title: str,
    containers: Sequence[Obj] | None,
    *,
    statuses: Sequence[Obj] | None = None,
    resolve: Resolve | None = None,
    indent: str = "",
) -> None:
    """Every container below its title; statuses: of a pod's, matched by name."""
    by_name = {status["name"]: status for status in statuses or ()}
    out.raw(f"{indent}{title}:" + ("" if containers else " <none>"))
    for container in containers or ():
        status = by_name.get(container["name"])
        out.line(1, f"{' ' if indent else ''}{container['name']}:")
        _basics(out, container, status)
        _words(out, "Command", container.get("command"))
        _words(out, "Args", container.get("args"))
        if status is not None:
            _state(out, status)
        resources(out, container.get("resources") or {}, 2)
        for name, field in (
            ("Liveness", "livenessProbe"),
            ("Readiness", "readinessProbe"),
            ("Startup", "startupProbe"),
        ):
            if container.get(field):
                out.line(2, f"{name}:", probe(container[field]))
        _env_from(out, container.get("envFrom"))
        _environment(out, container, resolve)
        _mounts(out, container)


def _basics(out: Writer, container: Obj, status: Obj | None) -> None:
    if status is not None:
        out.line(2, "Container ID:", status.get("containerID", ""))
    out.line(2, "Image:", container.get("image", ""))
    if status is not None:
        out.line(2, "Image ID:", status.get("imageID", ""))
    for title, field in (("Port", "containerPort"), ("Host Port", "hostPort")):
        ports = [f"{port.get(field, 0)}/{port.get('protocol', '')}" for port in container.get("ports") or ()]
        out.line(2, f"{title}s:" if len(ports) > 1 else f"{title}:", or_none(", ".join(ports)))
    profile = (container.get("securityContext") or {}).get("seccompProfile")
    if profile:
        out.line(2, "SeccompProfile:", profile["type"])
        if profile["type"] == "Localhost":
            out.line(3, "LocalhostProfile:", profile["localhostProfile"])


def _words(out: Writer, title: str, words: Sequence[str] | None) -> None:
    if words:
        out.line(2, f"{title}:")
        for line in (line for word in words for line in word.split("\n")):
            out.line(3, line)


def _state(out: Writer, status: Obj) -> None:
    _one_state(out, "State", status.get("state") or {})
    if (status.get("lastState") or {}).get("terminated"):
        _one_state(out, "Last State", status["lastState"])
    out.line(2, "Ready:", title_bool(status.get("ready", False)))
    out.line(2, "Restart Count:", status.get("restartCount", 0))


def _one_state(out: Writer, title: str, state: Obj) -> None:
    if "running" in state:
        out.line(2, f"{title}:", "Running")
        out.line(3, "Started:", rfc1123(state["running"].get("startedAt")))
    elif "terminated" in state:
        _terminated(out, title, state["terminated"])
    else:
        out.line(2, f"{title}:", "Waiting")
        if (state.get("waiting") or {}).get("reason"):
            out.line(3, "Reason:", state["waiting"]["reason"])


def _terminated(out: Writer, title: str, end: Obj) -> None:
    out.line(2, f"{title}:", "Terminated")
    for name, field in (("Reason", "reason"), ("Message", "message")):
        if end.get(field):
            out.line(3, f"{name}:", end[field])
    out.line(3, "Exit Code:", end.get("exitCode", 0))
    if end.get("signal"):
        out.line(3, "Signal:", end["signal"])
    out.line(3, "Started:", rfc1123(end.get("startedAt")))
    out.line(3, "Finished:", rfc1123(end.get("finishedAt")))


def resources(out: Writer, resources: Obj, level: int) -> None:
    """Limits, then Requests."""
    for title, field in (("Limits", "limits"), ("Requests", "requests")):
        found = resources.get(field) or {}
        if found:
            out.line(level, f"{title}:")
        for name in sorted(found):
            out.line(level + 1, f"{name}:", amount(found[name]))


def probe(probe: Obj) -> str:
    """``http-get http://:80/ delay=0s timeout=1s period=10s #success=1 #failure=3``."""
    times = {"delay": "initialDelaySeconds", "timeout": "timeoutSeconds", "period": "periodSeconds"}
    parts = [f"{name}={probe.get(field, 0)}s" for name, field in times.items()]
    parts += [f"#success={probe.get('successThreshold', 0)}", f"#failure={probe.get('failureThreshold', 0)}"]
    return f"{_action(probe)} {' '.join(parts)}"


def _action(probe: Obj) -> str:
    if "exec" in probe:
        return f"exec {shown(probe['exec'].get('command') or [])}"
    if "httpGet" in probe:
        get = probe["httpGet"]
        path = quote(get.get("path", ""), safe="/:@&=+$,;~*'()!%")
        path = path if path.startswith("/") or not path else "/" + path
        return f"http-get {get.get('scheme', '').lower()}://{get.get('host', '')}:{get.get('port', '')}{path}"
    if "tcpSocket" in probe:
        return f"tcp-socket {probe['tcpSocket'].get('host', '')}:{probe['tcpSocket'].get('port', '')}"
    if "grpc" in probe:
        return f"grpc <pod>:{probe['grpc'].get('port', 0)} {probe['grpc'].get('service') or ''}"
    return "unknown"


def _env_from(out: Writer, sources: Sequence[Obj] | None) -> None:
    if not sources:
        return
    out.line(2, "Environment Variables from:")
    for source in sources:
        kind, field = ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
        reference = source.get(field) or {}
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        optional = shown(bool(reference.get("optional")))
        out.line(3, reference.get("name", ""), f"{kind}{prefix}", f"Optional: {optional}")


def _environment(out: Writer, container: Obj, resolve: Resolve | None) -> None:
    variables = container.get("env") or ()
    out.line(2, "Environment:", *(() if variables else ("<none>",)))
    for variable in variables:
        source = variable.get("valueFrom")
        if source is None:
            first, *rest = (variable.get("value") or "").split("\n")
            out.line(3, f"{variable['name']}:", first)
            for line in rest:
                out.line(3, "", line)
        else:
            out.line(3, f"{variable['name']}:", *_from(source, container, resolve))


def _from(source: Obj, container: Obj, resolve: Resolve | None) -> list[str]:
    if "fieldRef" in source:
        reference = source["fieldRef"]
        value = resolve(reference["fieldPath"]) if resolve else ""
        return [f"{value} ({reference.get('apiVersion', '')}:{reference['fieldPath']})"]
    if "resourceFieldRef" in source:
        resource = source["resourceFieldRef"]["resource"]
        value = _resource_value(source["resourceFieldRef"], container)
        if value == "0" and resource in ("limits.cpu", "limits.memory"):
            value = "node allocatable"
        return [f"{value} ({resource})"]
    for field, text in (("secretKeyRef", "in secret"), ("configMapKeyRef", "of config map")):
        if field in source:
            key = source[field]
            optional = shown(bool(key.get("optional")))
            return [f"<set to the key '{key['key']}' {text} '{key.get('name', '')}'>", f"Optional: {optional}"]
    return [""]


def _resource_value(reference: Obj, container: Obj) -> str:
    """A container's limit or request in units of the divisor, rounded up."""
    kind, _, resource = reference["resource"].partition(".")
    value: Json = ((container.get("resources") or {}).get(kind) or {}).get(resource, "0")
    divisor = quantity.parse(reference.get("divisor") or "0")
    unit = divisor.nanos or 10**9
    return str(-(-quantity.parse(value).nanos // unit))


def _mounts(out: Writer, container: Obj) -> None:
    mounts = sorted(container.get("volumeMounts") or (), key=lambda mount: str(mount["mountPath"]))
    out.line(2, "Mounts:", *(() if mounts else ("<none>",)))
    for mount in mounts:
        flags = "ro" if mount.get("readOnly") else "rw"
        flags += f",path={json.dumps(mount['subPath'])}" if mount.get("subPath") else ""
        out.line(3, f"{mount['mountPath']} from {mount['name']} ({flags})")
    devices = sorted(container.get("volumeDevices") or (), key=lambda device: str(device["devicePath"]))
    if devices:
        out.line(2, "Devices:", *(() if mounts else ("<none>",)))
        for device in devices:
            out.line(3, f"{device['devicePath']} from {device['name']}")
