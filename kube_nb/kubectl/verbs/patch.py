"""``kubectl patch``. Models kubectl pkg/cmd/patch/patch.go."""

import yaml

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Json

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
    text = inv["patch"]
    if inv["patch-file"]:
        files = inv.session.read(inv["patch-file"])
        text = next(iter(files.values())).decode() if files else ""
    if not text:
        raise KubectlError("error: must specify --patch or --patch-file containing the contents of the patch")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KubectlError(f'error: unable to parse "{text}": yaml: {error}') from None


async def _patch(inv: Invocation, target: resources.Target, body: Json) -> None:
    before = await resources.read(inv, target)
    if changes.dry_run(inv) == "client":
        stored = await inv.session.client.patch(
            target.mapping.gvr,
            target.name,
            body,
            target.namespace,
            type=inv["type"],
            dry_run=True,
            field_manager=inv["field-manager"],
        )
    else:
        stored = await changes.patch(inv, target, body, inv["type"], subresource=inv["subresource"] or None)
    same = stored["metadata"].get("resourceVersion") == before["metadata"].get("resourceVersion")
    changes.report(inv, target, stored, "patched (no change)" if same and changes.dry_run(inv) == "none" else "patched")


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
        Flag("subresource", help="If specified, patch will operate on the subresource of the requested object."),
        *changes.change_flags("kubectl-patch"),
    ),
)
