"""``kubectl wait``. Models kubectl pkg/cmd/wait: a condition, a JSONPath value, creation or deletion."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.printers import jsonpath
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.delete import wait_for_deletion
from kube_nb.machinery import duration
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

#: How long a single look at every object may take.
_AT_ONCE_S = 0.001
_FORMS = "condition=, jsonpath=, create, delete"


@dataclass(frozen=True, slots=True)
class Condition:
    """What to wait for. holds: None for deletion."""

    holds: Callable[[Obj], bool] | None
    creation: bool = False


async def run(inv: Invocation) -> None:
    condition = parse(inv["for"])
    timeout_s = duration.parse(inv["timeout"])
    deadline = asyncio.timeout(None if timeout_s < 0 else max(timeout_s, _AT_ONCE_S))
    waiting: list[resources.Target] = []
    try:
        async with deadline:
            waiting = await _targets(inv, condition)
            await asyncio.gather(*(_wait(inv, target, condition) for target in waiting))
    except TimeoutError:
        _report_timeout(inv, waiting, condition)


async def _targets(inv: Invocation, condition: Condition) -> list[resources.Target]:
    if condition.creation:
        while True:
            try:
                found = await resources.targets(inv, everything=inv["all"])
                return [target for target in found if await resources.read(inv, target)]
            except ApiError as error:
                if error.code != 404:
                    raise
            await asyncio.sleep(0.5)
    found = await resources.targets(inv, everything=inv["all"])
    if not found and not inv.result.exit_code:
        raise KubectlError("error: no matching resources found")
    return found


def parse(text: str) -> Condition:
    """Read ``condition=Ready``, ``condition=Ready=false``, ``jsonpath='{.status.phase}'=Running``, ``delete``."""
    if not text:
        raise KubectlError('error: unrecognized condition: ""')
    lower = text.lower()
    if lower == "delete":
        return Condition(None)
    if lower == "create":
        return Condition(lambda obj: True, creation=True)
    if text.startswith("condition="):
        name, _, status = text.removeprefix("condition=").partition("=")
        return Condition(lambda obj: _has_condition(obj, name, status or "true"))
    if text.startswith("jsonpath="):
        return Condition(_jsonpath(text.removeprefix("jsonpath=")))
    raise KubectlError(f'error: unrecognized condition: "{text}"')


def _has_condition(obj: Obj, name: str, status: str) -> bool:
    for condition in (obj.get("status") or {}).get("conditions") or []:
        if str(condition.get("type")).lower() == name.lower():
            observed = condition.get("observedGeneration") or (obj.get("status") or {}).get("observedGeneration")
            if observed is not None and observed < obj["metadata"].get("generation", 0):
                return False
            return str(condition.get("status")).lower() == status.lower()
    return False


def _jsonpath(text: str) -> Callable[[Obj], bool]:
    expression, brace, value = text.rpartition("}")
    if not brace:
        raise KubectlError(
            "error: jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
            "--for=jsonpath='{.status.readyReplicas}'"
        )
    value = value.strip("'\"")
    wanted = value.removeprefix("=").strip("'\"") if value.startswith("=") else None
    try:
        template = jsonpath.compile(jsonpath.relaxed((expression + brace).strip("'\"")))
    except jsonpath.JsonPathError as error:
        raise KubectlError(f"error: {error}") from None

    def holds(obj: Obj) -> bool:
        found = template.find(obj)
        if wanted is None:
            return bool(found)
        return len(found) == 1 and jsonpath.text_of(found[0]) == wanted

    return holds


async def _wait(inv: Invocation, target: resources.Target, condition: Condition) -> None:
    met = inv.flags.values.setdefault("met", [])
    try:
        if condition.holds is None:
            await resources.read(inv, target)
            await wait_for_deletion(inv, target, "")
        else:
            await _until(inv, target, condition.holds)
    except ApiError as error:
        met.append(target)
        if error.code != 404 or condition.holds is not None:
            inv.fail(resources.message_of(error))
        return
    inv.out(f"{target.display} condition met")
    met.append(target)


async def _until(inv: Invocation, target: resources.Target, holds: Callable[[Obj], bool]) -> None:
    """Read the object, then follow it, until the condition holds; once more if the server ends the watch."""
    while not holds(obj := await resources.read(inv, target)):
        if await _follow(inv, target, obj, holds):
            return


async def _follow(inv: Invocation, target: resources.Target, obj: Obj, holds: Callable[[Obj], bool]) -> bool:
    """Whether the condition held before the watch ended."""
    async with resources.following(inv, target, obj) as stream:
        async for event in stream:
            if event.type == "DELETED":
                raise ApiError(404, "NotFound", f'{target.mapping.gvr.group_resource} "{target.name}" not found')
            if event.type in ("ADDED", "MODIFIED") and holds(event.object):
                return True
    return False


def _report_timeout(inv: Invocation, waiting: list[resources.Target], condition: Condition) -> None:
    met = inv.flags.values.get("met", [])
    late = [f"{target.mapping.gvr.resource}/{target.name}" for target in waiting if target not in met]
    texts = [f"timed out waiting for the condition on {name}" for name in late]
    inv.fail(changes.aggregate(texts or ["timed out waiting for the condition"]).removesuffix("\n"))


COMMAND = Command(
    name="wait",
    about="Experimental: Wait for a specific condition on one or many resources.",
    usage="kubectl wait ([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) "
    "[--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]] [options]",
    examples="""\
  # Wait for the pod "busybox1" to contain the status condition of type "Ready"
  kubectl wait --for=condition=Ready pod/busybox1

  # Wait for the pod "busybox1" to contain the status phase to be "Running"
  kubectl wait --for=jsonpath='{.status.phase}'=Running pod/busybox1

  # Wait for the pod "busybox1" to be deleted, with a timeout of 60s
  kubectl wait --for=delete pod/busybox1 --timeout=60s""",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS,
        resources.ALL_NAMESPACES,
        Flag("all", "bool", help="Select all resources in the namespace of the specified resource types."),
        Flag("for", help=f"The condition to wait on: {_FORMS}."),
        Flag(
            "timeout",
            "duration",
            default="30s",
            help="Time to wait; negative: for ever, 0: check once.",
        ),
        Flag("output", short="o", help="Output format."),
    ),
)
