"""A pod's row: the STATUS that people read is worked out here from phase, reasons and container states.

Models printPod in pkg/printers/internalversion/printers.go.
"""

from collections.abc import Sequence
from datetime import datetime

from kube_nb.api.printers.cells import NONE, age, at, condition, created, is_true
from kube_nb.machinery.types import Json, Obj

_TERMINAL = ("Succeeded", "Failed")
_COMPLETED = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def conditions(pod: Obj) -> list[Obj]:
    """A table row's conditions: kubectl hides completed pods on request by them."""
    phase = at(pod, "status.phase", "")
    if phase not in _COMPLETED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _COMPLETED[phase]}]


def cells(pod: Obj, now: datetime) -> list[Json]:
    ready, total, reason, restarts = summary(pod, now)
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    addresses = status.get("podIPs") or ()
    return [
        pod["metadata"].get("name", ""),
        f"{ready}/{total}",
        reason,
        restarts,
        created(pod, now),
        (addresses[0].get("ip") if addresses else status.get("podIP")) or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _readiness_gates(pod),
    ]


def _readiness_gates(pod: Obj) -> str:
    gates = at(pod, "spec.readinessGates", ())
    passed = sum(is_true(pod, gate.get("conditionType", "")) for gate in gates)
    return f"{passed}/{len(gates)}" if gates else NONE


class _Restarts:
    """How often containers restarted and when the last one did."""

    def __init__(self) -> None:
        self.count = 0
        self.last = ""

    def add(self, status: Obj) -> None:
        self.count += status.get("restartCount", 0)
        finished = at(status, "lastState.terminated.finishedAt", "")
        self.last = max(self.last, finished)

    def text(self, now: datetime) -> str:
        return f"{self.count} ({age(self.last, now)} ago)" if self.count and self.last else str(self.count)


def summary(pod: Obj, now: datetime) -> tuple[int, int, str, str]:
    """Ready containers, all containers, the STATUS text, the RESTARTS text."""
    init = at(pod, "spec.initContainers", ())
    sidecars = {container["name"] for container in init if container.get("restartPolicy") == "Always"}
    total = len(at(pod, "spec.containers", ())) + len(sidecars)
    reason = _first_reason(pod)
    failed, ready, all_restarts, sidecar_restarts = _init(pod, sidecars, len(init))
    restarts = all_restarts
    if failed is None or is_true(pod, "Initialized"):
        restarts = sidecar_restarts
        running, found = _main(at(pod, "status.containerStatuses", ()), restarts)
        ready += running
        reason = found or failed or reason
        if reason == "Completed" and running:
            reason = "Running" if is_true(pod, "Ready") else "NotReady"
    else:
        reason = failed
    return ready, total, _deleting(pod, reason), restarts.text(now)


def _first_reason(pod: Obj) -> str:
    scheduled = condition(pod, "PodScheduled") or {}
    if scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return str(at(pod, "status.reason") or at(pod, "status.phase", ""))


def _deleting(pod: Obj, reason: str) -> str:
    if not at(pod, "metadata.deletionTimestamp"):
        return reason
    if at(pod, "status.reason") == "NodeLost":
        return "Unknown"
    return reason if at(pod, "status.phase") in _TERMINAL else "Terminating"


def _init(pod: Obj, sidecars: set[str], count: int) -> tuple[str | None, int, _Restarts, _Restarts]:
    """What holds initialization up, if anything does; ready sidecars; restarts of all and of sidecars."""
    ready, restarts, sidecar_restarts = 0, _Restarts(), _Restarts()
    for index, status in enumerate(at(pod, "status.initContainerStatuses", ())):
        restarts.add(status)
        is_sidecar = status.get("name") in sidecars
        if is_sidecar:
            sidecar_restarts.add(status)
        terminated = at(status, "state.terminated")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if is_sidecar and status.get("started"):
            ready += bool(status.get("ready"))
            continue
        waiting = at(status, "state.waiting.reason", "")
        if terminated is not None:
            return "Init:" + _terminated(terminated), ready, restarts, sidecar_restarts
        if waiting and waiting != "PodInitializing":
            return "Init:" + waiting, ready, restarts, sidecar_restarts
        return f"Init:{index}/{count}", ready, restarts, sidecar_restarts
    return None, ready, restarts, sidecar_restarts


def _main(statuses: Sequence[Obj], restarts: _Restarts) -> tuple[int, str]:
    """How many containers run and are ready; the first container's reason for not running, "" if all run."""
    running, reason = 0, ""
    for status in reversed(statuses):
        restarts.add(status)
        waiting, terminated = at(status, "state.waiting.reason", ""), at(status, "state.terminated")
        if waiting:
            reason = waiting
        elif terminated is not None:
            reason = _terminated(terminated)
        elif status.get("ready") and at(status, "state.running") is not None:
            running += 1
    return running, reason


def _terminated(state: Obj) -> str:
    if state.get("reason"):
        return str(state["reason"])
    return f"Signal:{state['signal']}" if state.get("signal") else f"ExitCode:{state.get('exitCode', 0)}"
