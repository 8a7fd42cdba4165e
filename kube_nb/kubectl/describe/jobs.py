"""Jobs and CronJobs."""

from kube_nb.kubectl.describe import events, pod_template
from kube_nb.kubectl.describe.subject import Subject
from kube_nb.kubectl.describe.writer import controller, rfc1123, title_bool
from kube_nb.machinery import duration, labels, times
from kube_nb.machinery.types import Obj

_MOST_INDEXES = 50


async def job(s: Subject) -> None:
    spec = s.spec
    s.head()
    s.out.line(0, "Selector:", str(labels.from_label_selector(spec.get("selector"))))
    s.labels_and_annotations()
    if controller(s.obj):
        s.out.line(0, "Controlled By:", controller(s.obj))
    rows = (
        ("Parallelism:", "parallelism"),
        ("Completions:", "completions"),
        ("Completion Mode:", "completionMode"),
        ("Suspend:", "suspend"),
        ("Backoff Limit:", "backoffLimit"),
        ("TTL Seconds After Finished:", "ttlSecondsAfterFinished"),
    )
    for title, field in rows:
        if spec.get(field) is not None:
            s.out.line(0, title, spec[field])
        elif field == "completions":
            s.out.line(0, title, "<unset>")
    _times(s)
    _counts(s)
    pod_template.write(s.out, spec["template"])
    await events.write(s)


def _times(s: Subject) -> None:
    start, end = s.status.get("startTime"), s.status.get("completionTime")
    if start:
        s.out.line(0, "Start Time:", rfc1123(start))
    if end:
        s.out.line(0, "Completed At:", rfc1123(end))
    if start and end:
        s.out.line(0, "Duration:", duration.human(times.seconds_since(start, times.parse(end))))
    if s.spec.get("activeDeadlineSeconds") is not None:
        s.out.line(0, "Active Deadline Seconds:", f"{s.spec['activeDeadlineSeconds']}s")


def _counts(s: Subject) -> None:
    active, succeeded, failed = (s.status.get(field, 0) for field in ("active", "succeeded", "failed"))
    ready = f" ({s.status['ready']} Ready)" if s.status.get("ready") is not None else ""
    s.out.line(0, "Pods Statuses:", f"{active} Active{ready} / {succeeded} Succeeded / {failed} Failed")
    if s.spec.get("completionMode") == "Indexed":
        s.out.line(0, "Completed Indexes:", _indexes(s.status.get("completedIndexes", "")))


def _indexes(text: str) -> str:
    """Cut at the first comma behind the limit."""
    comma = text.find(",", _MOST_INDEXES)
    return (text if comma < 0 else text[: comma + 1] + "...") or "<none>"


async def cron_job(s: Subject) -> None:
    spec = s.spec
    s.head()
    s.labels_and_annotations()
    s.out.line(0, "Schedule:", spec.get("schedule", ""))
    s.out.line(0, "Concurrency Policy:", spec.get("concurrencyPolicy", ""))
    s.out.line(0, "Suspend:", title_bool(spec.get("suspend")))
    for title, field in (("Successful", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        s.out.line(0, f"{title} Job History Limit:", _or_unset(spec, field))
    deadline = spec.get("startingDeadlineSeconds")
    s.out.line(0, "Starting Deadline Seconds:", "<unset>" if deadline is None else f"{deadline}s")
    _job_template(s, spec["jobTemplate"].get("spec") or {})
    last = s.status.get("lastScheduleTime")
    s.out.line(0, "Last Schedule Time:", rfc1123(last) if last else "<unset>")
    s.out.line(0, "Active Jobs:", ", ".join(each["name"] for each in s.status.get("active") or ()) or "<none>")
    await events.write(s)


def _job_template(s: Subject, template: Obj) -> None:
    selector = template.get("selector")
    s.out.line(0, "Selector:", str(labels.from_label_selector(selector)) if selector else "<unset>")
    s.out.line(0, "Parallelism:", _or_unset(template, "parallelism"))
    s.out.line(0, "Completions:", _or_unset(template, "completions"))
    if template.get("activeDeadlineSeconds") is not None:
        s.out.line(0, "Active Deadline Seconds:", f"{template['activeDeadlineSeconds']}s")
    pod_template.write(s.out, template["template"])


def _or_unset(values: Obj, field: str) -> object:
    return "<unset>" if values.get(field) is None else values[field]
