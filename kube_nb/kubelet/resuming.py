"""Pods that ran before this node's machine was there: they go on as their objects say, and no object changes for it.

That is how the nodes of a forked cluster, or of one that was down for a while, take up their pods: the same instances
with the same ids, addresses, restart counts and start times, so a history goes on without a step that nobody asked for.
Differs: upstream has no counterpart (a virtual machine's snapshot comes closest). The programs themselves cannot be
carried over: they begin from their start, with empty logs and fresh emptyDir volumes.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from kube_nb.cri.files import File
from kube_nb.cri.runtime import ContainerState, ContainerStatus, RuntimeFailure
from kube_nb.kubelet import containers, resources
from kube_nb.kubelet.backoff import CAP_S, FIRST_S
from kube_nb.kubelet.environment import ConfigFault
from kube_nb.kubelet.probes import Probes
from kube_nb.kubelet.record import Instances, PodRecord
from kube_nb.kubelet.starting import CRASH_LOOP, Shared
from kube_nb.machinery import objects, times
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.types import Obj

_FIELDS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def times_of(record: PodRecord, clock: Clock) -> None:
    """A pod keeps the start time that its object has."""
    started = (record.pod.get("status") or {}).get("startTime")
    if started and not record.start_time:
        record.start_time = started
        record.start_s = clock.time() - times.seconds_since(started, clock.now())


def prepare(record: PodRecord) -> None:
    """Mark a pod that has had an address, and with it a sandbox: it gets both again (`containers_of`)."""
    status = record.pod.get("status") or {}
    if status.get("podIP") and any(True for _ in _rows(record)):
        record.restored_ip = status["podIP"]
        record.initialized = objects.is_condition_true(record.pod, "Initialized")


async def containers_of(record: PodRecord, shared: Shared, probes: Probes) -> None:
    """Have every container of the new sandbox as the pod's status says; what cannot be is started the usual way."""
    for row in _rows(record):
        try:
            await _container(record, row, shared, probes)
        except (ConfigFault, RuntimeFailure):
            record.containers.pop(row["name"], None)


def _rows(record: PodRecord) -> Iterator[Obj]:
    """The statuses of the containers that have had an instance."""
    status = record.pod.get("status") or {}
    for field in _FIELDS:
        yield from (row for row in status.get(field) or () if row.get("containerID"))


async def _container(record: PodRecord, row: Obj, shared: Shared, probes: Probes) -> None:
    instances, spec = record.instances(row["name"]), record.spec(row["name"])
    instances.image = spec["image"]
    instances.resources = record.allocated.get(spec["name"], {})
    state = row.get("state") or {}
    last = (row.get("lastState") or {}).get("terminated")
    if last:
        await _restore(record, row, shared, last, ContainerState.EXITED)
    if "terminated" in state:
        await _restore(record, row, shared, state["terminated"], ContainerState.EXITED)
    elif "running" in state:
        await _restore(record, row, shared, state["running"], ContainerState.RUNNING)
        probes.resume(spec, started=bool(row.get("started")), ready=bool(row.get("ready")))
    elif "waiting" in state:
        instances.waiting = state["waiting"].get("reason", ""), state["waiting"].get("message", "")
    _back_off(instances, row["restartCount"], shared.clock)


async def _restore(record: PodRecord, row: Obj, shared: Shared, state: Obj, kind: ContainerState) -> None:
    """One instance, kept by the runtime and by the record."""
    spec = record.spec(row["name"])
    before = "running" in (row.get("state") or {}) and kind is ContainerState.EXITED
    attempt = row["restartCount"] - before
    user = ((row.get("user") or {}).get("linux")) or {}
    status = ContainerStatus(
        str(state.get("containerID") or row["containerID"]).rpartition("//")[2],
        row["name"],
        attempt,
        row["image"],
        row.get("imageID", ""),
        resources.for_runtime(spec),
        _moment(state.get("startedAt")),
        kind,
        _moment(state.get("startedAt")),
        _moment(state["finishedAt"]) if state.get("finishedAt") else None,
        state.get("exitCode", 0),
        state.get("signal", 0),
        state.get("reason", ""),
        state.get("message", ""),
        (user.get("uid", 0), user.get("gid", 0)),
    )
    services = shared.services(record.pod)
    config = await containers.container(record, spec, shared.config, services, shared.fetch, File())
    await shared.runtime.restore_container(record.sandbox_id, replace(config, attempt=attempt), status)
    record.instances(row["name"]).statuses.append(status)


def _back_off(instances: Instances, restarts: int, clock: Clock) -> None:
    """The delay that so many restarts have led to. Differs: quiet times between them are not known any more."""
    latest = instances.latest
    if not restarts or latest is None:
        return
    instances.backoff.delay_s = min(FIRST_S * 2.0 ** min(restarts - 1, 30), CAP_S)
    began_at = latest.started_at or latest.created_at
    instances.backoff.updated_s = clock.time() - (clock.now() - began_at).total_seconds()
    if instances.waiting is not None and instances.waiting[0] == CRASH_LOOP and latest.finished_at is not None:
        ended_s = clock.time() - (clock.now() - latest.finished_at).total_seconds()
        instances.retry_s = ended_s + instances.backoff.delay_s


def _moment(text: str | None) -> datetime:
    return times.parse(text) if text else datetime.fromtimestamp(0, UTC)
