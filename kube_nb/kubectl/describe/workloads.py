"""Deployments, ReplicaSets, ReplicationControllers, StatefulSets and DaemonSets."""

from collections.abc import Sequence

from kube_nb.api.printers import cells
from kube_nb.api.resources import PODS, REPLICA_SETS
from kube_nb.kubectl.describe import events, pod_template
from kube_nb.kubectl.describe.claims import storage_class
from kube_nb.kubectl.describe.subject import Subject, conditions
from kube_nb.kubectl.describe.writer import amount, controller, rfc1123
from kube_nb.machinery import labels, objects
from kube_nb.machinery.labels import Selector
from kube_nb.machinery.types import Obj

_CONDITIONS = ("Type", "Status", "Reason")
_HASH = "pod-template-hash"


async def deployment(s: Subject) -> None:
    s.head()
    s.out.line(0, "CreationTimestamp:", rfc1123(s.metadata.get("creationTimestamp")))
    s.labels_and_annotations()
    s.out.line(0, "Selector:", str(labels.from_label_selector(s.spec["selector"])))
    counts = ("updatedReplicas", "replicas", "availableReplicas", "unavailableReplicas")
    words = ("updated", "total", "available", "unavailable")
    parts = [f"{s.status.get(field, 0)} {word}" for field, word in zip(counts, words, strict=True)]
    s.out.line(0, "Replicas:", " | ".join([f"{s.spec.get('replicas', 1)} desired", *parts]))
    strategy = s.spec.get("strategy") or {}
    s.out.line(0, "StrategyType:", strategy.get("type", ""))
    s.out.line(0, "MinReadySeconds:", s.spec.get("minReadySeconds", 0))
    rolling = strategy.get("rollingUpdate")
    if rolling:
        text = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        s.out.line(0, "RollingUpdateStrategy:", text)
    pod_template.write(s.out, s.spec["template"])
    conditions(s.out, s.status.get("conditions") or [], *_CONDITIONS)
    await _replica_sets(s)
    await events.write(s)


async def _replica_sets(s: Subject) -> None:
    selector = str(labels.from_label_selector(s.spec["selector"]))
    listed = await s.find_or_none(REPLICA_SETS, s.namespace, label_selector=selector) or []
    owned = [each for each in listed if objects.is_controlled_by(each, s.obj)]
    if not owned:
        return
    new = _new_of(s.obj, owned)
    old = [each for each in owned if new is None or each["metadata"]["uid"] != new["metadata"]["uid"]]
    s.out.line(0, "OldReplicaSets:", _named(old))
    s.out.line(0, "NewReplicaSet:", _named([new] if new else []))


def _new_of(deployment: Obj, owned: Sequence[Obj]) -> Obj | None:
    """The oldest ReplicaSet with the Deployment's template."""
    wanted = deployment["spec"]["template"]
    for each in sorted(owned, key=lambda each: (objects.creation_timestamp(each), objects.name(each))):
        if _without_hash(each["spec"]["template"]) == _without_hash(wanted):
            return each
    return None


def _without_hash(template: Obj) -> Obj:
    metadata = template.get("metadata") or {}
    kept = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {**template, "metadata": {**metadata, "labels": kept}}


def _named(sets: Sequence[Obj]) -> str:
    texts = [
        f"{objects.name(each)} ({(each.get('status') or {}).get('replicas', 0)}/{each['spec'].get('replicas', 1)} "
        "replicas created)"
        for each in sets
    ]
    return ", ".join(texts) or "<none>"


async def replica_set(s: Subject) -> None:
    s.head()
    s.out.line(0, "Selector:", cells.label_selector(s.spec.get("selector")))
    s.labels_and_annotations()
    await _replicas(s, labels.from_label_selector(s.spec["selector"]))


async def replication_controller(s: Subject) -> None:
    s.head()
    s.out.line(0, "Selector:", cells.label_map(s.spec.get("selector")))
    s.labels_and_annotations()
    await _replicas(s, labels.from_map(s.spec.get("selector")))


async def _replicas(s: Subject, selector: Selector) -> None:
    if controller(s.obj) and s.obj["kind"] == "ReplicaSet":
        s.out.line(0, "Controlled By:", controller(s.obj))
    s.out.line(0, "Replicas:", f"{s.status.get('replicas', 0)} current / {s.spec.get('replicas', 1)} desired")
    await _pods_status(s, selector)
    pod_template.write(s.out, s.spec["template"])
    conditions(s.out, s.status.get("conditions") or [], *_CONDITIONS)
    await events.write(s)


async def _pods_status(s: Subject, selector: Selector) -> None:
    pods = await s.find(PODS, s.namespace, label_selector=str(selector))
    phases = [(pod.get("status") or {}).get("phase") for pod in pods if objects.is_controlled_by(pod, s.obj)]
    words = {"Running": "Running", "Pending": "Waiting", "Succeeded": "Succeeded", "Failed": "Failed"}
    s.out.line(0, "Pods Status:", " / ".join(f"{phases.count(phase)} {word}" for phase, word in words.items()))


async def stateful_set(s: Subject) -> None:
    selector = labels.from_label_selector(s.spec["selector"])
    s.head()
    s.out.line(0, "CreationTimestamp:", rfc1123(s.metadata.get("creationTimestamp")))
    s.out.line(0, "Selector:", str(selector))
    s.labels_and_annotations()
    s.out.line(0, "Replicas:", f"{s.spec.get('replicas', 1)} desired | {s.status.get('replicas', 0)} total")
    strategy = s.spec.get("updateStrategy") or {}
    s.out.line(0, "Update Strategy:", strategy.get("type", ""))
    rolling = strategy.get("rollingUpdate") or {}
    if "partition" in rolling:
        s.out.line(1, "Partition:", rolling["partition"])
        if "maxUnavailable" in rolling:
            s.out.line(1, "MaxUnavailable:", rolling["maxUnavailable"])
    await _pods_status(s, selector)
    pod_template.write(s.out, s.spec["template"])
    _claim_templates(s)
    await events.write(s)


def _claim_templates(s: Subject) -> None:
    templates = s.spec.get("volumeClaimTemplates")
    s.out.line(0, "Volume Claims:", *(() if templates else ("<none>",)))
    for template in templates or ():
        metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
        s.out.line(1, "Name:", metadata.get("name", ""))
        s.out.line(1, "StorageClass:", storage_class(template))
        s.out.labels("Labels", metadata.get("labels"), "  ")
        s.out.labels("Annotations", metadata.get("annotations"), "  ")
        requests = (spec.get("resources") or {}).get("requests") or {}
        s.out.line(1, "Capacity:", amount(requests["storage"]) if "storage" in requests else "<default>")
        s.out.line(1, "Access Modes:", spec.get("accessModes") or [])


async def daemon_set(s: Subject) -> None:
    selector = labels.from_label_selector(s.spec["selector"])
    s.head(namespaced=False)  # kubectl before 1.33 leaves it out
    s.out.line(0, "Selector:", str(selector))
    s.out.line(0, "Node-Selector:", cells.label_map((s.spec["template"].get("spec") or {}).get("nodeSelector")))
    s.labels_and_annotations()
    rows = (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    )
    for title, field in rows:
        s.out.line(0, f"{title}: {s.status.get(field, 0)}")
    await _pods_status(s, selector)
    pod_template.write(s.out, s.spec["template"])
    await events.write(s)
