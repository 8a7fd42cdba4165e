from kube_nb.api import resources
from kube_nb.machinery import objects
from tests.controllers.job.test_job import fail, succeed
from tests.controllers.simulation import cluster, template

NAMES = ("cronjob-controller", "job-controller", "garbage-collector-controller")


def cron_job(name="tick", schedule="*/1 * * * *", **spec):
    pod = template(cron=name)
    pod["spec"]["restartPolicy"] = "Never"
    jobs = {
        "spec": {"template": pod, "backoffLimit": 0},
        "metadata": {"labels": {"of": name}, "annotations": {"a": "b"}},
    }
    spec = {"schedule": schedule, "jobTemplate": jobs, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


async def found(c, name="tick"):
    return await c.get(resources.CRON_JOBS, name)


async def jobs(c):
    return sorted(objects.name(job) for job in await c.all(resources.JOBS))


def minute(number):
    """The name of the job of this minute of 2026."""
    return f"tick-{1767225600 // 60 + number}"


def active(cron_job):
    return [row["name"] for row in cron_job["status"].get("active", [])]


async def test_every_minute_a_job_is_made_and_noted():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = succeed(after_s=10)
        await c.create(cron_job(timeZone="Asia/Kolkata"))
        await c.until(59)
        assert await jobs(c) == []
        await c.until(60.5)
        assert await jobs(c) == [minute(1)]
        job = await c.get(resources.JOBS, minute(1))
        assert job["metadata"]["labels"] == {"of": "tick"}
        assert job["metadata"]["annotations"] == {
            "a": "b",
            "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T05:31:00+05:30",
        }
        assert objects.owner(job)["kind"] == "CronJob"
        assert job["spec"]["backoffLimit"] == 0
        status = (await found(c))["status"]
        assert status["lastScheduleTime"] == "2026-01-01T00:01:00Z"
        (row,) = status["active"]
        assert (row["name"], row["uid"], row["kind"]) == (minute(1), objects.uid(job), "Job")
        await c.until(90)
        status = (await found(c))["status"]
        assert "active" not in status
        assert status["lastSuccessfulTime"] == (await c.get(resources.JOBS, minute(1)))["status"]["completionTime"]
        assert await c.events("SuccessfulCreate") == [f"Created job {minute(1)}", *await pod_events(c)]
        assert await c.events("SawCompletedJob") == [f"Saw completed job: {minute(1)}, condition: Complete"]


async def pod_events(c):
    return [text for text in await c.events("SuccessfulCreate") if text.startswith("Created pod")]


async def test_allow_runs_jobs_side_by_side():
    async with cluster(*NAMES) as c:
        await c.create(cron_job())
        await c.until(121)
        assert active(await found(c)) == [minute(1), minute(2)]


async def test_forbid_starts_nothing_while_a_job_runs_and_says_so():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(concurrencyPolicy="Forbid"))
        await c.until(181)
        assert active(await found(c)) == [minute(1)]
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        assert text in await c.events("JobAlreadyActive")


async def test_what_forbid_held_back_starts_late_once_the_job_has_ended():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = succeed(after_s=80)
        await c.create(cron_job(concurrencyPolicy="Forbid"))
        await c.until(150)
        assert active(await found(c)) == [minute(2)]
        assert (await found(c))["status"]["lastScheduleTime"] == "2026-01-01T00:02:00Z"


async def test_replace_deletes_the_job_that_runs():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(concurrencyPolicy="Replace"))
        await c.until(121)
        assert active(await found(c)) == [minute(2)]
        assert await jobs(c) == [minute(2)]
        assert await c.events("SuccessfulDelete") == [f"Deleted job {minute(1)}"]


async def test_a_suspended_cron_job_starts_nothing_and_afterwards_only_the_last_that_it_missed():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(suspend=True))
        await c.until(310)
        assert await jobs(c) == []
        await c.patch(resources.CRON_JOBS, "tick", {"spec": {"suspend": False}})
        await c.until(311)
        assert await jobs(c) == [minute(5)]


async def test_what_is_past_its_starting_deadline_is_not_started():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(suspend=True, startingDeadlineSeconds=5))
        await c.until(70)
        await c.patch(resources.CRON_JOBS, "tick", {"spec": {"suspend": False}})
        await c.until(110)
        assert await jobs(c) == []
        await c.until(121)
        assert await jobs(c) == [minute(2)]


async def test_too_many_missed_moments_are_told_and_one_is_started():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(suspend=True))
        await c.until(60 * 102 + 1)
        await c.patch(resources.CRON_JOBS, "tick", {"spec": {"suspend": False}})
        await c.until(60 * 102 + 2)
        assert await jobs(c) == [minute(102)]
        (text,) = await c.events("TooManyMissedTimes")
        assert text.startswith("too many missed start times. Set or decrease .spec.startingDeadlineSeconds")


async def test_a_new_schedule_counts_from_now_on():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(schedule="0 * * * *"))
        await c.until(60 * 30)
        await c.patch(resources.CRON_JOBS, "tick", {"spec": {"schedule": "15,40 * * * *"}})
        await c.until(60 * 40)
        assert await jobs(c) == []
        await c.until(60 * 40 + 1)
        assert await jobs(c) == [minute(40)]


async def test_ended_jobs_beyond_the_history_limits_go():
    async with cluster(*NAMES) as c:
        c.kubelet.outcome = succeed(after_s=1)
        await c.create(cron_job(successfulJobsHistoryLimit=1, failedJobsHistoryLimit=2))
        await c.until(60 * 3 + 30)
        assert await jobs(c) == [minute(3)]
        c.kubelet.outcome = fail(after_s=1)
        await c.until(60 * 7 + 30)
        assert await jobs(c) == [minute(3), minute(6), minute(7)]


async def test_a_job_that_somebody_deletes_is_missed():
    async with cluster(*NAMES) as c:
        await c.create(cron_job())
        await c.until(61)
        await c.client.delete(resources.JOBS, minute(1), "default", propagation="Background")
        await c.until(62)
        assert active(await found(c)) == []
        assert await c.events("MissingJob") == [f"Active job went missing: {minute(1)}"]
        assert await jobs(c) == []


async def test_a_schedule_that_never_comes_is_told():
    async with cluster(*NAMES) as c:
        await c.create(cron_job(schedule="59 23 31 2 *"))
        await c.until(100)
        text = "invalid schedule: 59 23 31 2 * : time difference between two schedules is less than 1 second"
        assert await c.events("InvalidSchedule") == [text]


async def test_an_unfinished_job_of_ours_that_the_status_lacks_is_unexpected():
    async with cluster(*NAMES) as c:
        made = await c.create(cron_job())
        pod = template(x="y")
        pod["spec"]["restartPolicy"] = "Never"
        metadata = {"name": "mine", "ownerReferences": [objects.owner_reference(made)]}
        await c.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": pod}})
        await c.until(30)
        assert set(await c.events("UnexpectedJob")) == {"Saw a job that the controller did not create or forgot: mine"}
