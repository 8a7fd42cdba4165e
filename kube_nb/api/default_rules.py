"""Defaults that depend on other fields: one small function per rule, registered for the definition it belongs to.

A rule takes a value of its definition and gives back the same value, or a copy with more fields in it.
Models the SetDefaults_* functions of pkg/apis/*/v1/defaults.go and the v1 conversions that fill in fields.
"""

import base64
from collections.abc import Callable
from typing import TypeAlias

from kube_nb.machinery.types import Obj

Rule: TypeAlias = Callable[[Obj], Obj]

#: Definition -> its rules, in the order in which they apply.
RULES: dict[str, list[Rule]] = {}

_RBAC = "rbac.authorization.k8s.io"
_CLIENT_IP_TIMEOUT_S = 10800
_MAX_INT32 = (1 << 31) - 1


def rule(*definitions: str) -> Callable[[Rule], Rule]:
    """Register a function as a rule of these definitions."""

    def register(function: Rule) -> Rule:
        for definition in definitions:
            RULES.setdefault(definition, []).append(function)
        return function

    return register


def _changed_items(value: Obj, key: str, change: Rule) -> Obj:
    """`value` with `change` done to each item of the list under `key`."""
    items = value.get(key)
    if not items:
        return value
    new = [change(item) for item in items]
    return value if all(a is b for a, b in zip(items, new, strict=True)) else {**value, key: new}


def image_tag(image: str) -> str:
    """The tag of an image reference: ``latest`` if it has neither tag nor digest, "" if only a digest."""
    name, at, _ = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    return tag if colon else "" if at else "latest"


def _pull_policy(image: str) -> str:
    return "Always" if image_tag(image) == "latest" else "IfNotPresent"


_CONTAINER: Obj = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}


@rule("core.v1.Container", "core.v1.EphemeralContainer")
def container(value: Obj) -> Obj:
    if "imagePullPolicy" in value and value.keys() >= _CONTAINER.keys():
        return value
    return {"imagePullPolicy": _pull_policy(value.get("image", "")), **_CONTAINER, **value}


def _requests_from_limits(value: Obj) -> Obj:
    """If limits are given but requests are not, requests are the limits."""
    resources = value.get("resources") or {}
    limits, requests = resources.get("limits"), resources.get("requests") or {}
    if not limits or requests.keys() >= limits.keys():
        return value
    return {**value, "resources": {**resources, "requests": {**limits, **requests}}}


def _host_ports(value: Obj) -> Obj:
    return _changed_items(
        value, "ports", lambda port: port if port.get("hostPort") else {**port, "hostPort": port.get("containerPort")}
    )


@rule("core.v1.Pod")
def pod(value: Obj) -> Obj:
    spec = old = value.get("spec") or {}
    for containers in ("initContainers", "containers"):
        spec = _changed_items(spec, containers, _requests_from_limits)
        if spec.get("hostNetwork"):
            spec = _changed_items(spec, containers, _host_ports)
    spec = _requests_from_limits(spec)
    if "enableServiceLinks" not in spec:
        spec = {**spec, "enableServiceLinks": True}
    return value if spec is old else {**value, "spec": spec}


@rule("core.v1.PodSpec")
def service_account_alias(value: Obj) -> Obj:
    """``serviceAccount`` is the old name of ``serviceAccountName``; both are always written."""
    name = value.get("serviceAccountName") or value.get("serviceAccount")
    if name is None or (value.get("serviceAccount") == name and value.get("serviceAccountName") == name):
        return value
    return {**value, "serviceAccount": name, "serviceAccountName": name}


@rule("core.v1.Volume")
def volume(value: Obj) -> Obj:
    if len(value) < 2:
        return {**value, "emptyDir": {}}
    image = value.get("image")
    if image is not None and not image.get("pullPolicy"):
        return {**value, "image": {**image, "pullPolicy": _pull_policy(image.get("reference", ""))}}
    return value


@rule("core.v1.ServicePort")
def target_port(value: Obj) -> Obj:
    if value.get("targetPort") in (None, 0, "") and "port" in value:
        return {**value, "targetPort": value["port"]}
    return value


@rule("core.v1.ServiceSpec")
def service(value: Obj) -> Obj:
    kind = value.get("type") or "ClusterIP"
    added: Obj = {}
    if value.get("sessionAffinity") == "ClientIP":
        client_ip = (value.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client_ip.get("timeoutSeconds") is None:
            added["sessionAffinityConfig"] = {"clientIP": {**client_ip, "timeoutSeconds": _CLIENT_IP_TIMEOUT_S}}
    if kind in ("NodePort", "LoadBalancer") and not value.get("externalTrafficPolicy"):
        added["externalTrafficPolicy"] = "Cluster"
    if kind in ("ClusterIP", "NodePort", "LoadBalancer") and "internalTrafficPolicy" not in value:
        added["internalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer" and "allocateLoadBalancerNodePorts" not in value:
        added["allocateLoadBalancerNodePorts"] = True
    return {**value, **added} if added else value


@rule("core.v1.LoadBalancerIngress")
def ip_mode(value: Obj) -> Obj:
    return {**value, "ipMode": "VIP"} if value.get("ip") and "ipMode" not in value else value


@rule("core.v1.Secret")
def string_data(value: Obj) -> Obj:
    """``stringData`` is written into ``data`` and not kept."""
    plain = value.get("stringData")
    if plain is None:
        return value
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
    rest = {key: item for key, item in value.items() if key != "stringData"}
    return {**rest, "data": {**(value.get("data") or {}), **encoded}}


@rule("core.v1.Namespace")
def namespace_label(value: Obj) -> Obj:
    """Every namespace carries its name as a label, so that selectors can pick it."""
    metadata = value.get("metadata") or {}
    name, labels = metadata.get("name"), metadata.get("labels") or {}
    if not name or labels.get("kubernetes.io/metadata.name") == name:
        return value
    return {**value, "metadata": {**metadata, "labels": {**labels, "kubernetes.io/metadata.name": name}}}


@rule("core.v1.NodeStatus")
def allocatable(value: Obj) -> Obj:
    capacity = value.get("capacity")
    return {**value, "allocatable": capacity} if capacity and not value.get("allocatable") else value


@rule("core.v1.LimitRangeItem")
def container_limits(value: Obj) -> Obj:
    if value.get("type") != "Container":
        return value
    default = {**(value.get("max") or {}), **(value.get("default") or {})}
    request = {**(value.get("min") or {}), **default, **(value.get("defaultRequest") or {})}
    added = {key: items for key, items in (("default", default), ("defaultRequest", request)) if items}
    return value if all(value.get(key) == items for key, items in added.items()) else {**value, **added}


def _with_template_labels(value: Obj) -> Obj:
    labels = (((value.get("spec") or {}).get("template") or {}).get("metadata") or {}).get("labels")
    metadata = value.get("metadata") or {}
    if not labels or metadata.get("labels"):
        return value
    return {**value, "metadata": {**metadata, "labels": labels}}


@rule("core.v1.ReplicationController")
def replication_controller(value: Obj) -> Obj:
    """Selector and labels are the template's labels unless given."""
    spec = value.get("spec") or {}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not spec.get("selector"):
        value = {**value, "spec": {**spec, "selector": labels}}
    return _with_template_labels(value)


@rule("apps.v1.DeploymentStrategy")
def deployment_strategy(value: Obj) -> Obj:
    return _rolling_update(value, {"maxSurge": "25%", "maxUnavailable": "25%"})


@rule("apps.v1.DaemonSetUpdateStrategy")
def daemon_set_strategy(value: Obj) -> Obj:
    return _rolling_update(value, {"maxSurge": 0, "maxUnavailable": 1})


@rule("apps.v1.StatefulSetUpdateStrategy")
def stateful_set_strategy(value: Obj) -> Obj:
    return _rolling_update(value, {"partition": 0})


def _rolling_update(value: Obj, defaults: Obj) -> Obj:
    given = value.get("rollingUpdate") or {}
    if value.get("type", "RollingUpdate") != "RollingUpdate" or given.keys() >= defaults.keys():
        return value
    return {**value, "rollingUpdate": {**defaults, **given}}


@rule("apps.v1.StatefulSetSpec")
def claim_templates(value: Obj) -> Obj:
    typed = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    return _changed_items(
        value, "volumeClaimTemplates", lambda claim: claim if claim.keys() >= typed.keys() else {**claim, **typed}
    )


@rule("batch.v1.Job")
def job(value: Obj) -> Obj:
    spec = value.get("spec") or {}
    defaults: Obj = {
        "backoffLimit": _MAX_INT32 if "backoffLimitPerIndex" in spec else 6,
        "completionMode": "NonIndexed",
        "manualSelector": False,
        "parallelism": 1,
        "podReplacementPolicy": "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed",
        "suspend": False,
    }
    if "completions" not in spec and "parallelism" not in spec:
        defaults["completions"] = 1
    if not spec.keys() >= defaults.keys():
        value = {**value, "spec": {**defaults, **spec}}
    return _with_template_labels(value)


@rule("autoscaling.v1.HorizontalPodAutoscalerSpec")
def cpu_target(value: Obj) -> Obj:
    if "targetCPUUtilizationPercentage" in value:
        return value
    return {**value, "targetCPUUtilizationPercentage": 80}


_CPU_80 = {"resource": {"name": "cpu", "target": {"averageUtilization": 80, "type": "Utilization"}}, "type": "Resource"}
_PERCENT_100 = {"periodSeconds": 15, "type": "Percent", "value": 100}
_SCALE_UP: Obj = {
    "policies": [{"periodSeconds": 15, "type": "Pods", "value": 4}, _PERCENT_100],
    "selectPolicy": "Max",
    "stabilizationWindowSeconds": 0,
}
_SCALE_DOWN: Obj = {"policies": [_PERCENT_100], "selectPolicy": "Max"}


@rule("autoscaling.v2.HorizontalPodAutoscalerSpec")
def autoscaler(value: Obj) -> Obj:
    if not value.get("metrics"):
        value = {**value, "metrics": [_CPU_80]}
    behavior = value.get("behavior")
    if behavior is None:
        return value
    rules = {"scaleDown": _SCALE_DOWN, "scaleUp": _SCALE_UP}
    if all((behavior.get(name) or {}).keys() >= rule.keys() for name, rule in rules.items()):
        return value
    filled = {name: {**rule, **(behavior.get(name) or {})} for name, rule in rules.items()}
    return {**value, "behavior": {**behavior, **filled}}


@rule("rbac.v1.Subject")
def subject(value: Obj) -> Obj:
    if value.get("kind") in ("User", "Group") and not value.get("apiGroup"):
        return {**value, "apiGroup": _RBAC}
    return value


@rule("networking.v1.NetworkPolicySpec")
def policy_types(value: Obj) -> Obj:
    if value.get("policyTypes"):
        return value
    return {**value, "policyTypes": ["Ingress", "Egress"] if value.get("egress") else ["Ingress"]}


@rule("resource.v1.ExactDeviceRequest", "resource.v1.DeviceSubRequest")
def device_count(value: Obj) -> Obj:
    if value.get("allocationMode", "ExactCount") == "ExactCount" and not value.get("count"):
        return {**value, "count": 1}
    return value


@rule("apiextensions.v1.CustomResourceDefinition")
def custom_resource_definition(value: Obj) -> Obj:
    """The singular and the list's kind follow the kind; the storage version is the first of the stored ones."""
    spec, status = value.get("spec") or {}, value.get("status") or {}
    names = spec.get("names") or {}
    kind = names.get("kind", "")
    filled = {"listKind": kind + "List", "singular": kind.lower(), **names} if kind else names
    if filled != names:
        value = {**value, "spec": {**spec, "names": filled}}
    stored = [version.get("name") for version in spec.get("versions") or () if version.get("storage")]
    if stored and not status.get("storedVersions"):
        value = {**value, "status": {**status, "storedVersions": stored}}
    return value
