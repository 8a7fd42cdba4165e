"""Namespace, Node, ResourceQuota, LimitRange, Event. Models their rules in core validation."""

from kube_nb.api.validation import resources
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.api.validation.metadata import check_finalizer
from kube_nb.api.validation.placement import EFFECTS
from kube_nb.api.validation.services import is_cidr
from kube_nb.machinery import names, quantity
from kube_nb.machinery.types import Obj

_SCOPES = (
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
)
_LIMIT_TYPES = ("Container", "PersistentVolumeClaim", "Pod")


def namespace(obj: Obj, faults: Faults, old: Obj | None) -> None:
    for finalizer in section(obj, "spec").get("finalizers") or ():
        check_finalizer("spec.finalizers", finalizer, faults)


def node(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    _taints(items(spec, "taints"), faults)
    for index, cidr in enumerate(spec.get("podCIDRs") or ()):
        if not is_cidr(cidr):
            detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            faults.invalid(f"spec.podCIDRs[{index}]", cidr, detail)
    for field in ("capacity", "allocatable"):
        for name, value in section(section(obj, "status"), field).items():
            resources.amount(name, value, f"status.{field}.{name}", faults)


def _taints(taints: object, faults: Faults) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints if isinstance(taints, list) else ()):
        here = f"metadata.taints[{index}]"  # upstream's path
        key, value, effect = (taint.get(field) or "" for field in ("key", "value", "effect"))
        faults.label_name(f"{here}.key", key)
        if wrong := names.is_label_value(value):
            faults.invalid(f"{here}.value", value, ";".join(wrong))
        faults.one_of(f"{here}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            faults.duplicate(here, taint, "taints must be unique by key and effect pair")
        seen.add((key, effect))


def node_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec"), section(old, "spec")
    if then.get("podCIDRs") and now.get("podCIDRs") != then["podCIDRs"]:
        faults.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
    if then.get("providerID") and now.get("providerID") != then["providerID"]:
        faults.forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid')


def resource_quota(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    for name, value in section(spec, "hard").items():
        resources.quota_resource_name(name, f"spec.hard[{name}]", faults)
        resources.amount(name, value, f"spec.hard[{name}]", faults)
    scopes = spec.get("scopes") or ()
    for scope in scopes:
        if scope not in _SCOPES:
            faults.invalid("spec.scopes", list(scopes), "unsupported scope")
    for pair in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if all(scope in scopes for scope in pair):
            faults.invalid("spec.scopes", list(scopes), "conflicting scopes")
    for row in items(section(spec, "scopeSelector"), "matchExpressions"):
        _scope_requirement(row, faults)


def _scope_requirement(row: Obj, faults: Faults) -> None:
    path, operator, values = "spec.scopeSelector.matchExpressions", row.get("operator") or "", row.get("values") or ()
    if row.get("scopeName") not in _SCOPES:
        faults.invalid(f"{path}.scopeName", row.get("scopeName") or "", "unsupported scope")
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            faults.required(f"{path}.values", detail)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            faults.invalid(f"{path}.values", list(values), detail)
    else:
        faults.invalid(f"{path}.operator", operator, "not a valid selector operator")


def resource_quota_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec").get("scopes") or [], section(old, "spec").get("scopes") or []
    if sorted(now) != sorted(then):
        faults.invalid("spec.scopes", now, "field is immutable")


def limit_range(obj: Obj, faults: Faults, old: Obj | None) -> None:
    seen: set[str] = set()
    for index, limit in enumerate(items(section(obj, "spec"), "limits")):
        here, kind = f"spec.limits[{index}]", limit.get("type") or ""
        before = len(faults)
        faults.check(f"{here}.type", kind, names.is_qualified_name)
        if len(faults) == before and "/" not in kind and kind not in _LIMIT_TYPES:
            faults.invalid(f"{here}.type", kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            faults.duplicate(f"{here}.type", kind)
        seen.add(kind)
        _limit(limit, kind, here, faults)


_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def _limit(limit: Obj, kind: str, path: str, faults: Faults) -> None:
    check = resources.container_resource_name if kind in ("Pod", "Container") else resources.resource_name
    found = {field: section(limit, field) for field in _AMOUNTS}
    for field, amounts in found.items():
        if kind == "Pod" and field in ("default", "defaultRequest"):
            if amounts:
                faults.forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'")
            continue
        for name in amounts:
            check(name, f"{path}.{field}[{name}]", faults)
    if kind == "PersistentVolumeClaim" and "storage" not in found["min"] and "storage" not in found["max"]:
        detail = "either minimum or maximum storage value is required, but neither was provided"
        faults.required(f"{path}.limits", detail)
    for name in dict.fromkeys(name for amounts in found.values() for name in amounts):
        _ordered({field: amounts[name] for field, amounts in found.items() if name in amounts}, name, path, faults)


#: Pairs that must be in order: lower, higher, the field that is blamed, the one whose value is shown, the message.
_ORDER = (
    ("min", "max", "min", "min", "min value {0} is greater than max value {1}"),
    (
        "min",
        "defaultRequest",
        "defaultRequest",
        "defaultRequest",
        "min value {0} is greater than default request value {1}",
    ),
    (
        "defaultRequest",
        "max",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than max value {1}",
    ),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "defaultRequest",
        "default request value {0} is greater than default limit value {1}",
    ),
    ("min", "default", "default", "min", "min value {0} is greater than default value {1}"),
    ("default", "max", "default", "max", "default value {0} is greater than max value {1}"),
)


def _ordered(values: dict[str, str], resource: str, path: str, faults: Faults) -> None:
    for low, high, field, shown, detail in _ORDER:
        if low in values and high in values and quantity.parse(values[low]) > quantity.parse(values[high]):
            faults.invalid(f"{path}.{field}[{resource}]", values[shown], detail.format(values[low], values[high]))
    ratio = values.get("maxLimitRequestRatio")
    if ratio is not None and quantity.parse(ratio).milli_value() < 1000:
        faults.invalid(f"{path}.maxLimitRequestRatio[{resource}]", ratio, f"ratio {ratio} is less than 1")


def event(obj: Obj, faults: Faults, old: Obj | None) -> None:
    involved = section(obj, "involvedObject") or section(obj, "regarding")
    own = section(obj, "metadata").get("namespace") or ""
    namespace = involved.get("namespace") or ""
    if (namespace and namespace != own) or (not namespace and own not in ("", "default", "kube-system")):
        faults.invalid("involvedObject.namespace", namespace, "does not match event.namespace")
