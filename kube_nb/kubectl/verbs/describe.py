"""``kubectl describe``. Models kubectl pkg/cmd/describe; the texts are made in `kubectl.describe`."""

from kube_nb.kubectl import describe, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag


async def run(inv: Invocation) -> None:
    if not inv.args and not inv["filename"]:
        advice = 'Use "kubectl api-resources" for a complete list of supported resources.'
        raise KubectlError(f"error: You must specify the type of resource to describe. {advice}")
    if inv["all-namespaces"] and any("/" in arg for arg in inv.args):
        raise KubectlError("error: a resource cannot be retrieved by name across all namespaces")
    named = await resources.targets(inv, everything=True)
    found = await _targets(inv, named)
    by_prefix = [target.name for target in found] != [target.name for target in named]
    texts = []
    for target in found:
        try:
            obj = target.obj if target.obj and not target.source else await resources.read(inv, target)
            inv.result.objects.append(obj)
            texts.append(
                await describe.text(inv.session.client, inv.session.clock, obj, show_events=inv["show-events"])
            )
        except ApiError as error:
            inv.fail(resources.message_of(error))
    inv.write("".join(f"{text}\n" for text in texts) if by_prefix else "\n\n".join(texts))
    if not found and not inv.result.exit_code:
        inv.err("No resources found" + ("" if inv["all-namespaces"] else f" in {inv.namespace} namespace."))


async def _targets(inv: Invocation, named: list[resources.Target]) -> list[resources.Target]:
    """The named objects; a name that is nobody's stands for all that begin with it."""
    found: list[resources.Target] = []
    for target in named:
        found += await _matching(inv, target) if len(inv.args) == 2 and not target.obj else [target]
    return found


async def _matching(inv: Invocation, target: resources.Target) -> list[resources.Target]:
    try:
        obj = await resources.read(inv, target)
    except ApiError as error:
        if error.code != 404:
            raise
        listed = (await resources.list_objects(inv, target.mapping))["items"]
        near = [each for each in listed if each["metadata"]["name"].startswith(target.name)]
        if not near:
            raise
        return [resources.Target(target.mapping, target.namespace, each["metadata"]["name"], each) for each in near]
    return [resources.Target(target.mapping, target.namespace, target.name, obj)]


COMMAND = Command(
    name="describe",
    about="Show details of a specific resource or group of resources. Prints a detailed description of the selected "
    "resources, including related resources such as events or controllers.",
    usage="kubectl describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) [options]",
    examples="""\
  # Describe a node
  kubectl describe nodes kubernetes-node-emt8.c.myproject.internal

  # Describe a pod
  kubectl describe pods/nginx

  # Describe all pods managed by the 'frontend' deployment
  kubectl describe pods frontend""",
    run=run,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS[:1],
        resources.ALL_NAMESPACES,
        Flag("show-events", "bool", default=True, help="If true, display events related to the described object."),
        Flag("chunk-size", "int", default=500, help="Return large lists in chunks, 0 to disable."),
    ),
)
