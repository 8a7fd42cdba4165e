"""Models the conformance part of test/e2e/storage/persistent_volumes.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube

_LABEL = "e2e-pv-pool"


def _volume(name: str, label: str) -> dict:
    spec = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": f"e2e-{label}",
        "hostPath": {"path": "/tmp/e2e"},
    }
    return {"metadata": {"name": name, "labels": {_LABEL: label}}, "spec": spec}


def _claim(name: str, label: str) -> dict:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": f"e2e-{label}",
    }
    return {"metadata": {"name": name, "labels": {_LABEL: label}}, "spec": spec}


def _check_kind(kube: Kube, found: Operations, names: list[str], *where: str) -> None:
    name = names[0]
    patched = found.patch(name, {"metadata": {"labels": {name: "patched"}}})
    assert patched.metadata.labels[name] == "patched"
    selected = found.list(*where, label_selector=f"{_LABEL}=x").items
    assert sorted(item.metadata.name for item in selected) == sorted(names)
    wire = kube.wire(found.read(name))
    wire["metadata"]["labels"][name] = "updated"
    assert found.replace(name, wire).metadata.labels[name] == "updated"


@conformance(
    "[sig-storage] PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC [Conformance]"
)
def test_volumes_and_claims_are_made_patched_listed_and_deleted(kube: Kube) -> None:
    volumes = Operations(kube.core, "persistent_volume")
    claims = Operations(kube.core, "persistent_volume_claim", kube.namespace)
    volumes.create(_volume("pv-0", "x"))
    assert [item.metadata.name for item in volumes.list(label_selector=f"{_LABEL}=x").items] == ["pv-0"]
    claims.create(_claim("pvc-0", "y"))  # of another class: nothing binds it
    volumes.create(_volume("pv-1", "x"))
    claims.create(_claim("pvc-1", "x"))
    claims.patch("pvc-0", {"metadata": {"labels": {_LABEL: "x"}}})
    _check_kind(kube, volumes, ["pv-0", "pv-1"])
    _check_kind(kube, claims, ["pvc-0", "pvc-1"], kube.namespace)
    everywhere = kube.core.list_persistent_volume_claim_for_all_namespaces(label_selector=f"{_LABEL}=x").items
    assert {item.metadata.namespace for item in everywhere} == {kube.namespace}
    claims.delete("pvc-0")
    kube.until_gone(claims.read, "pvc-0")
    volumes.delete("pv-0")
    kube.until_gone(volumes.read, "pv-0")
    claims.delete_collection(label_selector=f"{_LABEL}=x")
    kube.until_gone(claims.read, "pvc-1")
    volumes.delete_collection(label_selector=f"{_LABEL}=x")
    kube.until_gone(volumes.read, "pv-1")


@conformance("[sig-storage] PersistentVolumes CSI Conformance should apply changes to a pv/pvc status [Conformance]")
def test_volumes_and_claims_have_a_status_of_their_own(kube: Kube) -> None:
    volumes = Operations(kube.core, "persistent_volume")
    claims = Operations(kube.core, "persistent_volume_claim", kube.namespace)
    volumes.create(_volume("pv-0", "x"))
    claims.create(_claim("pvc-0", "y"))
    kube.settle()
    assert claims.read("pvc-0", "status").status.phase == "Pending"
    condition = {
        "type": "StatusPatched",
        "status": "True",
        "reason": "E2E patchedStatus",
        "message": "Set from e2e test",
    }
    patched = claims.patch("pvc-0", {"status": {"conditions": [condition]}}, "status")
    (row,) = patched.status.conditions
    assert (row.type, row.reason, row.message) == ("StatusPatched", "E2E patchedStatus", "Set from e2e test")
    row.type, row.reason = "StatusUpdated", "E2E updateStatus"
    updated = claims.replace("pvc-0", patched, "status")
    assert [(row.type, row.reason) for row in updated.status.conditions] == [("StatusUpdated", "E2E updateStatus")]

    assert volumes.read("pv-0", "status").status.phase in ("Pending", "Available")
    patched = volumes.patch("pv-0", {"status": {"message": "StatusPatched", "reason": "E2E patchStatus"}}, "status")
    assert (patched.status.message, patched.status.reason) == ("StatusPatched", "E2E patchStatus")
    patched.status.message, patched.status.reason = "StatusUpdated", "E2E updateStatus"
    updated = volumes.replace("pv-0", patched, "status")
    assert (updated.status.message, updated.status.reason) == ("StatusUpdated", "E2E updateStatus")
