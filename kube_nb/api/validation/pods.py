"""Pods and pod templates: the spec as a whole, and what of a pod may still change.

Models ValidatePodSpec and ValidatePodUpdate in pkg/apis/core/validation/validation.go.
Differs: a refused update does not list the differing fields below its message.
"""

import re
from collections.abc import Sequence
from ipaddress import ip_address

from kube_nb.api.qos import qos_class
from kube_nb.api.validation import containers, placement, resources, volumes
from kube_nb.api.validation.containers import Surroundings
from kube_nb.api.validation.faults import MAX_INT32, Faults, items, section
from kube_nb.machinery import names
from kube_nb.machinery.types import Json, Obj

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
RESTART_POLICIES = ("Always", "OnFailure", "Never")
_UPDATE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def pod(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    pod_spec(spec, "spec", faults, is_pod=True)
    if not spec.get("serviceAccountName"):
        _tokens_without_account(items(spec, "volumes"), faults)
    if old is None and spec.get("ephemeralContainers"):
        faults.forbidden("spec.ephemeralContainers", "cannot be set on create")


def _tokens_without_account(volumes: Sequence[Obj], faults: Faults) -> None:
    for index, volume in enumerate(volumes):
        for position, source in enumerate(items(section(volume, "projected"), "sources")):
            if source.get("serviceAccountToken") is not None:
                path = f"spec.volumes[{index}].projected.sources[{position}].serviceAccountToken"
                faults.forbidden(path, "must not be specified when serviceAccountName is not set")


def pod_spec(spec: Obj, path: str, faults: Faults, *, is_pod: bool = False) -> None:
    """A PodSpec at ``spec`` or ``spec.template.spec``; a pod's own is checked a little more strictly."""
    around = Surroundings(
        volumes=volumes.volumes(items(spec, "volumes"), f"{path}.volumes", faults),
        claims=frozenset(claim.get("name", "") for claim in items(spec, "resourceClaims")),
        host_network=bool(spec.get("hostNetwork")),
        is_pod=is_pod,
    )
    containers.containers(items(spec, "containers"), f"{path}.containers", around, faults)
    containers.init_containers(items(spec, "initContainers"), f"{path}.initContainers", around, faults)
    containers.ephemeral_containers(items(spec, "ephemeralContainers"), f"{path}.ephemeralContainers", around, faults)
    faults.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    faults.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    faults.labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    _security_context(spec, f"{path}.securityContext", faults)
    placement.affinity(spec.get("affinity"), f"{path}.affinity", faults)
    _dns(spec, path, faults)
    _gates(spec, path, faults)
    placement.spread(items(spec, "topologySpreadConstraints"), f"{path}.topologySpreadConstraints", faults)
    _names(spec, path, faults)
    placement.tolerations(items(spec, "tolerations"), f"{path}.tolerations", faults)
    _host_aliases(items(spec, "hostAliases"), f"{path}.hostAliases", faults)
    _numbers(spec, path, faults)
    if spec.get("resources"):
        resources.requirements(spec["resources"], f"{path}.resources", faults)


#: Fields of a pod spec that name another object -> how they are checked.
_REFERENCES = {
    "serviceAccountName": names.is_dns1123_subdomain,
    "nodeName": names.is_dns1123_subdomain,
    "hostname": names.is_dns1123_label,
    "subdomain": names.is_dns1123_label,
    "priorityClassName": names.is_dns1123_subdomain,
    "runtimeClassName": names.is_dns1123_subdomain,
}


def _names(spec: Obj, path: str, faults: Faults) -> None:
    for field, check in _REFERENCES.items():
        if spec.get(field):
            faults.check(f"{path}.{field}", spec[field], check)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_INT32:
        faults.invalid(f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {MAX_INT32}, inclusive")


def _numbers(spec: Obj, path: str, faults: Faults) -> None:
    if spec.get("preemptionPolicy") not in (None, "PreemptLowerPriority", "Never"):
        faults.unsupported(f"{path}.preemptionPolicy", spec["preemptionPolicy"], ("PreemptLowerPriority", "Never"))
    for name, value in section(spec, "overhead").items():
        resources.resource_name(name, f"{path}.overhead", faults)
        resources.amount(name, value, f"{path}.overhead[{name}]", faults)
    if spec.get("os") is not None:
        faults.one_of(f"{path}.os.name", spec["os"].get("name"), ("linux", "windows"))


def _security_context(spec: Obj, path: str, faults: Faults) -> None:
    context = section(spec, "securityContext")
    for name in ("fsGroup", "runAsUser", "runAsGroup"):
        if context.get(name) is not None:
            _identity(f"{path}.{name}", context[name], faults)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        _identity(f"{path}.supplementalGroups[{index}]", group, faults)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        faults.invalid(f"{path}.shareProcessNamespace", True, detail)
    _sysctls(items(context, "sysctls"), f"{path}.sysctls", faults)
    policies = ("Always", "OnRootMismatch")
    if context.get("fsGroupChangePolicy") not in (None, *policies):
        faults.unsupported(f"{path}.fsGroupChangePolicy", context["fsGroupChangePolicy"], policies)
    containers.seccomp_profile(context.get("seccompProfile"), f"{path}.seccompProfile", faults)


def _identity(path: str, value: int, faults: Faults) -> None:
    """A user's or group's number."""
    if not 0 <= value <= MAX_INT32:
        faults.invalid(path, value, f"must be between 0 and {MAX_INT32}, inclusive")


_SYSCTL = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"


def _sysctls(sysctls: Sequence[Obj], path: str, faults: Faults) -> None:
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        here, name = f"{path}[{index}].name", sysctl.get("name") or ""
        if not name:
            faults.required(here)
        elif len(name) > 253 or not re.match(_SYSCTL, name):
            faults.invalid(here, name, f"must have at most 253 characters and match regex {_SYSCTL}")
        elif name in seen:
            faults.duplicate(here, name)
        seen.add(name)


def is_ip(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _host_aliases(aliases: Sequence[Obj], path: str, faults: Faults) -> None:
    for index, alias in enumerate(aliases):
        if not is_ip(alias.get("ip") or ""):
            faults.invalid(f"{path}[{index}].ip", alias.get("ip") or "", _IP)
        for hostname in alias.get("hostnames") or ():
            faults.check(f"{path}[{index}].hostnames", hostname, names.is_dns1123_subdomain)


def _dns(spec: Obj, path: str, faults: Faults) -> None:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            faults.required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
        elif not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            faults.required(f"{path}.dnsConfig.nameservers", detail)
    servers, searches = (config or {}).get("nameservers") or (), (config or {}).get("searches") or ()
    if len(servers) > 3:
        faults.invalid(f"{path}.dnsConfig.nameservers", list(servers), "must not have more than 3 nameservers")
    for index, server in enumerate(servers):
        if not is_ip(server):
            faults.invalid(f"{path}.dnsConfig.nameservers[{index}]", server, _IP)
    if len(searches) > 32:
        faults.invalid(f"{path}.dnsConfig.searches", list(searches), "must not have more than 32 search paths")
    for index, search in enumerate(searches):
        faults.check(f"{path}.dnsConfig.searches[{index}]", search.removesuffix("."), names.is_dns1123_subdomain)
    for index, option in enumerate(items(config, "options")):
        if not option.get("name"):
            faults.required(f"{path}.dnsConfig.options[{index}]", "must not be empty")


def _gates(spec: Obj, path: str, faults: Faults) -> None:
    for index, gate in enumerate(items(spec, "readinessGates")):
        faults.check(
            f"{path}.readinessGates[{index}].conditionType", gate.get("conditionType", ""), names.is_qualified_name
        )
    seen: set[str] = set()
    for index, gate in enumerate(items(spec, "schedulingGates")):
        name = gate.get("name") or ""
        faults.check(f"{path}.schedulingGates[{index}]", name, names.is_qualified_name)
        if name in seen:
            faults.duplicate(f"{path}.schedulingGates[{index}]", name)
        seen.add(name)


# -- update ----------------------------------------------------------------------------------------------------------


def pod_update(new: Obj, old: Obj, faults: Faults) -> None:
    """Only images, deadlines, more tolerations, removed gates, and what subresources set may change."""
    spec, before = section(new, "spec"), section(old, "spec")
    if spec == before:
        return
    if not _containers_update(spec, before, faults) or not _deadline_update(spec, before, faults):
        return
    _gates_update(spec, before, faults)
    is_gated = bool(before.get("schedulingGates"))
    if not _is_prefix(before.get("tolerations") or [], spec.get("tolerations") or []):
        faults.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
    if _frozen(spec, is_gated=is_gated) != _frozen(before, is_gated=is_gated):
        faults.forbidden("spec", _UPDATE + "\n")


def pod_resize(new: Obj, old: Obj, faults: Faults) -> None:
    """What a resize may not do. Models ValidatePodResize."""
    if _MIRROR in (section(old, "metadata").get("annotations") or {}):
        faults.forbidden("", "static pods cannot be resized")
        return
    before = section(old, "status").get("qosClass") or qos_class(section(old, "spec"))
    if qos_class(section(new, "spec")) != before:
        faults.invalid("spec", before, "Pod QOS Class may not change as a result of resizing")
    for field in ("containers", "initContainers"):
        was = {container["name"]: section(container, "resources") for container in items(section(old, "spec"), field)}
        for index, container in enumerate(items(section(new, "spec"), field)):
            path = f"spec.{field}[{index}].resources"
            _resources_resize(section(container, "resources"), was[container["name"]], path, faults)


def _resources_resize(now: Obj, then: Obj, path: str, faults: Faults) -> None:
    for what in ("requests", "limits"):
        before, after = section(then, what), section(now, what)
        if before.keys() & _RESIZABLE > after.keys() & _RESIZABLE:
            faults.forbidden(f"{path}.{what}", f"resource {what} cannot be removed")
    if _fixed(now) != _fixed(then):
        faults.forbidden(path, "only cpu and memory resources are mutable")


_MIRROR = "kubernetes.io/config.mirror"
_RESIZABLE = {"cpu", "memory"}


def _fixed(resources: Obj) -> Json:
    return {
        "claims": resources.get("claims") or [],
        **{what: _without(section(resources, what), *_RESIZABLE) for what in ("requests", "limits")},
    }


def _containers_update(spec: Obj, before: Obj, faults: Faults) -> bool:
    """Whether there are as many containers as before; nothing else can be compared if not."""
    for field in ("containers", "initContainers"):
        if len(items(spec, field)) != len(items(before, field)):
            faults.forbidden(f"spec.{field}", "pod updates may not add or remove containers")
            return False
    return True


def _deadline_update(spec: Obj, before: Obj, faults: Faults) -> bool:
    """Whether the deadline is fine: it may be set, and brought forward."""
    now, then = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if then is not None and now is None:
        faults.invalid("spec.activeDeadlineSeconds", now, "must not update from a positive integer to nil value")
    elif then is not None and now > then:
        faults.invalid("spec.activeDeadlineSeconds", now, "must be less than or equal to previous value")
        return False
    return True


def _gates_update(spec: Obj, before: Obj, faults: Faults) -> None:
    then = [gate.get("name") for gate in items(before, "schedulingGates")]
    for index, gate in enumerate(items(spec, "schedulingGates")):
        if gate.get("name") not in then:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate.get('name')}'"
            faults.forbidden(f"spec.schedulingGates[{index}]", detail)


def _is_prefix(before: list[Obj], now: list[Obj]) -> bool:
    """Whether every old toleration is still there, its seconds aside."""
    kept = [_without(toleration, "tolerationSeconds") for toleration in now]
    return all(_without(toleration, "tolerationSeconds") in kept for toleration in before)


def _without(obj: Obj, *fields: str) -> Obj:
    return {key: value for key, value in obj.items() if key not in fields}


def _frozen(spec: Obj, *, is_gated: bool) -> Json:
    """What of a spec must stay as it is."""
    loose = ["activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers"]
    if is_gated:
        loose += ["nodeSelector", "affinity"]
    frozen = _without(spec, *loose)
    for field in ("containers", "initContainers"):
        if field in frozen:
            frozen[field] = [_without(container, "image") for container in frozen[field]]
    grace = frozen.get("terminationGracePeriodSeconds")
    return {**frozen, "terminationGracePeriodSeconds": 1} if grace is not None and grace < 0 else frozen
