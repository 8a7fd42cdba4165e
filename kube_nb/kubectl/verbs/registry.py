"""Every verb by name, in the groups of ``kubectl --help``. A new verb is a module and a line here."""

from collections.abc import Iterator

from kube_nb.kubectl.command import Command
from kube_nb.kubectl.verbs import (
    absent,
    api_resources,
    apply,
    auth,
    autoscale,
    config,
    create,
    delete,
    describe,
    diff,
    drain,
    edit,
    events,
    exec,
    explain,
    get,
    label,
    logs,
    nodes,
    patch,
    replace,
    rollout,
    run,
    scale,
    set_verbs,
    top,
    version,
    wait,
)

GROUPS: tuple[tuple[str, tuple[Command, ...]], ...] = (
    ("Basic Commands (Beginner)", (create.COMMAND, run.EXPOSE, run.RUN, set_verbs.COMMAND)),
    ("Basic Commands (Intermediate)", (explain.COMMAND, get.COMMAND, edit.COMMAND, delete.COMMAND)),
    ("Deploy Commands", (rollout.COMMAND, scale.COMMAND, autoscale.AUTOSCALE)),
    (
        "Cluster Management Commands",
        (
            autoscale.CERTIFICATE,
            version.CLUSTER_INFO,
            top.COMMAND,
            nodes.CORDON,
            nodes.UNCORDON,
            drain.COMMAND,
            nodes.TAINT,
        ),
    ),
    (
        "Troubleshooting and Debugging Commands",
        (describe.COMMAND, logs.COMMAND, exec.ATTACH, exec.EXEC, auth.COMMAND, events.COMMAND),
    ),
    ("Advanced Commands", (diff.COMMAND, apply.COMMAND, patch.COMMAND, replace.COMMAND, wait.COMMAND)),
    ("Settings Commands", (label.LABEL, label.ANNOTATE)),
    ("Not available here", tuple(absent.COMMANDS.values())),
    (
        "Other Commands",
        (api_resources.RESOURCES, api_resources.VERSIONS, config.COMMAND, version.VERSION),
    ),
)


def commands() -> Iterator[Command]:
    """Every command in the order of the help text."""
    for _, group in GROUPS:
        yield from group


def find(name: str) -> Command | None:
    """The command of a name or an alias."""
    return next((each for each in commands() if name == each.name or name in each.aliases), None)
