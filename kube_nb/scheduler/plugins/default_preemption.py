"""When a pod fits nowhere: look for pods of lower priority whose leaving would make room."""

from collections.abc import Mapping
from typing import Any

from kube_nb.scheduler.decisions import Attempt
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.framework.runtime import Handle
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.scheduler.preemption import Evaluator, Preemption


class DefaultPreemption:
    """Models plugins/defaultpreemption/default_preemption.go.

    args: ``minCandidateNodesPercentage``, ``minCandidateNodesAbsolute``.
    """

    name = "DefaultPreemption"

    def __init__(self, args: Mapping[str, Any], handle: Handle) -> None:
        self._handle = handle
        self._percentage = int(args.get("minCandidateNodesPercentage", 10))
        self._absolute = int(args.get("minCandidateNodesAbsolute", 100))

    def post_filter(self, state: CycleState, pod: PodInfo, attempt: Attempt) -> Preemption | None:
        handle = self._handle
        if handle.engine is None:
            return None
        evaluator = Evaluator(
            handle.engine,
            handle.stream,
            lambda: handle.lister.list("poddisruptionbudgets"),
            self._percentage,
            self._absolute,
        )
        return evaluator.preempt(pod, attempt)
