"""``kubectl apply view-last-applied|set-last-applied``: looks at and writes the annotation alone."""

import json

from kube_nb.kubectl import changes, last_applied, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.printers import objects as printing
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import objects
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def _view(inv: Invocation) -> None:
    if inv["output"] not in ("yaml", "json"):
        raise KubectlError(
            f"error: Unexpected -o output mode: {inv['output']}, the flag 'output' must be one of yaml|json"
        )
    for target in await resources.targets(inv, everything=inv["all"]):
        text = objects.annotations(await resources.read(inv, target)).get(last_applied.ANNOTATION)
        if text is None:
            continue
        found = json.loads(text)
        inv.write(printing.to_yaml(found) if inv["output"] == "yaml" else json.dumps(found, indent=2) + "\n")


async def _set(inv: Invocation) -> None:
    for target in await resources.targets(inv):
        live = await resources.read(inv, target)
        has = last_applied.ANNOTATION in objects.annotations(live)
        if not has and not inv["create-annotation"]:
            name = target.name
            advice = "to create the annotation, run the command with --create-annotation"
            raise KubectlError(f"error: no last-applied-configuration annotation found on resource: {name}; {advice}")
        text = last_applied.text(target.obj or {}, target)
        body: Obj = {"metadata": {"annotations": {last_applied.ANNOTATION: text}}}
        stored = live if changes.dry_run(inv) == "client" else await changes.patch(inv, target, body, "merge")
        changes.report(inv, target, stored, "configured")


VIEW = Command(
    name="view-last-applied",
    about="View the latest last-applied-configuration annotations by type/name or file.",
    usage="kubectl apply view-last-applied (TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME) [options]",
    run=_view,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS[:1],
        Flag("all", "bool", help="Select all resources in the namespace of the specified resource types."),
        Flag("output", default="yaml", short="o", help="Output format. Must be one of (yaml, json)."),
    ),
)
SET = Command(
    name="set-last-applied",
    about="Set the latest last-applied-configuration annotations by setting it to match the contents of a file.",
    usage="kubectl apply set-last-applied -f FILENAME [options]",
    run=_set,
    flags=(
        *resources.FILENAME_FLAGS,
        Flag("create-annotation", "bool", help="Will create the annotations if the object does not have them."),
        *changes.change_flags("kubectl-last-applied"),
    ),
)
