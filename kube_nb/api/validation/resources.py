"""Resource names and amounts: requests, limits, quotas. Models ValidateResourceRequirements and its relatives."""

from kube_nb.api.validation.faults import Faults, section
from kube_nb.machinery import names, quantity
from kube_nb.machinery.types import Obj

_CONTAINER = ("cpu", "memory", "ephemeral-storage")
_STANDARD = (
    *_CONTAINER,
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
)
_INTEGER = (
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
)


def is_native(name: str) -> bool:
    """Whether Kubernetes itself defines the resource: no domain, or one of its own."""
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.")


def is_standard(name: str) -> bool:
    return name in _STANDARD or name.startswith(("hugepages-", "requests.hugepages-"))


def resource_name(name: str, path: str, faults: Faults) -> None:
    """A qualified name, or one of those that Kubernetes knows."""
    before = len(faults)
    faults.check(path, name, names.is_qualified_name)
    if len(faults) == before and "/" not in name and not is_standard(name):
        faults.invalid(path, name, "must be a standard resource type or fully qualified")


def quota_resource_name(name: str, path: str, faults: Faults) -> None:
    """As `resource_name`, and only what quotas can count: ``pods``, ``limits.cpu``, ``count/deployments.apps``."""
    before = len(faults)
    resource_name(name, path, faults)
    if "/" not in name and (len(faults) > before or name == "storage"):
        faults.invalid(path, name, "must be a standard resource for quota")


def amount(name: str, value: str, path: str, faults: Faults) -> None:
    """Not negative, and whole where a fraction has no meaning."""
    parsed = quantity.parse(value)
    if parsed.milli_value() < 0:
        faults.invalid(path, value, "must be greater than or equal to 0")
    if (name in _INTEGER or is_extended(name)) and parsed.milli_value() % 1000:
        faults.invalid(path, value, "must be an integer")


def requirements(resources: Obj, path: str, faults: Faults, *, claims: frozenset[str] = frozenset()) -> None:
    """A container's requests and limits, and the claims that it uses."""
    limits, requests = section(resources, "limits"), section(resources, "requests")
    for name, value in limits.items():
        _container_amount(name, value, f"{path}.limits", faults)
    for name, value in requests.items():
        _container_amount(name, value, f"{path}.requests", faults)
        _against_limit(name, value, limits.get(name), path, faults)
    for index, claim in enumerate(resources.get("claims") or ()):
        if claim.get("name") not in claims:
            faults.not_found(f"{path}.claims[{index}]", claim.get("name", ""))


def container_resource_name(name: str, path: str, faults: Faults) -> None:
    """As `resource_name`, and only what containers can have."""
    resource_name(name, path, faults)
    if "/" not in name and name not in _CONTAINER and not name.startswith("hugepages-"):
        faults.invalid(path, name, "must be a standard resource for containers")


def _container_amount(name: str, value: str, path: str, faults: Faults) -> None:
    container_resource_name(name, f"{path}[{name}]", faults)
    amount(name, value, f"{path}[{name}]", faults)


def _against_limit(name: str, value: str, limit: str | None, path: str, faults: Faults) -> None:
    may_overcommit = is_native(name) and not name.startswith("hugepages-")
    if limit is None:
        if not may_overcommit:
            faults.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    requested, allowed = quantity.parse(value), quantity.parse(limit)
    if not may_overcommit and requested != allowed:
        faults.invalid(f"{path}.requests", value, f"must be equal to {name} limit of {limit}")
    elif requested > allowed:
        faults.invalid(f"{path}.requests", value, f"must be less than or equal to {name} limit of {limit}")
