"""Eviction: a deletion that asks the pod's disruption budget first.

Models pkg/registry/core/pod/storage/eviction.go.
"""

from dataclasses import replace

from kube_nb.apiserver import deleting, typed
from kube_nb.apiserver.admission import CREATE, Attributes
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.resource import Resource
from kube_nb.machinery import errors, labels, objects
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_MANY_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
#: How many pods may be on their way out under one budget.
_MOST_DISRUPTED = 2000


async def evict(call: Call) -> Response:
    """POST pods/NAME/eviction: 201, or 429 if the budget does not allow it now."""
    eviction = typed.read(call)
    name = objects.name(eviction)
    if name and name != call.info.name:
        raise errors.bad_request("name in URL does not match name in Eviction object")
    body = eviction.get("deleteOptions") or {}
    call.read_delete_options(body)
    options = deleting.Options.of(call, body)
    await call.server.admission.admitted(Attributes(CREATE, call, eviction, None))
    entry = await call.server.storage.get(call.resource.cacher, call.key)
    if entry is None:
        raise call.not_found()
    pod = entry.obj
    deleting.check_preconditions(call, options, pod)
    if not _needs_no_budget(pod):
        await _ask_budget(call, pod)
        await _tell_why(call)
    info = replace(call.info, verb="delete", subresource="")
    await deleting.delete(replace(call, info=info), options)
    return Response(201, obj=SUCCESS)


def _needs_no_budget(pod: Obj) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or objects.is_deleting(pod)


async def _ask_budget(call: Call, pod: Obj) -> None:
    """Take one disruption from the budget; raises TooManyRequests 429 if it has none to give."""
    resource = call.server.resource("policy", "v1", "poddisruptionbudgets")
    budgets = [
        entry.obj for entry in resource.cacher.select(call.info.namespace) if _covers(entry.obj, objects.labels(pod))
    ]
    if len(budgets) > 1:
        raise errors.ApiError(500, "InternalError", _MANY_BUDGETS)
    if not budgets or _may_go_unhealthy(budgets[0], pod):
        return
    taken = _taken(call, budgets[0], pod)
    if call.dry_run:
        return
    revision = int(objects.resource_version(budgets[0]))
    if await call.server.write(resource, _key(resource, budgets[0]), taken, revision) is None:
        await _ask_budget(call, pod)


def _key(resource: Resource, obj: Obj) -> str:
    return resource.key(objects.namespace(obj), objects.name(obj))


def _covers(budget: Obj, pod_labels: object) -> bool:
    selector = (budget.get("spec") or {}).get("selector")
    return selector is not None and labels.from_label_selector(selector).matches(pod_labels)  # type: ignore[arg-type]  # a mapping


def _may_go_unhealthy(budget: Obj, pod: Obj) -> bool:
    """Whether a pod that is not ready may go without using up the budget."""
    if objects.is_condition_true(pod, "Ready"):
        return False
    spec, status = budget.get("spec") or {}, budget.get("status") or {}
    if spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return bool(0 < status.get("desiredHealthy", 0) <= status.get("currentHealthy", 0))


def _taken(call: Call, budget: Obj, pod: Obj) -> Obj:
    status, name = budget.get("status") or {}, objects.name(budget)
    allowed = status.get("disruptionsAllowed", 0)
    if status.get("observedGeneration", 0) < objects.generation(budget):
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", 10)
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudgets", name, "pdb disruptions allowed is negative")
    disrupted = status.get("disruptedPods") or {}
    if len(disrupted) > _MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise errors.forbidden("poddisruptionbudgets", name, why)
    if allowed == 0:
        wanted, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _too_many(f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently", 0)
    now = call.server.clock.timestamp()
    changes: Obj = {"disruptionsAllowed": allowed - 1, "disruptedPods": {**disrupted, objects.name(pod): now}}
    if allowed == 1:
        row = {"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods", "message": ""}
        changes["conditions"] = objects.set_condition(status.get("conditions"), row, now)
    return {**budget, "status": {**status, **changes}}


def _too_many(message: str, retry_after_s: int) -> errors.ApiError:
    error = errors.too_many_requests(_REFUSED, retry_after_s)
    error.details = {"causes": [{"reason": "DisruptionBudget", "message": message}]}
    if retry_after_s:
        error.details["retryAfterSeconds"] = retry_after_s
    return error


async def _tell_why(call: Call) -> None:
    """The pod's DisruptionTarget condition says who ends it."""
    entry = await call.server.storage.get(call.resource.cacher, call.key)
    if entry is None or call.dry_run:
        return
    row = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    status = entry.obj.get("status") or {}
    conditions = objects.set_condition(status.get("conditions"), row, call.server.clock.timestamp())
    pod = {**entry.obj, "status": {**status, "conditions": conditions}}
    if await call.server.write(call.resource, call.key, pod, entry.revision) is None:
        await _tell_why(call)
