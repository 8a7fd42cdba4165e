"""``etcdctl member ...``. Models etcdctl/ctlv3/command/member_command.go."""

from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.machinery.pflag import Flag


async def _list(call: Call) -> None:
    await call.show(printer.MemberList(await call.backend.member_list()))


LIST = Command(
    "member list",
    "list",
    "Lists all members in the cluster",
    _list,
    (Flag("consistency", default="l", help="Linearizable(l) or Serializable(s)"),),
)
