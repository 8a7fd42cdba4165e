"""Taints keep pods away (NoSchedule, NoExecute) or make a node less wanted (PreferNoSchedule)."""

from collections.abc import Iterable

import numpy as np

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.events import NODE, UNSCHEDULED_POD, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.interface import CycleState, Ints, Scope, default_normalize
from kube_nb.scheduler.framework.status import Status, unresolvable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.plugins.tolerations import KEEPS_AWAY, PREFER_NO_SCHEDULE, first_untolerated, tolerated
from kube_nb.scheduler.pod_info import PodInfo


class TaintToleration:
    """Models plugins/tainttoleration/taint_toleration.go.

    names_taint: whether the reason names the taint, as servers up to 1.34 do; since then it is kept out of the pod's
    status on purpose.
    """

    name = "TaintToleration"
    scope = Scope.NODE

    def __init__(self, *, names_taint: bool = False) -> None:
        self._names_taint = names_taint

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        taint = first_untolerated(node.taints, pod.shape.tolerations, KEEPS_AWAY)
        if taint is None:
            return None
        if self._names_taint:
            return unresolvable(f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}")
        return unresolvable("node(s) had untolerated taint(s)")

    def filter_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        ids, sets = columns.taint_sets()
        tolerations = pod.shape.tolerations
        numbers: dict[str, int] = {}
        codes = []
        for taints in sets:
            taint = first_untolerated(taints, tolerations, KEEPS_AWAY)
            text = "" if taint is None else f"{taint['key']}={taint.get('value') or ''}"
            codes.append(0 if taint is None else numbers.setdefault(text, len(numbers) + 1))
        return np.array(codes, dtype=np.int64)[ids[rows]]

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return self._intolerable(pod, node.taints)

    def score_columns(self, state: CycleState, pod: PodInfo, columns: Columns, rows: Ints) -> Ints:
        ids, sets = columns.taint_sets()
        return np.array([self._intolerable(pod, taints) for taints in sets], dtype=np.int64)[ids[rows]]

    def _intolerable(self, pod: PodInfo, taints: Iterable[Obj]) -> int:
        """How many PreferNoSchedule taints the pod does not tolerate."""
        return sum(
            taint.get("effect") == PREFER_NO_SCHEDULE and not tolerated(pod.shape.tolerations, taint)
            for taint in taints
        )

    def normalize(self, state: CycleState, pod: PodInfo, scores: Ints) -> Ints:
        return default_normalize(scores, reverse=True)

    def events_to_register(self) -> Iterable[Registration]:
        def tolerates_now(pod: PodInfo, old: Obj | None, new: Obj | None) -> bool:
            taints = ((new or {}).get("spec") or {}).get("taints") or ()
            return first_untolerated(taints, pod.shape.tolerations, KEEPS_AWAY) is None

        yield Registration(ClusterEvent(NODE, Action.ADD | Action.UPDATE_NODE_TAINT), tolerates_now)
        yield Registration(ClusterEvent(UNSCHEDULED_POD, Action.UPDATE_POD_TOLERATIONS))
