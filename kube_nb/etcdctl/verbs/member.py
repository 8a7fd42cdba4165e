"""``etcdctl member ...``. Models etcdctl/ctlv3/command/member_command.go."""

from kube_nb.etcd.backend import Member
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag

_PEER_URLS = Flag("peer-urls", "strings", help="comma separated peer URLs for the new member.")


async def _list(call: Call) -> None:
    await call.show(printer.MemberList(await call.backend.member_list()))


def _id(call: Call, missing: str) -> int:
    if len(call.args) != 1:
        raise CommandError(missing, Exit.BAD_ARGS)
    try:
        return golang.parse_uint(call.args[0], 16)
    except ValueError as error:
        raise CommandError(f"bad member ID arg ({error}), expecting ID in Hex", Exit.BAD_ARGS) from None


def _peers(call: Call) -> tuple[str, ...]:
    if not call["peer-urls"]:
        raise CommandError("member peer urls not provided", Exit.BAD_ARGS)
    return tuple(call["peer-urls"])


async def _add(call: Call) -> None:
    """Print what the new member has to be started with."""
    if not call.args:
        raise CommandError("member name not provided", Exit.BAD_ARGS)
    if len(call.args) > 1:
        hint = 'too many arguments. did you mean "--peer-urls=' + call.args[1] + '"'
        raise CommandError(hint, Exit.BAD_ARGS)
    name = call.args[0]
    peers = _peers(call)
    added = await call.operated.member_add(name, peers, learner=call["learner"])
    await call.show(printer.MemberChange("added to", added.id))
    pairs = [
        f"{name if member.id == added.id else member.name}={url}"
        for member in sorted(await call.backend.member_list())
        for url in member.peer_urls
        if member.name or member.id == added.id
    ]
    call.out(f'\nETCD_NAME="{name}"\nETCD_INITIAL_CLUSTER="{",".join(pairs)}"\n')
    call.out(f'ETCD_INITIAL_ADVERTISE_PEER_URLS="{",".join(peers)}"\nETCD_INITIAL_CLUSTER_STATE="existing"\n')


async def _remove(call: Call) -> None:
    id = _id(call, "member ID is not provided")
    left = await call.operated.member_remove(id)
    await call.show(printer.MemberChange("removed from", id, tuple(left)))


async def _update(call: Call) -> None:
    id = _id(call, "member ID is not provided")
    changed: list[Member] = await call.operated.member_update(id, _peers(call))
    assert changed
    await call.show(printer.MemberChange("updated in", id, tuple(changed)))


async def _promote(call: Call) -> None:
    id = _id(call, "member ID is not provided")
    members = await call.operated.member_promote(id)
    await call.show(printer.MemberChange("promoted in", id, tuple(members)))


LIST = Command(
    "member list",
    "list",
    "Lists all members in the cluster",
    _list,
    (Flag("consistency", default="l", help="Linearizable(l) or Serializable(s)"),),
)
ADD = Command(
    "member add",
    "add <memberName> [options]",
    "Adds a member into the cluster",
    _add,
    (Flag("learner", "bool", help="indicates if the new member is raft learner"), _PEER_URLS),
)
REMOVE = Command("member remove", "remove <memberID>", "Removes a member from the cluster", _remove)
UPDATE = Command(
    "member update", "update <memberID> [options]", "Updates a member in the cluster", _update, (_PEER_URLS,)
)
PROMOTE = Command("member promote", "promote <memberID>", "Promotes a non-voting member in the cluster", _promote)
