"""Models test/e2e/storage/empty_dir_wrapper.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import is_ready, pod, pods, running, workload


@conformance("[sig-storage] EmptyDir wrapper volumes should not conflict [Conformance]")
def test_a_secret_and_a_config_map_are_volumes_of_one_pod(kube: Kube) -> None:
    kube.core.create_namespaced_secret(kube.namespace, {"metadata": {"name": "s"}, "stringData": {"data-1": "value-1"}})
    kube.core.create_namespaced_config_map(kube.namespace, {"metadata": {"name": "c"}, "data": {"data-1": "value-2"}})
    volumes = [{"name": "s", "secret": {"secretName": "s"}}, {"name": "c", "configMap": {"name": "c"}}]
    mounts = [{"name": name, "mountPath": f"/etc/{name}-volume", "readOnly": name == "s"} for name in ("s", "c")]
    body = pod("wrapper", "registry.k8s.io/e2e-test-images/busybox:1.37.0-1", command=["sleep", "3600"])
    body["spec"]["volumes"] = volumes
    body["spec"]["containers"][0]["volumeMounts"] = mounts
    kube.core.create_namespaced_pod(kube.namespace, body)
    running(kube, "wrapper")
    result = kube.kubectl("exec wrapper -- cat /etc/s-volume/data-1 /etc/c-volume/data-1")
    assert result.text == "value-1value-2"


@conformance(
    "[sig-storage] EmptyDir wrapper volumes should not cause race condition when used for configmaps [Conformance] [Serial]"
)
def test_five_pods_with_fifty_config_maps_each_all_start(kube: Kube) -> None:
    names = [f"racey-configmap-{number}" for number in range(50)]
    for name in names:
        kube.core.create_namespaced_config_map(kube.namespace, {"metadata": {"name": name}, "data": {"data-1": name}})
    items = [{"key": "data-1", "path": "data-1"}]
    body = workload("wrapped-volume-race", "registry.k8s.io/pause:3.10", labels={"name": "racy"}, replicas=5)
    body["spec"]["selector"] = {"name": "racy"}
    spec = body["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": name, "configMap": {"name": name, "items": items}} for name in names]
    spec["containers"][0]["volumeMounts"] = [{"name": name, "mountPath": f"/etc/config-{name}"} for name in names]
    for _ in range(3):
        kube.core.create_namespaced_replication_controller(kube.namespace, body)
        kube.settle()
        assert [is_ready(each) for each in pods(kube)] == [True] * 5
        kube.core.delete_namespaced_replication_controller(
            "wrapped-volume-race", kube.namespace, propagation_policy="Foreground"
        )
        kube.settle()
        assert pods(kube) == []
