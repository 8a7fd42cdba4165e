"""``-w simple``: keys and values a line each. Models etcdctl/ctlv3/command/printer_simple.go."""

import contextlib
import json
from collections.abc import Iterable
from typing import ClassVar

from kube_nb.etcd.backend import (
    DeleteRangeResult,
    KeyValue,
    LeaseGrantResult,
    OpResult,
    PutResult,
    RangeResult,
    TxnResult,
    WatchBatch,
)
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.printers.printer import Context, Printer


class SimplePrinter(Printer):
    """What people read."""

    name: ClassVar[str] = "simple"

    def kv(self, kv: KeyValue) -> str:
        key, value = (golang.hexadecimal(kv.key), golang.hexadecimal(kv.value)) if self.is_hex else self._texts(kv)
        return f"{value}\n" if self.value_only else f"{key}\n{value}\n"

    def _texts(self, kv: KeyValue) -> tuple[str, str]:
        value = golang.text(kv.value)
        if self.pretty and value[:1] in ("{", "["):
            with contextlib.suppress(ValueError):  # it only looked like an object
                value = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
        return golang.text(kv.key), value

    def kvs(self, kvs: Iterable[KeyValue]) -> str:
        return "".join(map(self.kv, kvs))


def _range(p: SimplePrinter, response: RangeResult, context: Context) -> str:
    return p.kvs(response.kvs)


def _put(p: SimplePrinter, response: PutResult, context: Context) -> str:
    return "OK\n" + (p.kv(response.prev_kv) if response.prev_kv is not None else "")


def _delete(p: SimplePrinter, response: DeleteRangeResult, context: Context) -> str:
    return f"{response.deleted}\n" + p.kvs(response.prev_kvs)


def _txn(p: SimplePrinter, response: TxnResult, context: Context) -> str:
    title = "SUCCESS\n" if response.succeeded else "FAILURE\n"
    return title + "".join("\n" + _op(p, sub, context) for sub in response.responses)


def _op(p: SimplePrinter, response: OpResult, context: Context) -> str:
    return p.show(response, context)


def _watch(p: SimplePrinter, response: WatchBatch, context: Context) -> str:
    lines = []
    for event in response.events:
        lines.append(f"{event.type.name}\n")
        if event.prev_kv is not None:
            lines.append(p.kv(event.prev_kv))
        lines.append(p.kv(event.kv))
    return "".join(lines)


def _grant(p: SimplePrinter, response: LeaseGrantResult, context: Context) -> str:
    return f"lease {golang.lease(response.id)} granted with TTL({response.ttl_s}s)\n"


def _revoked(p: SimplePrinter, response: printer.Revoked, context: Context) -> str:
    return f"lease {golang.lease(response.id)} revoked\n"


def _kept_alive(p: SimplePrinter, response: printer.KeptAlive, context: Context) -> str:
    return f"lease {golang.lease(response.id)} keepalived with TTL({response.ttl_s})\n"


def _time_to_live(p: SimplePrinter, response: printer.TimeToLive, context: Context) -> str:
    result = response.result
    if result.granted_ttl_s == 0 and result.ttl_s == -1:
        return f"lease {golang.lease(result.id)} already expired\n"
    line = f"lease {golang.lease(result.id)} granted with TTL({result.granted_ttl_s}s), remaining({result.ttl_s}s)"
    if response.with_keys:
        line += f", attached keys([{' '.join(golang.text(key) for key in result.keys)}])"
    return line + "\n"


def _leases(p: SimplePrinter, response: printer.LeaseIds, context: Context) -> str:
    return f"found {len(response.ids)} leases\n" + "".join(f"{golang.lease(id)}\n" for id in response.ids)


def _compaction(p: SimplePrinter, response: printer.Compaction, context: Context) -> str:
    return f"compacted revision {response.revision}\n"


def _lines(rows: Iterable[list[str]]) -> str:
    return "".join(", ".join(row) + "\n" for row in rows)


def _members(p: SimplePrinter, response: printer.MemberList, context: Context) -> str:
    return _lines(printer.member_rows(response)[1])


def _status(p: SimplePrinter, response: printer.EndpointStatus, context: Context) -> str:
    return _lines(printer.status_rows(response)[1])


def _hash_kv(p: SimplePrinter, response: printer.EndpointHashKv, context: Context) -> str:
    return _lines(printer.hash_rows(response)[1])


def _health(p: SimplePrinter, response: printer.EndpointHealth, context: Context) -> str:
    return "".join(
        f"{endpoint} is unhealthy: failed to commit proposal: {error}\n"
        if error
        else f"{endpoint} is healthy: successfully committed proposal: took = {took}\n"
        for endpoint, took, error in response.endpoints
    )


def _alarms(p: SimplePrinter, response: printer.Alarms, context: Context) -> str:
    return "".join(f"memberID:{alarm.member_id} alarm:{alarm.type.name} \n" for alarm in response.alarms)


def _member_change(p: SimplePrinter, response: printer.MemberChange, context: Context) -> str:
    return f"Member {response.id:16x} {response.what} cluster {context['status'].cluster_id:16x}\n"


def _snapshot(p: SimplePrinter, response: printer.SnapshotStatus, context: Context) -> str:
    return _lines(printer.snapshot_rows(response)[1])


SimplePrinter.SHOWS = {
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
    printer.Compaction: _compaction,
    printer.MemberList: _members,
    printer.EndpointStatus: _status,
    printer.EndpointHealth: _health,
    printer.EndpointHashKv: _hash_kv,
    printer.Alarms: _alarms,
    printer.AuthText: lambda p, response, context: response.text,
    printer.MemberChange: _member_change,
    printer.SnapshotStatus: _snapshot,
}
