"""``etcdctl txn``: compares and two lists of requests, blocks of lines on stdin. Models txn_command.go.

Three blocks, each ended by an empty line; the last one may end with the text.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from kube_nb.etcd.backend import Compare, CompareResult, CompareTarget, Op
from kube_nb.etcdctl import golang, words
from kube_nb.etcdctl.command import GLOBAL_FLAGS, Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.etcdctl.verbs import delete, get, put
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet

_T = TypeVar("_T")
_TARGETS = {
    "ver": CompareTarget.VERSION,
    "version": CompareTarget.VERSION,
    "c": CompareTarget.CREATE,
    "create": CompareTarget.CREATE,
    "m": CompareTarget.MOD,
    "mod": CompareTarget.MOD,
    "val": CompareTarget.VALUE,
    "value": CompareTarget.VALUE,
    "lease": CompareTarget.LEASE,
}
_RESULTS = {
    "=": CompareResult.EQUAL,
    "!=": CompareResult.NOT_EQUAL,
    ">": CompareResult.GREATER,
    "<": CompareResult.LESS,
}


def parse_compare(line: str) -> Compare:
    """``mod("key") > "0"``; CommandError in etcdctl's words."""
    target, paren, rest = line.partition("(")
    if not paren:
        raise _invalid(f"malformed comparison: {line}")
    key = relation = wanted = ""
    try:
        key, rest = words.read_quoted(rest)
        if not rest.startswith(")"):
            raise ValueError
        relation, _, rest = rest[1:].strip().partition(" ")
        wanted, rest = words.read_quoted(rest)
    except ValueError:
        shown = f"{target}({golang.quote(key)}) {relation} {golang.quote(wanted)}"
        raise _invalid(f"malformed comparison: {line}; got {shown}") from None
    if target not in _TARGETS:
        raise _invalid(f"malformed comparison: {line} (unknown target {target})")
    if relation not in _RESULTS:
        raise CommandError("Unknown result op")
    return Compare(key.encode(), _TARGETS[target], _RESULTS[relation], _value(target, wanted, line))


def _value(target: str, text: str, line: str) -> int | bytes:
    if _TARGETS[target] is CompareTarget.VALUE:
        return text.encode()
    try:
        return golang.parse_int(text, 16 if target == "lease" else 10)
    except ValueError as error:
        raise _invalid(f"invalid txn compare request: {line} ({error})") from None


def parse_request(line: str) -> Op:
    """``put key value``, ``get key``, ``del key`` with their verbs' own flags."""
    try:
        parts = words.split(line)
    except ValueError as error:
        raise _invalid(str(error)) from None
    if len(parts) < 2:
        raise _invalid(f"invalid txn compare request: {line}")
    command = {"put": put.PUT, "get": get.GET, "del": delete.DEL}.get(parts[0])
    if command is None:
        raise _invalid(f"invalid txn request: {line}")
    try:
        parsed = FlagSet((*command.flags, *GLOBAL_FLAGS)).parse(parts[1:])
    except FlagError:
        raise _invalid(f"invalid txn request: {line}") from None
    if command is put.PUT:
        return put.operation(parsed, "")
    return get.operation(parsed) if command is get.GET else delete.operation(parsed)


def _invalid(text: str) -> CommandError:
    return CommandError(text, Exit.INVALID_INPUT)


async def _run(call: Call) -> None:
    if call.args:
        raise CommandError("txn command does not accept argument", Exit.BAD_ARGS)
    lines = iter(call.stdin.splitlines())
    compares = _block(call, lines, "compares:", parse_compare)
    success = _block(call, lines, "success requests (get, put, del):", parse_request)
    failure = _block(call, lines, "failure requests (get, put, del):", parse_request, last=True)
    await call.show(await call.backend.txn(compares, success, failure))


def _block(
    call: Call, lines: Iterator[str], prompt: str, parse: Callable[[str], _T], *, last: bool = False
) -> list[_T]:
    if call["interactive"]:
        call.out(prompt + "\n")
    found: list[_T] = []
    for line in lines:
        if not line.strip():
            return found
        found.append(parse(line.strip()))
    if not last:
        raise _invalid("EOF")
    return found


TXN = Command(
    "txn",
    "txn [options]",
    "Txn processes all the requests in one transaction",
    _run,
    (Flag("interactive", "bool", short="i", help="Input transaction in interactive mode"),),
)
