"""``kubectl create job`` (also from a CronJob) and ``kubectl create cronjob``."""

from kube_nb.api.resources import CRON_JOBS
from kube_nb.kubectl import changes
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.create_command import command, store
from kube_nb.machinery import objects
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_MANUAL = "cronjob.kubernetes.io/instantiate"


async def _job(inv: Invocation) -> None:
    if not inv.args:
        raise KubectlError(
            "error: exactly one NAME is required, got 0\nSee 'kubectl create job -h' for help and examples"
        )
    name, words = inv.args[0], inv.args[1:]
    if bool(inv["image"]) == bool(inv["from"]):
        raise KubectlError("error: either --image or --from must be specified")
    if inv["from"] and words:
        raise KubectlError("error: cannot specify --from and command")
    obj = await _from_cron_job(inv, name) if inv["from"] else _plain(inv, name, words)
    await store(inv, obj, "failed to create job:")


def _plain(inv: Invocation, name: str, words: list[str]) -> Obj:
    container: Obj = {"image": inv["image"], "name": name, "resources": {}}
    if words:
        container["command"] = words
    template = {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": template}}


async def _from_cron_job(inv: Invocation, name: str) -> Obj:
    kind, _, cron_name = inv["from"].partition("/")
    mapping = await inv.session.mapper.resource(kind)
    if mapping.gvr.group_resource != CRON_JOBS.group_resource:
        raise KubectlError(f"error: from must be an existing cronjob: unknown object type {mapping.kind}")
    cron_job = await inv.session.client.get(CRON_JOBS, cron_name, inv.namespace)
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    owner = {**objects.owner_reference(cron_job), "controller": True}
    owner.pop("blockOwnerDeletion", None)
    labels = {"labels": metadata["labels"]} if metadata.get("labels") else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "annotations": {**(metadata.get("annotations") or {}), _MANUAL: "manual"},
            **labels,
            "name": name,
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def _cron_job(inv: Invocation, name: str) -> Obj:
    container: Obj = {"image": inv["image"], "name": name, "resources": {}}
    if inv.args[1:]:
        container["command"] = inv.args[1:]
    pod = {"containers": [container], "restartPolicy": inv["restart"] or "OnFailure"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": {"metadata": {}, "spec": pod}}},
            "schedule": inv["schedule"],
        },
    }


COMMANDS = (
    Command(
        name="job",
        about="Create a job with the specified name.",
        usage="kubectl create job NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...] [options]",
        run=_job,
        flags=(
            Flag("image", help="Image name to run."),
            Flag("from", help="The name of the resource to create a Job from (only cronjob is supported)."),
            changes.VALIDATE,
            *changes.change_flags("kubectl-create"),
        ),
    ),
    command(
        "cronjob",
        "Create a cron job with the specified name.",
        "cronjob NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
        _cron_job,
        Flag("image", help="Image name to run."),
        Flag("schedule", help="A schedule in the Cron format the job should be run with."),
        Flag("restart", help="job's restart policy. supported values: OnFailure, Never."),
        aliases=("cj",),
        refusal="failed to create cronjob:",
        required=("image", "schedule"),
    ),
)
