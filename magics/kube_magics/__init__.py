"""IPython magics over kube_nb: thin adapters from lines and cells to the `Cluster` facade. ``%load_ext kube_nb``.

`%kube` brings clusters up and shows them, `%%manifest` applies a cell's YAML, `%kubectl` and `%etcdctl` take the verbs
and flags of the real tools. All work on the current cluster (`current`), which ``%kube use`` changes. What a magic
returns can be assigned: ``pods = %kubectl get pods``, then ``pods.df``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: "InteractiveShell") -> None:
    """Register the magics and their completion."""
    from kube_magics.magics import KubeMagics

    shell.register_magics(KubeMagics)
    KubeMagics.install_completion(shell)


def unload(shell: "InteractiveShell") -> None:
    """Bring every cluster of the magics down."""
    from kube_magics import current

    current.down_all()
