"""``kubectl rollout status|history|undo|pause|resume|restart``.

A Deployment's history is its ReplicaSets, in the order of their revision annotation; a DaemonSet's and a StatefulSet's
is their ControllerRevisions. Models kubectl pkg/cmd/rollout and pkg/polymorphichelpers.
"""

import asyncio

from kube_nb.api.resources import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS
from kube_nb.client import Unreachable
from kube_nb.kubectl import changes, resources, rollout_status
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import duration, labels, objects, tabwriter
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
#: How long to wait for a server that is away.
_RETRY_S = 1.0
_ROLLED = ("Deployment", "DaemonSet", "StatefulSet")


async def _each(inv: Invocation, work, kinds: tuple[str, ...], doing: str) -> None:  # type: ignore[no-untyped-def]  # a coroutine function
    if not inv.args and not inv["filename"]:
        raise KubectlError("error: required resource not specified")
    for target in await resources.targets(inv, everything=True):
        try:
            if target.mapping.kind not in kinds:
                raise (
                    _refusal(target, f"{doing} is not supported")
                    if " " not in doing
                    else KubectlError(f"error: {doing} has been implemented for {_shown_kind(target, doing)}")
                )
            await work(inv, target)
        except ApiError as error:
            inv.fail(resources.message_of(error))
        except KubectlError as error:
            inv.fail(error.text)


def _shown_kind(target: resources.Target, doing: str) -> str:
    return target.mapping.kind if "status" in doing else f'"{target.mapping.gvk.kind}"'


def _refusal(target: resources.Target, why: str) -> KubectlError:
    return KubectlError(f'error: {target.mapping.gvr.group_resource} "{target.name}" {why}')


# -- status ------------------------------------------------------------------------------------------------------------


async def _status(inv: Invocation) -> None:
    await _each(inv, _status_of, _ROLLED, "no status viewer")


async def _status_of(inv: Invocation, target: resources.Target) -> None:
    timeout_s = duration.parse(inv["timeout"])
    try:
        async with asyncio.timeout(timeout_s or None):
            await _follow(inv, target)
    except TimeoutError:
        raise KubectlError("error: timed out waiting for the condition") from None


async def _follow(inv: Invocation, target: resources.Target) -> None:
    """Print each change of the rollout's state until it is complete; deletion and failure end it.

    A server that goes away is waited for, as by the informer that upstream uses."""
    obj = await resources.read(inv, target)
    text, done = _say(inv, obj, "")
    while not done and inv["watch"]:
        try:
            async with resources.following(inv, target, obj) as stream:
                async for event in stream:
                    if event.type == "DELETED":
                        raise KubectlError("error: object has been deleted")
                    if event.type == "ERROR":
                        break
                    text, done = _say(inv, event.object, text)
                    if done:
                        return
            obj = await resources.read(inv, target)
            text, done = _say(inv, obj, text)
        except Unreachable:
            await asyncio.sleep(_RETRY_S)


def _say(inv: Invocation, obj: Obj, before: str) -> tuple[str, bool]:
    """Write the state if it has changed: (its text, whether the rollout is complete)."""
    text, done = rollout_status.of(obj, inv["revision"])
    if text != before:
        inv.write(text)
    return text, done


# -- history and undo --------------------------------------------------------------------------------------------------


async def revisions(inv: Invocation, target: resources.Target, obj: Obj) -> dict[int, Obj]:
    """Revision number -> the ReplicaSet or ControllerRevision that holds it, in order."""
    selector = str(labels.from_label_selector(obj["spec"]["selector"]))
    gvr = REPLICA_SETS if target.mapping.gvr == DEPLOYMENTS else CONTROLLER_REVISIONS
    listed = await inv.session.client.list(gvr, target.namespace, label_selector=selector)
    owned = [each for each in listed.get("items") or [] if objects.is_controlled_by(each, obj)]
    numbered = {_revision(each): each for each in owned}
    return {number: numbered[number] for number in sorted(numbered) if number}


def _revision(holder: Obj) -> int:
    if "revision" in holder:
        return int(holder["revision"])
    return int(objects.annotations(holder).get(REVISION) or 0)


def _template(holder: Obj) -> Obj:
    """The pod template of a revision."""
    if "data" in holder:
        return dict(holder["data"]["spec"]["template"])
    return dict(holder["spec"]["template"])


async def _history(inv: Invocation) -> None:
    await _each(inv, _history_of, _ROLLED, "no history viewer")


async def _history_of(inv: Invocation, target: resources.Target) -> None:
    obj = await resources.read(inv, target)
    found = await revisions(inv, target, obj)
    wanted = inv["revision"]
    if not found:
        inv.out(f"{target.display} " + (f"with revision #{wanted}" if wanted else ""))
        inv.out("No rollout history found.")
        return
    if wanted:
        if wanted not in found:
            raise KubectlError("error: unable to find the specified revision")
        inv.out(f"{target.display} with revision #{wanted}")
        inv.out(_template_text(_template(found[wanted])))
        return
    rows = ["REVISION\tCHANGE-CAUSE"]
    rows += [f"{number}\t{objects.annotations(each).get(CHANGE_CAUSE) or '<none>'}" for number, each in found.items()]
    inv.out(f"{target.display} ")
    inv.out(tabwriter.align("\n".join(rows) + "\n", min_width=0, padding=2))


def _template_text(template: Obj) -> str:
    from kube_nb.kubectl.describe import pod_template

    return pod_template.text(template)


async def _undo(inv: Invocation) -> None:
    await _each(inv, _undo_one, _ROLLED, "no rollbacker")


async def _undo_one(inv: Invocation, target: resources.Target) -> None:
    obj = await resources.read(inv, target)
    holder = _to(await revisions(inv, target, obj), inv["to-revision"], target)
    if obj["spec"].get("paused"):
        advice = f"resume it first with 'kubectl rollout resume {target.display}' and try again"
        raise KubectlError(f"error: you cannot rollback a paused deployment; {advice}")
    template = _template(holder)
    if changes.dry_run(inv) == "client":
        inv.out(f"{target.display} {_template_text(template)}{changes.suffix(inv)}")
        return
    labels_ = {k: v for k, v in (template["metadata"].get("labels") or {}).items() if k != "pod-template-hash"}
    template = {**template, "metadata": {**template["metadata"], "labels": labels_}}
    if template == obj["spec"]["template"]:
        inv.out(f"{target.display} skipped rollback (current template already matches revision {_revision(holder)})")
        return
    await changes.patch(inv, target, _undo_patch(obj, holder, template), "json")
    inv.out(f"{target.display} rolled back{changes.suffix(inv)}")


def _to(found: dict[int, Obj], wanted: int, target: resources.Target) -> Obj:
    """The revision to go back to; 0 is the last but one."""
    if wanted:
        if wanted not in found:
            raise KubectlError(f"error: unable to find specified revision {wanted} in history")
        return found[wanted]
    numbers = list(found)
    if len(numbers) < 2:
        if target.mapping.gvr != DEPLOYMENTS:
            raise KubectlError("error: no last revision to roll back to")
        raise KubectlError(f'error: no rollout history found for deployment "{target.name}"')
    return found[numbers[-2]]


def _undo_patch(obj: Obj, holder: Obj, template: Obj) -> list[Obj]:
    """Put the old template back, and the old change cause with it."""
    operations: list[Obj] = [{"op": "replace", "path": "/spec/template", "value": template}]
    skipped = (
        REVISION,
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deployment.kubernetes.io/revision-history",
        "kubectl.kubernetes.io/last-applied-configuration",
    )
    kept = {key: value for key, value in objects.annotations(obj).items() if key in skipped}
    old = {key: value for key, value in objects.annotations(holder).items() if key not in skipped}
    if "data" not in holder and (kept or old):
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {**kept, **old}})
    return operations


# -- pause, resume, restart --------------------------------------------------------------------------------------------


async def _pause(inv: Invocation) -> None:
    await _each(inv, lambda i, t: _set_paused(i, t, True), ("Deployment",), "pausing")


async def _resume(inv: Invocation) -> None:
    await _each(inv, lambda i, t: _set_paused(i, t, False), ("Deployment",), "resuming")


async def _set_paused(inv: Invocation, target: resources.Target, paused: bool) -> None:
    obj = await resources.read(inv, target)
    if bool(obj["spec"].get("paused")) == paused:
        raise _refusal(target, "is already paused" if paused else "is not paused")
    changed = await changes.patch(inv, target, {"spec": {"paused": paused or None}}, "merge")
    changes.report(inv, target, changed, "paused" if paused else "resumed")


async def _restart(inv: Invocation) -> None:
    await _each(inv, _restart_one, _ROLLED, "restarting")


async def _restart_one(inv: Invocation, target: resources.Target) -> None:
    obj = await resources.read(inv, target)
    if obj["spec"].get("paused"):
        raise _refusal(target, "can't restart paused deployment (run rollout resume first)")
    annotations = {RESTARTED_AT: inv.session.clock.timestamp()}
    body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    changes.report(inv, target, await changes.patch(inv, target, body, "strategic"), "restarted")


#: Those of subcommands that have no --dry-run.
_CHANGE_FLAGS = changes.change_flags("kubectl-rollout")[1:]
_COMMON = (*resources.FILENAME_FLAGS, *resources.SELECTOR_FLAGS[:1])


def _subcommand(name: str, run, about: str, *flags: Flag) -> Command:  # type: ignore[no-untyped-def]  # a coroutine function
    return Command(
        name=name,
        about=about,
        usage=f"kubectl rollout {name} (TYPE NAME | TYPE/NAME) [flags] [options]",
        examples=f"  # {about.partition('. ')[0].rstrip('.')}\n  kubectl rollout {name} deployment/nginx",
        run=run,
        flags=(*_COMMON, *flags),
    )


COMMAND = Command(
    name="rollout",
    about="Manage the rollout of one or many resources. Valid resource types include: deployments, daemonsets, "
    "statefulsets.",
    usage="kubectl rollout SUBCOMMAND [options]",
    examples="""\
  # Rollback to the previous deployment
  kubectl rollout undo deployment/abc

  # Check the rollout status of a daemonset
  kubectl rollout status daemonset/foo""",
    subcommands=(
        _subcommand(
            "history",
            _history,
            "View previous rollout revisions and configurations.",
            Flag("revision", "int", help="See the details, including the pod template of the revision."),
            *_CHANGE_FLAGS,
        ),
        _subcommand("pause", _pause, "Mark the provided resource as paused.", *_CHANGE_FLAGS),
        _subcommand("restart", _restart, "Restart a resource.", *_CHANGE_FLAGS),
        _subcommand("resume", _resume, "Resume a paused resource.", *_CHANGE_FLAGS),
        _subcommand(
            "status",
            _status,
            "Show the status of the rollout.",
            Flag("watch", "bool", short="w", default=True, help="Watch the status of the rollout until done."),
            Flag("revision", "int", help="Pin to a specific revision for showing its status."),
            Flag("timeout", "duration", default="0s", help="The time to wait before giving up, 0 for ever."),
        ),
        _subcommand(
            "undo",
            _undo,
            "Roll back to a previous rollout.",
            Flag("to-revision", "int", help="The revision to rollback to. Default to 0 (last revision)."),
            *changes.change_flags("kubectl-rollout"),
        ),
    ),
)
