"""``kubectl set resources``."""

from kube_nb.kubectl import pod_specs
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs import set_change
from kube_nb.machinery import quantity
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj


async def run(inv: Invocation) -> None:
    if inv["all"] and inv["selector"]:
        raise KubectlError("error: cannot set --all and --selector at the same time")
    found = await set_change.targets(inv, inv.args)
    if not inv["limits"] and not inv["requests"]:
        raise KubectlError(
            "error: you must specify an update to requests or limits (in the form of --requests/--limits)"
        )
    wanted = {field: amounts(inv[field]) for field in ("limits", "requests") if inv[field]}
    faults: list[str] = []

    def make(obj: Obj) -> Obj:
        return pod_specs.changed(obj, lambda spec: _with_amounts(inv, spec, wanted, faults))

    told = set_change.Words("resource requirements updated", "failed to patch resources update to pod template")
    await set_change.change(inv, found, make, told, faults)


def amounts(text: str) -> dict[str, str]:
    """``cpu=100m,memory=256Mi``."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, amount = part.partition("=")
        if not equals or "=" in amount:
            raise KubectlError(f"error: Invalid argument syntax {part}, expected <resource>=<value>")
        try:
            found[name] = str(quantity.parse(amount))
        except ValueError as error:
            raise KubectlError(f"error: {error}") from None
    return found


def _with_amounts(inv: Invocation, spec: Obj, wanted: dict[str, dict[str, str]], faults: list[str]) -> Obj:
    def changed(container: Obj) -> Obj:
        resources = container.get("resources") or {}
        return {
            **container,
            "resources": {**resources, **{f: {**(resources.get(f) or {}), **wanted[f]} for f in wanted}},
        }

    spec, found = pod_specs.with_containers(spec, inv["containers"], changed)
    if not found:
        faults.append(f"error: unable to find container named {inv['containers']}")
    return spec


COMMAND = Command(
    name="resources",
    about="Specify compute resource requirements (CPU, memory) for any resource that defines a pod template. For each "
    "compute resource, if a limit is specified and a request is omitted, the request will default to the limit.",
    usage="kubectl set resources (-f FILENAME | TYPE NAME) ([--limits=LIMITS & --requests=REQUESTS] [options]",
    examples="""\
  # Set a deployments nginx container cpu limits to "200m" and memory to "512Mi"
  kubectl set resources deployment nginx -c=nginx --limits=cpu=200m,memory=512Mi

  # Remove the resource requests for resources on containers in nginx
  kubectl set resources deployment nginx --limits=cpu=0,memory=0 --requests=cpu=0,memory=0""",
    run=run,
    flags=(
        *set_change.FLAGS,
        Flag("containers", default="*", short="c", help="The names of containers to change; may use wildcards."),
        Flag("limits", help="The limits for the containers, for example 'cpu=100m,memory=256Mi'."),
        Flag("requests", help="The requests for the containers, for example 'cpu=100m,memory=256Mi'."),
    ),
)
