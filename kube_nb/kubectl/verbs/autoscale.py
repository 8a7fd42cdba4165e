"""``kubectl autoscale`` and ``kubectl certificate approve|deny``. Models kubectl pkg/cmd/autoscale, certificates."""

from kube_nb.kubectl import changes, last_applied, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.gvk import GVK, GVR
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_CSR = GVR("certificates.k8s.io", "v1", "certificatesigningrequests")


async def _autoscale(inv: Invocation) -> None:
    if not inv.given("max"):
        raise KubectlError('error: required flag(s) "max" not set')
    if inv["max"] < 1:
        raise KubectlError("error: --max=MAXPODS is required and must be at least 1, max: " + str(inv["max"]))
    if inv["max"] < inv["min"]:
        bounds = f"max: {inv['max']}, min: {inv['min']}"
        raise KubectlError(f"error: --max=MAXPODS must be larger or equal to --min=MINPODS, {bounds}")
    for target in await resources.targets(inv):
        if "scale" not in target.mapping.subresources:
            gvr = target.mapping.gvr
            what = f"could not find scale subresource for {gvr.api_version}, Resource={gvr.resource}"
            raise KubectlError(f"error: cannot autoscale a {target.mapping.kind}: {what} in discovery information")
        await _create(inv, target)


async def _create(inv: Invocation, target: resources.Target) -> None:
    await resources.read(inv, target)
    reference = {"apiVersion": target.mapping.gvr.api_version, "kind": target.mapping.kind, "name": target.name}
    spec: Obj = {"maxReplicas": inv["max"], "scaleTargetRef": reference}
    if inv["min"] > 0:
        spec["minReplicas"] = inv["min"]
    if inv["cpu-percent"] >= 0:
        spec["targetCPUUtilizationPercentage"] = inv["cpu-percent"]
    name = inv["name"] or target.name
    obj: Obj = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": spec,
    }
    mapping = await inv.session.mapper.kind(GVK("autoscaling", "v1", "HorizontalPodAutoscaler"))
    assert mapping is not None
    made = resources.Target(mapping, target.namespace, name, obj)
    stored = changes.as_typed(await changes.create(inv, made, obj))
    stored.setdefault("status", {"currentReplicas": 0, "desiredReplicas": 0})
    changes.report(inv, made, stored, "autoscaled")


async def _approve(inv: Invocation) -> None:
    await _decide(inv, "Approved", "KubectlApprove", "This CSR was approved by kubectl certificate approve.")


async def _deny(inv: Invocation) -> None:
    await _decide(inv, "Denied", "KubectlDeny", "This CSR was denied by kubectl certificate deny.")


async def _decide(inv: Invocation, type: str, reason: str, message: str) -> None:
    if not inv.args and not inv["filename"]:
        raise KubectlError("error: one or more CSRs must be specified as <name> or -f <filename>")
    for target in await resources.targets(inv, ["csr", *inv.args]):
        try:
            csr = await resources.read(inv, target)
            rows = (csr.get("status") or {}).get("conditions") or []
            if not any(row["type"] == type for row in rows):
                now = inv.session.clock.timestamp()
                row = {"type": type, "status": "True", "reason": reason, "message": message, "lastUpdateTime": now}
                changed = {**csr, "status": {**(csr.get("status") or {}), "conditions": [*rows, row]}}
                csr = await inv.session.client.update(_CSR, changed, subresource="approval")
            changes.report(inv, target, csr, type.lower())
        except ApiError as error:
            inv.fail(resources.message_of(error))


AUTOSCALE = Command(
    name="autoscale",
    about="Creates an autoscaler that automatically chooses and sets the number of pods that run in a cluster.",
    usage="kubectl autoscale (-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu-percent=CPU] "
    "[options]",
    examples='  # Auto scale a deployment "foo", with the number of pods between 2 and 10\n'
    "  kubectl autoscale deployment foo --min=2 --max=10",
    run=_autoscale,
    flags=(
        *resources.FILENAME_FLAGS,
        Flag("min", "int", default=-1, help="The lower limit for the number of pods. Negative: the server's default."),
        Flag("max", "int", default=-1, help="The upper limit for the number of pods. Required."),
        Flag("cpu-percent", "int", default=-1, help="The target average CPU utilization of the pods, in percent."),
        Flag("name", help="The name for the newly created object."),
        last_applied.SAVE_CONFIG,
        *changes.change_flags("kubectl-autoscale"),
    ),
)
_CERTIFICATE_FLAGS = (
    *resources.FILENAME_FLAGS,
    Flag("force", "bool", help="Update the CSR even if it is already decided."),
    *changes.change_flags("")[2:],
)
CERTIFICATE = Command(
    name="certificate",
    about="Modify certificate resources.",
    usage="kubectl certificate SUBCOMMAND [options]",
    subcommands=(
        Command(
            name="approve",
            about="Approve a certificate signing request.",
            usage="kubectl certificate approve (-f FILENAME | NAME) [options]",
            run=_approve,
            flags=_CERTIFICATE_FLAGS,
        ),
        Command(
            name="deny",
            about="Deny a certificate signing request.",
            usage="kubectl certificate deny (-f FILENAME | NAME) [options]",
            run=_deny,
            flags=_CERTIFICATE_FLAGS,
        ),
    ),
)
