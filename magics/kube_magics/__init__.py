"""IPython magics over kube_nb: thin adapters from lines and cells to the `Cluster` facade. ``%load_ext kube_nb``.

`%kube` brings clusters up and shows them, `%%manifest` applies a cell's YAML, `%kubectl` and `%etcdctl` take the verbs
and flags of the real tools. All work on the current cluster (`current`), which ``%kube use`` changes. What a magic
returns can be assigned: ``pods = %kubectl get pods``, then ``pods.df``.

Guarantees: a refusal fails the cell, with the command's own words and no traceback (`refusals`); Ctrl-C ends the
command and nothing else; what a cell writes remembers the cell (`cause`); ``{name}`` in a line is a notebook variable
(`expansion`), ``{{name}}`` in a manifest only with ``--fill``. Read `magics`, then `kubectl`.
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: "InteractiveShell") -> None:
    """Register the magics and their completion."""
    from kube_magics.magics import KubeMagics

    shell.register_magics(KubeMagics)
    KubeMagics.install_completion(shell)
    shell.events.register("post_run_cell", _draw_the_rest)


def unload(shell: "InteractiveShell") -> None:
    """Bring every cluster of the magics down."""
    from kube_magics import completion, current

    completion.remove(shell)
    if _draw_the_rest in shell.events.callbacks["post_run_cell"]:
        shell.events.unregister("post_run_cell", _draw_the_rest)
    current.down_all()


def _draw_the_rest(_result: object) -> None:
    """After a cell: views that could not keep up at pace="max" show how it ended."""
    feed = sys.modules.get("kube_nb.views.feed")
    if feed is not None:
        feed.flush()
