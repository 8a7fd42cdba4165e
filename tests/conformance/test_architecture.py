"""Models test/e2e/architecture/conformance.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import condition_of


@conformance("[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]")
def test_two_nodes_take_pods(kube: Kube) -> None:
    nodes = kube.core.list_node().items
    free = [node for node in nodes if not node.spec.taints and not node.spec.unschedulable]
    assert len([node for node in free if condition_of(node, "Ready").status == "True"]) >= 2
