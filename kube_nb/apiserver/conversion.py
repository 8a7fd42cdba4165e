"""Objects that are served in more versions than the one that is stored.

Events and autoscalers have conversions of their own; a custom resource's versions differ in apiVersion only.
"""

from collections.abc import Callable

import orjson

from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.types import Obj

_EVENT = GVK("", "v1", "Event")
_NEW_EVENT = GVK("events.k8s.io", "v1", "Event")


def convert(obj: Obj, to: GVK) -> Obj:
    """The object in another version of its kind."""
    if obj.get("apiVersion") == to.api_version:
        return obj
    special = _SPECIAL.get((GVK.of(obj), to))
    converted = special(obj) if special is not None else obj
    return {**converted, "apiVersion": to.api_version}


#: core/v1 name -> events.k8s.io/v1 name; what is not here keeps its name. Models pkg/apis/events/v1/conversion.go.
_EVENT_FIELDS = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD_EVENT_FIELDS = {new: old for old, new in _EVENT_FIELDS.items()}


def _renamed(names: dict[str, str]) -> Callable[[Obj], Obj]:
    def converted(obj: Obj) -> Obj:
        return {names.get(field, field): value for field, value in obj.items()}

    return converted


# -- autoscaling: v1 knows one metric only. Models pkg/apis/autoscaling/v1/conversion.go -----------------------------

_OLD_HPA, _HPA = (GVK("autoscaling", version, "HorizontalPodAutoscaler") for version in ("v1", "v2"))
#: Where v1 keeps the metrics that it does not know. Differs: in v2's own JSON.
_METRICS = "autoscaling.alpha.kubernetes.io/metrics"


def _hpa_to_v2(obj: Obj) -> Obj:
    spec = {field: value for field, value in (obj.get("spec") or {}).items() if field != _CPU_TARGET}
    annotations = dict((obj["metadata"].get("annotations") or {}).items())
    metrics = orjson.loads(annotations.pop(_METRICS, "[]"))
    target = (obj.get("spec") or {}).get(_CPU_TARGET)
    if target is not None:
        metrics = [_cpu({"target": {"type": "Utilization", "averageUtilization": target}}), *metrics]
    if metrics:
        spec["metrics"] = metrics
    status = {field: value for field, value in (obj.get("status") or {}).items() if field != _CPU_NOW}
    now = (obj.get("status") or {}).get(_CPU_NOW)
    if now is not None:
        status["currentMetrics"] = [_cpu({"current": {"averageUtilization": now}})]
    metadata = {field: value for field, value in obj["metadata"].items() if field != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    return {**obj, "metadata": metadata, "spec": spec, **({"status": status} if "status" in obj else {})}


_CPU_TARGET, _CPU_NOW = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"


def _cpu(resource: Obj) -> Obj:
    return {"type": "Resource", "resource": {"name": "cpu", **resource}}


def _hpa_to_v1(obj: Obj) -> Obj:
    given = obj.get("spec") or {}
    spec = {field: value for field, value in given.items() if field not in ("metrics", "behavior")}
    others = []
    for metric in given.get("metrics") or ():
        target = (metric.get("resource") or {}).get("target") or {}
        if (metric.get("resource") or {}).get("name") == "cpu" and "averageUtilization" in target:
            spec[_CPU_TARGET] = target["averageUtilization"]
        else:
            others.append(metric)
    known = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
    before = obj.get("status") or {}
    status = {"currentReplicas": 0, **{field: before[field] for field in known if field in before}}
    for metric in before.get("currentMetrics") or ():
        current = (metric.get("resource") or {}).get("current") or {}
        if (metric.get("resource") or {}).get("name") == "cpu" and "averageUtilization" in current:
            status[_CPU_NOW] = current["averageUtilization"]
    metadata = obj["metadata"]
    if others:
        annotations = {**(metadata.get("annotations") or {}), _METRICS: orjson.dumps(others).decode()}
        metadata = {**metadata, "annotations": annotations}
    return {**obj, "metadata": metadata, "spec": spec, "status": status}


_SPECIAL: dict[tuple[GVK, GVK], Callable[[Obj], Obj]] = {
    (_EVENT, _NEW_EVENT): _renamed(_EVENT_FIELDS),
    (_NEW_EVENT, _EVENT): _renamed(_OLD_EVENT_FIELDS),
    (_OLD_HPA, _HPA): _hpa_to_v2,
    (_HPA, _OLD_HPA): _hpa_to_v1,
}
