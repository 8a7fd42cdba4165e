"""Warnings: what the server tells a client besides its answer, one Warning header each.

Models apiserver pkg/endpoints/deprecation and the GetWarningsFor* functions of pkg/api.
Differs: only the warnings that a learner is likely to meet are given.
"""

from collections.abc import Iterator

from kube_nb.api.kinds import Kind, release
from kube_nb.machinery import names
from kube_nb.machinery.types import Obj

#: Group, version, kind -> deprecated in, removed in (if it ever is), replaced by.
_DEPRECATED: dict[tuple[str, str, str], tuple[str, str, str]] = {
    ("", "v1", "ComponentStatus"): ("1.19", "", ""),
    ("", "v1", "Endpoints"): ("1.33", "", "discovery.k8s.io/v1 EndpointSlice"),
    ("flowcontrol.apiserver.k8s.io", "v1beta2", "FlowSchema"): (
        "1.26",
        "1.29",
        "flowcontrol.apiserver.k8s.io/v1 FlowSchema",
    ),
    ("flowcontrol.apiserver.k8s.io", "v1beta2", "PriorityLevelConfiguration"): (
        "1.26",
        "1.29",
        "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration",
    ),
    ("flowcontrol.apiserver.k8s.io", "v1beta3", "FlowSchema"): (
        "1.29",
        "1.32",
        "flowcontrol.apiserver.k8s.io/v1 FlowSchema",
    ),
    ("flowcontrol.apiserver.k8s.io", "v1beta3", "PriorityLevelConfiguration"): (
        "1.29",
        "1.32",
        "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration",
    ),
}

_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

#: Kind -> the path of its pod template.
_TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "Job"): ("spec", "template"),
}


def deprecated(kind: Kind, cluster_version: str) -> str:
    """The warning for any request to a deprecated API version, "" if there is none."""
    if kind.deprecation:
        return kind.deprecation
    since, until, instead = _DEPRECATED.get((kind.group, kind.version, kind.kind), ("", "", ""))
    if not since or release(cluster_version) < release(since):
        return ""
    text = f"{kind.api_version} {kind.kind} is deprecated in v{since}+"
    text += f", unavailable in v{until}+" if until else ""
    return f"{text}; use {instead}" if instead else text


def of(kind: Kind, obj: Obj, old: Obj | None = None) -> list[str]:
    """The warnings for an object that was created, or updated in a way that earns them."""
    if old is not None and old.get("spec") == obj.get("spec"):
        return []
    found = list(_of_name(kind, obj)) if old is None else []
    path = _TEMPLATES.get((kind.group, kind.kind))
    if path is not None:
        template = obj
        for field in path:
            template = template.get(field) or {}
        found += _of_pod(template.get("spec") or {}, ".".join((*path, "spec")))
    if (kind.group, kind.kind) == ("", "Service"):
        found += _of_service(obj.get("spec") or {})
    return found


def _of_name(kind: Kind, obj: Obj) -> Iterator[str]:
    name = (obj.get("metadata") or {}).get("name") or ""
    if (kind.group, kind.kind) in (("", "Pod"), ("apps", "ReplicaSet"), ("apps", "Deployment")):
        for fault in names.is_dns1123_label(name) if name else ():
            yield f"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [{fault}]"  # noqa: E501  # one sentence of upstream's


def _of_pod(spec: Obj, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if key in _NODE_LABELS:
            yield f"{path}.nodeSelector[{key}]: {_NODE_LABELS[key]}"
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            yield from _of_container(container, f"{path}.{kind}[{index}]")
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        detail = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{path}.terminationGracePeriodSeconds: {detail}"


def _of_container(container: Obj, path: str) -> Iterator[str]:
    seen: dict[str, int] = {}
    for index, variable in enumerate(container.get("env") or ()):
        name = variable.get("name", "")
        if name in seen:
            yield f'{path}.env[{index}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen[name] = index
    ports: dict[tuple[int, str], int] = {}
    for index, port in enumerate(container.get("ports") or ()):
        key = (port.get("containerPort", 0), port.get("protocol", "TCP"))
        if key in ports:
            yield f"{path}.ports[{index}]: duplicate port definition with {path}.ports[{ports[key]}]"
        ports.setdefault(key, index)
    for kind in ("limits", "requests"):
        memory = ((container.get("resources") or {}).get(kind) or {}).get("memory", "")
        if memory.endswith("m"):
            yield f'{path}.resources.{kind}[memory]: fractional byte value "{memory}" is invalid, must be an integer'


def _of_service(spec: Obj) -> Iterator[str]:
    if spec.get("externalIPs") and spec.get("type") == "ExternalName":
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if spec.get("sessionAffinity") == "ClientIP" and spec.get("clusterIP") == "None":
        yield "spec.SessionAffinity is ignored for headless services"
    if spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is deprecated in v1.24+; use a provider specific annotation instead"
