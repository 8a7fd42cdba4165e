"""``etcdctl compaction``. Models etcdctl/ctlv3/command/compaction_command.go."""

from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag


async def _run(call: Call) -> None:
    if len(call.args) != 1:
        raise CommandError("compaction command needs 1 argument", Exit.BAD_ARGS)
    try:
        revision = golang.parse_int(call.args[0])
    except ValueError as error:
        raise CommandError(str(error)) from None
    await call.backend.compact(revision, physical=call["physical"])
    call.out(f"compacted revision {revision}\n")


COMPACTION = Command(
    "compaction",
    "compaction [options] <revision>",
    "Compacts the event history in etcd",
    _run,
    (Flag("physical", "bool", help="'true' to wait for compaction to physically remove all old revisions"),),
)
