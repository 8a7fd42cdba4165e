"""The controllers of kube-controller-manager: each makes the world look as some objects say it should.

::

    apiserver --watch--> informers (shared) --handlers--> work queue --key--> reconcile --client--> apiserver
                              |  cache + indices                                 |
                              +------------------- read --------------------------+

Guarantees:

- A reconcile is about levels: it reads what is there (from the caches, not from the server), writes what differs, and
  may be run again at any time. Nothing that it gets is changed; a write is a copy of the path that it changes.
- What an event costs depends on what it touches: owners, selectors, nodes and labels are indices of the informers.
- A status is written only if it changed. What a controller has asked for and its cache has not shown yet is remembered
  (`pods.expectations`), so no pod is made twice.
- All order is that of keys, of names and of the cluster's clock: equal seeds give equal histories.
- All waiting is a work queue's ``add_after``; what merely comes round (node monitor, pod collector, discovery) uses
  periodic timers, so a cluster settles.
- Every write carries the controller's name and the revision that it answers (`machinery.cause`).

Read first: `replicas` (the shortest whole controller), then `deployment`. `registry` lists all, `manager` runs them,
`context` is what they get; `indices` and `pods` is what they share, `discovery` what the server serves.

To add a controller: a module (or package) with a class that takes a `Context`, asks it for informers and adds its
handlers in ``__init__``, and runs a `client.Controller` in ``run``; one row in `registry`.

Models pkg/controller and cmd/kube-controller-manager. Differs: the controllers of HPAs and
PersistentVolumes are still to come.
"""

from kube_nb.controllers.context import Context, Options, Runnable
from kube_nb.controllers.manager import ControllerManager
from kube_nb.controllers.registry import CONTROLLERS

__all__ = ["CONTROLLERS", "Context", "ControllerManager", "Options", "Runnable"]
