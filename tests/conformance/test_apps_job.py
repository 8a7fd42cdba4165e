"""Models test/e2e/apps/job.go: the rows that need pods that run."""

from typing import Any

from tests.conformance.catalogue import conformance
from tests.conformance.scenario import Kube
from tests.conformance.workloads import condition_of, condition_row, names, owner, pods, shell, template, when

_SLEEP = shell("sleep 3600")
_SUCCEED = shell("exit 0")
#: Fails for odd indexes.
_ODD_FAIL = shell('if [ "$(expr ${JOB_COMPLETION_INDEX} % 2)" = "0" ]; then exit 0; else exit 42; fi')


def _create(kube: Kube, name: str, main: dict[str, Any] = _SUCCEED, *, pod: Any = None, **spec: Any) -> Any:
    pod_spec = {"restartPolicy": "Never", **(pod or {})}
    spec = {"backoffLimit": 6, "template": template({"app": name}, **main, **pod_spec), **spec}
    return kube.batch.create_namespaced_job(kube.namespace, {"metadata": {"name": name}, "spec": spec})


def _when(kube: Kube, name: str, type: str) -> Any:
    """The Job, once it has this condition."""
    return when(kube, kube.batch.list_namespaced_job, name, lambda found: condition_of(found, type) is not None)


def _pods(kube: Kube, name: str) -> list[Any]:
    return pods(kube, f"batch.kubernetes.io/job-name={name}")


@conformance(
    "[sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname [Conformance]"
)
def test_pods_of_an_indexed_job_know_their_index(kube: Kube) -> None:
    _create(kube, "indexed-job", parallelism=2, completions=4, completionMode="Indexed")
    job = _when(kube, "indexed-job", "Complete")
    assert (job.status.succeeded, job.status.completed_indexes) == (4, "0-3")
    found = [pod for pod in _pods(kube, "indexed-job") if pod.status.phase == "Succeeded"]
    key = "batch.kubernetes.io/job-completion-index"
    assert sorted(pod.metadata.annotations[key] for pod in found) == ["0", "1", "2", "3"]
    for pod in found:
        assert pod.spec.hostname == f"indexed-job-{pod.metadata.annotations[key]}"
        assert pod.metadata.name.startswith(f"{pod.spec.hostname}-")


@conformance("[sig-apps] Job should delete a job [Conformance]")
def test_a_deleted_job_takes_its_pods_with_it(kube: Kube) -> None:
    _create(kube, "foo", _SLEEP, parallelism=2, completions=4)
    kube.settle()
    found = _pods(kube, "foo")
    assert [pod.status.phase for pod in found] == ["Running", "Running"]
    kube.batch.delete_namespaced_job("foo", kube.namespace, propagation_policy="Foreground")
    kube.until_gone(kube.batch.read_namespaced_job, "foo", kube.namespace)
    assert _pods(kube, "foo") == []


@conformance("[sig-apps] Job should adopt matching orphans and release non-matching pods [Conformance]")
def test_an_orphan_is_adopted_again_and_a_relabelled_pod_released(kube: Kube) -> None:
    job = _create(kube, "adopt-release", _SLEEP, parallelism=2, completions=2)
    kube.settle()
    name = _pods(kube, "adopt-release")[0].metadata.name
    kube.core.patch_namespaced_pod(name, kube.namespace, {"metadata": {"ownerReferences": None}})
    kube.settle()
    assert owner(kube.core.read_namespaced_pod(name, kube.namespace)).uid == job.metadata.uid
    found = kube.wire(kube.core.read_namespaced_pod(name, kube.namespace))
    del found["metadata"]["labels"]
    kube.core.replace_namespaced_pod(name, kube.namespace, found)
    kube.settle()
    assert owner(kube.core.read_namespaced_pod(name, kube.namespace)) is None
    assert len(_pods(kube, "adopt-release")) == 2


@conformance(
    "[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]"
)
def test_a_container_that_failed_is_restarted_where_it_is(kube: Kube) -> None:
    fail_once = shell("if [ -r /data/foo ]; then exit 0; else touch /data/foo; exit 1; fi")
    fail_once["container"] = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    pod = {"restartPolicy": "OnFailure", "volumes": [{"name": "data", "emptyDir": {}}]}
    _create(kube, "fail-once-local", fail_once, pod=pod, parallelism=2, completions=4)
    job = _when(kube, "fail-once-local", "Complete")
    assert (job.status.succeeded, job.status.failed) == (4, None)
    found = _pods(kube, "fail-once-local")
    assert [pod.status.phase for pod in found] == ["Succeeded"] * 4
    assert [pod.status.container_statuses[0].restart_count for pod in found] == [1] * 4


@conformance(
    "[sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early [Conformance]"
)
def test_an_exit_code_fails_the_whole_job(kube: Kube) -> None:
    codes = {"containerName": "main", "operator": "In", "values": [1]}
    policy = {"rules": [{"action": "FailJob", "onExitCodes": codes}]}
    _create(kube, "pod-failure-failjob", shell("exit 1"), parallelism=1, completions=2, podFailurePolicy=policy)
    job = _when(kube, "pod-failure-failjob", "Failed")
    failed = condition_of(job, "Failed")
    assert failed.reason == "PodFailurePolicy"
    assert "exit code 1 matching FailJob rule at index 0" in failed.message
    assert job.status.failed == 1


@conformance(
    "[sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition [Conformance]"
)
def test_evictions_do_not_count_as_failures_if_the_policy_ignores_them(kube: Kube) -> None:
    """A pod finds on its node whether it is the first; only later ones end."""
    not_at_first = shell("if [ -r /data/$(hostname) ]; then exit 0; else touch /data/$(hostname); sleep 3600; fi")
    not_at_first["container"] = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    data = {"name": "data", "hostPath": {"path": "/tmp/pod-disruption"}}
    pod = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}, "volumes": [data]}
    policy = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}
    limits = {"parallelism": 2, "completions": 2, "completionMode": "Indexed", "backoffLimit": 0}
    _create(kube, "pod-disruption", not_at_first, pod=pod, podFailurePolicy=policy, **limits)
    kube.settle()
    evicted = _pods(kube, "pod-disruption")
    assert [each.status.phase for each in evicted] == ["Running", "Running"]
    for each in evicted:
        body = {"metadata": {"name": each.metadata.name, "namespace": kube.namespace}}
        kube.core.create_namespaced_pod_eviction(each.metadata.name, kube.namespace, body)
    job = _when(kube, "pod-disruption", "Complete")
    assert (job.status.succeeded, job.status.failed, job.status.completed_indexes) == (2, None, "0,1")
    assert not set(names(evicted)) & set(names(_pods(kube, "pod-disruption")))


@conformance(
    "[sig-apps] Job should execute all indexes despite some failing when using backoffLimitPerIndex [Conformance]"
)
def test_each_index_has_its_own_retries(kube: Kube) -> None:
    indexed = {"parallelism": 2, "completions": 4, "completionMode": "Indexed", "backoffLimit": None}
    _create(kube, "with-per-index", _ODD_FAIL, backoffLimitPerIndex=1, **indexed)
    job = _when(kube, "with-per-index", "Failed")
    assert condition_of(job, "Failed").reason == "FailedIndexes"
    assert (job.status.failed_indexes, job.status.completed_indexes) == ("1,3", "0,2")
    assert (job.status.failed, job.status.succeeded) == (4, 2)


@conformance(
    "[sig-apps] Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy [Conformance]"
)
def test_fail_index_gives_an_index_up_without_a_retry(kube: Kube) -> None:
    codes = {"containerName": "main", "operator": "In", "values": [42]}
    indexed = {"parallelism": 2, "completions": 2, "completionMode": "Indexed", "backoffLimit": None}
    policy = {"rules": [{"action": "FailIndex", "onExitCodes": codes}]}
    script = shell('if [ "${JOB_COMPLETION_INDEX}" = "0" ]; then exit 42; else exit 0; fi')
    _create(kube, "failindex", script, backoffLimitPerIndex=1, podFailurePolicy=policy, **indexed)
    job = _when(kube, "failindex", "Failed")
    assert (job.status.failed_indexes, job.status.completed_indexes) == ("0", "1")
    assert (job.status.failed, job.status.succeeded) == (1, 1)


@conformance(
    "[sig-apps] Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes [Conformance]"
)
def test_too_many_failed_indexes_end_the_job(kube: Kube) -> None:
    script = shell('if [ "${JOB_COMPLETION_INDEX}" = "2" ]; then exit 0; else exit 1; fi')
    indexed = {"parallelism": 4, "completions": 4, "completionMode": "Indexed", "backoffLimit": None}
    _create(kube, "max-failed", script, backoffLimitPerIndex=0, maxFailedIndexes=0, **indexed)
    job = _when(kube, "max-failed", "Failed")
    assert condition_of(job, "Failed").reason == "MaxFailedIndexesExceeded"
    assert condition_of(job, "FailureTarget").reason == "MaxFailedIndexesExceeded"
    assert job.status.completed_indexes in (None, "2")
    assert job.status.failed_indexes


@conformance("[sig-apps] Job with successPolicy should succeeded when all indexes succeeded [Conformance]")
def test_a_success_policy_of_all_indexes(kube: Kube) -> None:
    indexed = {"parallelism": 2, "completions": 2, "completionMode": "Indexed", "backoffLimit": 0}
    policy = {"rules": [{"succeededCount": 2}]}
    _create(kube, "with-success-policy", successPolicy=policy, **indexed)
    job = _when(kube, "with-success-policy", "Complete")
    assert condition_of(job, "SuccessCriteriaMet").status == "True"
    assert (job.status.completed_indexes, job.status.succeeded) == ("0,1", 2)


#: Only index 0 ever ends.
_FIRST_ENDS = shell('if [ "${JOB_COMPLETION_INDEX}" = "0" ]; then exit 0; else sleep 3600; fi')


def _early(kube: Kube, name: str, rule: dict[str, Any]) -> None:
    indexed = {"parallelism": 2, "completions": 5, "completionMode": "Indexed", "backoffLimit": 0}
    _create(kube, name, _FIRST_ENDS, successPolicy={"rules": [rule]}, **indexed)
    job = _when(kube, name, "SuccessCriteriaMet")
    assert condition_of(job, "SuccessCriteriaMet").reason == "SuccessPolicy"
    job = _when(kube, name, "Complete")
    assert (job.status.completed_indexes, job.status.succeeded) == ("0", 1)
    assert job.status.terminating in (None, 0)
    assert not [pod for pod in _pods(kube, name) if pod.status.phase == "Running"]


@conformance(
    "[sig-apps] Job with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending [Conformance]"
)
def test_a_success_policy_of_named_indexes_completes_the_job_early(kube: Kube) -> None:
    _early(kube, "with-success-policy-indexes", {"succeededIndexes": "0"})


@conformance(
    "[sig-apps] Job with successPolicy succeededCount rule should succeeded even when some indexes remain pending [Conformance]"
)
def test_a_success_policy_of_a_count_completes_the_job_early(kube: Kube) -> None:
    _early(kube, "with-success-policy-count", {"succeededCount": 1})


@conformance("[sig-apps] Job should apply changes to a job status [Conformance]")
def test_the_status_can_be_patched_updated_and_read(kube: Kube) -> None:
    _create(kube, "suspend", _SLEEP, parallelism=1, completions=2)
    kube.settle()
    api, ns = kube.batch, kube.namespace
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}}
    now = api.read_namespaced_job("suspend", ns).status.start_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    row = condition_row("CustomConditionType", lastProbeTime=now, lastTransitionTime=now)
    found = api.patch_namespaced_job_status("suspend", ns, {**patch, "status": {"conditions": [row]}})
    assert found.metadata.annotations["patchedstatus"] == "true"
    assert condition_of(found, "CustomConditionType").reason == "E2E"
    found = api.read_namespaced_job("suspend", ns)
    wire = kube.wire(found)
    wire["status"]["conditions"][0]["message"] = "again"
    assert api.replace_namespaced_job_status("suspend", ns, wire).status.conditions[0].message == "again"
    assert kube.get(f"/apis/batch/v1/namespaces/{ns}/jobs/suspend/status")["metadata"]["uid"] == found.metadata.uid
