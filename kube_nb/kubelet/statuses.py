"""Writes pod statuses: one patch for each change, none without. Models pkg/kubelet/status/status_manager.go."""

import logging
from collections.abc import Mapping

from kube_nb.api.resources import PODS
from kube_nb.client import Client, Unreachable
from kube_nb.kubelet import resizing, status
from kube_nb.kubelet.record import PodRecord
from kube_nb.machinery.clock import Clock, periodic_sleep
from kube_nb.machinery.errors import ApiError
from kube_nb.machinery.types import Obj

#: How often statuses that could not be written are tried again.
RETRY_S = 10.0
_ROWS = ("conditions",)

_log = logging.getLogger(__name__)


class Statuses:
    """runtime: the scheme of container ids. Without a client (or a server that answers) statuses wait in memory."""

    def __init__(self, client: Client | None, clock: Clock, runtime: str, host_ip: str) -> None:
        self._client = client
        self._clock = clock
        self._runtime = runtime
        self._host_ip = host_ip
        self._written: dict[str, Obj] = {}
        self._late: dict[str, PodRecord] = {}
        self.writes = 0

    async def run(self) -> None:
        """Try late ones again until cancelled."""
        while True:
            await periodic_sleep(RETRY_S)
            for record in list(self._late.values()):
                await self.report(record)

    def current(self, record: PodRecord) -> Obj:
        """The status as it is now."""
        now = self._clock.timestamp()
        return status.pod_status(record, runtime=self._runtime, host_ip=self._host_ip, old=self._old(record), now=now)

    async def report(self, record: PodRecord) -> None:
        """Write the pod's status if it differs from what was written last."""
        uid = record.mirror_uid if record.static else record.uid
        old = self._old(record)
        new = self.current(record)
        change = _change(old, new)
        if not change:
            self._late.pop(record.uid, None)
            return
        if self._client is None or not uid:
            self._late[record.uid] = record
            return
        patch: Obj = {"metadata": {"uid": uid}, "status": change}
        try:
            await self._client.patch(PODS, record.name, patch, record.namespace, type="strategic", subresource="status")
        except Unreachable:
            self._late[record.uid] = record
            return
        except ApiError as error:
            if error.code not in (404, 409):
                self._late[record.uid] = record
                _log.warning("Failed to update status for pod", extra={"pod": record.full_name, "err": str(error)})
            return
        self.writes += 1
        self._late.pop(record.uid, None)
        self._written[record.uid] = new

    def forget(self, uid: str) -> None:
        self._written.pop(uid, None)
        self._late.pop(uid, None)

    def _old(self, record: PodRecord) -> Obj:
        """What was written last, with the conditions that others own as the API shows them now."""
        shown = {} if record.static else record.pod.get("status") or {}
        written = self._written.get(record.uid)
        if written is None:
            return shown
        rows = {row["type"]: row for row in shown.get("conditions") or ()}
        rows.update({row["type"]: row for row in written["conditions"] if row["type"] in _OWN})
        return {**written, "conditions": list(rows.values())}


_OWN = (
    *("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled", "DisruptionTarget"),
    *resizing.CONDITIONS,
)


def _change(old: Mapping[str, object], new: Obj) -> Obj:
    """The fields that a strategic merge patch must bring; empty if there is none."""
    change: Obj = {key: value for key, value in new.items() if key not in _ROWS and old.get(key) != value}
    for key in ("reason", "message", "podIP"):
        if key in old and key not in new:
            change[key] = None
    before = {row["type"]: row for row in old.get("conditions") or ()}  # type: ignore[attr-defined]  # rows of a status
    rows = [_row(before.get(row["type"]) or {}, row) for row in new["conditions"] if before.get(row["type"]) != row]
    now = {row["type"] for row in new["conditions"]}
    rows += [{"$patch": "delete", "type": type} for type in resizing.CONDITIONS if type in before and type not in now]
    if rows:
        change["conditions"] = rows
    return change


def _row(old: Mapping[str, object], new: Obj) -> Obj:
    """A condition's row as a patch: what it no longer says is removed."""
    return {**new, **{key: None for key in old if key not in new}}
