"""``etcdctl del``. Models etcdctl/ctlv3/command/del_command.go."""

from kube_nb.etcd.backend import DeleteRange
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.etcdctl.verbs import keys
from kube_nb.machinery.pflag import Flag, Parsed


def operation(parsed: Parsed) -> DeleteRange:
    """The deletion that a del line asks for."""
    if not 1 <= len(parsed.args) <= 2:
        raise CommandError("del command needs one argument as key and an optional argument as range_end", Exit.BAD_ARGS)
    return DeleteRange(*keys.interval(parsed), prev_kv=parsed["prev-kv"])


async def _run(call: Call) -> None:
    op = operation(call.parsed)
    await call.show(await call.backend.delete_range(op.key, op.range_end, prev_kv=op.prev_kv))


DEL = Command(
    "del",
    "del [options] <key> [range_end]",
    "Removes the specified key or range of keys [key, range_end)",
    _run,
    (
        Flag("from-key", "bool", help="delete keys that are greater than or equal to the given key using byte compare"),
        Flag("prefix", "bool", help="delete keys with matching prefix"),
        Flag("prev-kv", "bool", help="return deleted key-value pairs"),
    ),
)
