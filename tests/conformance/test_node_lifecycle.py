"""Models test/e2e/node/node_lifecycle.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube


@conformance("[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]")
def test_a_node_that_nobody_runs_lives_in_the_api(kube: Kube) -> None:
    nodes = Operations(kube.core, "node")
    size = {"cpu": "1", "memory": "1Gi", "pods": "0"}
    ready = {"type": "Ready", "status": "False", "message": "kubelet has not registered"}
    body = {
        "metadata": {"name": "e2e-fake-node"},
        "status": {"phase": "Running", "capacity": size, "conditions": [ready]},
    }
    made = nodes.create(body)
    assert (made.metadata.name, made.status.capacity) == ("e2e-fake-node", size)
    assert nodes.read("e2e-fake-node").metadata.uid == made.metadata.uid
    patched = nodes.patch("e2e-fake-node", {"metadata": {"labels": {"e2e-fake-node": "patched"}}})
    assert patched.metadata.labels["e2e-fake-node"] == "patched"
    listed = nodes.list(label_selector="e2e-fake-node=patched").items
    assert [item.metadata.name for item in listed] == ["e2e-fake-node"]
    fresh = nodes.read("e2e-fake-node")
    fresh.metadata.labels["e2e-fake-node"] = "updated"
    assert nodes.replace("e2e-fake-node", fresh).metadata.labels["e2e-fake-node"] == "updated"
    nodes.delete("e2e-fake-node")
    kube.until_gone(nodes.read, "e2e-fake-node")
    assert "e2e-fake-node" not in [item.metadata.name for item in nodes.list().items]
