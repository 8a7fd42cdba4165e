"""HorizontalPodAutoscaler between autoscaling/v1, which knows CPU only, and autoscaling/v2, which is stored.

What v1 has no field for travels in its annotations, so that nothing is lost on the way there and back.
Models pkg/apis/autoscaling/v1/conversion.go. Differs: the annotations hold v2's field names, not v1's own.
"""

import orjson

from kube_nb.machinery.types import Obj

_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"


def to_v2(obj: Obj) -> Obj:
    """An autoscaling/v1 object as autoscaling/v2."""
    annotations = dict((obj.get("metadata") or {}).get("annotations") or {})
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = _taken(annotations, _METRICS)
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}, *metrics]
    if metrics:
        spec["metrics"] = metrics
    if behavior := _taken(annotations, _BEHAVIOR):
        spec["behavior"] = behavior[0]
    current = _taken(annotations, _CURRENT)
    used = status.pop("currentCPUUtilizationPercentage", None)
    if used is not None and not any(map(_is_cpu, current)):
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}, *current]
    status["currentMetrics"] = current or None
    status["conditions"] = _taken(annotations, _CONDITIONS) or None
    status = {key: value for key, value in status.items() if value is not None}
    return _with(obj, "autoscaling/v2", annotations, spec, status)


def to_v1(obj: Obj) -> Obj:
    """An autoscaling/v2 object as autoscaling/v1."""
    annotations = dict((obj.get("metadata") or {}).get("annotations") or {})
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics = spec.pop("metrics", None) or []
    cpu = next((metric for metric in metrics if _is_cpu(metric) and _target(metric) is not None), None)
    if cpu is not None:
        spec["targetCPUUtilizationPercentage"] = _target(cpu)
    _kept(annotations, _METRICS, [metric for metric in metrics if metric is not cpu])
    behavior = spec.pop("behavior", None)
    _kept(annotations, _BEHAVIOR, [behavior] if behavior else [])
    current = status.pop("currentMetrics", None) or []
    used: Obj = next((metric["resource"].get("current", {}) for metric in current if _is_cpu(metric)), {})
    if used.get("averageUtilization") is not None:
        status["currentCPUUtilizationPercentage"] = used["averageUtilization"]
    _kept(annotations, _CURRENT, current)
    _kept(annotations, _CONDITIONS, status.pop("conditions", None) or [])
    status.setdefault("currentReplicas", 0)
    return _with(obj, "autoscaling/v1", annotations, spec, status)


def _is_cpu(metric: Obj) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def _target(metric: Obj) -> int | None:
    found: int | None = (metric["resource"].get("target") or {}).get("averageUtilization")
    return found


def _taken(annotations: dict[str, str], key: str) -> list[Obj]:
    """An annotation's list, removed from the annotations; a malformed one counts as empty."""
    text = annotations.pop(key, None)
    try:
        found = orjson.loads(text) if text else []
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _kept(annotations: dict[str, str], key: str, found: list[Obj]) -> None:
    if found:
        annotations[key] = orjson.dumps(found).decode()


def _with(obj: Obj, api_version: str, annotations: dict[str, str], spec: Obj, status: Obj) -> Obj:
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    return {**obj, "apiVersion": api_version, "metadata": metadata, "spec": spec, "status": status}
