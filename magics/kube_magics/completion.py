"""Tab in ``%kubectl`` and ``%kube`` lines."""

from typing import Any

from IPython.core.completer import IPCompleter
from IPython.core.interactiveshell import InteractiveShell

from kube_magics import current, kube


def install(shell: InteractiveShell) -> None:
    """Hook into IPython's completion."""
    shell.set_hook("complete_command", _complete, str_key="%kubectl")
    shell.set_hook("complete_command", _complete, str_key="%kube")


def _complete(completer: IPCompleter, event: Any) -> list[str]:
    line = event.line[: len(event.line)] if not hasattr(event, "text_until_cursor") else event.text_until_cursor
    magic, _, rest = line.lstrip().partition(" ")
    if magic == "%kube":
        return [word for word in kube.COMMANDS if word.startswith(event.symbol)]
    try:
        cluster = current.get()
    except current.NoCluster:
        return []
    return cluster.complete(rest)
