"""DaemonSets: one pod on every node that wants it.

::

    controller (watches; one key a set) --> placement (which nodes, and how a pod says which one is its)
                                        --> updating (which pods must go, by node and by revision)
                                        --> controllers.history (ControllerRevisions)

The pods are bound by the scheduler: each asks for its node by a matchFields affinity on metadata.name.
Models pkg/controller/daemon.
"""

from kube_nb.controllers.daemonset.controller import DaemonSetController

__all__ = ["DaemonSetController"]
