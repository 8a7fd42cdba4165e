"""Random clusters with some of everything that a plugin looks at; small enough that collisions happen."""

import random
from typing import Any

from kube_nb.machinery.types import Obj
from tests.scheduler.bench import node, pod

ZONES, APPS, DISKS = ("a", "b", "c"), ("web", "db", "batch"), ("ssd", "hdd")
_TAINTS = (
    {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
    {"key": "old", "effect": "PreferNoSchedule"},
    {"key": "slow", "value": "1", "effect": "PreferNoSchedule"},
    {"key": "bad", "effect": "NoExecute"},
)


def random_node(draw: random.Random, number: int) -> Obj:
    labels = {}
    if draw.random() < 0.9:
        labels["topology.kubernetes.io/zone"] = draw.choice(ZONES)
    if draw.random() < 0.7:
        labels["disk"] = draw.choice(DISKS)
    if draw.random() < 0.3:
        labels["cores"] = str(draw.randrange(1, 9))
    fields: dict[str, Any] = {"labels": labels}
    if draw.random() < 0.3:
        fields["taints"] = draw.sample(_TAINTS, draw.randrange(1, 3))
    if draw.random() < 0.1:
        fields["unschedulable"] = True
    if draw.random() < 0.3:
        fields["more"] = {"example.com/gpu": str(draw.randrange(0, 4)), "pods": str(draw.choice((2, 5, 110)))}
    if draw.random() < 0.4:
        size = draw.choice((10, 200, 2000)) * 1024 * 1024
        fields["images"] = [{"names": [f"{draw.choice(APPS)}:latest"], "sizeBytes": size}]
    return node(f"n{number}", draw.choice(("1", "2", "4", "7500m")), draw.choice(("1Gi", "4Gi", "7G")), **fields)


def random_pod(draw: random.Random, name: str) -> Obj:
    app = draw.choice(APPS)
    fields: dict[str, Any] = {"labels": {"app": app, "tier": draw.choice("xy")}, "image": app}
    if draw.random() < 0.3:
        fields["tolerations"] = [{"operator": "Exists", "key": draw.choice(("gpu", "old", "bad"))}]
    if draw.random() < 0.05:
        fields["tolerations"] = [{"operator": "Exists"}]
    if draw.random() < 0.15:
        fields["nodeSelector"] = {"disk": draw.choice(DISKS)}
    if draw.random() < 0.15:
        fields["ports"] = [{"hostPort": draw.choice((80, 443)), "containerPort": 80}]
    if draw.random() < 0.1:
        fields["more"] = {"example.com/gpu": str(draw.randrange(1, 3))}
    if draw.random() < 0.2:
        fields["priority"] = draw.randrange(0, 3)
    if draw.random() < 0.2:
        fields["volumes"] = _volumes(draw)
    if affinity := _affinity(draw):
        fields["affinity"] = affinity
    if draw.random() < 0.35:
        fields["topologySpreadConstraints"] = [_spread(draw) for _ in range(draw.randrange(1, 3))]
    cpu, memory = draw.choice(("", "100m", "250m", "1")), draw.choice(("", "64Mi", "500Mi", "1Gi"))
    return pod(name, cpu, memory, draw.choice(("default", "other")), **fields)


CLAIMS, VOLUMES = 8, 6


def random_objects(draw: random.Random) -> list[Obj]:
    """Services, and everything about volumes: classes that wait or do not, claims bound or not, drivers with limits."""
    found: list[Obj] = [_service(app) for app in APPS if draw.random() < 0.5]
    for name, mode in (("late", "WaitForFirstConsumer"), ("made", "WaitForFirstConsumer"), ("now", "Immediate")):
        provisioner = "kubernetes.io/no-provisioner" if name == "late" else "csi.example.com"
        kind: Obj = {"kind": "StorageClass", "metadata": {"name": name}, "provisioner": provisioner}
        if name == "made" and draw.random() < 0.5:
            zones = [{"matchLabelExpressions": [{"key": _ZONE, "values": draw.sample(ZONES, 2)}]}]
            kind["allowedTopologies"] = zones
        found.append({**kind, "volumeBindingMode": mode})
    if draw.random() < 0.4:
        found.append({"kind": "CSIDriver", "metadata": {"name": "csi.example.com"}, "spec": {"storageCapacity": True}})
        for zone in draw.sample(ZONES, 2):
            topology = {"matchLabels": {_ZONE: zone}}
            size = {"capacity": draw.choice(("2Gi", "9Gi")), "storageClassName": "made", "nodeTopology": topology}
            found.append({"kind": "CSIStorageCapacity", "metadata": {"name": zone, "namespace": "default"}, **size})
    found += [_volume(draw, number) for number in range(VOLUMES)]
    for namespace in ("default", "other"):
        found += [_claim(draw, number, namespace) for number in range(CLAIMS)]
    for number in range(draw.randrange(14)):
        driver = {"name": "csi.example.com", "nodeID": f"n{number}", "allocatable": {"count": draw.randrange(1, 3)}}
        found.append({"kind": "CSINode", "metadata": {"name": f"n{number}"}, "spec": {"drivers": [driver]}})
    return found


_ZONE = "topology.kubernetes.io/zone"


def _service(app: str) -> Obj:
    return {
        "kind": "Service",
        "metadata": {"name": app, "namespace": "default"},
        "spec": {"selector": {"app": app}},
    }


def _volume(draw: random.Random, number: int) -> Obj:
    spec: Obj = {"capacity": {"storage": draw.choice(("1Gi", "5Gi"))}, "accessModes": ["ReadWriteOnce"]}
    spec["storageClassName"] = draw.choice(("late", "now"))
    spec["csi"] = {"driver": "csi.example.com", "volumeHandle": f"h{number}"}
    meta: Obj = {"name": f"v{number}", "labels": {}}
    if draw.random() < 0.5:
        terms = [{"matchExpressions": [{"key": _ZONE, "operator": "In", "values": [draw.choice(ZONES)]}]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    elif draw.random() < 0.5:
        meta["labels"] = {_ZONE: "__".join(draw.sample(ZONES, draw.randrange(1, 3)))}
    return {"kind": "PersistentVolume", "metadata": meta, "spec": spec, "status": {"phase": "Available"}}


def _claim(draw: random.Random, number: int, namespace: str) -> Obj:
    meta: Obj = {"name": f"c{number}", "namespace": namespace, "uid": f"{namespace}-c{number}"}
    size, mode = draw.choice(("1Gi", "3Gi")), draw.choice(("ReadWriteOnce", "ReadWriteOncePod"))
    spec: Obj = {"resources": {"requests": {"storage": size}}, "accessModes": [mode]}
    spec["storageClassName"] = draw.choice(("late", "made", "made", "now"))
    if draw.random() < 0.6:
        spec["volumeName"] = f"v{draw.randrange(VOLUMES)}"
        meta["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return {"kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def _volumes(draw: random.Random) -> list[Obj]:
    kinds: list[Obj] = [
        {"persistentVolumeClaim": {"claimName": f"c{draw.randrange(CLAIMS)}"}},
        {"persistentVolumeClaim": {"claimName": f"c{draw.randrange(CLAIMS)}"}},
        {"gcePersistentDisk": {"pdName": draw.choice("de"), "readOnly": draw.random() < 0.3}},
        {"awsElasticBlockStore": {"volumeID": draw.choice("fg")}},
        {"emptyDir": {}},
    ]
    chosen = draw.sample(kinds, draw.randrange(1, 3))
    return [{"name": f"d{number}", **each} for number, each in enumerate(chosen)]


def _affinity(draw: random.Random) -> Obj:
    found: Obj = {}
    if draw.random() < 0.2:
        found["nodeAffinity"] = _node_affinity(draw)
    if draw.random() < 0.25:
        found["podAffinity"] = _pod_affinity(draw)
    if draw.random() < 0.25:
        found["podAntiAffinity"] = _pod_affinity(draw)
    return found


def _expression(draw: random.Random) -> Obj:
    return draw.choice(
        (
            {"key": "disk", "operator": "In", "values": [draw.choice(DISKS)]},
            {"key": "disk", "operator": "NotIn", "values": [draw.choice(DISKS)]},
            {"key": "disk", "operator": "Exists"},
            {"key": "cores", "operator": "Gt", "values": ["3"]},
            {"key": "cores", "operator": "DoesNotExist"},
        )
    )


def _node_affinity(draw: random.Random) -> Obj:
    found: Obj = {}
    if draw.random() < 0.5:
        terms = [{"matchExpressions": [_expression(draw)]} for _ in range(draw.randrange(1, 3))]
        if draw.random() < 0.2:
            names = [f"n{draw.randrange(12)}" for _ in range(3)]
            terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": names}]}]
        found["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if draw.random() < 0.7:
        found["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": draw.randrange(1, 100), "preference": {"matchExpressions": [_expression(draw)]}}
            for _ in range(draw.randrange(1, 3))
        ]
    return found


def _term(draw: random.Random) -> Obj:
    keys = ("topology.kubernetes.io/zone", "kubernetes.io/hostname", "disk")
    term: Obj = {"labelSelector": {"matchLabels": {"app": draw.choice(APPS)}}, "topologyKey": draw.choice(keys)}
    if draw.random() < 0.2:
        term["namespaces"] = ["other"]
    if draw.random() < 0.2:
        term["namespaceSelector"] = draw.choice(({}, {"matchLabels": {"team": "o"}}))
    if draw.random() < 0.2:
        term["matchLabelKeys"] = ["tier"]
    return term


def _pod_affinity(draw: random.Random) -> Obj:
    found: Obj = {}
    if draw.random() < 0.5:
        found["requiredDuringSchedulingIgnoredDuringExecution"] = [_term(draw) for _ in range(draw.randrange(1, 3))]
    if draw.random() < 0.6:
        found["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": draw.randrange(1, 100), "podAffinityTerm": _term(draw)}
        ]
    return found


def _spread(draw: random.Random) -> Obj:
    keys = ("topology.kubernetes.io/zone", "kubernetes.io/hostname", "disk")
    row: Obj = {
        "topologyKey": draw.choice(keys),
        "maxSkew": draw.randrange(1, 4),
        "whenUnsatisfiable": draw.choice(("DoNotSchedule", "ScheduleAnyway")),
        "labelSelector": {"matchLabels": {"app": draw.choice(APPS)}},
    }
    if draw.random() < 0.2:
        row["matchLabelKeys"] = ["tier"]
    if row["whenUnsatisfiable"] == "DoNotSchedule" and draw.random() < 0.3:
        row["minDomains"] = draw.randrange(1, 5)
    if draw.random() < 0.3:
        row["nodeAffinityPolicy"] = draw.choice(("Honor", "Ignore"))
    if draw.random() < 0.3:
        row["nodeTaintsPolicy"] = draw.choice(("Honor", "Ignore"))
    return row
