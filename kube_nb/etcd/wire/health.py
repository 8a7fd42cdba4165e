"""How a member does, for probes and for Prometheus: `/version`, `/health`, `/livez`, `/readyz`, `/metrics`.

Models server/etcdserver/api/etcdhttp/{health,version,metrics}.go. Differs: of the metrics those that say something of
the store, the cluster and the calls; none of Go's runtime.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kube_nb.etcd import VERSION
from kube_nb.etcd.backend import AlarmType
from kube_nb.etcd.errors import Code, EtcdError
from kube_nb.etcd.process import resident_bytes
from kube_nb.etcd.wire.service import Served

Query = Mapping[str, Sequence[str]]
_TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


class Told(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class CheckFailed(Exception):
    """Why a check does not pass."""


class Health:
    """One member's. handled: how many calls ended, by (path, code); told by `/metrics`."""

    def __init__(self, member: Served, handled: Mapping[tuple[bytes, int], int]) -> None:
        self._member = member
        self._handled = handled
        self._checks: dict[str, dict[str, Callable[[], Awaitable[None]]]] = {
            "livez": {"serializable_read": self._serializable_read},
            "readyz": {
                "data_corruption": self._data_corruption,
                "serializable_read": self._serializable_read,
                "linearizable_read": self._linearizable_read,
                "non_learner": self._non_learner,
            },
        }

    async def answer(self, method: str, path: str, query: Query) -> Told:
        root, _, name = path.strip("/").partition("/")
        known = self._checks.get(root, {})
        if path not in ("/version", "/health", "/metrics") and not (known and (not name or name in known)):
            return Told(404, _TEXT, b"404 page not found\n")
        if method not in ("GET", "HEAD") or (method == "HEAD" and path not in ("/version", "/metrics")):
            return Told(405, {"Allow": "GET", **_TEXT}, b"Method Not Allowed\n")
        if path == "/version":
            told = {"etcdserver": VERSION, "etcdcluster": VERSION, "storage": VERSION}
            return Told(200, {"Content-Type": "application/json"}, _json(told))
        if path == "/health":
            return await self._health(query)
        if path == "/metrics":
            text = "".join([line async for line in self._metrics()])
            return Told(200, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}, text.encode())
        return await self._run({name: known[name]} if name else known, query)

    # -- /health -------------------------------------------------------------------------------------------------

    async def _health(self, query: Query) -> Told:
        reason = await self._unhealthy(query)
        body = _json({"health": "false" if reason else "true", "reason": reason})
        if reason:
            return Told(503, _TEXT, body + b"\n")
        return Told(200, {"Content-Type": "text/plain; charset=utf-8"}, body)

    async def _unhealthy(self, query: Query) -> str:
        """Why not; empty if all is well. serializable=true asks this member only."""
        serializable = query.get("serializable", [""])[0] == "true"
        for alarm in await self._alarms():
            if alarm.name not in query.get("exclude", ()):
                return f"ALARM {alarm.name}"
        try:
            if not serializable and not self._member.has_leader:
                return "RAFT NO LEADER"
            await self._read(serializable)
        except EtcdError as error:
            return f"RANGE ERROR:{error}"
        return ""

    async def _alarms(self) -> list[AlarmType]:
        try:
            return [alarm.type for alarm in await self._member.alarms()]
        except EtcdError:  # who cannot tell will fail the read that follows
            return []

    async def _read(self, serializable: bool) -> None:
        await self._member.range(b"\0", b"\0", keys_only=True, limit=1, serializable=serializable)

    # -- /livez and /readyz --------------------------------------------------------------------------------------

    async def _run(self, checks: Mapping[str, Callable[[], Awaitable[None]]], query: Query) -> Told:
        lines, failed = [], False
        for name, check in checks.items():
            if name in query.get("exclude", ()):
                continue
            try:
                await check()
            except (EtcdError, CheckFailed) as error:
                failed = True
                lines.append(f"[-]{name} failed: {error}\n")
            else:
                lines.append(f"[+]{name} ok\n")
        told = "".join(lines)
        if failed:
            return Told(503, _TEXT, told.encode() + b"\n")
        return Told(200, _TEXT, ((told if "verbose" in query else "") + "ok\n").encode())

    async def _serializable_read(self) -> None:
        await self._read(True)

    async def _linearizable_read(self) -> None:
        await self._read(False)

    async def _data_corruption(self) -> None:
        if AlarmType.CORRUPT in await self._alarms():
            raise CheckFailed("alarm activated: CORRUPT")

    async def _non_learner(self) -> None:
        if (await self._member.status()).is_learner:
            raise CheckFailed("not supported for learner")

    # -- /metrics ------------------------------------------------------------------------------------------------

    async def _metrics(self) -> AsyncIterator[str]:
        status, store = await self._member.status(), self._member.store
        minor = VERSION.rpartition(".")[0]
        values: list[tuple[str, str, str, str, float]] = [
            ("etcd_cluster_version", "gauge", "Which version is running.", f'{{cluster_version="{minor}"}}', 1),
            ("etcd_server_version", "gauge", "Which version is running.", f'{{server_version="{VERSION}"}}', 1),
            ("etcd_server_id", "gauge", "Server or member ID.", f'{{server_id="{status.member_id:x}"}}', 1),
            ("etcd_server_has_leader", "gauge", "Whether or not a leader exists.", "", bool(status.leader)),
            ("etcd_server_is_leader", "gauge", "Whether this member leads.", "", status.leader == status.member_id),
            ("etcd_server_is_learner", "gauge", "Whether this member is a learner.", "", status.is_learner),
            ("etcd_server_proposals_committed_total", "gauge", "Proposals committed.", "", status.raft_index),
            ("etcd_server_proposals_applied_total", "gauge", "Proposals applied.", "", status.raft_applied_index),
            ("etcd_server_quota_backend_bytes", "gauge", "The quota, 0 is none.", "", store.quota_bytes),
            ("etcd_mvcc_db_total_size_in_bytes", "gauge", "Size of the store.", "", status.db_size_bytes),
            ("etcd_mvcc_db_total_size_in_use_in_bytes", "gauge", "Size in use.", "", status.db_size_in_use_bytes),
            ("etcd_debugging_mvcc_keys_total", "gauge", "Number of keys.", "", len(store.history.keys)),
            ("etcd_debugging_mvcc_current_revision", "gauge", "The current revision.", "", store.revision),
            ("etcd_debugging_mvcc_compact_revision", "gauge", "The compacted revision.", "", store.compact_revision),
            ("etcd_debugging_mvcc_watcher_total", "gauge", "Number of watchers.", "", len(store.audience)),
            ("etcd_debugging_lease_granted_total", "gauge", "Number of leases.", "", len(store.leases.ids())),
        ]
        if taken := resident_bytes():
            values.append(("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", "", taken))
        for name, kind, text, labels, value in values:
            yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n{name}{labels} {int(value)}\n"
        for line in self._calls():
            yield line

    def _calls(self) -> Iterator[str]:
        name = "grpc_server_handled_total"
        yield f"# HELP {name} Total number of RPCs completed on the server.\n# TYPE {name} counter\n"
        for (path, code), count in sorted(self._handled.items()):
            service, _, method = path.decode().strip("/").partition("/")
            title = Code(code).title if code else "OK"
            yield f'{name}{{grpc_code="{title}",grpc_method="{method}",grpc_service="{service}"}} {count}\n'


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
