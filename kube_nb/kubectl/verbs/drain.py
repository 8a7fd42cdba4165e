"""``kubectl drain``: cordons a node and evicts its pods. Models kubectl pkg/drain."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kube_nb.api.resources import DAEMON_SETS, PODS
from kube_nb.kubectl import changes, resources
from kube_nb.kubectl.command import Command, Invocation
from kube_nb.kubectl.result import KubectlError
from kube_nb.kubectl.verbs.nodes import node_targets, set_unschedulable
from kube_nb.machinery import duration, objects
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.pflag import Flag
from kube_nb.machinery.types import Obj

_MIRROR = "kubernetes.io/config.mirror"
#: How long to wait after a budget's refusal before the next try.
_RETRY_S = 5.0
_POLL_S = 1.0

_DAEMON_SET_FATAL = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
_DAEMON_SET_WARNING = "ignoring DaemonSet-managed Pods"
_LOCAL_FATAL = "Pods with local storage (use --delete-emptydir-data to override)"
_LOCAL_WARNING = "deleting Pods with local storage"
_UNMANAGED_FATAL = "cannot delete Pods that declare no controller (use --force to override)"
_UNMANAGED_WARNING = "deleting Pods that declare no controller"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a filter says of a pod. fault: why the drain cannot go on. warning: what goes all the same."""

    delete: bool = True
    fault: str = ""
    warning: str = ""


async def run(inv: Invocation) -> None:
    found = await node_targets(inv)
    for target in found:
        await set_unschedulable(inv, target, True)
    for number, target in enumerate(found):
        try:
            await _drain(inv, target)
        except KubectlError as error:
            inv.err(f'error: unable to drain node "{target.name}" due to error: {error.text}, continuing command...')
            _give_up(found[number:], error.text)


def _give_up(left: Sequence[resources.Target], fault: str) -> None:
    """The first node that cannot be drained ends the command; those not yet drained are named."""
    names = "".join(f" {target.name}\n" for target in left)
    raise KubectlError(f"There are pending nodes to be drained:\n{names}{fault}")


async def _drain(inv: Invocation, target: resources.Target) -> None:
    listed = await inv.session.client.list(
        PODS,
        None,
        label_selector=inv["pod-selector"],
        field_selector=f"spec.nodeName={target.name}",
        limit=inv["chunk-size"],
    )
    going, faults, warnings = await _sort(inv, listed.get("items") or [])
    if faults:
        texts = [f"cannot delete {fault}" for fault in faults]
        raise KubectlError("[" + ", ".join(texts) + "]" if len(texts) > 1 else texts[0])
    if warnings:
        inv.err(f"Warning: {'; '.join(warnings)}")
    await _remove(inv, going)
    inv.out(f"{target.display} drained{changes.suffix(inv)}")


async def _sort(inv: Invocation, pods: Sequence[Obj]) -> tuple[list[Obj], list[str], list[str]]:
    """The pods to remove, and what stands against it or is worth a warning, grouped by reason."""
    going: list[Obj] = []
    faults: dict[str, list[str]] = {}
    warnings: dict[str, list[str]] = {}
    for pod in pods:
        verdict = await _judge(inv, pod)
        name = f"{objects.namespace(pod)}/{objects.name(pod)}"
        if verdict.fault:
            faults.setdefault(verdict.fault, []).append(name)
        if verdict.warning:
            warnings.setdefault(verdict.warning, []).append(name)
        if verdict.delete and not verdict.fault:
            going.append(pod)
    return going, _told(faults), _told(warnings)


def _told(reasons: dict[str, list[str]]) -> list[str]:
    return [f"{reason}: {', '.join(reasons[reason])}" for reason in sorted(reasons)]


async def _judge(inv: Invocation, pod: Obj) -> Verdict:
    """The filters in their order; the first that keeps the pod or faults it decides. Models pkg/drain/filters.go."""
    if pod["metadata"].get("deletionTimestamp") and inv["skip-wait-for-delete-timeout"]:
        return Verdict(delete=False)
    finished = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    daemon = await _daemon_set(inv, pod, finished=finished)
    if daemon is not None and (not daemon.delete or daemon.fault):
        return daemon
    if _MIRROR in objects.annotations(pod):
        return Verdict(delete=False)
    found = [daemon or Verdict()]
    if not finished and any("emptyDir" in volume for volume in pod["spec"].get("volumes") or ()):
        warned = Verdict(warning=_LOCAL_WARNING)
        found.append(warned if inv["delete-emptydir-data"] else Verdict(delete=False, fault=_LOCAL_FATAL))
    if not finished and objects.owner(pod) is None:
        found.append(
            Verdict(warning=_UNMANAGED_WARNING) if inv["force"] else Verdict(delete=False, fault=_UNMANAGED_FATAL)
        )
    return next((each for each in found if each.fault), found[-1])


async def _daemon_set(inv: Invocation, pod: Obj, *, finished: bool) -> Verdict | None:
    """Pods of a DaemonSet come back at once, so they are left or refused; None for other pods."""
    owner = objects.owner(pod)
    if owner is None or owner["kind"] != "DaemonSet" or finished:
        return None
    try:
        await inv.session.client.get(DAEMON_SETS, owner["name"], objects.namespace(pod))
    except ApiError as error:
        if error.code == 404 and inv["force"]:
            return Verdict(warning=error.message)
        return Verdict(delete=False, fault=error.message)
    if inv["ignore-daemonsets"]:
        return Verdict(delete=False, warning=_DAEMON_SET_WARNING)
    return Verdict(delete=False, fault=_DAEMON_SET_FATAL)


# -- removal -----------------------------------------------------------------------------------------------------------


async def _remove(inv: Invocation, pods: Sequence[Obj]) -> None:
    timeout_s = duration.parse(inv["timeout"])
    try:
        async with asyncio.timeout(timeout_s if timeout_s > 0 else None):
            for pod in pods:
                await _evict(inv, pod)
            if changes.dry_run(inv) == "none":
                for pod in pods:
                    await _wait_until_gone(inv, pod)
                    inv.out(f"pod/{objects.name(pod)} {'deleted' if inv['disable-eviction'] else 'evicted'}")
    except TimeoutError:
        raise KubectlError(f"global timeout reached: {inv['timeout']}") from None


async def _evict(inv: Invocation, pod: Obj) -> None:
    namespace, name, mode = objects.namespace(pod), objects.name(pod), changes.dry_run(inv)
    word = "delete" if inv["disable-eviction"] else "evict"
    grace = None if inv["grace-period"] < 0 else inv["grace-period"]
    if mode != "none":
        inv.out(f"{word}ing pod {namespace}/{name}{changes.suffix(inv)}".replace("deleteing", "deleting"))
        if mode == "client":
            return
    else:
        inv.out(f"{'deleting' if inv['disable-eviction'] else 'evicting'} pod {namespace}/{name}")
    while True:
        try:
            if inv["disable-eviction"]:
                await inv.session.client.delete(PODS, name, namespace, grace_period_s=grace)
            else:
                await inv.session.client.evict(namespace, name, grace_period_s=grace, dry_run=mode == "server")
            return
        except ApiError as error:
            if error.code == 404:
                return
            if error.code != 429:
                raise KubectlError(f'error when {word}ing pods/"{name}" -n "{namespace}": {error.message}') from None
            again = f"(will retry after {duration.format(_RETRY_S)})"
            inv.err(f'error when evicting pods/"{name}" -n "{namespace}" {again}: {error.message}')
        await asyncio.sleep(_RETRY_S)


async def _wait_until_gone(inv: Invocation, pod: Obj) -> None:
    while True:
        try:
            now = await inv.session.client.get(PODS, objects.name(pod), objects.namespace(pod))
        except ApiError as error:
            if error.code == 404:
                return
            raise
        if objects.uid(now) != objects.uid(pod):
            return
        await asyncio.sleep(_POLL_S)


COMMAND = Command(
    name="drain",
    about="Drain node in preparation for maintenance. The given node will be marked unschedulable to prevent new pods "
    "from arriving; then its pods are evicted, as far as their disruption budgets allow.",
    usage="kubectl drain NODE [options]",
    examples="""\
  # Drain node "foo", even if there are pods not managed by a controller on it
  kubectl drain foo --force

  # Drain node "foo" with a grace period of 15 minutes
  kubectl drain foo --grace-period=900""",
    run=run,
    flags=(
        changes.DRY_RUN,
        *resources.SELECTOR_FLAGS[:1],
        Flag("chunk-size", "int", default=500, help="Return large lists in chunks, 0 to disable."),
        Flag("delete-emptydir-data", "bool", help="Continue even if there are pods using emptyDir."),
        Flag("disable-eviction", "bool", help="Force drain to use delete, even if eviction is supported."),
        Flag("force", "bool", help="Continue even if there are pods that do not declare a controller."),
        Flag("grace-period", "int", default=-1, help="Period of time in seconds given to each pod to terminate."),
        Flag("ignore-daemonsets", "bool", help="Ignore DaemonSet-managed pods."),
        Flag("pod-selector", help="Label selector to filter pods on the node."),
        Flag("skip-wait-for-delete-timeout", "int", help="Do not wait for pods that are deleted for longer than this."),
        Flag("timeout", "duration", default="0s", help="The length of time to wait before giving up, zero: infinite."),
    ),
)
