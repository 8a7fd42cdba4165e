"""Deployments: one ReplicaSet per pod template, scaled so that one takes over from another.

::

    controller (watches, chooses) --> rollout (one look: new and old ReplicaSets, the status to be)
         |                                ^            ^
         +-- paused or scaled: scaling    |            |
         +-- RollingUpdate: rolling ------+            +-- progress (counts, conditions, deadline)
         +-- Recreate: recreate ----------+

A reconcile reads ReplicaSets from the cache, writes at most what differs, and writes the Deployment (its status and
its revision annotation) once, at its end. Models pkg/controller/deployment. Differs: upstream writes the status up to
three times in one sync; ``deprecated.deployment.rollback.to`` (the API of 1.5) is not known, kubectl does not use it.
"""

from kube_nb.controllers.deployment.controller import DeploymentController

__all__ = ["DeploymentController"]
