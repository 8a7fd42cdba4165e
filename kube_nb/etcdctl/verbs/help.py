"""``etcdctl help [command]``."""

from kube_nb.etcdctl import usage
from kube_nb.etcdctl.command import Call, Command


async def _run(call: Call) -> None:
    from kube_nb.etcdctl.verbs import COMMANDS, GROUPS

    words = tuple(call.args)
    if words in COMMANDS:
        call.out(usage.of_command(COMMANDS[words]))
    elif not words or words in GROUPS:
        call.out(usage.of_group(words))
    else:
        shown = " ".join(f'"{word}"' for word in words)
        call.err(f"Unknown help topic [{shown.replace(chr(34), '`')}]\n")
        call.out(usage.of_group(()))


HELP = Command("help", "help [command]", "Help about any command", _run)
