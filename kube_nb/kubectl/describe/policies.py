"""PodDisruptionBudgets, PriorityClasses and HorizontalPodAutoscalers."""

from kube_nb.api.printers import cells
from kube_nb.kubectl.describe import events
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import amount, rfc1123
from kube_nb.machinery.types import Obj


async def pod_disruption_budget(s: Subject) -> None:
    s.head()
    if "minAvailable" in s.spec:
        s.out.line(0, "Min available:", s.spec["minAvailable"])
    elif "maxUnavailable" in s.spec:
        s.out.line(0, "Max unavailable:", s.spec["maxUnavailable"])
    selector = s.spec.get("selector")
    s.out.line(0, "Selector:", "<unset>" if selector is None else cells.label_selector(selector))
    s.out.line(0, "Status:")
    rows = (
        ("Allowed disruptions:", "disruptionsAllowed"),
        ("Current:", "currentHealthy"),
        ("Desired:", "desiredHealthy"),
        ("Total:", "expectedPods"),
    )
    for title, field in rows:
        s.out.line(2, title, s.status.get(field, 0))
    await events.write(s)


async def priority_class(s: Subject) -> None:
    s.head(namespaced=False)
    s.out.line(0, "Value:", s.obj.get("value", 0))
    s.out.line(0, "GlobalDefault:", bool(s.obj.get("globalDefault")))
    s.out.line(0, "PreemptionPolicy:", s.obj.get("preemptionPolicy", ""))
    s.out.line(0, "Description:", s.obj.get("description", ""))
    s.out.line(0, "Annotations:", cells.label_map(s.metadata.get("annotations")))
    await events.write(s)


async def horizontal_pod_autoscaler(s: Subject) -> None:
    target = s.spec.get("scaleTargetRef") or {}
    s.head()
    s.labels_and_annotations()
    s.out.line(0, "CreationTimestamp:", rfc1123(s.metadata.get("creationTimestamp")))
    s.out.line(0, "Reference:", f"{target.get('kind', '')}/{target.get('name', '')}")
    s.out.line(0, "Metrics:", "( current / target )")
    current = s.status.get("currentMetrics") or []
    for number, metric in enumerate(s.spec.get("metrics") or ()):
        _metric(s, metric, current[number] if number < len(current) else {})
    s.out.line(0, "Min replicas:", s.spec.get("minReplicas", "<unset>"))
    s.out.line(0, "Max replicas:", s.spec.get("maxReplicas", 0))
    _behavior(s)
    counts = f"{s.status.get('currentReplicas', 0)} current / {s.status.get('desiredReplicas', 0)} desired"
    s.out.line(0, f"{target.get('kind', '')} pods:", counts)
    rows = s.status.get("conditions")
    if rows:
        s.out.line(0, "Conditions:")
        s.out.line(1, "Type", "Status", "Reason", "Message")
        s.out.line(1, "----", "------", "------", "-------")
    for row in rows or ():
        s.out.line(1, row["type"], row["status"], row.get("reason", ""), row.get("message", ""))
    await events.write(s)


def _metric(s: Subject, metric: Obj, current: Obj) -> None:
    field = {"Resource": "resource", "ContainerResource": "containerResource"}.get(metric["type"], "")
    if field:
        _resource_metric(s, metric[field], (current.get(field) or {}).get("current") or {})
        return
    field = metric["type"].lower()
    source, now = metric.get(field) or {}, (current.get(field) or {}).get("current") or {}
    name, target = f'"{source.get("metric", {}).get("name", "")}"', source.get("target") or {}
    kind = "averageValue" if "averageValue" in target else "value"
    if field == "object":
        where = source.get("describedObject") or {}
        name += f" on {where.get('kind', '')}/{where.get('name', '')}"
    words = {"averageValue": "(target average value)", "value": "(target value)"}[kind]
    title = f"{name} on pods:" if field == "pods" else f"{name} {words}:"
    s.out.line(1, title, f"{amount(now[kind]) if kind in now else '<unknown>'} / {amount(target.get(kind))}")


def _resource_metric(s: Subject, source: Obj, now: Obj) -> None:
    target = source.get("target") or {}
    title = f"resource {source['name']}" + (f' of container "{source["container"]}"' if "container" in source else "")
    if "averageValue" in target:
        shown = amount(now["averageValue"]) if "averageValue" in now else "<unknown>"
        s.out.line(1, f"{title} on pods:", f"{shown} / {amount(target['averageValue'])}")
        return
    used = now.get("averageUtilization")
    shown = "<unknown>" if used is None else f"{used}% ({amount(now.get('averageValue'))})"
    goal = f"{target['averageUtilization']}%" if "averageUtilization" in target else "<auto>"
    s.out.line(1, f"{title} on pods  (as a percentage of request):", f"{shown} / {goal}")


def _behavior(s: Subject) -> None:
    behavior = s.spec.get("behavior")
    if not behavior:
        return
    s.out.line(0, "Behavior:")
    for title, field in (("Scale Up:", "scaleUp"), ("Scale Down:", "scaleDown")):
        rules = behavior.get(field)
        if not rules:
            continue
        s.out.line(1, title)
        if rules.get("stabilizationWindowSeconds") is not None:
            s.out.line(2, f"Stabilization Window: {rules['stabilizationWindowSeconds']} seconds")
        if rules.get("policies"):
            s.out.line(2, f"Select Policy: {rules.get('selectPolicy', 'Max')}")
            s.out.line(2, "Policies:")
        for policy in rules.get("policies") or ():
            period = f"Period: {policy['periodSeconds']} seconds"
            s.out.line(3, f"- Type: {policy['type']}", f"Value: {policy['value']}", period)
