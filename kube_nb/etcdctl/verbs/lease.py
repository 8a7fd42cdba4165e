"""``etcdctl lease ...``. Models etcdctl/ctlv3/command/lease_command.go."""

from kube_nb.etcd.errors import EtcdError, LeaseNotFound
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import printer
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.clock import periodic_sleep
from kube_nb.machinery.pflag import Flag


def _lease_id(call: Call, missing: str) -> int:
    if len(call.args) != 1:
        raise CommandError(missing, Exit.BAD_ARGS)
    return golang.parse_lease(call.args[0])


async def _grant(call: Call) -> None:
    if len(call.args) != 1:
        raise CommandError("lease grant command needs TTL argument", Exit.BAD_ARGS)
    try:
        ttl_s = golang.parse_int(call.args[0])
    except ValueError as error:
        raise CommandError(f"bad TTL ({error})", Exit.BAD_ARGS) from None
    try:
        granted = await call.backend.lease_grant(ttl_s)
    except EtcdError as error:
        raise CommandError(f"failed to grant lease ({error})") from None
    await call.show(granted)


async def _revoke(call: Call) -> None:
    id = _lease_id(call, "lease revoke command needs 1 argument")
    try:
        revision = await call.backend.lease_revoke(id)
    except EtcdError as error:
        raise CommandError(f"failed to revoke lease ({error})") from None
    await call.show(printer.Revoked(id, revision))


async def _time_to_live(call: Call) -> None:
    id = _lease_id(call, "lease timetolive command needs lease ID as argument")
    try:
        found = await call.backend.lease_time_to_live(id, keys=call["keys"])
    except EtcdError as error:
        raise CommandError(str(error), Exit.BAD_CONNECTION) from None
    await call.show(printer.TimeToLive(found, call["keys"]))


async def _list(call: Call) -> None:
    try:
        ids = await call.backend.leases()
    except EtcdError as error:
        raise CommandError(str(error), Exit.BAD_CONNECTION) from None
    await call.show(printer.LeaseIds(ids, (await call.backend.status()).revision))


async def _keep_alive(call: Call) -> None:
    """Renew once, or every third of the lease's time for as long as it lives."""
    id = _lease_id(call, "lease keep-alive command needs lease ID as argument")
    while ttl_s := await call.backend.lease_keep_alive(id):
        await call.show(printer.KeptAlive(id, ttl_s, (await call.backend.status()).revision))
        if call["once"]:
            return
        await periodic_sleep(ttl_s / 3)
    if call["once"]:
        raise CommandError(LeaseNotFound.text, Exit.BAD_CONNECTION)
    call.out(f"lease {golang.lease(id)} expired or revoked.\n")


GRANT = Command("lease grant", "grant <ttl>", "Creates leases", _grant)
REVOKE = Command("lease revoke", "revoke <leaseID>", "Revokes leases", _revoke)
LIST = Command("lease list", "list", "List all active leases", _list)
TIME_TO_LIVE = Command(
    "lease timetolive",
    "timetolive <leaseID> [options]",
    "Get lease information",
    _time_to_live,
    (Flag("keys", "bool", help="Get keys attached to this lease"),),
)
KEEP_ALIVE = Command(
    "lease keep-alive",
    "keep-alive [options] <leaseID>",
    "Keeps leases alive (renew)",
    _keep_alive,
    (
        Flag(
            "once",
            "bool",
            help="Resets the keep-alive time to its original value and cobrautl.Exits immediately",
        ),
    ),
)
