"""``kubectl diff``: what an apply would change. Models kubectl pkg/cmd/diff; exit code 1 if anything differs."""

import difflib

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.printers import objects as printing
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import apply
from kube_nb.machinery import labels, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def run(inv: Invocation) -> None:
    if not inv["filename"]:
        raise KubectlError("error: must specify one of -f and -k", 2)
    inv.flags.values |= {"dry-run": "server", "output": ""}
    for target in await resources.targets(inv):
        if inv["selector"] and not labels.parse(inv["selector"]).matches(objects.labels(target.obj or {})):
            continue
        try:
            live, merged = await _states(inv, target)
        except ApiError as error:
            inv.err(resources.message_of(error))
            inv.result.exit_code = 2
            continue
        text = _difference(target, _masked(live), _masked(merged))
        if text:
            inv.write(text)
            inv.result.exit_code = inv.result.exit_code or 1


async def _states(inv: Invocation, target: resources.Target) -> tuple[Obj | None, Obj]:
    """The live object, None if there is none, and what applying the manifest would make of it."""
    try:
        live = await resources.read(inv, target)
    except ApiError as error:
        if error.code != 404:
            raise
        return None, await changes.create(inv, target, target.obj or {})
    return live, await apply.merged(inv, target, live)


def _masked(obj: Obj | None) -> Obj | None:
    """Without managed fields, and a Secret's values hidden."""
    if obj is None:
        return None
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    shown = {**obj, "metadata": metadata}
    if obj.get("kind") == "Secret" and obj.get("data"):
        shown["data"] = dict.fromkeys(obj["data"], "***")
    return shown


def _difference(target: resources.Target, live: Obj | None, merged: Obj | None) -> str:
    """As ``diff -u -N LIVE MERGED`` writes it."""
    before, after = ("" if obj is None else printing.to_yaml(obj) for obj in (live, merged))
    gvk = GVK.of(merged or {})
    name = ".".join(filter(None, (gvk.group, gvk.version, gvk.kind, target.namespace or "", target.name)))
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"LIVE/{name}", f"MERGED/{name}"
    )
    text = "".join(lines)
    return f"diff -u -N LIVE/{name} MERGED/{name}\n{text}" if text else ""


COMMAND = Command(
    name="diff",
    about="Diff configurations specified by file name or stdin between the current online configuration, and the "
    "configuration as it would be if applied.",
    usage="kubectl diff -f FILENAME [options]",
    examples="  # Diff resources included in pod.json\n  kubectl diff -f pod.json",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS[:1],
        Flag("server-side", "bool", help="If true, apply runs in the server instead of the client."),
        Flag("force-conflicts", "bool", help="If true, server-side apply will force the changes against conflicts."),
        Flag("field-manager", default="kubectl-client-side-apply", help="Name of the manager of the fields."),
        Flag("concurrency", "int", default=1, help="Number of objects to process in parallel when diffing."),
        Flag("show-managed-fields", "bool", help="If true, include managed fields in the diff."),
    ),
)
