"""``kubectl delete``. Models kubectl pkg/cmd/delete/delete.go: waits until what it deleted is gone."""

import asyncio
from collections.abc import Mapping

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import duration
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag

_CASCADE = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
    "true": "Background",
    "false": "Orphan",
}


async def run(inv: Invocation) -> None:
    _check(inv)
    deleted: list[tuple[resources.Target, str]] = []
    for target in await resources.targets(inv, everything=inv["all"]):
        try:
            deleted.append((target, await _delete(inv, target)))
        except ApiError as error:
            if error.code != 404 or not inv["ignore-not-found"]:
                inv.fail(resources.message_of(_with_source(error, target)))
    if not deleted and not inv.result.exit_code and not inv["ignore-not-found"]:
        inv.out("No resources found")
    if inv["wait"] and changes.dry_run(inv) == "none":
        for target, uid in deleted:
            await _wait_until_gone(inv, target, uid)


def _check(inv: Invocation) -> None:
    if inv["all"] and inv["selector"]:
        raise KubectlError("error: setting 'all' parameter but found a non empty selector. \n")
    if inv["cascade"] not in _CASCADE:
        raise KubectlError(
            f'error: invalid cascade value ({inv["cascade"]}). Must be "background", "foreground", or "orphan"'
        )
    if inv["now"] and inv.given("grace-period"):
        raise KubectlError("error: --now and --grace-period cannot be specified together")
    if inv["force"] and not inv.given("grace-period"):
        inv.flags.values["grace-period"] = 0
    if inv["now"]:
        inv.flags.values["grace-period"] = 1
    if inv["grace-period"] == 0 and not inv["force"]:
        inv.flags.values["grace-period"] = 1
    if inv["force"]:
        inv.err(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated."
            " The resource may continue to run on the cluster indefinitely."
        )


def _with_source(error: ApiError, target: resources.Target) -> ApiError:
    if not target.source:
        return error
    return ApiError(error.code, error.reason, f'error when deleting "{target.source}": {error.message}', error.details)


async def _delete(inv: Invocation, target: resources.Target) -> str:
    """Ask for the deletion, tell of it, and return the uid of what goes."""
    mode = changes.dry_run(inv)
    grace = inv["grace-period"]
    response: dict[str, object] = {}
    if mode != "client":
        response = await inv.session.client.delete(
            target.mapping.gvr,
            target.name,
            target.namespace,
            grace_period_s=None if grace < 0 else grace,
            propagation=_CASCADE[inv["cascade"]],
            dry_run=mode == "server",
        )
    if inv["output"] == "name":
        inv.out(target.display)
    else:
        everywhere = target.namespace and inv["all-namespaces"]
        where = f" from {target.namespace} namespace" if everywhere else ""
        done = "force deleted" if inv["force"] and grace == 0 else "deleted"
        inv.out(f'{target.type_name} "{target.name}" {done}{where}{changes.suffix(inv)}')
    return uid_of(response)


def uid_of(response: Mapping[str, object]) -> str:
    """The deleted object's uid, from a Status' details or from the object itself."""
    for part in (response.get("details"), response.get("metadata")):
        if isinstance(part, dict) and part.get("uid"):
            return str(part["uid"])
    return ""


async def _wait_until_gone(inv: Invocation, target: resources.Target, uid: str) -> None:
    """Return once the object has gone, or another one stands under its name."""
    timeout_s = duration.parse(inv["timeout"])
    try:
        async with asyncio.timeout(timeout_s if timeout_s > 0 else None):
            await wait_for_deletion(inv, target, uid)
    except TimeoutError:
        inv.fail(f"error: timed out waiting for the condition on {target.mapping.gvr.resource}/{target.name}")


async def wait_for_deletion(inv: Invocation, target: resources.Target, uid: str) -> None:
    """Follow one object by name until a DELETED event, a 404, or another uid."""
    while True:
        try:
            obj = await resources.read(inv, target)
        except ApiError as error:
            if error.code == 404:
                return
            raise
        if uid and obj["metadata"].get("uid") != uid:
            return
        async with resources.following(inv, target, obj) as stream:
            async for event in stream:
                if event.type == "DELETED":
                    return


COMMAND = Command(
    name="delete",
    about="Delete resources by file names, stdin, resources and names, or by resources and label selector.",
    usage="kubectl delete ([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)]) [options]",
    examples="""\
  # Delete pods and services with same names "baz" and "foo"
  kubectl delete pod,service baz foo

  # Delete pods and services with label name=myLabel
  kubectl delete pods,services -l name=myLabel

  # Delete a pod with minimal delay
  kubectl delete pod foo --now""",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS,
        resources.ALL_NAMESPACES,
        changes.DRY_RUN,
        Flag("all", "bool", help="Delete all resources, in the namespace of the specified resource types."),
        Flag("cascade", default="background", optional="background", help="background, orphan, or foreground."),
        Flag("force", "bool", help="If true, immediately remove resources from API and bypass graceful deletion."),
        Flag("grace-period", "int", default=-1, help="Period of time in seconds given to the resource to terminate."),
        Flag("ignore-not-found", "bool", help='Treat "resource not found" as a successful delete.'),
        Flag("now", "bool", help="If true, resources are signaled for immediate shutdown (same as --grace-period=1)."),
        Flag("timeout", "duration", default="0s", help="The time to wait before giving up on a delete, 0 for ever."),
        Flag("wait", "bool", default=True, help="If true, wait for resources to be gone before returning."),
        Flag("output", short="o", help='Output mode. Use "-o name" for shorter output (resource/name).'),
    ),
)
