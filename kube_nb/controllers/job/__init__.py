"""Jobs: run pods until so many have succeeded, or too many have failed.

::

    controller (watches; one key a job) --> syncing (one look: what is there, what to do, what to write)
                                              +-- tracking (counts each finished pod exactly once)
                                              +-- indexes, per_index, backoff, failure_policy, finished
    ttl (deletes finished jobs after a while)

A finished pod is counted once, whatever restarts in between: its finalizer stays until its uid is in
status.uncountedTerminatedPods, the uid stays there until the finalizer is gone, then it becomes a number.
Models pkg/controller/job and pkg/controller/ttlafterfinished.
"""

from kube_nb.controllers.job.controller import JobController
from kube_nb.controllers.job.ttl import TtlAfterFinishedController

__all__ = ["JobController", "TtlAfterFinishedController"]
