"""Checks of the in-tree plugins' arguments. Models pkg/scheduler/apis/config/validation/validation_pluginargs.go."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kube_nb.scheduler.configuration_error import ConfigurationError

_STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_META = ("apiVersion", "kind")


def check(where: str, plugin: str, args: Any) -> None:
    """ConfigurationError names the place. Arguments of plugins that are not in-tree are theirs to check."""
    if not isinstance(args, Mapping):
        raise ConfigurationError(where, f"must be a mapping, not {type(args).__name__}")
    if plugin not in _CHECKS:
        return
    known, more = _CHECKS[plugin]
    for name in args:
        if name not in known and name not in _META:
            raise ConfigurationError(f"{where}.{name}", "unknown field")
    _formed(where, args, known)
    if more is not None:
        more(where, args)


def _formed(where: str, value: Any, form: Any) -> None:
    """Whether mappings and lists are where they belong; absent ones may be absent."""
    if value is None or form is None:
        return
    if isinstance(form, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigurationError(where, f"must be a mapping, not {type(value).__name__}")
        for name, part in form.items():
            _formed(f"{where}.{name}", value.get(name), part)
        return
    if not isinstance(value, list):
        raise ConfigurationError(where, f"must be a list, not {type(value).__name__}")
    for number, item in enumerate(value):
        if item is None and form[0] is not None:
            raise ConfigurationError(f"{where}[{number}]", "must not be empty")
        _formed(f"{where}[{number}]", item, form[0])


def _whole(where: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigurationError(where, f"Invalid value: {value!r}: not in valid range [{low}-{high}]")


def _resources(where: str, rows: Any) -> None:
    seen: list[str] = []
    for number, row in enumerate(rows or ()):
        name = row.get("name")
        if not name:
            raise ConfigurationError(f"{where}[{number}].name", "Required value")
        if name in seen:
            raise ConfigurationError(f"{where}[{number}]", f'Duplicate value: "{name}"')
        seen.append(name)
        _whole(f"{where}[{number}].weight", row.get("weight", 1), 1, 100)


def _fit(where: str, args: Mapping[str, Any]) -> None:
    strategy = args.get("scoringStrategy")
    if strategy is None:
        return
    kind = strategy.get("type", "LeastAllocated")
    if kind not in _STRATEGIES:
        raise ConfigurationError(f"{where}.scoringStrategy.type", f'Unsupported value: "{kind}": one of {_STRATEGIES}')
    _resources(f"{where}.scoringStrategy.resources", strategy.get("resources"))
    if kind == "RequestedToCapacityRatio":
        shape = (strategy.get("requestedToCapacityRatio") or {}).get("shape")
        _shape(f"{where}.scoringStrategy.requestedToCapacityRatio.shape", shape)


def _shape(where: str, points: Sequence[Mapping[str, Any]] | None) -> None:
    if not points:
        raise ConfigurationError(where, "Required value: at least one point must be specified")
    last = -1
    for number, point in enumerate(points):
        _whole(f"{where}[{number}].utilization", point.get("utilization"), 0, 100)
        _whole(f"{where}[{number}].score", point.get("score"), 0, 10)
        if point["utilization"] <= last:
            raise ConfigurationError(
                f"{where}[{number}].utilization", "utilization values must be sorted in increasing order"
            )
        last = point["utilization"]


def _balanced(where: str, args: Mapping[str, Any]) -> None:
    for number, row in enumerate(args.get("resources") or ()):
        if row.get("weight", 1) != 1:
            raise ConfigurationError(f"{where}.resources[{number}].weight", "resource weight not in valid range [1]")


def _inter_pod(where: str, args: Mapping[str, Any]) -> None:
    _whole(f"{where}.hardPodAffinityWeight", args.get("hardPodAffinityWeight", 1), 0, 100)


def _spread(where: str, args: Mapping[str, Any]) -> None:
    kind = args.get("defaultingType", "System")
    constraints = args.get("defaultConstraints") or ()
    if kind not in ("System", "List"):
        raise ConfigurationError(f"{where}.defaultingType", f'Unsupported value: "{kind}": "System" or "List"')
    if kind == "System" and constraints:
        text = 'when .defaultingType is "System", .defaultConstraints must be empty'
        raise ConfigurationError(f"{where}.defaultingType", text)
    for number, row in enumerate(constraints):
        here = f"{where}.defaultConstraints[{number}]"
        _whole(f"{here}.maxSkew", row.get("maxSkew"), 1, 2**31 - 1)
        if not row.get("topologyKey"):
            raise ConfigurationError(f"{here}.topologyKey", "can not be empty")
        if row.get("whenUnsatisfiable") not in ("DoNotSchedule", "ScheduleAnyway"):
            raise ConfigurationError(
                f"{here}.whenUnsatisfiable", f"Unsupported value: {row.get('whenUnsatisfiable')!r}"
            )
        if row.get("labelSelector"):
            raise ConfigurationError(
                f"{here}.labelSelector", "constraint must not define a selector, as they are deduced"
            )


def _preemption(where: str, args: Mapping[str, Any]) -> None:
    _whole(f"{where}.minCandidateNodesPercentage", args.get("minCandidateNodesPercentage", 10), 0, 100)
    least = args.get("minCandidateNodesAbsolute", 100)
    if not isinstance(least, int) or least < 0:
        raise ConfigurationError(
            f"{where}.minCandidateNodesAbsolute", f"Invalid value: {least!r}: not in valid range [0, inf)"
        )


def _added_affinity(where: str, args: Mapping[str, Any]) -> None:
    affinity = args.get("addedAffinity") or {}
    here = f"{where}.addedAffinity"
    required = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for number, term in enumerate(required):
        _term(f"{here}.{_REQUIRED}.nodeSelectorTerms[{number}]", term)
    for number, row in enumerate(affinity.get(_PREFERRED) or ()):
        _whole(f"{here}.{_PREFERRED}[{number}].weight", row.get("weight"), 1, 100)
        _term(f"{here}.{_PREFERRED}[{number}].preference", row.get("preference") or {})


def _term(where: str, term: Mapping[str, Any]) -> None:
    for field in ("matchExpressions", "matchFields"):
        for number, each in enumerate(term.get(field) or ()):
            here = f"{where}.{field}[{number}]"
            if not each.get("key"):
                raise ConfigurationError(f"{here}.key", "Required value")
            if each.get("operator") not in _OPERATORS:
                raise ConfigurationError(f"{here}.operator", f"Invalid value: {each.get('operator')!r}")


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")

_TERM: Mapping[str, Any] = {"matchExpressions": [{}], "matchFields": [{}]}
_AFFINITY = {_REQUIRED: {"nodeSelectorTerms": [_TERM]}, _PREFERRED: [{"preference": _TERM}]}
_STRATEGY = {"resources": [{}], "requestedToCapacityRatio": {"shape": [{}]}}

#: Plugin -> (its fields and their form: a mapping's fields, a list's items, None for anything; the check of values).
_CHECKS: Mapping[str, tuple[Mapping[str, Any], Callable[[str, Mapping[str, Any]], None] | None]] = {
    "NodeResourcesFit": (
        {"ignoredResources": [None], "ignoredResourceGroups": [None], "scoringStrategy": _STRATEGY},
        _fit,
    ),
    "NodeResourcesBalancedAllocation": ({"resources": [{}]}, _balanced),
    "NodeAffinity": ({"addedAffinity": _AFFINITY}, _added_affinity),
    "InterPodAffinity": ({"hardPodAffinityWeight": None, "ignorePreferredTermsOfExistingPods": None}, _inter_pod),
    "PodTopologySpread": ({"defaultConstraints": [{}], "defaultingType": None}, _spread),
    "DefaultPreemption": ({"minCandidateNodesPercentage": None, "minCandidateNodesAbsolute": None}, _preemption),
    "VolumeBinding": ({"bindTimeoutSeconds": None, "shape": [{}]}, None),
}
