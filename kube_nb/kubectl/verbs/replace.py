"""``kubectl replace``. Models kubectl pkg/cmd/replace."""

from collections.abc import Awaitable, Callable, Sequence

import orjson

from kube_nb.kubectl import changes, last_applied, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.delete import uid_of, wait_for_deletion
from kube_nb.machinery import objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def run(inv: Invocation) -> None:
    if inv["raw"]:
        await _raw(inv)
        return
    if not inv["filename"]:
        raise KubectlError("error: must specify one of -f and -k")
    if not inv["force"] and inv.given("grace-period"):
        raise KubectlError("error: --grace-period must have --force specified")
    if not inv["force"] and inv.given("timeout"):
        raise KubectlError("error: --timeout must have --force specified")
    found = await resources.targets(inv)
    if inv["force"]:
        await _each(inv, found, _delete)
    await _each(inv, found, _create if inv["force"] else _replace)


async def _each(
    inv: Invocation,
    found: Sequence[resources.Target],
    work: Callable[[Invocation, resources.Target], Awaitable[None]],
) -> None:
    for target in found:
        try:
            await work(inv, target)
        except ApiError as error:
            what = f'error when replacing "{target.source}": {error.message}'
            inv.fail(resources.message_of(ApiError(error.code, error.reason, what, error.details)))


async def _replace(inv: Invocation, target: resources.Target) -> None:
    obj = target.obj or {}
    live = await resources.read(inv, target)
    if inv["save-config"] or last_applied.ANNOTATION in objects.annotations(obj):
        obj = last_applied.annotated(obj, target)
    if changes.dry_run(inv) == "client":
        changes.report(inv, target, obj, "replaced")
        return
    if not (obj.get("metadata") or {}).get("resourceVersion"):
        obj = objects.with_metadata(obj, resourceVersion=objects.resource_version(live))
    path = target.mapping.gvr.path(target.namespace, target.name, inv["subresource"] or None)
    response = await inv.session.client.raw("PUT", path, changes.write_query(inv), obj)
    changes.report(inv, target, response.object(), "replaced")


async def _delete(inv: Invocation, target: resources.Target) -> None:
    """Delete and wait until it is gone; what is not there is no fault."""
    if changes.dry_run(inv) != "none":
        return
    grace = 0 if inv["grace-period"] < 0 else inv["grace-period"]
    gvr = target.mapping.gvr
    try:
        deleted = await inv.session.client.delete(gvr, target.name, target.namespace, grace_period_s=grace)
        inv.out(f'{target.type_name} "{target.name}" deleted')
        await wait_for_deletion(inv, target, uid_of(deleted))
    except ApiError as error:
        if error.code != 404:
            raise


async def _create(inv: Invocation, target: resources.Target) -> None:
    changes.report(inv, target, await changes.create(inv, target, target.obj or {}), "replaced")


async def _raw(inv: Invocation) -> None:
    if len(inv["filename"]) != 1:
        raise KubectlError("error: --raw can only use a single local file or stdin")
    path = inv["filename"][0]
    body = inv.session.stdin.encode() if path == "-" else next(iter(inv.session.read(path).values()), b"")
    headers = {"content-type": "application/json", "accept": "application/json"}
    response = await inv.session.client.raw("PUT", inv["raw"], {}, body, headers)
    shown: Obj = response.object()
    inv.write(orjson.dumps(shown).decode() + "\n")


COMMAND = Command(
    name="replace",
    about="Replace a resource by file name or stdin. JSON and YAML formats are accepted. If replacing an existing "
    "resource, the complete resource spec must be provided.",
    usage="kubectl replace -f FILENAME [options]",
    examples="""\
  # Replace a pod using the data in pod.json
  kubectl replace -f ./pod.json

  # Force replace, delete and then re-create the resource
  kubectl replace --force -f ./pod.json""",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        Flag("cascade", default="background", optional="background", help="background, orphan, or foreground."),
        Flag("force", "bool", help="If true, immediately remove resources from API and bypass graceful deletion."),
        Flag("grace-period", "int", default=-1, help="Period of time in seconds given to the resource to terminate."),
        Flag("timeout", "duration", default="0s", help="The time to wait before giving up on a delete, 0 for ever."),
        Flag("wait", "bool", help="If true, wait for resources to be gone before returning."),
        Flag("raw", help="Raw URI to PUT to the server."),
        last_applied.SAVE_CONFIG,
        Flag("subresource", help="If specified, replace will operate on the subresource of the requested object."),
        changes.VALIDATE,
        *changes.change_flags("kubectl-replace"),
    ),
)
