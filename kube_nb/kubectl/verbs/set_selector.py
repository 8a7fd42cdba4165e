"""``kubectl set selector`` (of services) and ``kubectl set serviceaccount``."""

from kube_nb.kubectl import changes, pod_specs, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import set_change
from kube_nb.machinery import labels
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def _selector(inv: Invocation) -> None:
    if len(inv.args) < (1 if inv["filename"] else 2):
        raise KubectlError("error: one or more resources must be specified as <resource> <name> or <resource>/<name>")
    *words, expression = inv.args
    wanted = _exact(expression)
    for target in await set_change.targets(inv, words):
        await _select(inv, target, wanted)


def _exact(expression: str) -> dict[str, str]:
    """``a=1,b=2``; a Service's selector knows nothing else."""
    try:
        requirements = labels.parse(expression).requirements
    except ValueError as error:
        raise KubectlError(f"error: {error}") from None
    if any(each.operator not in ("=", "==", "in") or len(each.values) != 1 for each in requirements):
        raise KubectlError(f'error: couldn\'t convert expressions - "{expression}" to map-based selector format')
    return {each.key: each.values[0] for each in requirements}


async def _select(inv: Invocation, target: resources.Target, wanted: dict[str, str]) -> None:
    old = target.obj if inv["local"] and target.obj else await resources.read(inv, target)
    if old["kind"] != "Service":
        raise KubectlError("error: setting a selector is only supported for Services")
    new = {**old, "spec": {**old["spec"], "selector": wanted}}
    if inv["local"] or changes.dry_run(inv) == "client":
        changes.report(inv, target, new, "selector updated")
        return
    body: Obj = {"spec": {"selector": {**dict.fromkeys(old["spec"].get("selector") or {}), **wanted}}}
    if inv["resource-version"]:
        body["metadata"] = {"resourceVersion": inv["resource-version"]}
    changes.report(inv, target, await changes.patch(inv, target, body, "merge"), "selector updated")


async def _service_account(inv: Invocation) -> None:
    if not inv.args:
        raise KubectlError("error: serviceaccount is required")
    *words, name = inv.args

    def make(obj: Obj) -> Obj:
        return pod_specs.changed(
            obj, lambda spec: {**spec, "serviceAccountName": name, "serviceAccount": name} if name else spec
        )

    if not words and not inv["filename"]:
        raise KubectlError(
            "error: You must provide one or more resources by argument or filename.\n"
            "Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n"
            "   '<resource> <name>'\n   '<resource>'"
        )
    found = await set_change.targets(inv, words)
    await set_change.change(inv, found, make, _SA_WORDS, [])


_SA_WORDS = set_change.Words("serviceaccount updated", "failed to patch ServiceAccountName update to pod template:")

SELECTOR = Command(
    name="selector",
    about="Set the selector on a resource. Note that the new selector will overwrite the old selector if the resource "
    "had one prior to the invocation of 'set selector'.",
    usage="kubectl set selector (-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version] [options]",
    examples="  # Let a service select other pods\n  kubectl set selector service my-svc environment=qa",
    run=_selector,
    flags=(
        *resources.FILENAME_FLAGS,
        set_change.ALL,
        set_change.LOCAL,
        Flag("resource-version", help="If non-empty, the update will only succeed if this is the current version."),
        *changes.change_flags(set_change.MANAGER),
    ),
)
SERVICE_ACCOUNT = Command(
    name="serviceaccount",
    aliases=("sa",),
    about="Update the service account of pod template resources.",
    usage="kubectl set serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT [options]",
    examples="  # Set deployment nginx-deployment's service account to serviceaccount1\n"
    "  kubectl set serviceaccount deployment nginx-deployment serviceaccount1",
    run=_service_account,
    flags=(*resources.FILENAME_FLAGS, set_change.ALL, set_change.LOCAL, *changes.change_flags(set_change.MANAGER)),
)
