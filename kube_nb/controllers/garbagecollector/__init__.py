"""The garbage collector: objects go when their owners are gone.

::

    informers of every deletable resource --> graph_builder (who owns whom; what starts, what ends)
                                                 |                     |
                                       attempt_to_delete        attempt_to_orphan
                                                 +------ collector -----+

`graph` is the plain graph. An owner that is deleted in the foreground (finalizer foregroundDeletion) waits for its
dependents that block it; one with the finalizer orphan has itself struck from its dependents first; otherwise the
dependents notice that their owners are gone. What is served is asked anew every 30 s, so custom resources take part.
Models pkg/controller/garbagecollector.
"""

from kube_nb.controllers.garbagecollector.collector import GarbageCollector

__all__ = ["GarbageCollector"]
