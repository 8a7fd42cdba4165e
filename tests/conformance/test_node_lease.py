"""Models test/e2e/common/node/lease.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube, refused


@conformance("[sig-node] Lease lease API should be available [Conformance]")
def test_leases_take_every_verb(kube: Kube) -> None:
    leases = Operations(kube.coordination, "lease", kube.namespace)
    spec = {
        "holderIdentity": "holder",
        "leaseDurationSeconds": 30,
        "acquireTime": "2026-01-01T00:00:05.000000Z",
        "renewTime": "2026-01-01T00:00:06.500000Z",
        "leaseTransitions": 0,
    }
    labels = {"app": "lease"}
    path = f"/apis/coordination.k8s.io/v1/namespaces/{kube.namespace}/leases/lease"
    leases.create({"metadata": {"name": "lease", "labels": labels}, "spec": spec})
    assert kube.get(path)["spec"] == spec
    changed = {**spec, "holderIdentity": "holder2", "leaseDurationSeconds": 40, "leaseTransitions": 1}
    leases.replace("lease", {**kube.get(path), "spec": changed})
    assert kube.get(path)["spec"] == changed
    leases.patch("lease", {"spec": {"holderIdentity": "holder3", "leaseDurationSeconds": 50, "leaseTransitions": 2}})
    patched = kube.get(path)["spec"]
    assert patched == {**changed, "holderIdentity": "holder3", "leaseDurationSeconds": 50, "leaseTransitions": 2}
    leases.create({"metadata": {"name": "lease2", "labels": labels}, "spec": spec})
    listed = leases.list(kube.namespace, label_selector="app=lease").items
    assert [item.metadata.name for item in listed] == ["lease", "lease2"]
    leases.delete_collection(label_selector="app=lease")
    assert leases.list(kube.namespace, label_selector="app=lease").items == []
    leases.create({"metadata": {"name": "lease", "labels": labels}, "spec": spec})
    leases.delete("lease")
    with refused(404, reason="NotFound"):
        leases.read("lease")
    everywhere = kube.coordination.list_lease_for_all_namespaces().items
    assert "kube-node-lease" in [item.metadata.namespace for item in everywhere]
