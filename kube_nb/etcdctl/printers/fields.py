"""``-w fields``: every field of the response a line. Models etcdctl/ctlv3/command/printer_fields.go."""

from typing import Any, ClassVar

from kube_nb.etcd.backend import (
    DeleteRangeResult,
    KeyValue,
    LeaseGrantResult,
    PutResult,
    RangeResult,
    StatusResult,
    TxnResult,
    WatchBatch,
)
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.printers.printer import Context, Printer


class FieldsPrinter(Printer):
    """What programs without a JSON parser read."""

    name: ClassVar[str] = "fields"
    needs_header: ClassVar[bool] = True


def line(name: str, value: object) -> str:
    shown = ("true" if value else "false") if isinstance(value, bool) else value
    return f'"{name}" : {shown}\n'


def header(context: Context, revision: int) -> str:
    status: StatusResult | None = context.get("status")
    cluster, member, term = (status.cluster_id, status.member_id, status.raft_term) if status else (0, 0, 0)
    return line("ClusterID", cluster) + line("MemberID", member) + line("Revision", revision) + line("RaftTerm", term)


def _kv(kv: KeyValue, prefix: str = "") -> str:
    return (
        line(f"{prefix}Key", golang.quote(kv.key))
        + line(f"{prefix}CreateRevision", kv.create_revision)
        + line(f"{prefix}ModRevision", kv.mod_revision)
        + line(f"{prefix}Version", kv.version)
        + line(f"{prefix}Value", golang.quote(kv.value))
        + line(f"{prefix}Lease", kv.lease)
    )


def _range(p: FieldsPrinter, response: RangeResult, context: Context) -> str:
    body = "".join(map(_kv, response.kvs))
    return header(context, response.revision) + body + line("More", response.more) + line("Count", response.count)


def _put(p: FieldsPrinter, response: PutResult, context: Context) -> str:
    return header(context, response.revision) + (_kv(response.prev_kv, "Prev") if response.prev_kv else "")


def _delete(p: FieldsPrinter, response: DeleteRangeResult, context: Context) -> str:
    previous = "".join(_kv(kv, "Prev") for kv in response.prev_kvs)
    return header(context, response.revision) + line("Deleted", response.deleted) + previous


def _txn(p: FieldsPrinter, response: TxnResult, context: Context) -> str:
    subs = "".join(p.show(sub, {}) for sub in response.responses)
    return header(context, response.revision) + line("Succeeded", response.succeeded) + subs


def _watch(p: FieldsPrinter, response: WatchBatch, context: Context) -> str:
    lines = [header(context, response.revision)]
    for event in response.events:
        lines.append(line("Type", event.type.name))
        if event.prev_kv is not None:
            lines.append(_kv(event.prev_kv, "Prev"))
        lines.append(_kv(event.kv))
    return "".join(lines)


def _grant(p: FieldsPrinter, response: LeaseGrantResult, context: Context) -> str:
    return header(context, response.revision) + line("ID", response.id) + line("TTL", response.ttl_s)


def _revoked(p: FieldsPrinter, response: printer.Revoked, context: Context) -> str:
    return header(context, response.revision)


def _kept_alive(p: FieldsPrinter, response: printer.KeptAlive, context: Context) -> str:
    return header(context, response.revision) + line("ID", response.id) + line("TTL", response.ttl_s)


def _time_to_live(p: FieldsPrinter, response: printer.TimeToLive, context: Context) -> str:
    result = response.result
    lines = header(context, result.revision) + line("ID", result.id) + line("TTL", result.ttl_s)
    keys = "".join(line("Key", golang.quote(key)) for key in result.keys)
    return lines + line("GrantedTTL", result.granted_ttl_s) + keys


def _leases(p: FieldsPrinter, response: printer.LeaseIds, context: Context) -> str:
    return header(context, response.revision) + "".join(line("ID", id) for id in response.ids)


def _members(p: FieldsPrinter, response: printer.MemberList, context: Context) -> str:
    lines = [header(context, 0)]
    for member in response.members:
        lines += [line("ID", member.id), line("Name", golang.quote(member.name))]
        lines += [line("PeerURL", golang.quote(url)) for url in member.peer_urls]
        lines += [line("ClientURL", golang.quote(url)) for url in member.client_urls]
        lines += [line("IsLearner", member.is_learner), "\n"]
    return "".join(lines)


def _status(p: FieldsPrinter, response: printer.EndpointStatus, context: Context) -> str:
    return "".join(_endpoint(endpoint, status) for endpoint, status in response.endpoints)


def _endpoint(endpoint: str, status: StatusResult) -> str:
    rows: list[tuple[str, Any]] = [
        ("Version", golang.quote(status.version)),
        ("DBSize", status.db_size_bytes),
        ("Leader", status.leader),
        ("IsLearner", status.is_learner),
        ("RaftIndex", status.raft_index),
        ("RaftTerm", status.raft_term),
        ("RaftAppliedIndex", status.raft_applied_index),
        ("Errors", f"[{' '.join(map(golang.quote, status.errors))}]"),
        ("Endpoint", golang.quote(endpoint)),
    ]
    return header({"status": status}, status.revision) + "".join(line(*row) for row in rows) + "\n"


def _health(p: FieldsPrinter, response: printer.EndpointHealth, context: Context) -> str:
    return "".join(
        line("Endpoint", golang.quote(endpoint))
        + line("Health", not error)
        + line("Took", took)
        + line("Error", error)
        + "\n"
        for endpoint, took, error in response.endpoints
    )


def _hash_kv(p: FieldsPrinter, response: printer.EndpointHashKv, context: Context) -> str:
    return "".join(
        header(context, result.revision) + line("Endpoint", golang.quote(endpoint)) + line("Hash", result.hash) + "\n"
        for endpoint, result in response.endpoints
    )


def _alarms(p: FieldsPrinter, response: printer.Alarms, context: Context) -> str:
    lines = [line("MemberID", alarm.member_id) + line("AlarmType", alarm.type.name) + "\n" for alarm in response.alarms]
    return header({}, 0) + "".join(lines)


def _auth(p: FieldsPrinter, response: printer.AuthText, context: Context) -> str:
    if response.lines is None:
        raise p.unsupported()
    return header(context, context["status"].revision) + "".join(line(*each) for each in response.lines)


def _member_change(p: FieldsPrinter, response: printer.MemberChange, context: Context) -> str:
    if response.what not in ("added to", "removed from"):
        raise p.unsupported()
    return header(context, 0) + line("ID", response.id)


def _snapshot(p: FieldsPrinter, response: printer.SnapshotStatus, context: Context) -> str:
    names = ("Hash", "Revision", "Keys", "Size")
    return "".join(line(name, value) for name, value in zip(names, response, strict=True))


FieldsPrinter.SHOWS = {
    RangeResult: _range,
    PutResult: _put,
    DeleteRangeResult: _delete,
    TxnResult: _txn,
    WatchBatch: _watch,
    LeaseGrantResult: _grant,
    printer.Revoked: _revoked,
    printer.KeptAlive: _kept_alive,
    printer.TimeToLive: _time_to_live,
    printer.LeaseIds: _leases,
    printer.MemberList: _members,
    printer.EndpointStatus: _status,
    printer.EndpointHealth: _health,
    printer.EndpointHashKv: _hash_kv,
    printer.Alarms: _alarms,
    printer.AuthText: _auth,
    printer.MemberChange: _member_change,
    printer.SnapshotStatus: _snapshot,
}
