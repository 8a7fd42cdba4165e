"""A pod's status from what the kubelet knows: a plain function.

Models pkg/kubelet/kubelet_pods.go and pkg/kubelet/status.
"""

from collections.abc import Sequence
from datetime import datetime

from kube_nb.api.qos import qos_class
from kube_nb.cri.runtime import ContainerState, ContainerStatus
from kube_nb.kubelet import actions, resizing, resources
from kube_nb.kubelet.record import Instances, PodRecord
from kube_nb.machinery import objects
from kube_nb.machinery.types import Obj

_READY_TO_START = "PodReadyToStartContainers"


def time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")[:19] + "Z"


def pod_status(record: PodRecord, *, runtime: str, host_ip: str, old: Obj, now: str) -> Obj:
    """The whole status as it should be in the API; `old` gives the conditions' transition times and what others own."""
    pod = record.pod
    # While init containers have yet to end, those that wait for them say PodInitializing, init containers too.
    init = [_container(record, c, runtime, initializing=True) for c in pod["spec"].get("initContainers") or ()]
    main = [_container(record, c, runtime, initializing=bool(init)) for c in pod["spec"].get("containers") or ()]
    extra = [_container(record, c, runtime, initializing=False) for c in pod["spec"].get("ephemeralContainers") or ()]
    phase = _phase(record, init, main)
    if phase in ("Succeeded", "Failed") and record.living():
        phase = "Running"  # a pod's end is told only when all of its containers have ended
    status: Obj = {"observedGeneration": objects.generation(pod) or 1, "phase": phase}
    status["conditions"] = _conditions(record, phase, init, main, old, now)
    if record.verdict is not None:
        status["reason"], status["message"] = record.verdict.reason, record.verdict.message
    status["hostIP"], status["hostIPs"] = host_ip, [{"ip": host_ip}]
    if record.ips:
        status["podIP"], status["podIPs"] = record.ips[0], [{"ip": ip} for ip in record.ips]
    status["startTime"] = record.start_time
    if init:
        status["initContainerStatuses"] = init
    status["containerStatuses"] = main
    if extra:
        status["ephemeralContainerStatuses"] = extra
    status["qosClass"] = qos_class(pod["spec"])
    return status


# -- containers --------------------------------------------------------------------------------------------------


def _container(record: PodRecord, spec: Obj, runtime: str, *, initializing: bool) -> Obj:
    instances = record.containers.get(spec["name"]) or Instances()
    latest = instances.latest
    status: Obj = {
        "name": spec["name"],
        "state": _state(record, instances, runtime, initializing=initializing),
        "lastState": _last_state(instances, runtime),
        "ready": _ready(record, spec, instances),
        "restartCount": latest.attempt if latest else 0,
        "image": latest.image if latest else spec["image"],
        "imageID": latest.image_ref if latest else "",
    }
    if latest is not None:
        status["containerID"] = f"{runtime}://{latest.id}"
    status["started"] = instances.running and instances.started
    given = record.at_allocation(spec).get("resources") or {}
    if latest is not None and given.get("requests"):
        status["allocatedResources"] = given["requests"]
    if latest is not None:
        actual = instances.resources if record.allocated and spec["name"] in record.allocated else given
        status["resources"] = {key: actual[key] for key in ("limits", "requests") if actual.get(key)}
        user, group = latest.user
        mounts = [_mount(mount) for mount in spec.get("volumeMounts") or ()]
        if mounts:
            status["volumeMounts"] = mounts
        status["user"] = {"linux": {"uid": user, "gid": group, "supplementalGroups": [group]}}
    return status


def _mount(mount: Obj) -> Obj:
    shown: Obj = {"mountPath": mount["mountPath"], "name": mount["name"]}
    if mount.get("readOnly"):
        shown |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return shown


def _ready(record: PodRecord, spec: Obj, instances: Instances) -> bool:
    is_init = any(spec is container for container in record.pod["spec"].get("initContainers") or ())
    if is_init and not resources.is_sidecar(spec):
        return instances.exited and instances.statuses[-1].exit_code == 0
    return instances.running and instances.started and instances.ready


def _state(record: PodRecord, instances: Instances, runtime: str, *, initializing: bool) -> Obj:
    latest = instances.latest
    if latest is not None and latest.state is ContainerState.RUNNING:
        return {"running": {"startedAt": time(latest.started_at)}}
    if instances.waiting is not None and not record.terminal:
        reason, message = instances.waiting
        return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}
    if latest is not None and latest.state is ContainerState.EXITED:
        return {"terminated": _terminated(latest, runtime)}
    return {"waiting": {"reason": "PodInitializing" if initializing else "ContainerCreating"}}


def _terminated(status: ContainerStatus, runtime: str) -> Obj:
    found: Obj = {"exitCode": status.exit_code}
    if status.signal:
        found["signal"] = status.signal
    found["reason"] = status.reason
    if status.message:
        found["message"] = status.message
    found["startedAt"] = time(status.started_at) or "1970-01-01T00:00:00Z"
    found["finishedAt"] = time(status.finished_at)
    found["containerID"] = f"{runtime}://{status.id}"
    return found


def _last_state(instances: Instances, runtime: str) -> Obj:
    """The instance before the present one; a waiting container's last one is its newest."""
    latest = instances.latest
    if latest is None:
        return {}
    if latest.state is ContainerState.EXITED and instances.waiting is not None:
        return {"terminated": _terminated(latest, runtime)}
    if len(instances.statuses) > 1:
        return {"terminated": _terminated(instances.statuses[-2], runtime)}
    return {}


# -- phase and conditions ----------------------------------------------------------------------------------------


def _phase(record: PodRecord, init: Sequence[Obj], main: Sequence[Obj]) -> str:
    """Models getPhase."""
    if record.verdict is not None:
        return "Failed"
    policy = record.pod["spec"].get("restartPolicy", "Always")
    pending_init = failed_init = 0
    for spec, status in zip(record.pod["spec"].get("initContainers") or (), init, strict=True):
        terminated = status["state"].get("terminated")
        if resources.is_sidecar(spec):
            pending_init += not status["started"] and not record.initialized
        elif terminated is not None and terminated["exitCode"]:
            failed_init += not actions.restarts(record.pod, spec, record.instances(spec["name"]).statuses[-1])
            pending_init += 1
        elif terminated is None and not record.initialized:
            pending_init += 1
    if failed_init:
        return "Failed"
    counts = {"running": 0, "waiting": 0, "stopped": 0, "succeeded": 0}
    for status in main:
        state = status["state"]
        if "running" in state:
            counts["running"] += 1
        elif "terminated" in state:
            counts["stopped"] += 1
            counts["succeeded"] += state["terminated"]["exitCode"] == 0
        else:
            counts["stopped" if "terminated" in status["lastState"] else "waiting"] += 1
    if record.terminal and not counts["running"]:
        all_well = counts["stopped"] and counts["stopped"] == counts["succeeded"] == len(main)
        return "Succeeded" if all_well else "Failed"
    if pending_init or counts["waiting"]:
        return "Pending"
    if counts["running"] or policy == "Always":
        return "Running"
    if counts["stopped"] == counts["succeeded"]:
        return "Succeeded"
    return "Running" if policy == "OnFailure" else "Failed"


def _conditions(
    record: PodRecord, phase: str, init: Sequence[Obj], main: Sequence[Obj], old: Obj, now: str
) -> list[Obj]:
    ended = phase in ("Succeeded", "Failed")
    started = bool(record.sandbox_id and record.ips)
    wanted = [
        (_READY_TO_START, started, "", ""),
        ("Initialized", *_initialized(record, phase, init)),
    ]
    containers = _containers_ready(phase, init, main, record)
    wanted.append(("Ready", *_pod_ready(record, containers, old)))
    wanted.append(("ContainersReady", *containers))
    wanted.append(("PodScheduled", True, "", ""))
    if ended:
        wanted[0] = (_READY_TO_START, started and bool(record.living()), "", "")
    rows = [_row(record, *row, old, now) for row in wanted]
    for row in resizing.conditions(record):
        before = objects.find_condition(old.get("conditions") or (), row["type"])
        since = before["lastTransitionTime"] if before else now
        rows.append({**row, "lastProbeTime": None, "lastTransitionTime": since})
    own = {*(row["type"] for row in rows), *resizing.CONDITIONS}
    return rows + [row for row in old.get("conditions") or () if row["type"] not in own]


def _row(record: PodRecord, type: str, value: bool, reason: str, message: str, old: Obj, now: str) -> Obj:
    text = "True" if value else "False"
    before = objects.find_condition(old.get("conditions") or (), type)
    row: Obj = {
        "type": type,
        "observedGeneration": objects.generation(record.pod) or 1,
        "status": text,
        "lastProbeTime": None,
        "lastTransitionTime": before["lastTransitionTime"] if before and before["status"] == text else now,
    }
    if reason:
        row["reason"] = reason
    if message:
        row["message"] = message
    return row


def _initialized(record: PodRecord, phase: str, init: Sequence[Obj]) -> tuple[bool, str, str]:
    if record.initialized:
        return True, ("PodCompleted" if phase == "Succeeded" else ""), ""
    waiting = []
    for spec, status in zip(record.pod["spec"].get("initContainers") or (), init, strict=True):
        through = status["started"] if resources.is_sidecar(spec) else status["ready"]
        if not through:
            waiting.append(status["name"])
    if not waiting:
        return True, ("PodCompleted" if phase == "Succeeded" else ""), ""
    return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]"


def _containers_ready(phase: str, init: Sequence[Obj], main: Sequence[Obj], record: PodRecord) -> tuple[bool, str, str]:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    sidecars = set(record.sidecars())
    unready = [s["name"] for s in (*init, *main) if not s["ready"] and (s in main or s["name"] in sidecars)]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return True, "", ""


def _pod_ready(record: PodRecord, containers: tuple[bool, str, str], old: Obj) -> tuple[bool, str, str]:
    if not containers[0]:
        return containers
    missing = []
    for gate in record.pod["spec"].get("readinessGates") or ():
        type = gate["conditionType"]
        condition = objects.find_condition(old.get("conditions") or (), type)
        if condition is None:
            missing.append(f'corresponding condition of pod readiness gate "{type}" does not exist.')
        elif condition["status"] != "True":
            missing.append(f'the status of pod readiness gate "{type}" is not "True", but {condition["status"]}')
    if missing:
        return False, "ReadinessGatesNotReady", ", ".join(missing)
    return True, "", ""
