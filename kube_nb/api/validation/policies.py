"""PodDisruptionBudget, HorizontalPodAutoscaler, PriorityClass, RuntimeClass, Lease, flow control.

Models the validation packages of policy, autoscaling, scheduling, node, coordination and flowcontrol.
"""

from kube_nb.api.validation import placement, selectors
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.api.validation.workloads import not_more_than_all
from kube_nb.machinery import names, quantity
from kube_nb.machinery.types import Obj

_HIGHEST_USER_PRIORITY = 1_000_000_000


def pod_disruption_budget(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        faults.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for field, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            faults.int_or_percent(f"spec.{field}", value)
            not_more_than_all(f"spec.{field}", value, faults)
    selectors.label_selector(spec.get("selector"), "spec.selector", faults)
    policy, supported = spec.get("unhealthyPodEvictionPolicy"), ("AlwaysAllow", "IfHealthyBudget")
    if policy is not None and policy not in supported:
        faults.unsupported("spec.unhealthyPodEvictionPolicy", policy, supported)


def horizontal_pod_autoscaler(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        faults.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        faults.invalid("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        faults.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = section(spec, "scaleTargetRef")
    for field in ("kind", "name"):
        faults.name(f"spec.scaleTargetRef.{field}", target.get(field), names.is_path_segment_name)
    for index, metric in enumerate(items(spec, "metrics")):
        _metric(metric, f"spec.metrics[{index}]", faults)
    _behavior(section(spec, "behavior"), faults)
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is not None and percent < 1:
        faults.invalid("spec.targetCPUUtilizationPercentage", percent, "must be greater than 0")


_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def _metric(metric: Obj, path: str, faults: Faults) -> None:
    kind = metric.get("type") or ""
    if not kind:
        faults.required(f"{path}.type", "must specify a metric source type")
    elif kind not in _METRICS:
        faults.unsupported(f"{path}.type", kind, tuple(_METRICS))
    elif metric.get(_METRICS[kind]) is None:
        detail = "must populate information for the given metric source"
        faults.required(f"{path}.{_METRICS[kind]}", detail)
    else:
        source = metric[_METRICS[kind]]
        here = f"{path}.{_METRICS[kind]}"
        if "esource" in kind and not source.get("name"):
            faults.required(f"{here}.name", "must specify a resource name")
        _metric_target(section(source, "target"), f"{here}.target", faults)


def _metric_target(target: Obj, path: str, faults: Faults) -> None:
    kind, percent = target.get("type") or "", target.get("averageUtilization")
    kinds = ("Utilization", "Value", "AverageValue")
    if not kind:
        faults.required(f"{path}.type", "must specify a metric target type")
    elif kind not in kinds:
        faults.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    if percent is not None and percent < 1:
        faults.invalid(f"{path}.averageUtilization", percent, "must be greater than 0")
    for field in ("value", "averageValue"):
        if target.get(field) is not None and quantity.parse(target[field]).milli_value() <= 0:
            faults.invalid(f"{path}.{field}", target[field], "must be positive")
    if percent is None and target.get("value") is None and target.get("averageValue") is None:
        faults.required(f"{path}.averageUtilization", "must set either a target raw value or a target utilization")


def _behavior(behavior: Obj, faults: Faults) -> None:
    for direction in ("scaleUp", "scaleDown"):
        rules = behavior.get(direction)
        if rules is None:
            continue
        path = f"spec.behavior.{direction}"
        window = rules.get("stabilizationWindowSeconds")
        if window is not None and not 0 <= window <= 3600:
            detail = "must be greater than or equal to zero" if window < 0 else "must be less than or equal to 3600"
            faults.invalid(f"{path}.stabilizationWindowSeconds", window, detail)
        select, allowed = rules.get("selectPolicy"), ("Disabled", "Max", "Min")
        if select is not None and select not in allowed:
            faults.unsupported(f"{path}.selectPolicy", select, allowed)
        if not rules.get("policies"):
            faults.required(f"{path}.policies", "must specify at least one Policy")
        for index, policy in enumerate(items(rules, "policies")):
            _scaling_policy(policy, f"{path}.policies[{index}]", faults)


def _scaling_policy(policy: Obj, path: str, faults: Faults) -> None:
    if policy.get("type") not in ("Pods", "Percent"):
        faults.unsupported(f"{path}.type", policy.get("type") or "", ("Percent", "Pods"))
    for field in ("value", "periodSeconds"):
        if policy.get(field, 0) <= 0:
            faults.invalid(f"{path}.{field}", policy.get(field, 0), "must be greater than zero")
    if policy.get("periodSeconds", 0) > 1800:
        faults.invalid(f"{path}.periodSeconds", policy["periodSeconds"], "must be less than or equal to 1800")


def priority_class(obj: Obj, faults: Faults, old: Obj | None) -> None:
    name, value = section(obj, "metadata").get("name") or "", obj.get("value", 0)
    if name.startswith("system-"):
        if (name, value) not in (("system-node-critical", 2000001000), ("system-cluster-critical", 2000000000)):
            detail = "priority class names with 'system-' prefix are reserved for system use only. error: "
            known = name in ("system-node-critical", "system-cluster-critical")
            expected = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}.get(name, 0)
            why = (
                f"value of {name} PriorityClass must be {expected}"
                if known
                else f"{name} is not a known system priority class"
            )
            faults.forbidden("metadata.name", detail + why)
    elif value > _HIGHEST_USER_PRIORITY:
        faults.forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST_USER_PRIORITY}")
    if obj.get("preemptionPolicy") not in (None, "Never", "PreemptLowerPriority"):
        faults.unsupported("preemptionPolicy", obj["preemptionPolicy"], ("PreemptLowerPriority", "Never"))


def priority_class_update(new: Obj, old: Obj, faults: Faults) -> None:
    if new.get("value", 0) != old.get("value", 0):
        faults.forbidden("value", "may not be changed in an update.")
    faults.immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


def runtime_class(obj: Obj, faults: Faults, old: Obj | None) -> None:
    faults.check("handler", obj.get("handler") or "", names.is_dns1123_label)
    scheduling = section(obj, "scheduling")
    faults.labels("scheduling.nodeSelector", scheduling.get("nodeSelector"))
    placement.tolerations(items(scheduling, "tolerations"), "scheduling.tolerations", faults)


def runtime_class_update(new: Obj, old: Obj, faults: Faults) -> None:
    faults.immutable("handler", new.get("handler"), old.get("handler"))


def lease(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        faults.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        faults.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0")
    if spec.get("holderIdentity") == "":
        faults.invalid("spec.holderIdentity", "", "must not be empty")


def flow_schema(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    precedence = spec.get("matchingPrecedence", 0)
    if not 1 <= precedence <= 10000:
        detail = "must be a positive value" if precedence <= 0 else "must not be greater than 10000"
        faults.invalid("spec.matchingPrecedence", precedence, detail)
    elif precedence == 1 and section(obj, "metadata").get("name") != "exempt":
        faults.invalid("spec.matchingPrecedence", 1, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in ("ByNamespace", "ByUser"):
        faults.unsupported("spec.distinguisherMethod", method, ("ByNamespace", "ByUser"))
    level = section(spec, "priorityLevelConfiguration").get("name")
    faults.name("spec.priorityLevelConfiguration.name", level, names.is_dns1123_subdomain)


def priority_level(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    kind = spec.get("type") or ""
    if kind not in ("Exempt", "Limited"):
        faults.unsupported("spec.type", kind, ("Exempt", "Limited"))
    if kind == "Exempt" and spec.get("limited") is not None:
        faults.forbidden("spec.limited", "must be nil if the type is not Limited")
    if kind == "Limited":
        if spec.get("limited") is None:
            faults.required("spec.limited", "must not be empty when type is Limited")
            return
        limited = section(spec, "limited")
        faults.at_least_zero(limited, "spec.limited", "nominalConcurrencyShares")
        response = section(limited, "limitResponse").get("type")
        if response not in ("Queue", "Reject"):
            faults.unsupported("spec.limited.limitResponse.type", response or "", ("Queue", "Reject"))
