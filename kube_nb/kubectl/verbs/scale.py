"""``kubectl scale``. Models kubectl pkg/cmd/scale: changes the scale subresource, with optional preconditions."""

from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag


async def run(inv: Invocation) -> None:
    if not inv.given("replicas"):
        raise KubectlError('error: required flag(s) "replicas" not set')
    if inv["replicas"] < 0:
        raise KubectlError("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    faults: list[str] = []
    found = await resources.targets(inv, everything=inv["all"])
    for target in found:
        try:
            await _scale(inv, target)
        except ApiError as error:
            faults.append(error.message if error.code == 404 and len(found) == 1 else resources.message_of(error))
    if faults and len(found) == 1 and "not found" in faults[0]:
        raise KubectlError(f"error: no objects passed to scale {faults[0]}")
    if faults:
        raise KubectlError(changes.aggregate(faults))


async def _scale(inv: Invocation, target: resources.Target) -> None:
    gvr = target.mapping.gvr
    if "scale" not in target.mapping.subresources:
        raise KubectlError("Error from server (NotFound): the server could not find the requested resource")
    scale = await inv.session.client.get(gvr, target.name, target.namespace, subresource="scale")
    now = scale["spec"].get("replicas", 0)
    if inv["current-replicas"] >= 0 and now != inv["current-replicas"]:
        raise KubectlError(f"error: Expected replicas to be {inv['current-replicas']}, was {now}")
    if inv["resource-version"] and scale["metadata"]["resourceVersion"] != inv["resource-version"]:
        wanted, found = inv["resource-version"], scale["metadata"]["resourceVersion"]
        raise KubectlError(f"error: Expected resource version to be {wanted}, was {found}")
    if changes.dry_run(inv) != "client":
        await changes.patch(inv, target, {"spec": {"replicas": inv["replicas"]}}, "merge", subresource="scale")
    changes.report(inv, target, await resources.read(inv, target), "scaled")


COMMAND = Command(
    name="scale",
    about="Set a new size for a deployment, replica set, replication controller, or stateful set.",
    usage="kubectl scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT "
    "(-f FILENAME | TYPE NAME) [options]",
    examples="""\
  # Scale a replica set named 'foo' to 3
  kubectl scale --replicas=3 rs/foo

  # If the deployment named mysql's current size is 2, scale mysql to 3
  kubectl scale --current-replicas=2 --replicas=3 deployment/mysql""",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS[:1],
        Flag("all", "bool", help="Select all resources in the namespace of the specified resource types."),
        Flag("replicas", "int", help="The new desired number of replicas. Required."),
        Flag("current-replicas", "int", default=-1, help="Precondition for current size."),
        Flag("resource-version", help="Precondition for resource version."),
        Flag("timeout", "duration", default="0s", help="The length of time to wait before giving up on a scale."),
        *changes.change_flags("kubectl-scale"),
    ),
)
