"""What an object uses of the names that a ResourceQuota can limit, and which quotas it counts against.

Admission asks it of one object, the quota controller of all. Models pkg/quota/v1/evaluator/core and
apiserver pkg/quota/v1/generic. Differs: the scope VolumeAttributesClass, which is of claims, matches nothing; the
devices that a ResourceClaim asks for are not counted.
"""

from collections.abc import Callable, Iterator, Mapping

from kube_nb.api.qos import qos_class
from kube_nb.machinery import quantity
from kube_nb.machinery.quantity import Quantity
from kube_nb.machinery.types import Obj

Usage = dict[str, Quantity]

ZERO, ONE = quantity.parse("0"), quantity.parse("1")
#: Names that count a kind's objects besides ``count/...``; ``pods`` counts only those that still run.
COUNTED = (
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
)
_BARE = ("cpu", "memory", "ephemeral-storage")
#: name in spec.hard -> the resource whose objects use it.
_USERS = {"services.nodeports": "services", "services.loadbalancers": "services"}
_CLAIMS = "persistentvolumeclaims"


def resource_of(name: str) -> str:
    """The ``resource.group`` whose objects use a name of spec.hard."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name.endswith(("requests.storage", f"storage.k8s.io/{_CLAIMS}")):
        return _CLAIMS
    return _USERS.get(name) or (name if name in COUNTED else "pods")


# -- use -----------------------------------------------------------------------------------------------------------


def usage(group_resource: str, obj: Obj) -> Usage:
    """``{"pods": 1, "requests.cpu": 100m, ...}``; group_resource: ``deployments.apps``."""
    found: Usage = {f"count/{group_resource}": ONE}
    if group_resource == "pods":
        return found if is_over(obj) else {**found, "pods": ONE, **_pod_usage(obj.get("spec") or {})}
    if group_resource in COUNTED:
        found[group_resource] = ONE
    if group_resource == "services":
        found |= _service_usage(obj.get("spec") or {})
    elif group_resource == _CLAIMS:
        found |= _claim_usage(obj.get("spec") or {})
    return found


def is_over(pod: Obj) -> bool:
    """A pod that ended uses nothing any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _pod_usage(spec: Obj) -> Usage:
    found: Usage = {}
    for kind in ("requests", "limits"):
        for name, amount in _effective(spec, kind):
            found[f"{kind}.{name}"] = amount
            if kind == "requests" and (name in _BARE or name.startswith("hugepages-")):
                found[name] = amount
    return found


def _effective(spec: Obj, kind: str) -> Iterator[tuple[str, Quantity]]:
    """The sum of the containers, or the largest init container if that is more."""

    def amounts(containers: list[Obj]) -> list[Obj]:
        return [(container.get("resources") or {}).get(kind) or {} for container in containers]

    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    mains = [*amounts(spec.get("containers") or []), *amounts(sidecars), spec.get("overhead") or {}]
    inits = amounts(spec.get("initContainers") or [])
    for name in dict.fromkeys(name for row in (*mains, *inits) for name in row):
        total = ZERO
        for row in mains:
            if name in row:
                total = total + quantity.parse(row[name])
        for row in inits:
            if name in row and total < quantity.parse(row[name]):
                total = quantity.parse(row[name])
        yield name, total


def _service_usage(spec: Obj) -> Usage:
    kind, ports = spec.get("type", "ClusterIP"), spec.get("ports") or ()
    found: Usage = {}
    if kind == "LoadBalancer":
        found["services.loadbalancers"] = ONE
        if spec.get("allocateLoadBalancerNodePorts") is False:
            ports = [port for port in ports if port.get("nodePort")]
    if kind in ("NodePort", "LoadBalancer"):
        found["services.nodeports"] = quantity.parse(str(len(ports)))
    return found


def _claim_usage(spec: Obj) -> Usage:
    found: Usage = {}
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage:
        found["requests.storage"] = quantity.parse(storage)
    if of_class := spec.get("storageClassName"):
        prefix = f"{of_class}.storageclass.storage.k8s.io/"
        found |= {f"{prefix}{name}": amount for name, amount in found.items()}
        found[f"{prefix}{_CLAIMS}"] = ONE
    return found


# -- scope ---------------------------------------------------------------------------------------------------------


def _is_terminating(pod: Obj) -> bool:
    return (pod.get("spec") or {}).get("activeDeadlineSeconds") is not None


def _is_best_effort(pod: Obj) -> bool:
    return qos_class(pod.get("spec") or {}) == "BestEffort"


def _crosses_namespaces(pod: Obj) -> bool:
    """Whether it is kept near to or away from pods of other namespaces."""
    affinity = (pod.get("spec") or {}).get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rows = affinity.get(kind) or {}
        terms = list(rows.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        terms += [row["podAffinityTerm"] for row in rows.get("preferredDuringSchedulingIgnoredDuringExecution") or ()]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


_SCOPES: Mapping[str, Callable[[Obj], bool]] = {
    "Terminating": _is_terminating,
    "NotTerminating": lambda pod: not _is_terminating(pod),
    "BestEffort": _is_best_effort,
    "NotBestEffort": lambda pod: not _is_best_effort(pod),
    "CrossNamespacePodAffinity": _crosses_namespaces,
}


def applies(spec: Obj, group_resource: str, obj: Obj) -> bool:
    """Whether an object counts against a quota. spec: the quota's. Scopes are of pods."""
    rows = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    rows += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return not rows or (group_resource == "pods" and all(_matches(row, obj) for row in rows))


def _matches(row: Obj, pod: Obj) -> bool:
    if row["scopeName"] != "PriorityClass":
        return row["scopeName"] in _SCOPES and _SCOPES[row["scopeName"]](pod)
    name, values = (pod.get("spec") or {}).get("priorityClassName"), row.get("values") or ()
    found = {"In": name in values, "NotIn": name not in values, "Exists": bool(name), "DoesNotExist": not name}
    return found[row["operator"]]


# -- sums ----------------------------------------------------------------------------------------------------------


def total(spec: Obj, group_resource: str, found: list[Obj], names: list[str]) -> Usage:
    """What all objects of a resource use of these names, as far as the quota is about them."""
    sums: Usage = dict.fromkeys(names, ZERO)
    for obj in found:
        if not applies(spec, group_resource, obj):
            continue
        for name, amount in usage(group_resource, obj).items():
            if name in sums:
                sums[name] = sums[name] + amount
    return sums


def hard(quota: Obj) -> Usage:
    """spec.hard as quantities."""
    return parsed((quota.get("spec") or {}).get("hard") or {})


def parsed(amounts: Obj) -> Usage:
    return {name: quantity.parse(amount) for name, amount in amounts.items()}
