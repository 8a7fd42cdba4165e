import pytest

from kube_nb.api import resources
from kube_nb.controllers.job import indexes, per_index
from kube_nb.machinery import objects
from tests.controllers.simulation import cluster, template

NAMES = ("job-controller", "ttl-after-finished-controller")


def job(name="job", **spec):
    pod = template(job=name)
    pod["spec"]["restartPolicy"] = spec.pop("restartPolicy", "Never")
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": pod, **spec}}


def succeed(after_s=2.0):
    return lambda pod: ("Succeeded", 0, after_s)


def fail(code=1, after_s=2.0):
    return lambda pod: ("Failed", code, after_s)


def conditions(found):
    return [(row["type"], row.get("reason")) for row in found["status"]["conditions"]]


async def test_a_job_runs_as_many_pods_as_it_needs_and_completes():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = succeed()
        await c.create(job(completions=3, parallelism=2))
        # pods start 1 s after their creation and run 2 s; pod events are gathered for a second
        assert await c.settle() == 1 + 2 + 1 + 1 + 2 + 1
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [
            ("SuccessCriteriaMet", "CompletionsReached"),
            ("Complete", "CompletionsReached"),
        ]
        status = found["status"]
        assert (status["succeeded"], status["ready"], status["terminating"]) == (3, 0, 0)
        assert "active" not in status
        assert status["uncountedTerminatedPods"] == {}
        assert status["completionTime"] == "2026-01-01T00:00:08Z"
        pods = await c.pods()
        assert len(pods) == 3
        assert all(not objects.finalizers(pod) for pod in pods)
        assert await c.events("Completed") == ["Job completed"]
        assert len(await c.events("SuccessfulCreate")) == 3


async def test_failed_pods_are_replaced_after_10_and_20_seconds_until_the_limit():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = fail()
        await c.create(job(backoffLimit=2))
        # a pod fails 3 s after its creation; the next one comes 10 s, then 20 s after that
        assert await c.settle() == (3 + 10) + (3 + 20) + 3 + 1
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [("FailureTarget", "BackoffLimitExceeded"), ("Failed", "BackoffLimitExceeded")]
        assert found["status"]["failed"] == 3
        created = sorted(objects.creation_timestamp(pod)[-3:-1] for pod in await c.pods())
        assert created == ["00", "13", "36"]
        assert await c.events("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


async def test_a_job_past_its_deadline_fails_and_its_pods_are_deleted():
    async with cluster(*NAMES) as c:
        c.kubelet.grace_s = 4.0
        await c.create(job(activeDeadlineSeconds=10))
        # the pods' end is noticed a second after it
        assert await c.settle() == 10 + 4 + 1
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")]
        assert await c.pods() == []


async def test_an_indexed_job_gives_every_pod_its_index():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = succeed()
        await c.create(job(completions=4, parallelism=4, completionMode="Indexed"))
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        assert found["status"]["completedIndexes"] == "0-3"
        assert found["status"]["succeeded"] == 4
        pods = sorted(await c.pods(), key=objects.name)
        assert [objects.annotations(pod)[indexes.INDEX] for pod in pods] == ["0", "1", "2", "3"]
        assert [objects.labels(pod)[indexes.INDEX] for pod in pods] == ["0", "1", "2", "3"]
        assert [pod["spec"]["hostname"] for pod in pods] == ["job-0", "job-1", "job-2", "job-3"]
        assert pods[2]["metadata"]["generateName"] == "job-2-"
        variable = pods[0]["spec"]["containers"][0]["env"][0]
        assert variable["name"] == "JOB_COMPLETION_INDEX"
        assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{indexes.INDEX}']"


async def test_a_success_policy_ends_the_job_before_all_indexes_are_done():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = lambda pod: (
            ("Succeeded", 0, 2.0) if objects.annotations(pod)[indexes.INDEX] == "0" else None
        )
        policy = {"rules": [{"succeededIndexes": "0"}]}
        await c.create(job(completions=3, parallelism=3, completionMode="Indexed", successPolicy=policy))
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [("SuccessCriteriaMet", "SuccessPolicy"), ("Complete", "SuccessPolicy")]
        assert found["status"]["conditions"][0]["message"] == "Matched rules at index 0"


async def test_suspending_deletes_the_pods_and_resuming_starts_the_clock_anew():
    async with cluster(*NAMES) as c:
        await c.create(job(parallelism=2, completions=2))
        await c.settle()
        await c.patch(resources.JOBS, "job", {"spec": {"suspend": True}})
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [("Suspended", "JobSuspended")]
        assert await c.pods() == []
        assert "failed" not in found["status"]
        await c.patch(resources.JOBS, "job", {"spec": {"suspend": False}})
        started = c.loop.timestamp()
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        row = found["status"]["conditions"][0]
        assert (row["status"], row["reason"]) == ("False", "JobResumed")
        assert found["status"]["startTime"] == started
        assert found["status"]["active"] == 2
        assert await c.events("Suspended") + await c.events("Resumed") == ["Job suspended", "Job resumed"]


async def test_a_failure_policy_fails_the_job_at_once_for_the_exit_code_it_names():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = fail(code=42)
        rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
        await c.create(job(backoffLimit=6, podFailurePolicy={"rules": [rule]}))
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy")]
        (pod,) = await c.pods()
        message = f"Container main for pod default/{objects.name(pod)} failed with exit code 42 matching FailJob rule"
        assert found["status"]["conditions"][0]["message"] == f"{message} at index 0"


async def test_a_finished_job_is_deleted_when_its_time_is_up():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = succeed()
        await c.create(job(ttlSecondsAfterFinished=60))
        await c.until(4 + 59)
        assert await c.find(resources.JOBS, "job") is not None
        await c.until(4 + 60)
        gone = await c.find(resources.JOBS, "job")
        assert gone is None or objects.finalizers(gone) == ["foregroundDeletion"]


async def test_pods_of_a_deleted_job_are_not_held_by_its_finalizer():
    async with cluster(*NAMES) as c:
        await c.create(job())
        await c.settle()
        await c.client.delete(resources.JOBS, "job", "default", propagation="Background")
        await c.settle()
        (pod,) = await c.pods()
        assert not objects.finalizers(pod)


async def test_indexes_that_fail_on_their_own_do_not_stop_the_others():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = lambda pod: (
            ("Failed", 1, 2.0) if int(objects.annotations(pod)[indexes.INDEX]) % 2 else ("Succeeded", 0, 2.0)
        )
        spec = {"completions": 4, "parallelism": 4, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
        await c.create(job(**spec))
        # each odd index is tried twice, the second time 10 s after the first one's failure
        assert await c.settle() == 3 + 10 + 3 + 1
        found = await c.get(resources.JOBS, "job")
        assert conditions(found) == [("FailureTarget", "FailedIndexes"), ("Failed", "FailedIndexes")]
        status = found["status"]
        assert (status["completedIndexes"], status["failedIndexes"]) == ("0,2", "1,3")
        assert (status["succeeded"], status["failed"]) == (2, 4)
        counts = [objects.annotations(pod)[per_index.FAILURES] for pod in await c.pods()]
        assert sorted(counts) == ["0", "0", "0", "0", "1", "1"]


async def test_more_failed_indexes_than_allowed_end_the_job():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = fail()
        spec = {"completions": 5, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 0}
        await c.create(job(**spec, maxFailedIndexes=1))
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        assert conditions(found)[-1] == ("Failed", "MaxFailedIndexesExceeded")
        assert found["status"]["failedIndexes"] == "0,1"
        assert len(await c.pods()) == 2


async def test_a_fail_index_rule_ends_an_index_without_another_try():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = lambda pod: (
            ("Failed", 42, 2.0) if objects.annotations(pod)[indexes.INDEX] == "0" else ("Succeeded", 0, 2.0)
        )
        rule = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}
        spec = {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 5}
        await c.create(job(**spec, podFailurePolicy={"rules": [rule]}))
        await c.settle()
        found = await c.get(resources.JOBS, "job")
        assert conditions(found)[-1] == ("Failed", "FailedIndexes")
        assert (found["status"]["completedIndexes"], found["status"]["failedIndexes"]) == ("1", "0")
        assert len(await c.pods()) == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("0", [0], id="one"),
        pytest.param("1,3-5", [1, 3, 4, 5], id="single and range"),
        pytest.param("0,1", [0, 1], id="two neighbours are a pair"),
    ],
)
def test_completed_indexes_as_text(text, found):
    assert indexes.parse(text, 10) == found
    assert indexes.format(found) == text
