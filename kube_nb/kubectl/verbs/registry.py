"""Every verb by name, in the groups of ``kubectl --help``. A new verb is a module and a line here."""

from collections.abc import Iterator

from kube_nb.kubectl.command import Command
from kube_nb.kubectl.verbs import (
    apply,
    create,
    delete,
    describe,
    exec,
    get,
    label,
    logs,
    nodes,
    patch,
    rollout,
    run,
    scale,
    set_verbs,
    wait,
)

GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    ("Basic Commands", (create.COMMAND, run.EXPOSE, run.RUN, set_verbs.COMMAND, get.COMMAND, delete.COMMAND)),
    ("Deploy Commands", (rollout.COMMAND, scale.COMMAND)),
    ("Cluster Management Commands", (nodes.CORDON, nodes.UNCORDON, nodes.TAINT)),
    ("Troubleshooting and Debugging Commands", (describe.COMMAND, logs.COMMAND, exec.ATTACH, exec.EXEC)),
    ("Advanced Commands", (apply.COMMAND, patch.COMMAND, wait.COMMAND)),
    ("Settings Commands", (label.LABEL, label.ANNOTATE)),
)


def commands() -> Iterator[Command]:
    """Every command in the order of the help text."""
    for _, group in GROUPS:
        yield from group


def find(name: str) -> Command | None:
    """The command of a name or an alias."""
    return next((each for each in commands() if name == each.name or name in each.aliases), None)
