"""``kubectl edit``: the object as YAML in the session's editor, and what was changed as a patch.

Models kubectl pkg/cmd/util/editor. Differs: one object after the other; a refused change is told and not reopened.
"""

import yaml

from kube_nb.api import schema
from kube_nb.kubectl import changes, manifest, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.printers import objects as printing
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.patch import merge, strategic
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_HEADER = """\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
"""


async def run(inv: Invocation) -> None:
    if inv.session.edit is None:
        raise KubectlError("error: there is no editor here; use `kubectl get -o yaml`, change the text and apply it")
    for target in await resources.targets(inv, everything=True):
        await _edit(inv, target)


async def _edit(inv: Invocation, target: resources.Target) -> None:
    live = await resources.read(inv, target)
    shown = _without_managed_fields(live)
    assert inv.session.edit is not None
    text = inv.session.edit(_HEADER + printing.to_yaml(shown))
    edited = _parse(text)
    if edited is None:
        inv.err("Edit cancelled, saved file was empty.")
        return
    if edited == shown:
        inv.err("Edit cancelled, no changes made.")
        return
    try:
        stored = await _patch(inv, target, shown, edited)
    except ApiError as error:
        name = f'{target.mapping.gvr.group_resource} "{target.name}"'
        raise KubectlError(f"error: {name} could not be patched: {error.message}") from None
    changes.report(inv, target, stored, "edited")


def _without_managed_fields(obj: Obj) -> Obj:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def _parse(text: str) -> Obj | None:
    try:
        found = list(manifest.documents(text))
    except (manifest.ManifestError, yaml.YAMLError) as error:
        raise KubectlError(f"error: the edited file failed to parse: {error}") from None
    return found[0].obj if found else None


async def _patch(inv: Invocation, target: resources.Target, old: Obj, new: Obj) -> Obj:
    if (new.get("kind"), new["metadata"].get("name")) != (old["kind"], target.name):
        raise KubectlError("error: precondition failed: at least one of apiVersion, kind and name was changed")
    known = schema.schemas().for_gvk(target.mapping.gvk)
    if known is None:
        return await changes.patch(inv, target, merge.diff(old, new), "merge")
    return await changes.patch(inv, target, strategic.diff(old, new, known), "strategic")


COMMAND = Command(
    name="edit",
    about="Edit a resource from the default editor. In a notebook the object opens as a cell that applies it.",
    usage="kubectl edit (RESOURCE/NAME | -f FILENAME) [options]",
    examples="  # Edit the service named 'registry'\n  kubectl edit svc/registry",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        Flag("subresource", help="If specified, edit will operate on the subresource of the requested object."),
        changes.VALIDATE,
        *changes.change_flags("kubectl-edit"),
    ),
)
