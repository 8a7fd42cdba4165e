"""``kubectl apply``: client-side by three-way merge, or ``--server-side``.

Models kubectl pkg/cmd/apply: the object as it was last applied is kept in an annotation; what the manifest dropped
since then is removed, what others set is left alone.
"""

import json

from kube_nb.api import schema
from kube_nb.client.rest import PatchType
from kube_nb.kubectl import changes, last_applied, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import apply_last
from kube_nb.machinery import labels, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.patch import merge, strategic
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_CLIENT_SIDE, _SERVER_SIDE = "kubectl-client-side-apply", "kubectl"


async def run(inv: Invocation) -> None:
    if not inv["filename"] and not inv["kustomize"]:
        raise KubectlError("error: must specify one of -f and -k")
    if inv["server-side"] and changes.dry_run(inv) == "client":
        raise KubectlError(
            "error: --dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)"
        )
    if inv["force-conflicts"] and not inv["server-side"]:
        raise KubectlError("error: --force-conflicts only works with --server-side")
    found = [target for target in await resources.targets(inv) if _selected(inv, target)]
    if not found and not inv.result.exit_code:
        raise KubectlError("error: no objects passed to apply")
    for target in found:
        try:
            await apply(inv, target)
        except ApiError as error:
            inv.fail(resources.message_of(error))
        except KubectlError as error:
            inv.fail(error.text)


def _selected(inv: Invocation, target: resources.Target) -> bool:
    return not inv["selector"] or labels.parse(inv["selector"]).matches(objects.labels(target.obj or {}))


async def apply(inv: Invocation, target: resources.Target) -> None:
    """Apply one object and tell what came of it."""
    obj = target.obj or {}
    metadata = obj.get("metadata") or {}
    if not target.name and metadata.get("generateName"):
        raise KubectlError(f"error: from {metadata['generateName']}: cannot use generate name with apply")
    if inv["server-side"]:
        await _server_side(inv, target, obj)
    else:
        await _client_side(inv, target, obj)


async def _server_side(inv: Invocation, target: resources.Target, obj: Obj) -> None:
    query = changes.write_query(inv)
    if not inv.given("field-manager"):
        query["fieldManager"] = [_SERVER_SIDE]
    if inv["force-conflicts"]:
        query["force"] = ["true"]
    path = target.mapping.gvr.path(target.namespace, target.name)
    headers = {"content-type": "application/apply-patch+yaml", "accept": "application/json"}
    try:
        stored = (await inv.session.client.raw("PATCH", path, query, obj, headers)).object()
    except ApiError as error:
        if error.code == 409:
            raise KubectlError(f"error: {error.message}\n{_CONFLICT_ADVICE}") from None
        raise
    manager = query["fieldManager"][0]
    if changes.dry_run(inv) == "none" and await _migrate(inv, target, stored, manager):
        stored = (await inv.session.client.raw("PATCH", path, query, obj, headers)).object()
    changes.report(inv, target, stored, "serverside-applied")


async def _migrate(inv: Invocation, target: resources.Target, stored: Obj, manager: str) -> bool:
    """Give the server-side manager what client-side apply owned, so that fields dropped from the manifest go.

    Models client-go util/csaupgrade, and migrateToSSAIfNecessary of kubectl apply.
    """
    rows = stored["metadata"].get("managedFields") or []
    old = [row for row in rows if row.get("operation") == "Update" and row.get("manager") == _CLIENT_SIDE]
    ours = [row for row in rows if row.get("operation") == "Apply" and row.get("manager") == manager]
    if not old or not ours:
        return False
    fields = ours[0].get("fieldsV1") or {}
    for row in old:
        fields = _union(fields, row.get("fieldsV1") or {})
    kept = [{**row, "fieldsV1": fields} if row is ours[0] else row for row in rows if row not in old]
    body = [
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": stored["metadata"]["resourceVersion"]},
    ]
    await inv.session.client.patch(target.mapping.gvr, target.name, body, target.namespace, type="json")
    return True


def _union(one: Obj, other: Obj) -> Obj:
    """Two FieldsV1 trees in one."""
    shared = {key: _union(one[key], other[key]) for key in one if key in other}
    return {**one, **other, **shared}


async def _client_side(inv: Invocation, target: resources.Target, obj: Obj) -> None:
    modified = last_applied.annotated(obj, target)
    if not target.name:
        raise KubectlError(_nameless(target))
    try:
        live = await resources.read(inv, target)
    except ApiError as error:
        if error.code != 404:
            raise _with_source(error, "retrieving current configuration of", target) from None
        try:
            stored = await changes.create(inv, target, modified)
        except ApiError as refused:
            raise _with_source(refused, "creating", target) from None
        changes.report(inv, target, stored, "created")
        return
    await _patch(inv, target, live, modified)


async def merged(inv: Invocation, target: resources.Target, live: Obj) -> Obj:
    """What applying the manifest would make of the live object; nothing is stored."""
    obj = target.obj or {}
    path = target.mapping.gvr.path(target.namespace, target.name)
    query = {"fieldManager": [inv["field-manager"]], "dryRun": ["All"]}
    if inv["server-side"]:
        query |= {"force": ["true"]} if inv["force-conflicts"] else {}
        content_type, body = "application/apply-patch+yaml", obj
    else:
        last = (live["metadata"].get("annotations") or {}).get(last_applied.ANNOTATION)
        type, body = _three_way(
            target.mapping.gvk, json.loads(last) if last else {}, last_applied.annotated(obj, target), live
        )
        body = _without_last_applied(body)
        content_type = _CONTENT_TYPES[type]
    headers = {"content-type": content_type, "accept": "application/json"}
    return (await inv.session.client.raw("PATCH", path, query, body, headers)).object() if body else live


def _without_last_applied(patch: Obj) -> Obj:
    """A patch that leaves the annotation alone, so that a diff shows the manifest's own changes only."""
    metadata = dict(patch.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k != last_applied.ANNOTATION}
    metadata |= {"annotations": annotations} if annotations else {}
    rest = {key: value for key, value in patch.items() if key != "metadata"}
    return {**rest, **({"metadata": metadata} if metadata else {})}


async def _patch(inv: Invocation, target: resources.Target, live: Obj, modified: Obj) -> None:
    last = (live["metadata"].get("annotations") or {}).get(last_applied.ANNOTATION)
    if last is None and changes.dry_run(inv) == "none":
        inv.err(
            f"Warning: resource {target.mapping.gvr.resource}/{target.name} is missing the "
            f"{last_applied.ANNOTATION} annotation which is required by kubectl apply. kubectl apply should only be "
            "used on resources created declaratively by either kubectl create --save-config or kubectl apply. The "
            "missing annotation will be patched automatically."
        )
    original = json.loads(last) if last else {}
    type, body = _three_way(target.mapping.gvk, original, modified, live)
    if not body:
        changes.report(inv, target, live, "unchanged")
        return
    if changes.dry_run(inv) == "client":
        changes.report(inv, target, modified, "configured")
        return
    path = target.mapping.gvr.path(target.namespace, target.name)
    headers = {"content-type": _CONTENT_TYPES[type], "accept": "application/json"}
    try:
        response = await inv.session.client.raw("PATCH", path, changes.write_query(inv), body, headers)
    except ApiError as error:
        raise _with_source(error, "applying patch to", target) from None
    changes.report(inv, target, response.object(), "configured")


_CONTENT_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


def _three_way(gvk: GVK, original: Obj, modified: Obj, live: Obj) -> tuple[PatchType, Obj]:
    """What turns `live` into `modified` less what `original` had: strategic for kinds with a schema, else merge."""
    known = schema.schemas().for_gvk(gvk)
    if known is None:
        return "merge", merge.three_way(original, modified, live)
    return "strategic", strategic.three_way(original, modified, live, known)


def _nameless(target: resources.Target) -> str:
    """Without a name there is nothing to look up; kubectl's words for it."""
    gvr, gvk = target.mapping.gvr, target.mapping.gvk
    version = f"{gvr.group}/{gvr.version}"
    return (
        "error: error when retrieving current configuration of:\n"
        f'Resource: "{version}, Resource={gvr.resource}", GroupVersionKind: "{version}, Kind={gvk.kind}"\n'
        f'Name: "", Namespace: "{target.namespace or ""}"\n'
        f'from server for: "{target.source}": resource name may not be empty'
    )


def _with_source(error: ApiError, doing: str, target: resources.Target) -> ApiError:
    """The error with the file it came from, as AddSourceToErr words it."""
    return ApiError(error.code, error.reason, f'error when {doing} "{target.source}": {error.message}', error.details)


_CONFLICT_ADVICE = """\
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""


COMMAND = Command(
    name="apply",
    about="Apply a configuration to a resource by file name or stdin. The resource name must be specified. This "
    "resource will be created if it doesn't exist yet.",
    usage="kubectl apply (-f FILENAME | -k DIRECTORY) [options]",
    examples="""\
  # Apply the configuration in pod.json to a pod
  kubectl apply -f ./pod.json

  # Apply the configuration on the server, and take over fields that others manage
  kubectl apply --server-side --force-conflicts -f deployment.yaml""",
    run=run,
    subcommands=(apply_last.SET, apply_last.VIEW),
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS[:1],
        Flag("server-side", "bool", help="If true, apply runs in the server instead of the client."),
        Flag("force-conflicts", "bool", help="If true, server-side apply will force the changes against conflicts."),
        Flag("all", "bool", help="Select all resources in the namespace of the specified resource types."),
        Flag("overwrite", "bool", default=True, help="Resolve conflicts by using values from the manifest."),
        changes.VALIDATE,
        *changes.change_flags(_CLIENT_SIDE),
    ),
)
