"""A whole Kubernetes cluster inside a notebook kernel.

    >>> from kube_nb import Cluster
    >>> with Cluster(nodes=3, seed=7) as c:
    ...     c.kubectl("create deployment web --image=nginx --replicas=2")
    ...     c.wait("deployment/web", "condition=Available")
    ...     print(c.kubectl("get pods -o wide"))

In a notebook: ``%load_ext kube_nb``, then ``%kube up``.

The packages, bottom up; each may use those before it, siblings (joined by "and") do not see each other:

- `machinery`: the loop whose time is the cluster's, seeded randomness, errors, selectors, quantities, patches;
- `api` (kinds, schemas, defaults, validation, tables) and `etcd` (the store, bytes only);
- `apiserver`, `client` (how everybody else speaks to it) and `cri` (what runs inside pods);
- `controllers`, `scheduler`, `kubelet` and `network`: they see each other only through the API;
- `kubectl` and `etcdctl`: command lines in, results out;
- `cluster`: the wiring, and `Cluster`, the facade over all of it;
- `whatif`: scheduling policies against workloads by the thousand, on the live scheduler's own engine;
- `views`: pictures of a cluster for notebooks. The magics are in a package of their own, `kube_magics`.
"""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from kube_nb.cluster import Cluster

__version__ = "0.1.0.dev0"
__all__ = [
    "Cluster",
    "current_cluster",
    "load_ipython_extension",
    "program",
    "scheduler_plugin",
    "unload_ipython_extension",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())

_LAZY = {
    "Cluster": "kube_nb.cluster",
    "program": "kube_nb.cri.programs",
    "scheduler_plugin": "kube_nb.cluster",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that ``import kube_nb`` costs nothing."""
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def current_cluster() -> "Cluster":
    """The cluster that magics mean: the last one that ``%kube up`` or ``%kube use`` named."""
    from kube_magics import current

    return current.get()


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """``%load_ext kube_nb``."""
    import kube_magics

    kube_magics.load(shell)


def unload_ipython_extension(shell: "InteractiveShell") -> None:
    """``%unload_ext kube_nb``: the magics' clusters go down with it."""
    import kube_magics

    kube_magics.unload(shell)
