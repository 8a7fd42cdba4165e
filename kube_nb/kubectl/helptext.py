"""``--help``: the overview and each command's page, in the layout of kubectl's templates."""

import textwrap

from kube_nb.kubectl.command import Command
from kube_nb.kubectl.verbs import registry
from kube_nb.machinery.pflag import Flag

_INTRODUCTION = """\
kubectl controls the Kubernetes cluster manager.

 Find more information at: https://kubernetes.io/docs/reference/kubectl/
"""


def overview() -> str:
    """What ``kubectl --help`` prints."""
    parts = [_INTRODUCTION]
    width = max(len(command.name) for command in registry.commands())
    for title, group in registry.GROUPS:
        lines = [f"  {command.name.ljust(width)}   {_first_sentence(command)}" for command in group]
        parts.append(f"{title}:\n" + "\n".join(lines) + "\n")
    parts.append("Usage:\n  kubectl [flags] [options]\n")
    parts.append('Use "kubectl <command> --help" for more information about a given command.\n')
    return "\n".join(parts)


def of(command: Command, path: str) -> str:
    """What ``kubectl VERB --help`` prints."""
    parts = [textwrap.fill(command.about, 120) + "\n"]
    if command.examples:
        parts.append(f"Examples:\n{command.examples}\n")
    if command.subcommands:
        width = max(len(each.name) for each in command.subcommands)
        lines = [f"  {each.name.ljust(width)}   {_first_sentence(each)}" for each in command.subcommands]
        parts.append("Available Commands:\n" + "\n".join(lines) + "\n")
    if command.flags:
        parts.append("Options:\n" + "\n\n".join(_option(flag) for flag in command.flags) + "\n")
    parts.append(f"Usage:\n  {command.usage}\n")
    tail = "" if not command.subcommands else f'\nUse "{path} <command> --help" for more information.\n'
    return "\n".join(parts) + tail


def _first_sentence(command: Command) -> str:
    return command.about.partition(". ")[0].rstrip(".")


def _option(flag: Flag) -> str:
    default = flag.zero()
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default
    shown = f"'{shown}'" if flag.kind in ("string", "duration") else shown
    name = f"-{flag.short}, --{flag.name}" if flag.short else f"    --{flag.name}"
    return f"    {name}={shown}:\n        {flag.help}"
