"""``etcdctl get``. Models etcdctl/ctlv3/command/get_command.go."""

from kube_nb.etcd.backend import Range, SortOrder, SortTarget
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.printers import Printer
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.etcdctl.verbs import keys
from kube_nb.machinery.pflag import Flag, Parsed

_ORDERS = {"": SortOrder.NONE, "ASCEND": SortOrder.ASCEND, "DESCEND": SortOrder.DESCEND}
_TARGETS = {
    "": SortTarget.KEY,
    "CREATE": SortTarget.CREATE,
    "KEY": SortTarget.KEY,
    "MODIFY": SortTarget.MOD,
    "VALUE": SortTarget.VALUE,
    "VERSION": SortTarget.VERSION,
}


def operation(parsed: Parsed) -> Range:
    """The read that a get line asks for."""
    if not parsed.args:
        raise CommandError("get command needs one argument as key and an optional argument as range_end", Exit.BAD_ARGS)
    if parsed["keys-only"] and parsed["count-only"]:
        raise CommandError("`--keys-only` and `--count-only` cannot be set at the same time, choose one", Exit.BAD_ARGS)
    if parsed["consistency"] not in ("l", "s"):
        raise CommandError(f'unknown consistency flag "{parsed["consistency"]}"', Exit.BAD_FEATURE)
    key, range_end = keys.interval(parsed)
    return Range(
        key,
        range_end,
        limit=parsed["limit"],
        revision=max(parsed["rev"], 0),
        sort_order=_choice(_ORDERS, parsed["order"], "order"),
        sort_target=_choice(_TARGETS, parsed["sort-by"], "target"),
        serializable=parsed["consistency"] == "s",
        keys_only=parsed["keys-only"],
        count_only=parsed["count-only"],
    )


def _choice(choices: dict[str, SortOrder] | dict[str, SortTarget], text: str, what: str) -> int:
    if text.upper() not in choices:
        raise CommandError(f"bad sort {what} {text}", Exit.BAD_FEATURE)
    return choices[text.upper()]


async def _run(call: Call) -> None:
    op = operation(call.parsed)
    response = await call.backend.range(
        op.key,
        op.range_end,
        limit=op.limit,
        revision=op.revision,
        sort_order=op.sort_order,
        sort_target=op.sort_target,
        serializable=op.serializable,
        keys_only=op.keys_only,
        count_only=op.count_only,
    )
    _check_form(op, call.parsed, call.printer)
    call.printer.value_only = call["print-value-only"]
    await call.show(response)


def _check_form(op: Range, parsed: Parsed, printer: Printer) -> None:
    if op.count_only and printer.name != "fields":
        raise CommandError("--count-only is only for `--write-out=fields`", Exit.BAD_ARGS)
    if parsed["print-value-only"] and printer.name != "simple":
        raise CommandError("print-value-only is only for `--write-out=simple`", Exit.BAD_ARGS)


GET = Command(
    "get",
    "get [options] <key> [range_end]",
    "Gets the key or a range of keys",
    _run,
    (
        Flag("consistency", default="l", help="Linearizable(l) or Serializable(s)"),
        Flag("count-only", "bool", help="Get only the count"),
        Flag("from-key", "bool", help="Get keys that are greater than or equal to the given key using byte compare"),
        Flag("keys-only", "bool", help="Get only the keys"),
        Flag("limit", "int", help="Maximum number of results"),
        Flag("order", help="Order of results; ASCEND or DESCEND (ASCEND by default)"),
        Flag("prefix", "bool", help="Get keys with matching prefix"),
        Flag("print-value-only", "bool", help='Only write values when using the "simple" output format'),
        Flag("rev", "int", help="Specify the kv revision"),
        Flag("sort-by", help="Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION"),
    ),
)
