"""``-w json``: the response as Go's encoding/json writes etcd's messages. Models printer_json.go."""

from collections.abc import Callable
from typing import Any, ClassVar

from kube_nb.etcd.backend import (
    DeleteRangeResult,
    KeyValue,
    LeaseGrantResult,
    Member,
    OpResult,
    PutResult,
    RangeResult,
    StatusResult,
    TxnResult,
    WatchBatch,
)
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.printers.printer import Context, Printer


class JsonPrinter(Printer):
    """What programs read."""

    name: ClassVar[str] = "json"
    needs_header: ClassVar[bool] = True


def _without_zeros(value: dict[str, Any]) -> dict[str, Any]:
    """What ``omitempty`` leaves."""
    return {name: field for name, field in value.items() if field not in (0, "", b"", False, None, [], ())}


def header(context: Context, revision: int) -> dict[str, Any]:
    status: StatusResult | None = context.get("status")
    ids = (status.cluster_id, status.member_id, status.raft_term) if status else (0, 0, 0)
    fields = {"cluster_id": ids[0], "member_id": ids[1], "revision": revision, "raft_term": ids[2]}
    return _without_zeros(fields)


def _kv(kv: KeyValue) -> dict[str, Any]:
    fields = {
        "key": kv.key,
        "create_revision": kv.create_revision,
        "mod_revision": kv.mod_revision,
        "version": kv.version,
        "value": kv.value,
        "lease": kv.lease,
    }
    return _without_zeros(fields)


def _range(response: RangeResult, context: Context) -> dict[str, Any]:
    kvs = [_kv(kv) for kv in response.kvs]
    rest = _without_zeros({"kvs": kvs, "more": response.more, "count": response.count})
    return {"header": header(context, response.revision), **rest}


def _put(response: PutResult, context: Context) -> dict[str, Any]:
    previous = {} if response.prev_kv is None else {"prev_kv": _kv(response.prev_kv)}
    return {"header": header(context, response.revision), **previous}


def _delete(response: DeleteRangeResult, context: Context) -> dict[str, Any]:
    rest = _without_zeros({"deleted": response.deleted, "prev_kvs": [_kv(kv) for kv in response.prev_kvs]})
    return {"header": header(context, response.revision), **rest}


_OPS: dict[type, tuple[str, Callable[[Any, Context], dict[str, Any]]]] = {
    RangeResult: ("ResponseRange", _range),
    PutResult: ("ResponsePut", _put),
    DeleteRangeResult: ("ResponseDeleteRange", _delete),
}


def _op(response: OpResult) -> dict[str, Any]:
    name, function = _OPS[type(response)]
    return {"Response": {name: function(response, {})}}


def _txn(response: TxnResult, context: Context) -> dict[str, Any]:
    subs = [_op(sub) for sub in response.responses]
    rest = _without_zeros({"succeeded": response.succeeded, "responses": subs})
    return {"header": header(context, response.revision), **rest}


def _watch(response: WatchBatch, context: Context) -> dict[str, Any]:
    events = []
    for event in response.events:
        previous = None if event.prev_kv is None else _kv(event.prev_kv)
        events.append(_without_zeros({"type": int(event.type), "kv": _kv(event.kv), "prev_kv": previous}))
    return {
        "Header": header(context, response.revision),
        "Events": events,
        "CompactRevision": 0,
        "Canceled": False,
        "Created": False,
    }


def _grant(response: LeaseGrantResult, context: Context) -> dict[str, Any]:
    return {**header(context, response.revision), "ID": response.id, "TTL": response.ttl_s, "Error": ""}


def _revoked(response: printer.Revoked, context: Context) -> dict[str, Any]:
    return {"header": header(context, response.revision)}


def _kept_alive(response: printer.KeptAlive, context: Context) -> dict[str, Any]:
    return {**header(context, response.revision), "ID": response.id, "TTL": response.ttl_s}


def _time_to_live(response: printer.TimeToLive, context: Context) -> dict[str, Any]:
    result = response.result
    rest = {"id": result.id, "ttl": result.ttl_s, "granted-ttl": result.granted_ttl_s, "keys": result.keys or None}
    return {**header(context, result.revision), **rest}


def _leases(response: printer.LeaseIds, context: Context) -> dict[str, Any]:
    return {**header(context, response.revision), "leases": [{"id": id} for id in response.ids]}


def _member(member: Member) -> dict[str, Any]:
    fields = {"ID": member.id, "name": member.name, "peerURLs": member.peer_urls, "clientURLs": member.client_urls}
    return _without_zeros({**fields, "isLearner": member.is_learner})


def _members(response: printer.MemberList, context: Context) -> dict[str, Any]:
    return {"header": header(context, 0), "members": [_member(member) for member in response.members]}


def _status(response: printer.EndpointStatus, context: Context) -> list[dict[str, Any]]:
    return [{"Endpoint": endpoint, "Status": _one_status(status)} for endpoint, status in response.endpoints]


def _one_status(status: StatusResult) -> dict[str, Any]:
    fields = {
        "version": status.version,
        "dbSize": status.db_size_bytes,
        "leader": status.leader,
        "raftIndex": status.raft_index,
        "raftTerm": status.raft_term,
        "raftAppliedIndex": status.raft_applied_index,
        "errors": list(status.errors),
        "dbSizeInUse": status.db_size_in_use_bytes,
        "isLearner": status.is_learner,
    }
    return {"header": header({"status": status}, status.revision), **_without_zeros(fields)}


def _health(response: printer.EndpointHealth, context: Context) -> list[dict[str, Any]]:
    return [
        {"endpoint": endpoint, "health": not error, "took": took, **({"error": error} if error else {})}
        for endpoint, took, error in response.endpoints
    ]


def _hash_kv(response: printer.EndpointHashKv, context: Context) -> list[dict[str, Any]]:
    found = []
    for endpoint, result in response.endpoints:
        rest = _without_zeros({"hash": result.hash, "compact_revision": result.compact_revision})
        found.append({"Endpoint": endpoint, "HashKV": {"header": header(context, result.revision), **rest}})
    return found


def _alarms(response: printer.Alarms, context: Context) -> dict[str, Any]:
    found = [{"memberID": alarm.member_id, "alarm": int(alarm.type)} for alarm in response.alarms]
    return _without_zeros({"alarms": found})


def _member_change(response: printer.MemberChange, context: Context) -> dict[str, Any]:
    members = [_member(member) for member in response.members]
    return {"header": header(context, 0), **_without_zeros({"members": members})}


def _snapshot(response: printer.SnapshotStatus, context: Context) -> dict[str, Any]:
    names = ("hash", "revision", "totalKey", "totalSize")
    return dict(zip(names, response, strict=True))


def _show(function: Any) -> Any:
    return lambda p, response, context: golang.to_json(function(response, context)) + "\n"


JsonPrinter.SHOWS = {
    RangeResult: _show(_range),
    PutResult: _show(_put),
    DeleteRangeResult: _show(_delete),
    TxnResult: _show(_txn),
    WatchBatch: _show(_watch),
    LeaseGrantResult: _show(_grant),
    printer.Revoked: _show(_revoked),
    printer.KeptAlive: _show(_kept_alive),
    printer.TimeToLive: _show(_time_to_live),
    printer.LeaseIds: _show(_leases),
    printer.MemberList: _show(_members),
    printer.EndpointStatus: _show(_status),
    printer.EndpointHealth: _show(_health),
    printer.EndpointHashKv: _show(_hash_kv),
    printer.Alarms: _show(_alarms),
    printer.AuthText: _show(
        lambda response, context: {"header": header(context, context["status"].revision), **response.fields}
    ),
    printer.MemberChange: _show(_member_change),
    printer.SnapshotStatus: _show(_snapshot),
}
