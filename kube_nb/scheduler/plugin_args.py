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
    if more is not None:
        more(where, args)


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


_CHECKS: Mapping[str, tuple[Sequence[str], Callable[[str, Mapping[str, Any]], None] | None]] = {
    "NodeResourcesFit": (("ignoredResources", "ignoredResourceGroups", "scoringStrategy"), _fit),
    "NodeResourcesBalancedAllocation": (("resources",), _balanced),
    "NodeAffinity": (("addedAffinity",), None),
    "InterPodAffinity": (("hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"), _inter_pod),
    "PodTopologySpread": (("defaultConstraints", "defaultingType"), _spread),
    "DefaultPreemption": (("minCandidateNodesPercentage", "minCandidateNodesAbsolute"), _preemption),
    "VolumeBinding": (("bindTimeoutSeconds", "shape"), None),
}
