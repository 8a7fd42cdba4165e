"""``kubectl label`` and ``kubectl annotate``. Models kubectl pkg/cmd/label and pkg/cmd/annotate."""

from collections.abc import Mapping, Sequence

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery import names
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.patch import merge
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def _label(inv: Invocation) -> None:
    await _run(inv, "labels", "label")


async def _annotate(inv: Invocation) -> None:
    await _run(inv, "annotations", "annotation")


async def _run(inv: Invocation, field: str, what: str) -> None:
    args, new, removed = _split(inv.args, what)
    if inv["list"]:
        pass
    elif not new and not removed:
        raise KubectlError(f"error: at least one {what} update is required")
    for target in await resources.targets(inv, args, everything=inv["all"]):
        try:
            await _change(inv, target, field, what, new, removed)
        except ApiError as error:
            inv.fail(resources.message_of(error))


def _split(args: Sequence[str], what: str) -> tuple[list[str], dict[str, str], list[str]]:
    """Resource arguments, ``key=value`` pairs, and the keys of ``key-``."""
    plain: list[str] = []
    new: dict[str, str] = {}
    removed: list[str] = []
    for arg in args:
        key, equals, value = arg.partition("=")
        if equals:
            _check(key, value, what)
            new[key] = value
        elif arg.endswith("-") and len(arg) > 1 and plain:
            removed.append(arg[:-1])
        else:
            plain.append(arg)
    for key in removed:
        if key in new:
            raise KubectlError(f"error: can not both modify and remove a {what} in the same command")
    return plain, new, removed


def _check(key: str, value: str, what: str) -> None:
    if what == "label" and (faults := names.is_label_value(value)):
        raise KubectlError(f'error: invalid label value: "{key}={value}": {"; ".join(faults)}')


async def _change(
    inv: Invocation, target: resources.Target, field: str, what: str, new: Mapping[str, str], removed: Sequence[str]
) -> None:
    old = target.obj if inv["local"] and target.obj else await resources.read(inv, target)
    before: dict[str, str] = old["metadata"].get(field) or {}
    if inv["list"]:
        for key in sorted(before):
            inv.out(f"{key}={before[key]}")
        return
    if not inv["overwrite"]:
        _refuse_overwriting(before, new, what)
    for key in removed:
        if key not in before:
            inv.out(f'{what} "{key}" not found.')
    changed = _with(old, field, {key: value for key, value in {**before, **new}.items() if key not in removed})
    done = _done(before, changed["metadata"].get(field) or {}, what, removed)
    if inv["local"] or changes.dry_run(inv) == "client":
        changes.report(inv, target, changed, done)
        return
    body = merge.diff(old, changed)
    if inv["resource-version"]:
        body = {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": inv["resource-version"]}}
    stored = await changes.patch(inv, target, body, "merge") if body else old
    changes.report(inv, target, stored, done)


def _refuse_overwriting(before: Mapping[str, str], new: Mapping[str, str], what: str) -> None:
    clashes = [
        f"'{key}' already has a value ({before[key]})" for key in new if key in before and before[key] != new[key]
    ]
    if not clashes:
        return
    if what == "label":
        raise KubectlError(f"error: {clashes[0]}, and --overwrite is false")
    shown = "; ".join(clashes)
    raise KubectlError(f"error: --overwrite is false but found the following declared annotation(s): {shown}")


def _with(obj: Obj, field: str, values: Mapping[str, str]) -> Obj:
    metadata = {key: value for key, value in obj["metadata"].items() if key != field}
    return {**obj, "metadata": {**metadata, **({field: dict(values)} if values else {})}}


def _done(before: Mapping[str, str], after: Mapping[str, str], what: str, removed: Sequence[str]) -> str:
    if what == "annotation":
        return "annotated"
    if before == after:
        return "not labeled"
    return "unlabeled" if removed and set(after) < set(before) else "labeled"


def _flags(what: str, manager: str) -> tuple[Flag, ...]:
    return (
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS,
        resources.ALL_NAMESPACES,
        Flag("all", "bool", help="Select all resources, in the namespace of the specified resource types."),
        Flag("overwrite", "bool", help=f"If true, allow {what}s to be overwritten."),
        Flag("list", "bool", help=f"If true, display the {what}s for a given resource."),
        Flag("local", "bool", help="If true, the command will NOT contact the server but run locally."),
        Flag("resource-version", help="If non-empty, the update will only succeed if this is the current version."),
        *changes.change_flags(manager),
    )


LABEL = Command(
    name="label",
    about="Update the labels on a resource. A label key and value must begin with a letter or number, and may contain "
    "letters, numbers, hyphens, dots, and underscores, up to 63 characters each.",
    usage="kubectl label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N "
    "[--resource-version=version] [options]",
    examples="""\
  # Update pod 'foo' with the label 'unhealthy' and the value 'true'
  kubectl label pods foo unhealthy=true

  # Update pod 'foo' by removing a label named 'bar' if it exists
  kubectl label pods foo bar-""",
    run=_label,
    flags=_flags("label", "kubectl-label"),
)

ANNOTATE = Command(
    name="annotate",
    about="Update the annotations on one or more resources. An annotation is a key/value pair that can hold larger, "
    "and possibly not human-readable, data.",
    usage="kubectl annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N "
    "[--resource-version=version] [options]",
    examples="""\
  # Update pod 'foo' with the annotation 'description' and the value 'my frontend'
  kubectl annotate pods foo description='my frontend'

  # Update pod 'foo' by removing an annotation named 'description' if it exists
  kubectl annotate pods foo description-""",
    run=_annotate,
    flags=_flags("annotation", "kubectl-annotate"),
)
