"""Models test/e2e/apps/cronjob.go."""

from tests.conformance.catalogue import conformance
from tests.conformance.operations import Operations, check_discovery
from tests.conformance.scenario import Kube


def _cron_job(schedule: str, policy: str, *, suspend: bool = False) -> dict:
    container = {"name": "c", "image": "busybox", "command": ["sleep", "300"]}
    pod = {"spec": {"restartPolicy": "OnFailure", "containers": [container]}}
    job = {"spec": {"parallelism": 1, "completions": 1, "template": pod}}
    return {"spec": {"schedule": schedule, "concurrencyPolicy": policy, "suspend": suspend, "jobTemplate": job}}


def _make(kube: Kube, policy: str, *, suspend: bool = False) -> None:
    body = {"metadata": {"name": "ticking"}, **_cron_job("*/1 * * * ?", policy, suspend=suspend)}
    kube.batch.create_namespaced_cron_job(kube.namespace, body)


def _active(kube: Kube) -> list[str]:
    found = kube.batch.read_namespaced_cron_job("ticking", kube.namespace)
    return [reference.name for reference in found.status.active or ()]


def _jobs(kube: Kube) -> list[str]:
    return [job.metadata.name for job in kube.batch.list_namespaced_job(kube.namespace).items]


@conformance("[sig-apps] CronJob should schedule multiple jobs concurrently [Conformance]")
def test_jobs_of_a_cron_job_run_side_by_side(kube: Kube) -> None:
    _make(kube, "Allow")
    kube.advance("125s")
    assert len(_active(kube)) >= 2
    running = [job for job in kube.batch.list_namespaced_job(kube.namespace).items if not job.status.completion_time]
    assert len(running) >= 2


@conformance("[sig-apps] CronJob should not schedule jobs when suspended [Conformance] [Slow]")
def test_a_suspended_cron_job_starts_nothing(kube: Kube) -> None:
    _make(kube, "Allow", suspend=True)
    kube.advance("5m")
    assert _active(kube) == []
    assert _jobs(kube) == []


@conformance("[sig-apps] CronJob should not schedule new jobs when ForbidConcurrent [Conformance] [Slow]")
def test_forbid_keeps_to_one_active_job(kube: Kube) -> None:
    _make(kube, "Forbid")
    kube.advance("65s")
    first = _active(kube)
    assert len(first) == 1
    kube.advance("2m")
    assert _active(kube) == first
    assert _jobs(kube) == first


@conformance("[sig-apps] CronJob should replace jobs when ReplaceConcurrent [Conformance]")
def test_replace_puts_a_newer_job_in_the_place_of_the_active_one(kube: Kube) -> None:
    _make(kube, "Replace")
    kube.advance("65s")
    first = _active(kube)
    assert len(first) == 1
    kube.advance("60s")
    second = _active(kube)
    assert len(second) == 1
    assert second != first
    assert _jobs(kube) == second


@conformance("[sig-apps] CronJob should support CronJob API operations [Conformance]")
def test_cron_jobs_have_every_verb_and_a_status(kube: Kube) -> None:
    for plural in ("cronjobs", "cronjobs/status"):
        check_discovery(kube, "batch", "v1", plural)
    cron_jobs = Operations(kube.batch, "cron_job", kube.namespace)
    cron_jobs.check(kube, lambda: _cron_job("@hourly", "Allow"))
    cron_jobs.create({"metadata": {"name": "mine"}, **_cron_job("@hourly", "Allow")})
    everywhere = kube.batch.list_cron_job_for_all_namespaces().items
    assert [(item.metadata.name, item.metadata.namespace) for item in everywhere] == [("mine", kube.namespace)]
    change = {
        "metadata": {"annotations": {"patchedstatus": "true"}},
        "status": {"lastScheduleTime": "2026-01-01T00:00:00Z"},
    }
    patched = cron_jobs.patch("mine", change, "status")
    assert patched.metadata.annotations["patchedstatus"] == "true"
    assert patched.status.last_schedule_time.isoformat() == "2026-01-01T00:00:00+00:00"
    wire = kube.wire(cron_jobs.read("mine"))
    wire["status"]["lastScheduleTime"] = "2026-01-01T01:00:00Z"
    wire["spec"]["suspend"] = True
    updated = cron_jobs.replace("mine", wire, "status")
    assert updated.status.last_schedule_time.isoformat() == "2026-01-01T01:00:00+00:00"
    assert updated.spec.suspend is False
    assert cron_jobs.read("mine", "status").metadata.uid == updated.metadata.uid
    cron_jobs.delete("mine")
    kube.until_gone(cron_jobs.read, "mine")
