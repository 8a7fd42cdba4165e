"""Rows of apps, batch, autoscaling and policy kinds. Models pkg/printers/internalversion/printers.go."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kube_nb.api.printers.cells import (
    NONE,
    UNKNOWN,
    UNSET,
    age,
    at,
    boolean,
    containers,
    created,
    is_true,
    label_map,
    label_selector,
)
from kube_nb.machinery import duration, objects, times
from kube_nb.machinery.gvk import split_api_version
from kube_nb.machinery.types import Json, Obj


def deployment(obj: Obj, now: datetime) -> list[Json]:
    return [
        obj["metadata"]["name"],
        f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}",
        at(obj, "status.updatedReplicas", 0),
        at(obj, "status.availableReplicas", 0),
        created(obj, now),
        *_template(obj),
    ]


def _template(obj: Obj) -> list[str]:
    return [*containers(at(obj, "spec.template.spec")), label_selector(at(obj, "spec.selector"))]


def replica_set(obj: Obj, now: datetime) -> list[Json]:
    return [
        obj["metadata"]["name"],
        at(obj, "spec.replicas", 0),
        at(obj, "status.replicas", 0),
        at(obj, "status.readyReplicas", 0),
        created(obj, now),
        *_template(obj),
    ]


def stateful_set(obj: Obj, now: datetime) -> list[Json]:
    ready = f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}"
    return [obj["metadata"]["name"], ready, created(obj, now), *containers(at(obj, "spec.template.spec"))]


def daemon_set(obj: Obj, now: datetime) -> list[Json]:
    status = obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        label_map(at(obj, "spec.template.spec.nodeSelector")),
        created(obj, now),
        *_template(obj),
    ]


def controller_revision(obj: Obj, now: datetime) -> list[Json]:
    owner = objects.owner(obj)
    controller = NONE
    if owner is not None:
        group, _ = split_api_version(owner.get("apiVersion", ""))
        kind = ".".join(filter(None, (owner["kind"].lower(), group)))
        controller = f"{kind}/{owner['name']}"
    return [obj["metadata"]["name"], controller, obj.get("revision", 0), created(obj, now)]


#: A job's conditions that are its STATUS, the first true one wins; Terminating stands after the second.
_JOB_STATUS = (("Complete", "Complete"), ("Failed", "Failed"))
_JOB_STATUS_LATER = (
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def job(obj: Obj, now: datetime) -> list[Json]:
    return [
        obj["metadata"]["name"],
        _job_status(obj),
        _completions(obj),
        _job_duration(obj, now),
        created(obj, now),
        *_template(obj),
    ]


def _job_status(obj: Obj) -> str:
    for condition, text in _JOB_STATUS:
        if is_true(obj, condition):
            return text
    if objects.is_deleting(obj):
        return "Terminating"
    return next((text for condition, text in _JOB_STATUS_LATER if is_true(obj, condition)), "Running")


def _completions(obj: Obj) -> str:
    succeeded, wanted = at(obj, "status.succeeded", 0), at(obj, "spec.completions")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallelism = at(obj, "spec.parallelism", 0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(obj: Obj, now: datetime) -> str:
    start, end = at(obj, "status.startTime"), at(obj, "status.completionTime")
    if not start:
        return ""
    return duration.human(times.seconds_since(start, times.parse(end) if end else now))


def cron_job(obj: Obj, now: datetime) -> list[Json]:
    spec, last = obj.get("spec") or {}, at(obj, "status.lastScheduleTime")
    return [
        obj["metadata"]["name"],
        spec.get("schedule", ""),
        spec.get("timeZone") or NONE,
        boolean(spec.get("suspend")),
        len(at(obj, "status.active", ())),
        age(last, now) if last else NONE,
        created(obj, now),
        *containers(at(spec, "jobTemplate.spec.template.spec")),
        label_selector(at(spec, "jobTemplate.spec.selector")),
    ]


def pod_disruption_budget(obj: Obj, now: datetime) -> list[Json]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"]["name"],
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        at(obj, "status.disruptionsAllowed", 0),
        created(obj, now),
    ]


def horizontal_pod_autoscaler(obj: Obj, now: datetime) -> list[Json]:
    spec, target = obj.get("spec") or {}, at(obj, "spec.scaleTargetRef", {})
    return [
        obj["metadata"]["name"],
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(obj),
        str(spec.get("minReplicas", UNSET)),
        spec.get("maxReplicas", 0),
        at(obj, "status.currentReplicas", 0),
        created(obj, now),
    ]


def _targets(obj: Obj) -> str:
    spec = obj.get("spec") or {}
    if "metrics" not in spec and "targetCPUUtilizationPercentage" in spec:
        current = at(obj, "status.currentCPUUtilizationPercentage")
        return f"cpu: {UNKNOWN if current is None else f'{current}%'}/{spec['targetCPUUtilizationPercentage']}%"
    current_metrics: Sequence[Obj] = at(obj, "status.currentMetrics", ())
    metrics = spec.get("metrics") or ()
    texts = [
        _metric(metric, current_metrics[index] if index < len(current_metrics) else {})
        for index, metric in enumerate(metrics)
    ]
    shown = ", ".join(texts[:2])
    return (f"{shown} + {len(texts) - 2} more..." if len(texts) > 2 else shown) or NONE


#: Metric type -> the field that carries it.
_METRIC_FIELDS = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _metric(metric: Obj, status: Obj) -> str:
    field = _METRIC_FIELDS.get(metric.get("type", ""))
    if field is None:
        return "<unknown type>"
    source: Any = metric.get(field) or {}
    target, current = source.get("target") or {}, at(status, f"{field}.current", {})
    name = f"{source['name']}: " if "name" in source else ""
    if target.get("averageValue") is not None:
        average = " (avg)" if field in ("object", "external") else ""
        return f"{name}{current.get('averageValue', UNKNOWN)}/{target['averageValue']}{average}"
    if name:
        percent = current.get("averageUtilization")
        goal = target.get("averageUtilization")
        return f"{name}{UNKNOWN if percent is None else f'{percent}%'}/{'<auto>' if goal is None else f'{goal}%'}"
    return f"{current.get('value', UNKNOWN)}/{target.get('value', '0')}"
