from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.runtime import Handle
from tests.scheduler.bench import node, pod
from tests.scheduler.plain_cycle import plain_schedule

ZONE = "topology.kubernetes.io/zone"


class Objects:
    """A lister of given objects."""

    def __init__(self, **rows: Sequence[Obj]) -> None:
        self._rows = rows

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Obj]:
        return [row for row in self._rows.get(resource, ()) if namespace in (None, row["metadata"].get("namespace"))]

    def get(self, resource: str, namespace: str | None, name: str) -> Obj | None:
        return next((row for row in self.list(resource, namespace) if row["metadata"]["name"] == name), None)

    def services_with(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Obj]:
        return self.list("services", namespace)


def claim(name: str, volume: str = "", kind: str = "", **spec: Any) -> Obj:
    meta: Obj = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    asked = {"requests": {"storage": spec.pop("size", "1Gi")}}
    full = {"accessModes": ["ReadWriteOnce"], "resources": asked, "storageClassName": kind, **spec}
    if volume:
        full["volumeName"] = volume
        meta["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return {"metadata": meta, "spec": full, "status": {"phase": "Bound" if volume else "Pending"}}


def volume(name: str, zone: str = "", size: str = "1Gi", kind: str = "", **spec: Any) -> Obj:
    full = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": kind, **spec}
    if zone:
        terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
        full["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return {
        "metadata": {"name": name, "labels": spec.pop("labels", {})},
        "spec": full,
        "status": {"phase": "Available"},
    }


def using(*claims: str, name: str = "p") -> Obj:
    volumes = [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in claims]
    return pod(name, "100m", volumes=volumes)


def engine(lister: Objects, nodes: int = 4) -> Engine:
    columns = Columns()
    for number in range(nodes):
        columns.add_node(node(f"n{number}", labels={ZONE: "ab"[number % 2]}))
    handle = Handle(columns, lister=lister)
    return Engine(handle, Configuration().profiles_for(handle))


WAITING = {
    "metadata": {"name": "late"},
    "provisioner": "kubernetes.io/no-provisioner",
    "volumeBindingMode": "WaitForFirstConsumer",
}
MAKING = {**WAITING, "metadata": {"name": "made"}, "provisioner": "csi.example.com"}
TELLING = {"metadata": {"name": "csi.example.com"}, "spec": {"storageCapacity": True}}


def room(zone: str, size: str, kind: str = "made", **more: Any) -> Obj:
    topology = {"matchLabels": {ZONE: zone}}
    return {
        "metadata": {"name": f"room-{zone}"},
        "storageClassName": kind,
        "capacity": size,
        "nodeTopology": topology,
        **more,
    }


IN_ZONE_B = {
    **MAKING,
    "metadata": {"name": "b-only"},
    "allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": ["b"]}]}],
}


@pytest.mark.parametrize(
    ("rows", "wanted", "nodes", "message"),
    [
        pytest.param({}, ["x"], set(), 'persistentvolumeclaim "x" not found', id="a claim that is not there"),
        pytest.param(
            {"persistentvolumeclaims": [claim("x")]},
            ["x"],
            set(),
            "pod has unbound immediate PersistentVolumeClaims",
            id="an unbound claim whose class does not wait",
        ),
        pytest.param(
            {"persistentvolumeclaims": [claim("x", "v")], "persistentvolumes": [volume("v", "a")]},
            ["x"],
            {"n0", "n2"},
            "",
            id="a bound volume keeps the pod in its zone",
        ),
        pytest.param(
            {
                "persistentvolumeclaims": [claim("x", kind="late")],
                "persistentvolumes": [volume("v", "b", kind="late")],
                "storageclasses": [WAITING],
            },
            ["x"],
            {"n1", "n3"},
            "",
            id="a waiting claim goes where a volume is",
        ),
        pytest.param(
            {
                "persistentvolumeclaims": [claim("x", kind="late", size="2Gi")],
                "persistentvolumes": [volume("v", kind="late")],
                "storageclasses": [WAITING],
            },
            ["x"],
            set(),
            "4 node(s) didn't find available persistent volumes to bind",
            id="a volume that is too small",
        ),
        pytest.param(
            {"persistentvolumeclaims": [claim("x", kind="b-only")], "storageclasses": [IN_ZONE_B]},
            ["x"],
            {"n1", "n3"},
            "",
            id="a class that provisions in one zone",
        ),
        pytest.param(
            {
                "persistentvolumeclaims": [claim("x", kind="made", size="2Gi")],
                "storageclasses": [MAKING],
                "csidrivers": [TELLING],
                "csistoragecapacities": [room("a", "1Gi"), room("b", "9Gi"), room("a", "9Gi", "other")],
            },
            ["x"],
            {"n1", "n3"},
            "",
            id="a driver that tells has room in one zone",
        ),
        pytest.param(
            {
                "persistentvolumeclaims": [claim("x", kind="made", size="2Gi")],
                "storageclasses": [MAKING],
                "csidrivers": [TELLING],
                "csistoragecapacities": [
                    room("a", "9Gi", maximumVolumeSize="1Gi"),
                    {**room("b", "9Gi"), "nodeTopology": None},
                ],
            },
            ["x"],
            set(),
            "4 node(s) did not have enough free storage",
            id="a driver that tells has no room for one volume of this size",
        ),
        pytest.param(
            {
                "persistentvolumeclaims": [claim("x", "v"), claim("y", kind="late")],
                "persistentvolumes": [volume("v", "a")],
                "storageclasses": [WAITING],
            },
            ["x", "y"],
            set(),
            "2 node(s) didn't match PersistentVolume's node affinity, "
            "4 node(s) didn't find available persistent volumes to bind",
            id="what is wrong with bound and with waiting claims is told together",
        ),
        pytest.param(
            {
                "persistentvolumeclaims": [claim("x", "v")],
                "persistentvolumes": [
                    {**volume("v"), "metadata": {"name": "v", "labels": {ZONE: "a__c"}}},
                ],
            },
            ["x"],
            {"n0", "n2"},
            "",
            id="a volume labelled with its zones",
        ),
    ],
)
def test_claims_decide_where_a_pod_can_go(rows: Any, wanted: list[str], nodes: set[str], message: str) -> None:
    found = engine(Objects(**rows))
    info = found.pod(using(*wanted))
    attempt = found.schedule(info)
    assert {row["node"] for row in attempt.scores()} == nodes
    assert message in attempt.message
    expected = plain_schedule(found, info, attempt.start)
    assert expected["node"] == attempt.node


def test_a_claim_of_one_pod_refuses_a_second() -> None:
    once = claim("x", "v", accessModes=["ReadWriteOncePod"])
    found = engine(Objects(persistentvolumeclaims=[once], persistentvolumes=[volume("v")]), nodes=1)
    found.assume(found.pod(using("x", name="first")), "n0")
    assert "ReadWriteOncePod access mode" in found.schedule(found.pod(using("x"))).message


def test_a_disk_is_mounted_once() -> None:
    found = engine(Objects(), nodes=2)
    disk = [{"name": "d", "gcePersistentDisk": {"pdName": "disk"}}]
    found.assume(found.pod(pod("first", volumes=disk)), "n0")
    attempt = found.schedule(found.pod(pod("p", volumes=disk)))
    assert (attempt.node, attempt.refused()["n0"].reasons) == ("n1", ("node(s) had no available disk",))


def test_a_node_attaches_only_so_many_volumes() -> None:
    csi = [{"name": "csi.example.com", "nodeID": "n0", "allocatable": {"count": 1}}]
    bound = [volume(f"v{i}", csi={"driver": "csi.example.com", "volumeHandle": f"h{i}"}) for i in range(2)]
    lister = Objects(
        csinodes=[{"metadata": {"name": "n0"}, "spec": {"drivers": csi}}],
        persistentvolumes=bound,
        persistentvolumeclaims=[claim("x", "v0"), claim("y", "v1")],
    )
    found = engine(lister, nodes=1)
    found.assume(found.pod(using("x", name="first")), "n0")
    assert "1 node(s) exceed max volume count" in found.schedule(found.pod(using("y"))).message
    assert found.schedule(found.pod(using("x"))).node == "n0"
