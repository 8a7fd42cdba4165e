"""Models test/e2e/apimachinery/resource_quota.go."""

from typing import Any

import kubernetes.client as k8s

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube, refused

Obj = dict[str, Any]
_HARD = {
    "pods": "5",
    "services": "10",
    "services.nodeports": "1",
    "services.loadbalancers": "1",
    "replicationcontrollers": "10",
    "resourcequotas": "1",
    "cpu": "1",
    "memory": "500Mi",
    "configmaps": "10",
    "secrets": "10",
    "persistentvolumeclaims": "10",
    "requests.storage": "10Gi",
    "ephemeral-storage": "50Gi",
    "requests.example.com/dongle": "3",
    "count/replicasets.apps": "5",
}
_LABELS = {"app": "test"}
_AT_ONCE = k8s.V1DeleteOptions(grace_period_seconds=0)


def _quota(kube: Kube, name: str = "test-quota", *, scope: str = "", hard: Obj | None = None) -> None:
    """A quota whose status tells its limits."""
    spec: Obj = {"hard": _HARD if hard is None else hard, **({"scopes": [scope]} if scope else {})}
    kube.core.create_namespaced_resource_quota(kube.namespace, {"metadata": {"name": name}, "spec": spec})

    def told(event: Any) -> bool:
        return bool(event.object.status and event.object.status.hard == spec["hard"])

    kube.until(kube.core.list_namespaced_resource_quota, told, kube.namespace, field_selector=f"metadata.name={name}")


def _used(kube: Kube, quota: str = "test-quota", **expected: str) -> None:
    """Wait until the quota tells this use; keyword ``a__b`` stands for ``a.b``, ``ephemeral_storage`` for a dash."""
    names = {name.replace("__", ".").replace("_", "-"): amount for name, amount in expected.items()}
    _used_names(kube, names, quota)


def _used_names(kube: Kube, names: Obj, quota: str = "test-quota") -> None:
    def holds(event: Any) -> bool:
        used = (event.object.status.used if event.object.status else None) or {}
        return {name: used.get(name) for name in names} == names

    kube.until(kube.core.list_namespaced_resource_quota, holds, kube.namespace, field_selector=f"metadata.name={quota}")


def _pod(name: str, requests: Obj | None = None, limits: Obj | None = None, **spec: Any) -> Obj:
    resources = {"requests": requests or {}, "limits": limits or {}}
    container = {"name": "pause", "image": "registry.k8s.io/pause:3.10", "resources": resources}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated. [Conformance]"
)
def test_a_quota_counts_itself(kube: Kube) -> None:
    _quota(kube)
    _used(kube, resourcequotas="1")


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a service. [Conformance]"
)
def test_services_are_counted(kube: Kube) -> None:
    def service(name: str, type: str, **spec: Any) -> Obj:
        return {"metadata": {"name": name}, "spec": {"type": type, "ports": [{"port": 80, "targetPort": 80}], **spec}}

    _quota(kube)
    create = kube.core.create_namespaced_service
    create(kube.namespace, service("test-service", "ClusterIP"))
    create(kube.namespace, service("test-service-np", "NodePort"))
    with refused(403, reason="Forbidden", contains="exceeded quota: test-quota"):
        create(kube.namespace, service("test-service-lb", "LoadBalancer", allocateLoadBalancerNodePorts=True))
    _used(kube, services="2", services__nodeports="1", services__loadbalancers="0")
    with refused(403, contains="exceeded quota"):  # a change asks, too
        kube.core.patch_namespaced_service("test-service", kube.namespace, {"spec": {"type": "NodePort"}})
    for name in ("test-service", "test-service-np"):
        kube.core.delete_namespaced_service(name, kube.namespace)
    _used(kube, services="0", services__nodeports="0")


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a secret. [Conformance]"
)
def test_secrets_are_counted(kube: Kube) -> None:
    before = len(kube.core.list_namespaced_secret(kube.namespace).items)
    _quota(kube, hard={**_HARD, "secrets": str(before + 1)})
    _used(kube, secrets=str(before))
    kube.core.create_namespaced_secret(kube.namespace, {"metadata": {"name": "test-secret"}, "data": {"a": "dmFsdWU="}})
    _used(kube, secrets=str(before + 1))
    with refused(403, contains="exceeded quota: test-quota, requested: secrets=1, used: secrets="):
        kube.core.create_namespaced_secret(kube.namespace, {"metadata": {"name": "one-too-many"}})
    kube.core.delete_namespaced_secret("test-secret", kube.namespace)
    _used(kube, secrets=str(before))


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a configMap. [Conformance]"
)
def test_config_maps_are_counted(kube: Kube) -> None:
    kube.settle()
    before = len(kube.core.list_namespaced_config_map(kube.namespace).items)
    _quota(kube, hard={**_HARD, "configmaps": str(before + 1)})
    _used(kube, configmaps=str(before))
    kube.core.create_namespaced_config_map(kube.namespace, {"metadata": {"name": "test-configmap"}})
    _used(kube, configmaps=str(before + 1))
    kube.core.delete_namespaced_config_map("test-configmap", kube.namespace)
    _used(kube, configmaps=str(before))


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a pod. [Conformance]"
)
def test_pods_are_counted_with_what_they_request(kube: Kube) -> None:
    _quota(kube)
    dongles = {"example.com/dongle": "2"}
    requests = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", **dongles}
    pod = kube.core.create_namespaced_pod(kube.namespace, _pod("test-pod", requests, dongles))
    use = {
        "pods": "1",
        "cpu": "500m",
        "memory": "252Mi",
        "ephemeral-storage": "30Gi",
        "requests.example.com/dongle": "2",
    }
    _used_names(kube, use)
    with refused(403, contains="exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1"):
        kube.core.create_namespaced_pod(kube.namespace, _pod("fail-pod", {"cpu": "600m", "memory": "100Mi"}))
    with refused(403, contains="requests.example.com/dongle=2"):
        again = {"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "30Gi", **dongles}
        kube.core.create_namespaced_pod(kube.namespace, _pod("fail-pod-for-extended-resource", again, dongles))
    body = kube.wire(kube.core.read_namespaced_pod("test-pod", kube.namespace))
    body["spec"]["containers"][0]["resources"]["requests"] = {
        "cpu": "100m",
        "memory": "100Mi",
        "ephemeral-storage": "10Gi",
    }
    with refused(422, reason="Invalid"):
        kube.core.replace_namespaced_pod("test-pod", kube.namespace, body)
    kube.settle()
    _used_names(kube, use)
    kube.core.delete_namespaced_pod(pod.metadata.name, kube.namespace, body=_AT_ONCE)
    _used_names(kube, {**dict.fromkeys(use, "0"), "resourcequotas": "1"})


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replication controller. [Conformance]"
)
def test_replication_controllers_are_counted(kube: Kube) -> None:
    _quota(kube)
    _used(kube, replicationcontrollers="0")
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    kube.core.create_namespaced_replication_controller(
        kube.namespace,
        {"metadata": {"name": "test-rc"}, "spec": {"replicas": 0, "selector": _LABELS, "template": template}},
    )
    _used(kube, replicationcontrollers="1")
    kube.core.delete_namespaced_replication_controller("test-rc", kube.namespace, propagation_policy="Orphan")
    _used(kube, replicationcontrollers="0")


@conformance(
    "[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replica set. [Conformance]"
)
def test_replica_sets_are_counted_by_their_group(kube: Kube) -> None:
    _quota(kube)
    _used_names(kube, {"count/replicasets.apps": "0"})
    template = {"metadata": {"labels": _LABELS}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}}
    kube.apps.create_namespaced_replica_set(
        kube.namespace,
        {
            "metadata": {"name": "test-rs"},
            "spec": {"replicas": 0, "selector": {"matchLabels": _LABELS}, "template": template},
        },
    )
    _used_names(kube, {"count/replicasets.apps": "1"})
    kube.apps.delete_namespaced_replica_set("test-rs", kube.namespace)
    _used_names(kube, {"count/replicasets.apps": "0"})


@conformance("[sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes. [Conformance]")
def test_terminating_scopes_split_the_pods(kube: Kube) -> None:
    hard = {"pods": "5", "requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2", "limits.memory": "1Gi"}
    for name, scope in (("quota-terminating", "Terminating"), ("quota-not-terminating", "NotTerminating")):
        _quota(kube, name, scope=scope, hard=hard)
        _used(kube, name, pods="0")
    requests, limits = {"cpu": "500m", "memory": "200Mi"}, {"cpu": "1", "memory": "400Mi"}
    use = {"pods": "1", "requests.cpu": "500m", "requests.memory": "200Mi", "limits.cpu": "1", "limits.memory": "400Mi"}
    nothing = dict.fromkeys(use, "0")
    for name, spec, counted, spared in (
        ("test-pod", {}, "quota-not-terminating", "quota-terminating"),
        ("terminating-pod", {"activeDeadlineSeconds": 3600}, "quota-terminating", "quota-not-terminating"),
    ):
        kube.core.create_namespaced_pod(kube.namespace, _pod(name, requests, limits, **spec))
        _used_names(kube, use, counted)
        kube.settle()
        _used_names(kube, nothing, spared)
        kube.core.delete_namespaced_pod(name, kube.namespace, body=_AT_ONCE)
        _used_names(kube, nothing, counted)


@conformance("[sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope. [Conformance]")
def test_best_effort_scopes_split_the_pods(kube: Kube) -> None:
    for name, scope in (("quota-besteffort", "BestEffort"), ("quota-not-besteffort", "NotBestEffort")):
        _quota(kube, name, scope=scope, hard={"pods": "5"})
        _used(kube, name, pods="0")
    burstable = _pod("burstable-pod", {"cpu": "500m", "memory": "200Mi"}, {"cpu": "1", "memory": "400Mi"})
    for pod, counted, spared in (
        (_pod("pfpod"), "quota-besteffort", "quota-not-besteffort"),
        (burstable, "quota-not-besteffort", "quota-besteffort"),
    ):
        kube.core.create_namespaced_pod(kube.namespace, pod)
        _used(kube, counted, pods="1")
        kube.settle()
        _used(kube, spared, pods="0")
        kube.core.delete_namespaced_pod(pod["metadata"]["name"], kube.namespace, body=_AT_ONCE)
        _used(kube, counted, pods="0")


@conformance("[sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota. [Conformance]")
def test_a_quota_is_updated_and_deleted(kube: Kube) -> None:
    _quota(kube, hard={"cpu": "1", "memory": "500Mi"})
    quota = kube.core.read_namespaced_resource_quota("test-quota", kube.namespace)
    assert quota.spec.hard == {"cpu": "1", "memory": "500Mi"}
    quota.spec.hard = {"cpu": "2", "memory": "1Gi"}
    assert kube.core.replace_namespaced_resource_quota("test-quota", kube.namespace, quota).spec.hard == quota.spec.hard
    kube.settle()
    found = kube.core.read_namespaced_resource_quota("test-quota", kube.namespace)
    assert found.spec.hard == found.status.hard == {"cpu": "2", "memory": "1Gi"}
    kube.core.delete_namespaced_resource_quota("test-quota", kube.namespace)
    with refused(404, reason="NotFound"):
        kube.core.read_namespaced_resource_quota("test-quota", kube.namespace)


@conformance("[sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota [Conformance]")
def test_quotas_are_listed_patched_and_deleted_by_label(kube: Kube) -> None:
    body = {"metadata": {"name": "e2e-quota", "labels": {"e2e-rq-label": "e2e-quota"}}}
    kube.core.create_namespaced_resource_quota(
        kube.namespace, {**body, "spec": {"hard": {"cpu": "1", "memory": "500Mi"}}}
    )
    [listed] = kube.core.list_resource_quota_for_all_namespaces(label_selector="e2e-rq-label=e2e-quota").items
    patch = {"metadata": {"labels": {"e2e-quota": "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}
    patched = kube.core.patch_namespaced_resource_quota("e2e-quota", kube.namespace, patch)
    assert patched.metadata.labels["e2e-quota"] == "patched"
    assert patched.spec.hard == {"cpu": "1", "memory": "750Mi"}
    assert int(listed.metadata.resource_version) < int(patched.metadata.resource_version)
    kube.core.delete_collection_namespaced_resource_quota(kube.namespace, label_selector="e2e-rq-label=e2e-quota")
    with refused(404, reason="NotFound"):
        kube.core.read_namespaced_resource_quota("e2e-quota", kube.namespace)


@conformance("[sig-api-machinery] ResourceQuota should apply changes to a resourcequota status [Conformance]")
def test_the_status_changes_alone_and_its_controller_puts_it_right(kube: Kube) -> None:
    hard = {"cpu": "500m", "memory": "500Mi"}
    _quota(kube, "e2e-rq-status", hard=hard)
    listing = kube.core.list_namespaced_resource_quota
    quota = kube.core.read_namespaced_resource_quota_status("e2e-rq-status", kube.namespace)
    with kube.watch(listing, kube.namespace, resource_version=quota.metadata.resource_version) as events:
        quota.status.hard = {"cpu": "750m", "memory": "1Gi"}
        updated = kube.core.replace_namespaced_resource_quota_status("e2e-rq-status", kube.namespace, quota)
        assert (updated.spec.hard, updated.status.hard) == (hard, {"cpu": "750m", "memory": "1Gi"})
        events.until(lambda event: event.object.status.hard == {"cpu": "750m", "memory": "1Gi"})
        events.until(lambda event: event.object.status.hard == hard)
        patch = {"status": {"hard": {"cpu": "1", "memory": "1Gi"}}}
        patched = kube.core.patch_namespaced_resource_quota_status("e2e-rq-status", kube.namespace, patch)
        assert (patched.spec.hard, patched.status.hard) == (hard, {"cpu": "1", "memory": "1Gi"})
        events.until(lambda event: event.object.status.hard == {"cpu": "1", "memory": "1Gi"})
        events.until(lambda event: event.object.status.hard == hard)
    assert kube.core.read_namespaced_resource_quota("e2e-rq-status", kube.namespace).spec.hard == hard
