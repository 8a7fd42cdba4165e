"""Models test/e2e/apps/statefulset.go: the rows that need no storage."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Events, Kube
from tests.conformance.workloads import (
    HTTPD,
    HTTPD_NEW,
    condition_row,
    images,
    is_ready,
    names,
    pods,
    template,
    when,
    workload,
)

_LABELS = {"foo": "bar", "baz": "blah"}
_PROBE = {"httpGet": {"path": "/index.html", "port": 80}, "periodSeconds": 1, "failureThreshold": 1}


def _create(kube: Kube, replicas: int = 1, *, probe: bool = True, **spec: Any) -> Any:
    service = {"clusterIP": "None", "selector": _LABELS, "ports": [{"port": 80}]}
    kube.core.create_namespaced_service(kube.namespace, {"metadata": {"name": "test"}, "spec": service})
    body = workload("ss", labels=_LABELS, replicas=replicas, serviceName="test", **spec)
    if probe:
        body["spec"]["template"] = template(_LABELS, container={"readinessProbe": _PROBE})
    return kube.apps.create_namespaced_stateful_set(kube.namespace, body)


def _sicken(kube: Kube, *pods: str) -> None:
    """The pods' page is gone, so they are not ready any more."""
    for name in pods:
        _exec(kube, name, "mv /usr/local/apache2/htdocs/index.html /tmp/")
    kube.advance("2s")  # a probe is housekeeping: nothing waits for it
    assert not any(is_ready(kube.core.read_namespaced_pod(name, kube.namespace)) for name in pods)


def _cure(kube: Kube, *pods: str) -> None:
    for name in pods:
        _exec(kube, name, "mv /tmp/index.html /usr/local/apache2/htdocs/")
    kube.advance("2s")


def _exec(kube: Kube, name: str, script: str) -> None:
    result = kube.kubectl(f"exec {name} -- /bin/sh -c '{script}'")
    assert result.exit_code == 0, result.stderr


def _scale(kube: Kube, replicas: int) -> None:
    kube.apps.patch_namespaced_stateful_set("ss", kube.namespace, {"spec": {"replicas": replicas}})


def _set_image(kube: Kube, image: str) -> None:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
    kube.apps.patch_namespaced_stateful_set("ss", kube.namespace, change)


def _read(kube: Kube) -> Any:
    return kube.apps.read_namespaced_stateful_set("ss", kube.namespace)


def _revision(pod: Any) -> str:
    return str(pod.metadata.labels["controller-revision-hash"])


def _order(events: Events, type: str, count: int) -> list[str]:
    """The names of the next pods that are added or deleted."""
    return [events.until(lambda event: event.type == type).name for _ in range(count)]


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Conformance] [Slow]"
)
def test_scaling_goes_in_order_and_halts_at_an_unhealthy_pod(kube: Kube) -> None:
    listing, selector = kube.core.list_namespaced_pod, "baz=blah,foo=bar"
    with kube.watch(listing, kube.namespace, label_selector=selector) as events:
        _create(kube)
        assert _order(events, "ADDED", 1) == ["ss-0"]
        kube.settle()
        _sicken(kube, "ss-0")
        _scale(kube, 3)
        kube.advance("30s")
        assert names(pods(kube)) == ["ss-0"]
        _cure(kube, "ss-0")
        assert _order(events, "ADDED", 2) == ["ss-1", "ss-2"]
        kube.settle()
        assert _read(kube).status.ready_replicas == 3
        _sicken(kube, "ss-0", "ss-1", "ss-2")
        _scale(kube, 0)
        kube.advance("30s")
        assert names(pods(kube)) == ["ss-0", "ss-1", "ss-2"]
        _cure(kube, "ss-0", "ss-1", "ss-2")
        assert _order(events, "DELETED", 3) == ["ss-2", "ss-1", "ss-0"]


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Burst scaling should run to completion even with unhealthy pods [Conformance] [Slow]"
)
def test_a_parallel_set_scales_whatever_its_pods_do(kube: Kube) -> None:
    _create(kube, podManagementPolicy="Parallel")
    kube.settle()
    _sicken(kube, "ss-0")
    _scale(kube, 3)
    kube.settle()
    assert [is_ready(pod) for pod in pods(kube)] == [False, True, True]
    _cure(kube, "ss-0")
    assert is_ready(kube.core.read_namespaced_pod("ss-0", kube.namespace))
    _sicken(kube, "ss-0")
    _scale(kube, 0)
    kube.advance("30s")
    assert pods(kube) == []
    assert _read(kube).status.replicas == 0


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform rolling updates and roll backs of template modifications [Conformance]"
)
def test_a_rolling_update_and_its_rollback_go_in_reverse_order(kube: Kube) -> None:
    _create(kube, 3)
    kube.settle()
    status = _read(kube).status
    first = status.current_revision
    assert status.update_revision == first
    assert {_revision(pod) for pod in pods(kube)} == {first}
    _sicken(kube, "ss-1")
    with kube.watch(kube.core.list_namespaced_pod, kube.namespace, label_selector="foo=bar") as events:
        _set_image(kube, HTTPD_NEW)
        kube.advance("10s")
        status = _read(kube).status
        assert (status.current_revision, status.update_revision == first) == (first, False)
        assert images(pods(kube)) == {HTTPD}, "an unavailable pod halts the update"
        _cure(kube, "ss-1")
        assert _order(events, "DELETED", 3) == ["ss-2", "ss-1", "ss-0"]
        kube.settle()
        second = _read(kube).status.current_revision
        assert (images(pods(kube)), {_revision(pod) for pod in pods(kube)}) == ({HTTPD_NEW}, {second})
        _sicken(kube, "ss-1")
        _set_image(kube, HTTPD)
        kube.advance("10s")
        assert _read(kube).status.update_revision == first, "a rollback is no new revision"
        _cure(kube, "ss-1")
        assert _order(events, "DELETED", 3) == ["ss-2", "ss-1", "ss-0"]
    kube.settle()
    status = _read(kube).status
    assert (status.current_revision, status.update_revision) == (first, first)
    assert (images(pods(kube)), {_revision(pod) for pod in pods(kube)}) == ({HTTPD}, {first})


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should perform canary updates and phased rolling updates of template modifications [Conformance]"
)
def test_a_partition_says_which_ordinals_are_updated(kube: Kube) -> None:
    def partition(number: int) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}
        kube.apps.patch_namespaced_stateful_set("ss", kube.namespace, {"spec": {"updateStrategy": strategy}})
        kube.settle()

    def found() -> list[str]:
        return [pod.spec.containers[0].image for pod in pods(kube)]

    _create(kube, 3, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 3}})
    kube.settle()
    first = _read(kube).status.current_revision
    _set_image(kube, HTTPD_NEW)
    kube.settle()
    status = _read(kube).status
    assert status.current_revision == first != status.update_revision
    assert found() == [HTTPD, HTTPD, HTTPD]
    partition(2)
    assert found() == [HTTPD, HTTPD, HTTPD_NEW]
    assert [_revision(pod) for pod in pods(kube)] == [first, first, status.update_revision]
    for name in ("ss-0", "ss-2"):
        kube.core.delete_namespaced_pod(name, kube.namespace)
    kube.settle()
    assert found() == [HTTPD, HTTPD, HTTPD_NEW], "restored at the revision of their ordinal"
    assert all(is_ready(pod) for pod in pods(kube))
    partition(1)
    assert found() == [HTTPD, HTTPD_NEW, HTTPD_NEW]
    partition(0)
    assert found() == [HTTPD_NEW, HTTPD_NEW, HTTPD_NEW]
    final = _read(kube).status
    assert final.current_revision == final.update_revision == status.update_revision


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] Should recreate evicted statefulset [Conformance]"
)
def test_a_pod_that_its_node_rejects_is_made_again(kube: Kube) -> None:
    """Both are put on one node and want the same port of it."""
    port = {"container": {"ports": [{"containerPort": 21017, "hostPort": 21017}]}, "nodeName": "node-1"}
    body = {"metadata": {"name": "test-pod"}, "spec": template({}, **port)["spec"]}
    kube.core.create_namespaced_pod(kube.namespace, body)
    when(kube, kube.core.list_namespaced_pod, "test-pod", is_ready)
    with kube.watch(kube.core.list_namespaced_pod, kube.namespace, label_selector="foo=bar") as events:
        stateful_set = workload("ss", labels=_LABELS, replicas=1, serviceName="test")
        stateful_set["spec"]["template"] = template(_LABELS, **port)
        kube.apps.create_namespaced_stateful_set(kube.namespace, stateful_set)
        event = events.until(lambda event: event.object.status.phase == "Failed")
        assert event.name == "ss-0"
        assert event.object.status.reason == "NodePorts"
        events.until(lambda event: event.type == "DELETED")
        kube.core.delete_namespaced_pod("test-pod", kube.namespace)
        again = events.until(lambda event: event.type == "MODIFIED" and _is_ready_now(event.object))
        assert again.name == "ss-0"
        assert again.object.metadata.uid != event.object.metadata.uid


def _is_ready_now(pod: Any) -> bool:
    return pod.status.phase == "Running" and is_ready(pod)


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should have a working scale subresource [Conformance]"
)
def test_the_scale_subresource_is_read_replaced_and_patched(kube: Kube) -> None:
    _create(kube, probe=False)
    kube.settle()
    scale = kube.apps.read_namespaced_stateful_set_scale("ss", kube.namespace)
    assert (scale.spec.replicas, scale.status.replicas) == (1, 1)
    scale.metadata.resource_version = None
    scale.spec.replicas = 2
    kube.apps.replace_namespaced_stateful_set_scale("ss", kube.namespace, scale)
    assert _read(kube).spec.replicas == 2
    kube.apps.patch_namespaced_stateful_set_scale("ss", kube.namespace, {"spec": {"replicas": 4}})
    kube.settle()
    assert (_read(kube).spec.replicas, _read(kube).status.ready_replicas) == (4, 4)


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should list, patch and delete a collection of StatefulSets [Conformance]"
)
def test_stateful_sets_are_listed_patched_and_deleted_by_label(kube: Kube) -> None:
    _create(kube, probe=False)
    kube.settle()
    assert names(kube.apps.list_stateful_set_for_all_namespaces(label_selector="foo=bar").items) == ["ss"]
    spec = {"containers": [{"name": "main", "image": HTTPD_NEW}], "terminationGracePeriodSeconds": 0}
    patch: dict[str, Any] = {"metadata": {"labels": {"ss": "patched"}}}
    patch["spec"] = {"replicas": 2, "template": {"spec": spec}}
    kube.apps.patch_namespaced_stateful_set("ss", kube.namespace, patch)
    found = _read(kube)
    assert (found.metadata.labels["ss"], found.spec.replicas) == ("patched", 2)
    kube.settle()
    assert images(pods(kube)) == {HTTPD_NEW}
    kube.apps.delete_collection_namespaced_stateful_set(kube.namespace, label_selector="ss=patched")
    kube.until_gone(kube.apps.read_namespaced_stateful_set, "ss", kube.namespace)
    assert pods(kube) == []


@conformance(
    "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic] should validate Statefulset Status endpoints [Conformance]"
)
def test_the_status_can_be_read_updated_and_patched(kube: Kube) -> None:
    _create(kube, probe=False)
    kube.settle()
    path = f"/apis/apps/v1/namespaces/{kube.namespace}/statefulsets/ss/status"
    assert kube.get(path)["status"]["readyReplicas"] == 1
    with kube.watch(kube.apps.list_namespaced_stateful_set, kube.namespace) as events:
        found = kube.wire(_read(kube))
        found["status"]["conditions"] = [condition_row("StatusUpdate")]
        kube.apps.replace_namespaced_stateful_set_status("ss", kube.namespace, found)
        events.until(lambda event: "StatusUpdate" in [row.type for row in event.object.status.conditions or ()])
        patch = {"status": {"conditions": [condition_row("StatusPatched")]}}
        kube.apps.patch_namespaced_stateful_set_status("ss", kube.namespace, patch)
        event = events.until(
            lambda event: "StatusPatched" in [row.type for row in event.object.status.conditions or ()]
        )
        assert event.object.status.ready_replicas == 1
