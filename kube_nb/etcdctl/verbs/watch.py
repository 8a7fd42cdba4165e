"""``etcdctl watch``. Models etcdctl/ctlv3/command/watch_command.go."""

import asyncio

from kube_nb.etcd.backend import Backend, Watcher, prefix_end
from kube_nb.etcd.errors import EtcdError
from kube_nb.etcdctl import words
from kube_nb.etcdctl.command import Call, Command
from kube_nb.etcdctl.result import CommandError, Exit
from kube_nb.machinery.pflag import Flag, FlagError, FlagSet, Parsed

_FLAGS = (
    Flag("interactive", "bool", short="i", help="Interactive mode"),
    Flag("prefix", "bool", help="Watch on a prefix if prefix is set"),
    Flag("prev-kv", "bool", help="get the previous key-value pair before the event happens"),
    Flag("progress-notify", "bool", help="get periodic watch progress notification from server"),
    Flag("rev", "int", help="Revision to start watching"),
)


def _watcher(parsed: Parsed, backend: Backend) -> Watcher:
    """Start what a watch line asks for; ValueError if it asks for nothing that can be watched."""
    args = parsed.args[: parsed.dash] if parsed.dash is not None else parsed.args
    if not args:
        raise ValueError("bad number of arguments")
    key, range_end = args[0].encode(), b""
    if len(args) == 2:
        if parsed["prefix"]:
            raise ValueError("`range_end` and `--prefix` are mutually exclusive")
        range_end = args[1].encode()
    elif parsed["prefix"]:
        range_end = prefix_end(key)
    return backend.watch(
        key,
        range_end,
        start_revision=max(parsed["rev"], 0),
        prev_kv=parsed["prev-kv"],
        progress_notify=parsed["progress-notify"],
    )


async def _run(call: Call) -> None:
    if call["interactive"]:
        await _interactive(call)
        return
    if call.parsed.dash is not None:
        raise CommandError("a notebook's watch starts no processes: leave out -- and the command", Exit.BAD_ARGS)
    try:
        watcher = _watcher(call.parsed, call.backend)
    except ValueError as error:
        raise CommandError(str(error), Exit.BAD_ARGS) from None
    except EtcdError as error:
        call.err(f"watch was canceled (rpc error: code = {error.code.title} desc = {error})\n")
    else:
        await _follow(call, watcher)
    raise CommandError("watch is canceled by the server", Exit.INTERRUPTED)


async def _follow(call: Call, watcher: Watcher) -> None:
    """Show every batch until the server ends the watch."""
    try:
        async for batch in watcher:
            if not batch.events:
                call.out(f"progress notify: {batch.revision}\n")
            await call.show(batch)
    except EtcdError as error:
        call.err(f"watch was canceled ({error})\n")
    finally:
        watcher.cancel()


async def _interactive(call: Call) -> None:
    """A line of stdin starts a watch each; all go on until the command is cancelled."""
    tasks: list[asyncio.Task[None]] = []
    try:
        for line in call.stdin.splitlines():
            watcher = _line_watcher(call, line)
            if watcher is not None:
                tasks.append(asyncio.create_task(_follow(call, watcher)))
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise CommandError("error reading watch request line: EOF", Exit.INVALID_INPUT)


def _line_watcher(call: Call, line: str) -> Watcher | None:
    parts = words.split(line)
    if not parts:
        call.err(f"Invalid command: {line} (watch and progress supported)\n")
    elif parts[0] == "progress":
        call.err("progress requests need a shared stream, which this watch does not have\n")
    elif parts[0] != "watch":
        call.err(f"Invalid command {line} (only support watch)\n")
    elif len(parts) < 2:
        call.err(f"Invalid command {line} (command type or key is not provided)\n")
    else:
        try:
            return _watcher(FlagSet(_FLAGS).parse(parts[1:]), call.backend)
        except FlagError as error:
            raise CommandError(str(error), Exit.BAD_ARGS) from None
        except ValueError as error:
            call.err(f"Invalid command {line} ({error})\n")
    return None


WATCH = Command(
    "watch",
    "watch [options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
    "Watches events stream on keys or prefixes",
    _run,
    _FLAGS,
)
