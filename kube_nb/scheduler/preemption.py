"""Preemption: which pods would have to go, on which node, so that a more important pod fits; nothing is done here.

Every candidate and every step of the choice is kept in the `Preemption` that comes out.
Models pkg/scheduler/framework/preemption/preemption.go and plugins/defaultpreemption. Differs: one worker; the start
among the nodes is drawn from the seed.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kube_nb.machinery import labels
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.framework.runtime import Framework
from kube_nb.scheduler.framework.status import Code, Status, unresolvable
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.pod_info import PodInfo

if TYPE_CHECKING:
    import pandas as pd

    from kube_nb.scheduler.decisions import Attempt
    from kube_nb.scheduler.engine import Engine

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that would do, and who had to leave: most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int

    def to_dict(self) -> dict[str, Any]:
        victims = [{"pod": pod.key, "priority": pod.priority} for pod in self.victims]
        return {"node": self.node, "victims": victims, "pdbViolations": self.violations}


@dataclass(slots=True)
class Preemption:
    """node: the chosen one, "" if there is none, and then `message` says why. steps: (criterion, nodes left).

    refused: the nodes that were tried in vain, and why even without the less important pods they would not do.
    """

    node: str = ""
    victims: tuple[PodInfo, ...] = ()
    candidates: list[Candidate] = field(default_factory=list)
    steps: list[tuple[str, list[str]]] = field(default_factory=list)
    message: str = ""
    prefix: str = "preemption: "
    refused: dict[str, Status] = field(default_factory=dict)

    @property
    def df(self) -> "pd.DataFrame":
        """A row per candidate: node, victims, the values of the choice's steps, lost_at (the step at which it was
        dropped, "" for the chosen one)."""
        import pandas as pd  # here: it is slow to import

        rows = [
            {
                "node": each.node,
                "victims": ", ".join(pod.key for pod in each.victims),
                "pdb_violations": each.violations,
                "highest_priority": each.victims[0].priority if each.victims else None,
                "sum_of_priorities": sum(pod.priority for pod in each.victims),
                "number_of_victims": len(each.victims),
                "lost_at": self._lost_at(each.node),
            }
            for each in self.candidates
        ]
        return pd.DataFrame(rows)

    def _lost_at(self, node: str) -> str:
        return next((criterion for criterion, left in self.steps if node not in left), "")

    @property
    def text(self) -> str:
        """``node-2: evict default/a (of 3 candidates; fewest PDB violations: node-1, node-2; ...)``, or why not."""
        if not self.node:
            return self.message
        steps = "".join(f"; {criterion}: {', '.join(left)}" for criterion, left in self.steps)
        victims = ", ".join(pod.key for pod in self.victims)
        return f"{self.node}: evict {victims} (of {len(self.candidates)} candidates{steps})"

    def to_dict(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "victims": [pod.key for pod in self.victims],
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "steps": [{"criterion": criterion, "nodes": nodes} for criterion, nodes in self.steps],
            "refused": {node: list(status.reasons) for node, status in self.refused.items()},
            "message": self.message,
        }


def importance(pod: PodInfo) -> tuple[int, float]:
    """Sorts the more important pod first: higher priority, then the earlier start. Models util.MoreImportantPod."""
    return -pod.priority, pod.start_s


@dataclass
class Evaluator:
    """Tries preemption for pods of one engine. budgets: PodDisruptionBudgets of the cluster at the moment."""

    engine: "Engine"
    stream: random.Random
    budgets: Callable[[], Sequence[Obj]] = lambda: ()
    min_percentage: int = 10
    min_absolute: int = 100

    def preempt(self, pod: PodInfo, attempt: "Attempt") -> Preemption:
        refused = attempt.refused()
        if why := self._not_eligible(pod, refused):
            return Preemption(message=why)
        hopeful = [name for name, status in refused.items() if status.code is Code.UNSCHEDULABLE]
        total = len(attempt.names)
        if not hopeful:
            return Preemption(message=_fit_error(total, {}))
        state, refusal, _ = self.engine.state_for(pod)
        if refusal is not None:
            return Preemption(message=_fit_error(total, {}))
        result = Preemption()
        statuses = result.refused = self._dry_run(pod, state, hopeful, result)
        for extender in self.engine.framework_of(pod).preempting_extenders:
            if result.candidates and extender.interested(pod):
                result.candidates = extender.candidates(pod, result.candidates)
        if not result.candidates:
            result.message = _fit_error(total, statuses)
            return result
        chosen = choose(result)
        result.node, result.victims = chosen.node, chosen.victims
        return result

    def _not_eligible(self, pod: PodInfo, refused: Mapping[str, Status]) -> str:
        """Models PodEligibleToPreemptOthers."""
        if pod.preemption_policy == "Never":
            return "not eligible due to preemptionPolicy=Never."
        nominated = pod.nominated_node_name
        node = self.engine.columns.node(nominated) if nominated else None
        if node is None:
            return ""
        status = refused.get(nominated)
        if status is not None and status.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
            return ""
        if any(each.terminating and each.priority < pod.priority for each in node.pods.values()):
            return "not eligible due to a terminating pod on the nominated node."
        return ""

    def _dry_run(self, pod: PodInfo, state: CycleState, names: Sequence[str], result: Preemption) -> dict[str, Status]:
        """Fill the candidates; answers why the other nodes that were tried do not do."""
        wanted = min(len(names), max(self.min_absolute, len(names) * self.min_percentage // 100))
        offset = self.stream.randrange(len(names))
        framework = self.engine.framework_of(pod)
        budgets = list(self.budgets())
        statuses: dict[str, Status] = {}
        for number in range(len(names)):
            name = names[(offset + number) % len(names)]
            node = self.engine.columns.node(name)
            if node is None:
                continue
            found = self._victims(framework, pod, state, node, budgets)
            if isinstance(found, Status):
                statuses[name] = found
                continue
            result.candidates.append(found)
            if len(result.candidates) >= wanted and any(not each.violations for each in result.candidates):
                break
        return statuses

    def _victims(
        self, framework: Framework, pod: PodInfo, state: CycleState, node: NodeInfo, budgets: Sequence[Obj]
    ) -> Candidate | Status:
        """Remove everybody of lower priority, then let back in whom the pod can bear. Models SelectVictimsOnNode."""
        lower = [each for each in node.pods.values() if each.priority < pod.priority]
        if not lower:
            return unresolvable(NO_VICTIMS)
        state, copy = state.clone(), node.clone()
        state["skipped"] = set(state["skipped"])
        nominated = self.engine.handle.nominator.pods_on(node.name)
        for each in lower:
            framework.remove_pod(state, pod, each, copy)
        if (refusal := framework.filter_with_nominated(state, pod, copy, nominated)) is not None:
            return refusal
        lower.sort(key=importance)
        violating, others = split_by_budgets(lower, budgets)
        victims: list[PodInfo] = []
        violations = 0
        for each in [*violating, *others]:
            framework.add_pod(state, pod, each, copy)
            if framework.filter_with_nominated(state, pod, copy, nominated) is not None:
                framework.remove_pod(state, pod, each, copy)
                victims.append(each)
                violations += any(each is one for one in violating)
        return Candidate(node.name, tuple(sorted(victims, key=importance)), violations)


def split_by_budgets(pods: Sequence[PodInfo], budgets: Sequence[Obj]) -> tuple[list[PodInfo], list[PodInfo]]:
    """(pods whose eviction would break a budget, the others), in the given order, counting each eviction.

    Models filterPodsWithPDBViolation.
    """
    allowed = [int((budget.get("status") or {}).get("disruptionsAllowed") or 0) for budget in budgets]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        broken = False
        for number, budget in enumerate(budgets):
            if not pod.labels or budget["metadata"].get("namespace") != pod.namespace:
                continue
            selector = labels.from_label_selector((budget.get("spec") or {}).get("selector"))
            if selector.everything or not selector.matches(pod.labels):
                continue
            if pod.name in ((budget.get("status") or {}).get("disruptedPods") or {}):
                continue
            allowed[number] -= 1
            broken = broken or allowed[number] < 0
        (violating if broken else others).append(pod)
    return violating, others


#: The steps of the choice, each keeping the candidates with the least value.
CRITERIA: Sequence[tuple[str, Callable[[Candidate], Any]]] = (
    ("fewest PDB violations", lambda each: each.violations),
    (
        "lowest priority of the most important victim",
        lambda each: each.victims[0].priority if each.victims else -(2**31),
    ),
    ("smallest sum of priorities", lambda each: sum(victim.priority + 2**31 for victim in each.victims)),
    ("fewest victims", lambda each: len(each.victims)),
    ("latest start of the most important victims", lambda each: -_earliest_start(each)),
)


def _earliest_start(candidate: Candidate) -> float:
    """The earliest start among the victims of the highest priority."""
    if not candidate.victims:
        return 0.0
    highest = candidate.victims[0].priority
    return min(victim.start_s for victim in candidate.victims if victim.priority == highest)


def choose(result: Preemption) -> Candidate:
    """The one candidate, noting who was left after each step; then the first one left.

    Models pickOneNodeForPreemption. Differs: upstream takes the first of a map in no order.
    """
    left = list(result.candidates)
    for criterion, value in CRITERIA:
        if len(left) == 1:
            break
        values = [value(candidate) for candidate in left]
        least = min(values)
        left = [candidate for candidate, found in zip(left, values, strict=True) if found == least]
        result.steps.append((criterion, [candidate.node for candidate in left]))
    if len(left) > 1:
        result.steps.append(("first in the nodes' order", [left[0].node]))
    return left[0]


def _fit_error(total: int, statuses: Mapping[str, Status]) -> str:
    counts: dict[str, int] = {}
    for status in statuses.values():
        for reason in status.reasons:
            counts[reason] = counts.get(reason, 0) + 1
    if absent := total - len(statuses):
        counts[NOT_HELPFUL] = counts.get(NOT_HELPFUL, 0) + absent
    return f"0/{total} nodes are available: {', '.join(sorted(f'{n} {reason}' for reason, n in counts.items()))}."
