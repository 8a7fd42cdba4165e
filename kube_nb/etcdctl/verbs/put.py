"""``etcdctl put``. Models etcdctl/ctlv3/command/put_command.go."""

from kube_nb.etcd.backend import Put
from kube_nb.etcdctl import golang
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag, Parsed


def operation(parsed: Parsed, stdin: str) -> Put:
    """The write that a put line asks for; the value from stdin if it is not on the line."""
    args = parsed.args
    if not args:
        raise CommandError("put command needs 1 argument and input from stdin or 2 arguments", Exit.BAD_ARGS)
    if parsed["ignore-value"] and len(args) > 1:
        raise CommandError("put command needs only 1 argument when 'ignore-value' is set", Exit.BAD_ARGS)
    try:
        lease = golang.parse_int(parsed["lease"], 16)
    except ValueError as error:
        raise CommandError(f"bad lease ID ({error}), expecting ID in Hex", Exit.BAD_ARGS) from None
    return Put(
        args[0].encode(),
        b"" if parsed["ignore-value"] else _value(args, stdin),
        lease=lease,
        prev_kv=parsed["prev-kv"],
        ignore_value=parsed["ignore-value"],
        ignore_lease=parsed["ignore-lease"],
    )


def _value(args: list[str], stdin: str) -> bytes:
    if len(args) > 1:
        return args[1].encode()
    if not stdin:
        raise CommandError("put command needs 1 argument and input from stdin or 2 arguments", Exit.BAD_ARGS)
    return stdin.encode()


async def _run(call: Call) -> None:
    op = operation(call.parsed, call.stdin)
    await call.show(
        await call.backend.put(
            op.key,
            op.value,
            lease=op.lease,
            prev_kv=op.prev_kv,
            ignore_value=op.ignore_value,
            ignore_lease=op.ignore_lease,
        )
    )


PUT = Command(
    "put",
    "put [options] <key> <value> (<value> can also be given from stdin)",
    "Puts the given key into the store",
    _run,
    (
        Flag("ignore-lease", "bool", help="updates the key using its current lease"),
        Flag("ignore-value", "bool", help="updates the key using its current value"),
        Flag("lease", default="0", help="lease ID (in hexadecimal) to attach to the key"),
        Flag("prev-kv", "bool", help="return the previous key-value pair before modification"),
    ),
)
