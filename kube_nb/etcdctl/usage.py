"""The help texts. Models etcdctl/ctlv3/command/help_command.go, tabs included."""

from collections.abc import Iterable

from kube_nb.etcd import VERSION
from kube_nb.etcdctl.command import GLOBAL_FLAGS, HELP, Command
from kube_nb.machinery.pflag import Flag

_TAB = 8


def of_command(command: Command) -> str:
    lines = ["NAME:", f"\t{command.path} - {command.short}", "", "USAGE:", f"\t{_use_line(command)}"]
    own = [*command.flags, _help_flag(command.words[-1])]
    lines += ["", "OPTIONS:", *_flag_lines(own), "", "GLOBAL OPTIONS:", *_flag_lines(GLOBAL_FLAGS), "", ""]
    return "\n".join(lines)


def of_group(words: tuple[str, ...]) -> str:
    """Help on ``etcdctl`` itself (no words) or on a verb with sub-verbs, like ``lease``."""
    from kube_nb.etcdctl.verbs import COMMANDS, GROUPS

    inside = [command for name, command in sorted(COMMANDS.items()) if name[: len(words)] == words]
    if words:
        lines = ["NAME:", f"\t{' '.join(words)} - {GROUPS[words]}", "", "USAGE:"]
        lines += [f"\tetcdctl {' '.join(words)} <subcommand> [flags]", "", "API VERSION:"]
    else:
        lines = ["NAME:", "\tetcdctl - A simple command line client for etcd3.", "", "USAGE:", "\tetcdctl [flags]", ""]
        lines += ["VERSION:", f"\t{VERSION}", "", "API VERSION:"]
    lines += [f"\t{VERSION.rpartition('.')[0]}", "", ""]
    rows = [(_relative(command, words), command.short) for command in inside]
    lines += ["COMMANDS:", *(f"\t{name}{text}" for name, text in _columns(rows)), "", "OPTIONS:"]
    if words:
        lines += [*_flag_lines([_help_flag(words[-1])]), "", "GLOBAL OPTIONS:", *_flag_lines(GLOBAL_FLAGS)]
    else:
        lines += _flag_lines(sorted([*GLOBAL_FLAGS, _help_flag("etcdctl")], key=lambda flag: flag.name))
    return "\n".join([*lines, "", ""])


def _use_line(command: Command) -> str:
    return " ".join(["etcdctl", *command.words[:-1], command.use, "[flags]"])


def _relative(command: Command, words: tuple[str, ...]) -> str:
    return " ".join(command.words[len(words) :])


def _help_flag(name: str) -> Flag:
    return Flag(HELP.name, HELP.kind, short=HELP.short, help=HELP.help.format(name))


def _flag_lines(flags: Iterable[Flag]) -> list[str]:
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        short = f"-{flag.short}, " if flag.short else "    "
        rows.append((f"  {short}--{flag.name}{_default(flag)}", flag.help))
    return ["".join(row) for row in _columns(rows)]


def _default(flag: Flag) -> str:
    value = flag.zero()
    match flag.kind:
        case "bool":
            return "[=true]" if value else "[=false]"
        case "string":
            return f'="{value}"'
        case "strings":
            return f"=[{','.join(value)}]"
    return f"={value}"


def _columns(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The first column filled with tabs to a common stop, as text/tabwriter does with a tab for padding."""
    stop = (max((len(name) for name, _ in rows), default=0) + 1 + _TAB - 1) // _TAB
    return [(name + "\t" * (stop - len(name) // _TAB), text) for name, text in rows]
