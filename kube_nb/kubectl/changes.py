"""What all verbs that change something share: --dry-run, -o, --field-manager, and the line that tells what was done."""

from collections.abc import Sequence

from kube_nb.client.rest import PatchType
from kube_nb.kubectl import last_applied
from kube_nb.kubectl.command import Invocation
from kube_nb.kubectl.printers import output
from kube_nb.kubectl.resources import Target
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.gvk import GVK
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Json, Obj

DRY_RUN = Flag("dry-run", default="none", optional="unchanged", help='Must be "none", "server", or "client".')


def change_flags(manager: str) -> tuple[Flag, ...]:
    """The flags of a verb whose default field manager is `manager`."""
    field_manager = Flag("field-manager", default=manager, help="Name of the manager used to track field ownership.")
    return (DRY_RUN, field_manager, *output.OUTPUT_FLAGS)


def dry_run(inv: Invocation) -> str:
    """``none``, ``client`` or ``server``; a bare --dry-run means client and warns, as kubectl does."""
    mode = str(inv.flags.values.get("dry-run") or "none")
    if mode == "unchanged":
        inv.err("W: --dry-run is deprecated and can be replaced with --dry-run=client.")
        return "client"
    if mode in ("none", "client", "server"):
        return mode
    raise KubectlError(f'error: Invalid dry-run value ({mode}). Must be "none", "server", or "client".')


def report(inv: Invocation, target: Target, obj: Obj, done: str) -> None:
    """Tell of one change: ``deployment.apps/web scaled``, or the object in the format of ``-o``."""
    inv.result.objects.append(obj)
    chosen = str(inv.flags.values.get("output") or "")
    named = f"{_type_name(target, obj)}/{(obj.get('metadata') or {}).get('name') or target.name}"
    if not chosen:
        inv.out(f"{named} {done}{'' if done.startswith('patched') else suffix(inv)}")
        return
    if chosen == "name":
        inv.out(named)
        return
    show(inv, [obj])


def _type_name(target: Target, obj: Obj) -> str:
    """The target's, unless what came back is of another kind (a Scale)."""
    gvk = GVK.of(obj)
    if not gvk.kind or gvk.kind == target.mapping.kind:
        return target.type_name
    return f"{gvk.kind.lower()}.{gvk.group}" if gvk.group else gvk.kind.lower()


def show(inv: Invocation, objects: Sequence[Obj]) -> None:
    """Print objects in the format of ``-o``."""
    printer = output.printer(
        inv["output"],
        template=inv["template"],
        managed_fields=inv["show-managed-fields"],
        allow_missing_keys=inv["allow-missing-template-keys"],
        read=inv.session.read,
    )
    if printer is None:
        raise KubectlError(f'error: unable to match a printer suitable for the output format "{inv["output"]}"')
    if inv.result.text.startswith("apiVersion:") and inv["output"] == "yaml":
        inv.out("---")
    inv.write(printer(objects, False))


def suffix(inv: Invocation) -> str:
    """`` (dry run)`` or `` (server dry run)``, or nothing."""
    return {"client": " (dry run)", "server": " (server dry run)"}.get(dry_run(inv), "")


async def patch(
    inv: Invocation, target: Target, body: Json, type: PatchType = "strategic", *, subresource: str | None = None
) -> Obj:
    """Send a patch under the verb's field manager; with --dry-run=server nothing is stored."""
    return await inv.session.client.patch(
        target.mapping.gvr,
        target.name,
        body,
        target.namespace,
        type=type,
        subresource=subresource,
        field_manager=inv["field-manager"],
        dry_run=dry_run(inv) == "server",
    )


VALIDATE = Flag("validate", default="strict", optional="strict", help="strict (or true), warn, ignore (or false).")
_VALIDATION = {"strict": "Strict", "true": "Strict", "warn": "Warn", "ignore": "Ignore", "false": "Ignore"}


def write_query(inv: Invocation) -> dict[str, list[str]]:
    """The query of a create or an apply: fieldManager, fieldValidation, dryRun."""
    mode = str(inv.flags.values.get("validate") or "strict")
    if mode not in _VALIDATION:
        raise KubectlError(
            f'error: invalid - validate option "{mode}"; must be one of: strict (or true), warn, ignore (or false)'
        )
    query = {"fieldManager": [inv["field-manager"]], "fieldValidation": [_VALIDATION[mode]]}
    return {**query, **({"dryRun": ["All"]} if dry_run(inv) == "server" else {})}


async def create(inv: Invocation, target: Target, obj: Obj) -> Obj:
    """POST an object under the verb's flags; with --dry-run=client nothing is sent."""
    if inv.flags.values.get("save-config"):
        obj = last_applied.annotated(obj, target)
    if dry_run(inv) == "client":
        return obj
    path = target.mapping.gvr.path(target.namespace)
    response = await inv.session.client.raw("POST", path, write_query(inv), obj)
    return response.object()


#: Fields that are structs in Go and so are printed even when nothing is set, by kind and place.
_STRUCTS: dict[str, Obj] = {
    "CronJob": {"status": {}},
    "DaemonSet": {
        "spec": {"updateStrategy": {}},
        "status": {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0},
    },
    "Deployment": {"spec": {"strategy": {}}, "status": {}},
    "Job": {"status": {}},
    "Namespace": {"spec": {}, "status": {}},
    "Node": {"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}},
    "Pod": {"status": {}},
    "ReplicaSet": {"status": {"replicas": 0}},
    "ReplicationController": {"status": {"replicas": 0}},
    "Service": {"status": {"loadBalancer": {}}},
    "StatefulSet": {"spec": {"updateStrategy": {}}, "status": {"availableReplicas": 0, "replicas": 0}},
}


def as_typed(obj: Obj) -> Obj:
    """The object as kubectl's own Go types print it: what is a struct there stands even when it is empty.

    Only what kubectl made itself or read into a type looks so (``--dry-run=client``). Models kubectl before 1.34, which
    prints creationTimestamps that are not set as null.
    """
    shown = {**obj, "metadata": {"creationTimestamp": None, **(obj.get("metadata") or {})}}
    for field, structs in _STRUCTS.get(str(obj.get("kind")), {}).items():
        shown[field] = {**structs, **(shown.get(field) or {})}
    spec = shown.get("spec")
    if not isinstance(spec, dict):
        return shown
    for field in ("template", "jobTemplate"):
        if isinstance(spec.get(field), dict):
            shown["spec"] = spec = {**spec, field: as_typed(spec[field])}
    for field in ("containers", "initContainers"):
        if isinstance(spec.get(field), list):
            shown["spec"] = spec = {**spec, field: [{"resources": {}, **each} for each in spec[field]]}
    return shown


def aggregate(texts: Sequence[str]) -> str:
    """Several faults in one text, as kubectl prints an aggregated error."""
    if len(texts) == 1:
        return texts[0] if texts[0].startswith(("error: ", "Error from server", "The ")) else f"error: {texts[0]}"
    return "".join(f"{text}\n" for text in texts)
