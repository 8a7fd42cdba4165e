"""Models "should manage the lifecycle of a job" of test/e2e/apps/job.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations
from tests.conformance.scenario import Kube


@conformance("[sig-apps] Job should manage the lifecycle of a job [Conformance]")
def test_a_suspended_job_is_patched_released_listed_and_deleted(kube: Kube) -> None:
    jobs = Operations(kube.batch, "job", kube.namespace)
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", "exit 0"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"parallelism": 2, "completions": 4, "backoffLimit": 6, "suspend": True, "template": template}
    select = {"label_selector": "e2e-job-label=mine"}
    with kube.watch(kube.batch.list_namespaced_job, kube.namespace, **select) as events:
        jobs.create({"metadata": {"name": "mine", "labels": {"e2e-job-label": "mine"}}, "spec": spec})
        assert str(events.next()) == "ADDED mine"
        patched = jobs.patch("mine", {"metadata": {"labels": {"mine": "patched"}}})
        assert patched.metadata.labels["mine"] == "patched"
        events.until(lambda event: event.object.metadata.labels.get("mine") == "patched")
        kube.settle()
        assert kube.core.list_namespaced_pod(kube.namespace).items == []
        fresh = jobs.read("mine")
        fresh.spec.suspend = False
        fresh.metadata.annotations = {**(fresh.metadata.annotations or {}), "updated": "true"}
        assert jobs.replace("mine", fresh).metadata.annotations["updated"] == "true"
        events.until(lambda event: (event.object.metadata.annotations or {}).get("updated") == "true")
        events.until(lambda event: event.object.status.succeeded == 4 and event.object.status.completion_time)
        everywhere = kube.batch.list_job_for_all_namespaces(**select).items
        assert [(item.metadata.name, item.spec.suspend) for item in everywhere] == [("mine", False)]
        jobs.delete_collection(propagation_policy="Background", **select)
        events.until(lambda event: event.type == "DELETED")
    kube.settle()
    assert kube.core.list_namespaced_pod(kube.namespace).items == []
