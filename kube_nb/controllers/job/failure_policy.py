"""spec.podFailurePolicy: what a pod's failure means. Models pkg/controller/job/pod_failure_policy.go."""

from collections.abc import Iterable
from typing import NamedTuple

from kube_nb.controllers.pods import state
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj


class Verdict(NamedTuple):
    """fail_job: the message with which the whole job fails, None if it does not. counts: towards backoffLimit.
    fail_index: whether the pod's index has failed for good."""

    fail_job: str | None
    counts: bool
    fail_index: bool = False


_ORDINARY = Verdict(None, True)


def judge(job: Obj, pod: Obj) -> Verdict:
    """The first rule that matches decides."""
    for number, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        reason = _matches(rule, pod)
        if reason is None:
            continue
        action = rule["action"]
        message = f"{reason} matching {action} rule at index {number}"
        return Verdict(message if action == "FailJob" else None, action != "Ignore", action == "FailIndex")
    return _ORDINARY


def _matches(rule: Obj, pod: Obj) -> str | None:
    """What matched, as the beginning of the job's message."""
    name = f"{objects.namespace(pod)}/{objects.name(pod)}"
    if codes := rule.get("onExitCodes"):
        found = _failed_container(pod, codes)
        if found is None:
            return None
        code = found["state"]["terminated"]["exitCode"]
        return f"Container {found['name']} for pod {name} failed with exit code {code}"
    for row in state.status_of(pod).get("conditions") or ():
        for pattern in rule.get("onPodConditions") or ():
            if row["type"] == pattern["type"] and row["status"] == pattern.get("status", "True"):
                return f"Pod {name} has condition {row['type']}"
    return None


def _failed_container(pod: Obj, codes: Obj) -> Obj | None:
    status = state.status_of(pod)
    for container in _both(status.get("containerStatuses"), status.get("initContainerStatuses")):
        code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode")
        named = codes.get("containerName") in (None, container["name"])
        if named and code and (code in codes["values"]) == (codes["operator"] == "In"):
            return container
    return None


def _both(*lists: list[Obj] | None) -> Iterable[Obj]:
    return [container for containers in lists for container in containers or ()]
