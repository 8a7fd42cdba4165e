"""PodSecurity: what a pod may ask of its node, by its namespace's labels; the successor of PodSecurityPolicy.

    pod-security.kubernetes.io/enforce: privileged | baseline | restricted      pods that violate it are refused
    pod-security.kubernetes.io/warn:    the same                                the client is warned, of workloads too

Models k8s.io/pod-security-admission. Differs: versions of the standards are shown but not told apart; AppArmor, SELinux
and Windows are not checked; there is no audit; relabelling a namespace does not look at the pods that are there.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, NamedTuple

from kube_nb.apiserver.admission.attributes import CREATE, UPDATE, Attributes
from kube_nb.machinery import errors, objects
from kube_nb.machinery.types import Obj

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "pods": (),
    "podtemplates": ("template",),
    "replicationcontrollers": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "replicasets.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}


class PodSecurity:
    """See the module's docstring."""

    name: ClassVar[str] = "PodSecurity"
    handles: ClassVar[Mapping[str, tuple[str, ...]]] = {
        CREATE: tuple(_TEMPLATES),
        UPDATE: (*_TEMPLATES, "pods/ephemeralcontainers"),
    }
    needs: ClassVar[tuple[str, str] | None] = None

    async def validate(self, attributes: Attributes) -> None:
        entry = attributes.server.cacher("namespaces").get(attributes.namespace)
        labels = objects.labels(entry.obj) if entry is not None else {}
        if not any(name.startswith(PREFIX) for name in labels):
            return
        spec = _pod_spec(attributes)
        if attributes.old is not None and attributes.old.get("spec") == attributes.new.get("spec"):
            return
        if attributes.group_resource == "pods":
            faults = violations(spec, labels.get(PREFIX + "enforce", PRIVILEGED))
            if faults:
                text = f"violates PodSecurity {_standard(labels, 'enforce')}: {', '.join(faults)}"
                raise errors.forbidden("pods", attributes.name, text)
        faults = violations(spec, labels.get(PREFIX + "warn", PRIVILEGED))
        if faults:
            text = f"would violate PodSecurity {_standard(labels, 'warn')}: {', '.join(faults)}"
            attributes.call.warnings.append(text)


def _pod_spec(attributes: Attributes) -> Obj:
    obj = attributes.new
    for field in _TEMPLATES[attributes.group_resource]:
        obj = obj.get(field) or {}
    return obj.get("spec") or {}


def _standard(labels: Mapping[str, str], mode: str) -> str:
    version = labels.get(f"{PREFIX}{mode}-version", "latest")
    return f'"{labels[PREFIX + mode]}:{version}"'


def violations(spec: Obj, level: str) -> list[str]:
    """What a standard forbids in a pod: ``['hostPort (container "c" uses hostPort 80)', ...]``."""
    if level not in (BASELINE, RESTRICTED):
        return []
    found = []
    for check in CHECKS:
        if check.level == BASELINE or level == RESTRICTED:
            details = check.find(spec)
            if details:
                found.append(f"{check.title} ({details})")
    return found


# -- checks: a detail for what is found, "" for nothing ----------------------------------------------------------------


def _containers(spec: Obj) -> Iterator[Obj]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _security(container: Obj) -> Obj:
    return container.get("securityContext") or {}


def _named(names: list[str], text: str, kind: str = "container") -> str:
    """``container "a" must ...`` or ``containers "a", "b" must ...``; "" without names."""
    if not names:
        return ""
    plural = "s" if len(names) > 1 else ""
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{kind}{plural} {quoted} {text}".rstrip()


def _where(spec: Obj, wrong: Callable[[Obj], bool]) -> list[str]:
    return [container["name"] for container in _containers(spec) if wrong(container)]


def _host_namespaces(spec: Obj) -> str:
    return ", ".join(f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))


def _privileged(spec: Obj) -> str:
    names = _where(spec, lambda container: bool(_security(container).get("privileged")))
    return _named(names, "must not set securityContext.privileged=true")


_DEFAULT_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)


def _added(container: Obj) -> list[str]:
    return list((_security(container).get("capabilities") or {}).get("add") or ())


def _more_capabilities(spec: Obj) -> str:
    more = sorted({name for container in _containers(spec) for name in _added(container)} - _DEFAULT_CAPABILITIES)
    names = _where(spec, lambda container: bool(set(_added(container)) - _DEFAULT_CAPABILITIES))
    quoted = ", ".join(f'"{name}"' for name in more)
    return _named(names, f"must not include {quoted} in securityContext.capabilities.add")


def _host_paths(spec: Obj) -> str:
    names = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    return _named(names, "", "volume")


def _host_ports(spec: Obj) -> str:
    rows = (row for container in _containers(spec) for row in container.get("ports") or ())
    ports = [row["hostPort"] for row in rows if row.get("hostPort")]
    names = _where(spec, lambda container: any(row.get("hostPort") for row in container.get("ports") or ()))
    plural = "s" if len(ports) > 1 else ""
    return _named(names, f"uses hostPort{plural} {', '.join(map(str, ports))}")


_SAFE_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)


def _sysctls(spec: Obj) -> str:
    names = [row["name"] for row in (spec.get("securityContext") or {}).get("sysctls") or ()]
    return ", ".join(name for name in names if name not in _SAFE_SYSCTLS)


def _proc_mount(spec: Obj) -> str:
    names = _where(spec, lambda container: _security(container).get("procMount", "Default") != "Default")
    return _named(names, 'must not set securityContext.procMount to "Unmasked"')


def _profile(holder: Obj) -> str:
    return str(((holder.get("securityContext") or {}).get("seccompProfile") or {}).get("type") or "")


def _unconfined(spec: Obj) -> str:
    text = 'must not set securityContext.seccompProfile.type to "Unconfined"'
    if _profile(spec) == "Unconfined":
        return f"pod {text}"
    return _named(_where(spec, lambda container: _profile(container) == "Unconfined"), text)


_RESTRICTED_VOLUMES = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "name"]
)


def _volume_types(spec: Obj) -> str:
    found = [
        (volume["name"], kind)
        for volume in spec.get("volumes") or ()
        for kind in volume
        if kind not in _RESTRICTED_VOLUMES
    ]
    kinds = sorted({kind for _, kind in found})
    plural = "s" if len(kinds) > 1 else ""
    quoted = ", ".join(f'"{kind}"' for kind in kinds)
    return _named([name for name, _ in found], f"uses restricted volume type{plural} {quoted}", "volume")


def _escalation(spec: Obj) -> str:
    names = _where(spec, lambda container: _security(container).get("allowPrivilegeEscalation") is not False)
    return _named(names, "must set securityContext.allowPrivilegeEscalation=false")


def _capabilities(spec: Obj) -> str:
    def dropped(container: Obj) -> list[str]:
        return list((_security(container).get("capabilities") or {}).get("drop") or ())

    names = _where(spec, lambda container: "ALL" not in dropped(container))
    parts = [_named(names, 'must set securityContext.capabilities.drop=["ALL"]')]
    extra = sorted({name for container in _containers(spec) for name in _added(container)} - {"NET_BIND_SERVICE"})
    if extra:
        names = _where(spec, lambda container: bool(set(_added(container)) - {"NET_BIND_SERVICE"}))
        quoted = ", ".join(f'"{name}"' for name in extra)
        parts.append(_named(names, f"must not include {quoted} in securityContext.capabilities.add"))
    return "; ".join(part for part in parts if part)


def _root(spec: Obj) -> str:
    text = "must set securityContext.runAsNonRoot=true"
    if (spec.get("securityContext") or {}).get("runAsNonRoot"):
        names = _where(spec, lambda container: _security(container).get("runAsNonRoot") is False)
        return _named(names, "must not set securityContext.runAsNonRoot=false")
    names = _where(spec, lambda container: not _security(container).get("runAsNonRoot"))
    return f"pod or {_named(names, text)}" if names else ""


def _user_zero(spec: Obj) -> str:
    parts = ["pod must not set runAsUser=0"] if (spec.get("securityContext") or {}).get("runAsUser") == 0 else []
    names = _where(spec, lambda container: _security(container).get("runAsUser") == 0)
    return "; ".join([*parts, *([_named(names, "must not set runAsUser=0")] if names else [])])


def _no_profile(spec: Obj) -> str:
    text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    if _profile(spec) in ("RuntimeDefault", "Localhost"):
        return ""
    names = _where(spec, lambda container: _profile(container) not in ("RuntimeDefault", "Localhost"))
    return f"pod or {_named(names, text)}" if names else ""


class Check(NamedTuple):
    """One control. level: the standard from which on it holds."""

    level: str
    title: str
    find: Callable[[Obj], str]


CHECKS = (
    Check(RESTRICTED, "allowPrivilegeEscalation != false", _escalation),
    Check(BASELINE, "non-default capabilities", _more_capabilities),
    Check(RESTRICTED, "unrestricted capabilities", _capabilities),
    Check(BASELINE, "host namespaces", _host_namespaces),
    Check(BASELINE, "hostPath volumes", _host_paths),
    Check(BASELINE, "hostPort", _host_ports),
    Check(BASELINE, "privileged", _privileged),
    Check(BASELINE, "procMount", _proc_mount),
    Check(RESTRICTED, "restricted volume types", _volume_types),
    Check(RESTRICTED, "runAsNonRoot != true", _root),
    Check(RESTRICTED, "runAsUser=0", _user_zero),
    Check(BASELINE, "seccompProfile", _unconfined),
    Check(RESTRICTED, "seccompProfile", _no_profile),
    Check(BASELINE, "forbidden sysctls", _sysctls),
)
