"""Models rows of test/e2e/apps/rc.go: the scale subresource, and what a quota makes of a controller."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube


def _controller(name: str, replicas: int) -> dict:
    labels = {"name": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": "nginx"}]}}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": labels, "template": template}}


@conformance("[sig-apps] ReplicationController should get and update a ReplicationController scale [Conformance]")
def test_a_replication_controller_is_scaled_by_its_subresource(kube: Kube) -> None:
    controllers = Operations(kube.core, "replication_controller", kube.namespace)
    controllers.create(_controller("e2e-rc", 1))
    kube.settle()
    assert controllers.read("e2e-rc").status.ready_replicas == 1
    scale = controllers.read("e2e-rc", "scale")
    assert (scale.kind, scale.spec.replicas, scale.status.replicas) == ("Scale", 1, 1)
    scale.spec.replicas = 2
    assert controllers.replace("e2e-rc", scale, "scale").spec.replicas == 2
    kube.settle()
    found = controllers.read("e2e-rc")
    assert (found.spec.replicas, found.status.replicas, found.status.ready_replicas) == (2, 2, 2)


@conformance(
    "[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota [Conformance]"
)
def test_an_exceeded_quota_shows_as_a_condition_until_it_is_kept(kube: Kube) -> None:
    name = "condition-test"
    kube.core.create_namespaced_resource_quota(
        kube.namespace, {"metadata": {"name": name}, "spec": {"hard": {"pods": "2"}}}
    )
    kube.settle()
    controllers = Operations(kube.core, "replication_controller", kube.namespace)
    controllers.create(_controller(name, 3))
    listing = kube.core.list_namespaced_replication_controller
    event = kube.until(listing, lambda event: event.object.status.conditions, kube.namespace)
    (row,) = event.object.status.conditions
    assert (row.type, row.status, row.reason) == ("ReplicaFailure", "True", "FailedCreate")
    assert f"exceeded quota: {name}, requested: pods=1, used: pods=2, limited: pods=2" in row.message
    controllers.patch(name, {"spec": {"replicas": 2}})
    kube.until(listing, lambda event: not event.object.status.conditions, kube.namespace)
