"""``kubectl create``: from files, or an object of a common kind from flags (`create_objects`).

Models kubectl pkg/cmd/create.
"""

import orjson

from kube_nb.kubectl import changes, last_applied, resources
from kube_nb.kubectl.command import Command, Invocation, usage_error
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.create_objects import SUBCOMMANDS
from kube_nb.machinery import labels, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag


async def run(inv: Invocation) -> None:
    if inv["raw"]:
        await _raw(inv)
        return
    if inv.args:
        raise usage_error("kubectl create", f"Unexpected args: [{' '.join(inv.args)}]")
    if not inv["filename"] and not inv["kustomize"]:
        raise KubectlError("error: must specify one of -f and -k")
    found = [target for target in await resources.targets(inv) if _selected(inv, target)]
    if not found and not inv.result.exit_code:
        raise KubectlError("error: no objects passed to create")
    for target in found:
        try:
            stored = await changes.create(inv, target, target.obj or {})
            changes.report(inv, target, stored, "created")
        except ApiError as error:
            inv.fail(resources.message_of(_with_source(error, target)))


def _selected(inv: Invocation, target: resources.Target) -> bool:
    return not inv["selector"] or labels.parse(inv["selector"]).matches(objects.labels(target.obj or {}))


def _with_source(error: ApiError, target: resources.Target) -> ApiError:
    return ApiError(error.code, error.reason, f'error when creating "{target.source}": {error.message}', error.details)


async def _raw(inv: Invocation) -> None:
    if len(inv["filename"]) != 1:
        raise KubectlError("error: --raw can only use a single local file or stdin")
    path = inv["filename"][0]
    body = inv.session.stdin.encode() if path == "-" else next(iter(inv.session.read(path).values()), b"")
    headers = {"content-type": "application/json", "accept": "application/json"}
    response = await inv.session.client.raw("POST", inv["raw"], {}, body, headers)
    inv.write(orjson.dumps(response.object()).decode() + "\n")


COMMAND = Command(
    name="create",
    about="Create a resource from a file or from stdin. JSON and YAML formats are accepted.",
    usage="kubectl create -f FILENAME [options]",
    examples="""\
  # Create a pod using the data in pod.json
  kubectl create -f ./pod.json

  # Create a deployment that runs the nginx image with 3 replicas
  kubectl create deployment my-dep --image=nginx --replicas=3""",
    run=run,
    subcommands=SUBCOMMANDS,
    flags=(
        *resources.FILENAME_FLAGS,
        *resources.SELECTOR_FLAGS[:1],
        Flag("raw", help="Raw URI to POST to the server. Uses the transport specified by the kubeconfig file."),
        last_applied.SAVE_CONFIG,
        changes.VALIDATE,
        *changes.change_flags("kubectl-create"),
    ),
)
