"""etcdctl's verbs, one module each, in the one table that names them all."""

from collections.abc import Mapping

from kube_nb.etcdctl.command import Command
from kube_nb.etcdctl.verbs import (
    compaction,
    delete,
    endpoint,
    get,
    help,
    lease,
    lock,
    maintenance,
    member,
    put,
    snapshot,
    txn,
    version,
    watch,
)

_ALL = (
    compaction.COMPACTION,
    delete.DEL,
    endpoint.HASHKV,
    endpoint.HEALTH,
    endpoint.STATUS,
    get.GET,
    help.HELP,
    lease.GRANT,
    lease.KEEP_ALIVE,
    lease.LIST,
    lease.REVOKE,
    lease.TIME_TO_LIVE,
    lock.ELECT,
    lock.LOCK,
    maintenance.ALARM_DISARM,
    maintenance.ALARM_LIST,
    maintenance.DEFRAG,
    maintenance.MOVE_LEADER,
    member.ADD,
    member.LIST,
    member.PROMOTE,
    member.REMOVE,
    member.UPDATE,
    put.PUT,
    snapshot.RESTORE,
    snapshot.SAVE,
    snapshot.STATUS,
    txn.TXN,
    version.VERSION,
    watch.WATCH,
)
COMMANDS: Mapping[tuple[str, ...], Command] = {command.words: command for command in _ALL}
#: Words that only lead to others, and what they are about.
GROUPS: Mapping[tuple[str, ...], str] = {
    ("alarm",): "Alarm related commands",
    ("endpoint",): "Endpoint related commands",
    ("lease",): "Lease related commands",
    ("member",): "Membership related commands",
    ("snapshot",): "Manages etcd node snapshots",
}
