"""``kubectl patch``. Models kubectl pkg/cmd/patch/patch.go."""

import json

import yaml

from kube_nb.api import schema
from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.patch import PatchError, json_patch, merge, strategic
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Json, Obj

_TYPES = ("json", "merge", "strategic")


async def run(inv: Invocation) -> None:
    if inv["type"] not in _TYPES:
        raise KubectlError(f'error: --type must be one of [{" ".join(_TYPES)}], not "{inv["type"]}"')
    body = _body(inv)
    for target in await resources.targets(inv):
        try:
            await _patch(inv, target, body)
        except ApiError as error:
            inv.fail(resources.message_of(error))


def _body(inv: Invocation) -> Json:
    """The patch; what begins like JSON and is none goes to the server as it is, which words the fault."""
    text = inv["patch"]
    if inv["patch-file"]:
        files = inv.session.read(inv["patch-file"])
        text = next(iter(files.values())).decode() if files else ""
    if not text:
        raise KubectlError("error: must specify --patch or --patch-file containing the contents of the patch")
    try:
        return json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except json.JSONDecodeError:
        return text.encode()
    except yaml.YAMLError as error:
        raise KubectlError(f'error: unable to parse "{text}": yaml: {error}') from None


async def _patch(inv: Invocation, target: resources.Target, body: Json) -> None:
    if inv["local"] or changes.dry_run(inv) == "client":
        before = target.obj if target.obj else await resources.read(inv, target)
        changes.report(inv, target, _patched(target, before, body, inv["type"]), "patched")
        return
    before = await resources.read(inv, target)
    subresource = inv["subresource"] or None
    stored = await changes.patch(inv, target, body, inv["type"], subresource=subresource)
    same = stored["metadata"].get("resourceVersion") == before["metadata"].get("resourceVersion")
    done = "patched (no change)" if same and changes.dry_run(inv) == "none" else "patched"
    changes.report(inv, target, stored, done)


def _patched(target: resources.Target, obj: Obj, body: Json, type: str) -> Obj:
    """The object as the patch makes it, without the server."""
    try:
        if type == "json":
            changed: Obj = json_patch.apply(obj, body)
            return changed
        if type == "merge":
            merged: Obj = merge.apply(obj, body)
            return merged
        known = schema.schemas().for_gvk(target.mapping.gvk)
        if known is None:
            kind = f"{target.mapping.gvr.api_version}, Kind={target.mapping.kind}"
            raise KubectlError(f"error: strategic merge patch is not supported for {kind} locally, try --type merge")
        return strategic.apply(obj, body, known)
    except PatchError as error:
        raise KubectlError(f"error: {error}") from None


COMMAND = Command(
    name="patch",
    about="Update fields of a resource using strategic merge patch, a JSON merge patch, or a JSON patch.",
    usage="kubectl patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [options]",
    examples="""\
  # Partially update a node using a strategic merge patch, specifying the patch as JSON
  kubectl patch node k8s-node-1 -p '{"spec":{"unschedulable":true}}'

  # Update a container's image using a JSON patch with positional arrays
  kubectl patch pod valid-pod --type='json' -p='[{"op": "replace", "path": "/spec/containers/0/image", "value":"new"}]'

  # Update a deployment's replicas through the 'scale' subresource using a merge patch
  kubectl patch deployment nginx --subresource='scale' --type='merge' -p '{"spec":{"replicas":2}}'""",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        Flag("patch", short="p", help="The patch to be applied to the resource JSON file."),
        Flag("patch-file", help="A file containing a patch to be applied to the resource."),
        Flag("type", default="strategic", help="The type of patch being provided; one of [json merge strategic]"),
        Flag("local", "bool", help="If true, patch will operate on the content of the file, not the server's."),
        Flag("subresource", help="If specified, patch will operate on the subresource of the requested object."),
        *changes.change_flags("kubectl-patch"),
    ),
)
