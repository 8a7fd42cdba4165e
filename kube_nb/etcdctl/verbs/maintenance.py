"""``etcdctl alarm``, ``defrag``, ``move-leader``. Models {alarm,defrag,move_leader}_command.go."""

from collections.abc import Sequence

from kube_nb.etcd.backend import Alarm
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag


async def _alarms(call: Call, found: Sequence[Alarm]) -> None:
    await call.show(printer.Alarms(list(found)))


async def _alarm_list(call: Call) -> None:
    if call.args:
        raise CommandError("alarm list command accepts no arguments", Exit.BAD_ARGS)
    await _alarms(call, await call.operated.alarms())


async def _alarm_disarm(call: Call) -> None:
    if call.args:
        raise CommandError("alarm disarm command accepts no arguments", Exit.BAD_ARGS)
    await _alarms(call, await call.operated.alarm_disarm())


async def _defrag(call: Call) -> None:
    failed = False
    for endpoint in await call.endpoints():
        try:
            await call.operated.at(endpoint).defragment()
        except EtcdError as error:
            call.err(f"Failed to defragment etcd member[{endpoint}] ({error})\n")
            failed = True
        else:
            call.out(f"Finished defragmenting etcd member[{endpoint}]\n")
    if failed:
        raise CommandError("", Exit.ERROR)


async def _move_leader(call: Call) -> None:
    if len(call.args) != 1:
        raise CommandError("move-leader command needs 1 argument", Exit.BAD_ARGS)
    try:
        target = golang.parse_uint(call.args[0], 16)
    except ValueError as error:
        raise CommandError(str(error), Exit.BAD_ARGS) from None
    leader = (await call.backend.status()).leader
    await call.operated.move_leader(target)
    call.out(f"Leadership transferred from {leader:x} to {target:x}\n")


ALARM_LIST = Command("alarm list", "list", "Lists all alarms", _alarm_list)
ALARM_DISARM = Command("alarm disarm", "disarm", "Disarms all alarms", _alarm_disarm)
DEFRAG = Command(
    "defrag",
    "defrag",
    "Defragments the storage of the etcd members with given endpoints",
    _defrag,
    (Flag("cluster", "bool", help="use all endpoints from the cluster member list"),),
)
MOVE_LEADER = Command(
    "move-leader",
    "move-leader <transferee-member-id>",
    "Transfers leadership to another etcd cluster member.",
    _move_leader,
)
