"""Models test/e2e/node/taints.go: the NoExecute taint manager."""

from datetime import datetime
from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import names, pod, pods

_KEY = "kubernetes.io/e2e-evict-taint-key"
_TAINT = {"key": _KEY, "value": "evictTaintVal", "effect": "NoExecute"}


def _create(kube: Kube, name: str, seconds: int) -> None:
    toleration = {"key": _KEY, "value": "evictTaintVal", "effect": "NoExecute", "tolerationSeconds": seconds}
    body = pod(name, tolerations=[toleration], nodeSelector={"kubernetes.io/hostname": "node-1"})
    kube.core.create_namespaced_pod(kube.namespace, body)
    kube.settle()


def _taint(kube: Kube, taints: list[dict[str, Any]] | None) -> None:
    kube.core.patch_node("node-1", {"spec": {"taints": taints}})


@conformance(
    "[sig-node] NoExecuteTaintManager Single Pod removing taint cancels eviction [Conformance] [Disruptive] [Serial]"
)
def test_a_taint_that_is_gone_in_time_evicts_nobody(kube: Kube) -> None:
    _create(kube, "taint-eviction-4", 600)
    _taint(kube, [_TAINT])
    kube.advance("30s")
    assert names(pods(kube)) == ["taint-eviction-4"]
    _taint(kube, None)
    kube.advance("20m")
    assert names(pods(kube)) == ["taint-eviction-4"]


@conformance(
    "[sig-node] NoExecuteTaintManager Multiple Pods evicts pods with minTolerationSeconds [Conformance] [Disruptive] [Serial]"
)
def test_each_pod_stays_as_long_as_it_tolerates_the_taint(kube: Kube) -> None:
    _create(kube, "taint-eviction-b1", 5)
    _create(kube, "taint-eviction-b2", 20)
    with kube.watch(kube.core.list_namespaced_pod, kube.namespace) as events:
        tainted = datetime.fromisoformat(kube.cluster.now)
        _taint(kube, [_TAINT])
        first = events.until(lambda event: event.object.metadata.deletion_timestamp)
        second = events.until(lambda event: event.name != first.name and event.object.metadata.deletion_timestamp)
    after_s = {
        event.name: (event.object.metadata.deletion_timestamp - tainted).total_seconds() for event in (first, second)
    }
    assert after_s == {"taint-eviction-b1": 5, "taint-eviction-b2": 20}
