"""etcdctl's verbs, one module each, in the one table that names them all."""

from collections.abc import Mapping

from kube_nb.etcdctl.command import Command
from kube_nb.etcdctl.verbs import (
    auth,
    check,
    compaction,
    delete,
    endpoint,
    get,
    help,
    lease,
    lock,
    maintenance,
    member,
    mirror,
    put,
    role,
    snapshot,
    txn,
    user,
    version,
    watch,
)

_ALL = (
    auth.DISABLE,
    auth.ENABLE,
    auth.STATUS,
    check.DATASCALE,
    check.PERF,
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
    mirror.MAKE_MIRROR,
    put.PUT,
    *role.COMMANDS,
    snapshot.RESTORE,
    snapshot.SAVE,
    snapshot.STATUS,
    txn.TXN,
    *user.COMMANDS,
    version.VERSION,
    watch.WATCH,
)
COMMANDS: Mapping[tuple[str, ...], Command] = {command.words: command for command in _ALL}
#: The first words of all, in the order in which etcdctl offers those that look alike.
FIRST_WORDS = (
    *("get", "put", "del", "txn", "compaction", "alarm", "defrag", "endpoint", "move-leader", "watch", "version"),
    *("lease", "member", "snapshot", "make-mirror", "lock", "elect", "auth", "user", "role", "check"),
)
#: Words that only lead to others, and what they are about.
GROUPS: Mapping[tuple[str, ...], str] = {
    ("alarm",): "Alarm related commands",
    ("auth",): "Enable or disable authentication",
    ("check",): "commands for checking properties of the etcd cluster",
    ("endpoint",): "Endpoint related commands",
    ("lease",): "Lease related commands",
    ("member",): "Membership related commands",
    ("role",): "Role related commands",
    ("user",): "User related commands",
    ("snapshot",): "Manages etcd node snapshots",
}
