"""``kubectl explain``. The texts are made in `kubectl.explain`."""

from kube_nb.kubectl import explain
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.mapper import Mapping
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import split_api_version
from kube_nb.machinery.pflag import Flag


async def run(inv: Invocation) -> None:
    if not inv.args:
        advice = 'Use "kubectl api-resources" for a complete list of supported resources.'
        raise KubectlError(f"error: You must specify the type of resource to explain. {advice}")
    if len(inv.args) > 1:
        raise usage_error("kubectl explain", "We accept only this format: explain RESOURCE")
    if inv["output"] not in ("plaintext", "plaintext-openapiv2"):
        raise KubectlError(f"error: unrecognized format: {inv['output']}")
    mapping, path = await _find(inv, inv.args[0])
    try:
        inv.write((await _explainer(inv, mapping)).text(path, recursive=inv["recursive"]))
    except explain.FieldNotFound as error:
        inv.write(error.head)
        raise


async def _find(inv: Invocation, text: str) -> tuple[Mapping, list[str]]:
    """The kind and the path of ``deploy.spec.strategy`` or ``deployments.apps.spec``."""
    parts = text.rstrip(".").split(".")
    mapper = inv.session.mapper
    if not mapper.mappings:
        await mapper.refresh()
    for end in range(len(parts), 1, -1):
        found = mapper.lookup_exactly(".".join(parts[:end]))
        if found is not None:
            return _versioned(inv, found), parts[end:]
    try:
        return _versioned(inv, await mapper.resource(parts[0])), parts[1:]
    except KubectlError as error:
        raise KubectlError(error.text.removeprefix("error: ")) from None


def _versioned(inv: Invocation, mapping: Mapping) -> Mapping:
    if not inv["api-version"]:
        return mapping
    group, version = split_api_version(inv["api-version"])
    for each in inv.session.mapper.mappings:
        if (each.gvr.group, each.gvr.version, each.kind) == (group, version, mapping.kind):
            return each
    raise KubectlError(f'error: couldn\'t find resource for "{group}/{version}, Kind={mapping.kind}"')


async def _explainer(inv: Invocation, mapping: Mapping) -> explain.Explainer:
    path = f"apis/{mapping.gvr.api_version}" if mapping.gvr.group else f"api/{mapping.gvr.version}"
    try:
        document = (await inv.session.client.raw("GET", f"/openapi/v3/{path}")).object()
    except ApiError as error:
        raise KubectlError(f"error: failed to fetch the OpenAPI document: {error.message}") from None
    return explain.Explainer((document.get("components") or {}).get("schemas") or {}, mapping.gvk)


COMMAND = Command(
    name="explain",
    about="Describe fields and structure of various resources. Fields are identified via a simple JSONPath identifier: "
    "<type>.<fieldName>[.<fieldName>].",
    usage="kubectl explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext] "
    "[options]",
    examples="""\
  # Get the documentation of the resource and its fields
  kubectl explain pods

  # Get all the fields in the resource
  kubectl explain pods --recursive

  # Get the documentation of a specific field of a resource
  kubectl explain pods.spec.containers""",
    run=run,
    flags=(
        Flag("api-version", help="Use given api-version (group/version) of the resource."),
        Flag("output", default="plaintext", short="o", help="Format: plaintext or plaintext-openapiv2."),
        Flag("recursive", "bool", help="When true, print the name of all the fields recursively."),
    ),
)
