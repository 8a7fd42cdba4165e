"""Job and CronJob. Models pkg/apis/batch/validation."""

from kube_nb.api.validation import cron, selectors
from kube_nb.api.validation.faults import Faults, items, section
from kube_nb.api.validation.workloads import pod_template
from kube_nb.machinery.types import Obj

_CRON_JOB_NAME = 52
_MISMATCH = "`selector` does not match template `labels`"
_NUMBERS = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
_INDEXED_NUMBERS = ("backoffLimitPerIndex", "maxFailedIndexes")


def job(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    job_spec(spec, "spec", faults)
    if spec.get("selector") is None:
        faults.required("spec.selector")
        return
    selectors.label_selector(spec["selector"], "spec.selector", faults)
    labels = section(section(spec, "template"), "metadata").get("labels") or {}
    if not selectors.matches(spec["selector"], labels):
        faults.invalid("spec.template.metadata.labels", labels, _MISMATCH)


def job_spec(spec: Obj, path: str, faults: Faults) -> None:
    """A JobSpec, of a Job or of a CronJob's template."""
    faults.at_least_zero(spec, path, *_NUMBERS, *_INDEXED_NUMBERS)
    mode = spec.get("completionMode")
    if mode is not None:
        if mode not in ("NonIndexed", "Indexed"):
            faults.unsupported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
        if mode == "Indexed":
            _indexed(spec, path, faults)
    for field in _INDEXED_NUMBERS:
        if spec.get(field) is not None and mode != "Indexed":
            faults.invalid(f"{path}.{field}", spec[field], "requires indexed completion mode")
    if spec.get("podFailurePolicy"):
        _failure_policy(spec, path, faults)
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None:
        allowed = ("Failed",) if spec.get("podFailurePolicy") else ("Failed", "TerminatingOrFailed")
        if replacement not in allowed:
            faults.unsupported(f"{path}.podReplacementPolicy", replacement, allowed)
    template = section(spec, "template")
    pod_template(template, f"{path}.template", faults)
    _restart_policy(spec, section(template, "spec").get("restartPolicy"), path, faults)


def _indexed(spec: Obj, path: str, faults: Faults) -> None:
    if spec.get("completions") is None:
        faults.required(f"{path}.completions", "when completion mode is Indexed")
    if (spec.get("parallelism") or 0) > 100000:
        faults.invalid(
            f"{path}.parallelism",
            spec["parallelism"],
            "must be less than or equal to 100000 when completion mode is Indexed",
        )


def _restart_policy(spec: Obj, policy: str | None, path: str, faults: Faults) -> None:
    here = f"{path}.template.spec.restartPolicy"
    if policy == "Always":
        faults.required(here, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        faults.unsupported(here, policy or "", ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") and policy != "Never":
        faults.invalid(here, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _failure_policy(spec: Obj, path: str, faults: Faults) -> None:
    rules = items(spec["podFailurePolicy"], "rules")
    actions = ("Count", "FailIndex", "FailJob", "Ignore")
    for index, rule in enumerate(rules):
        here = f"{path}.podFailurePolicy.rules[{index}]"
        faults.one_of(f"{here}.action", rule.get("action"), actions)
        given = [field for field in ("onExitCodes", "onPodConditions") if rule.get(field)]
        if not given:
            faults.invalid(here, rule, "specifying one of onExitCodes and onPodConditions is required")
        elif len(given) > 1:
            faults.invalid(here, rule, "specifying both onExitCodes and onPodConditions is not supported")


def job_update(new: Obj, old: Obj, faults: Faults) -> None:
    now, then = section(new, "spec"), section(old, "spec")
    is_elastic = now.get("completionMode") == "Indexed" and now.get("completions") == now.get("parallelism")
    if now.get("completions") != then.get("completions") and not is_elastic:
        faults.invalid("spec.completions", now.get("completions"), "field is immutable")
    faults.immutable("spec.selector", now.get("selector"), then.get("selector"))
    if not _may_change_template(old):
        faults.immutable("spec.template", now.get("template"), then.get("template"))
    for field in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        faults.immutable(f"spec.{field}", now.get(field), then.get(field))


def _may_change_template(old: Obj) -> bool:
    """A suspended job that never started may still be told where and how large to run."""
    return bool(section(old, "spec").get("suspend")) and not section(old, "status").get("startTime")


def cron_job(obj: Obj, faults: Faults, old: Obj | None) -> None:
    spec = section(obj, "spec")
    name = section(obj, "metadata").get("name") or ""
    if old is None and len(name) > _CRON_JOB_NAME:
        faults.invalid("metadata.name", name, "must be no more than 52 characters")
    schedule = spec.get("schedule") or ""
    if not schedule:
        faults.required("spec.schedule")
    else:
        _schedule(schedule, spec.get("timeZone"), faults)
    faults.at_least_zero(spec, "spec", "startingDeadlineSeconds")
    _time_zone(spec.get("timeZone"), faults)
    faults.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    template = section(section(spec, "jobTemplate"), "spec")
    job_spec(template, "spec.jobTemplate.spec", faults)
    if template.get("manualSelector"):
        faults.unsupported("spec.jobTemplate.spec.manualSelector", True, ("nil", "false"))
    faults.at_least_zero(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")


def _schedule(schedule: str, zone: str | None, faults: Faults) -> None:
    if "TZ" in schedule:
        if zone is not None:
            detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        else:
            detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        faults.invalid("spec.schedule", schedule, detail)
        return
    try:
        cron.parse(schedule)
    except ValueError as error:
        faults.invalid("spec.schedule", schedule, str(error))


def _time_zone(zone: str | None, faults: Faults) -> None:
    if zone is None:
        return
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # a few CronJobs have one

    if not zone:
        faults.invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
    elif zone.lower() == "local":
        faults.invalid(
            "spec.timeZone",
            zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        )
    else:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            faults.invalid("spec.timeZone", zone, f"unknown time zone {zone}")
