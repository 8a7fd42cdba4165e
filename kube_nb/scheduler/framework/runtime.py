"""A profile at work: the plugins of every extension point in order, with the weights of their scores.

`Handle` is what a plugin may reach beside its arguments. Models pkg/scheduler/framework/runtime/framework.go.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.framework.interface import (
    EXTENSION_POINTS,
    ColumnFilter,
    ColumnScore,
    CycleState,
    FilterPlugin,
    Plugin,
    Scope,
)
from kube_nb.scheduler.framework.status import Code, Status
from kube_nb.scheduler.node_info import NodeInfo
from kube_nb.scheduler.nominator import Nominator
from kube_nb.scheduler.pod_info import PodInfo


class Lister(Protocol):
    """Objects of the cluster that some plugins look at; kinds are plural resource names ("services")."""

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Obj]: ...

    def get(self, resource: str, namespace: str | None, name: str) -> Obj | None: ...

    def services_with(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Obj]:
        """The Services of a namespace whose selector has one of these labels: those that select such a pod, and maybe
        more. Asked for every pod, so it must not walk over all Services."""
        ...


class NoObjects:
    """A lister of nothing: for an engine without an API."""

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Obj]:
        return ()

    def get(self, resource: str, namespace: str | None, name: str) -> Obj | None:
        return None

    def services_with(self, namespace: str, labels: Mapping[str, str]) -> Sequence[Obj]:
        return ()


async def _no_binding(namespace: str, name: str, node_name: str) -> None:
    """An engine without an API has nobody to tell."""


@dataclass
class Handle:
    """version: of the served API, which decides between old and new formulas and texts. stream: for what upstream draws
    by lot. engine: the one that runs the profile. client: None without an API."""

    columns: Columns
    version: tuple[int, int] = (1, 37)
    bind: Callable[[str, str, str], Awaitable[object]] = _no_binding
    lister: Lister = field(default_factory=NoObjects)
    nominator: Nominator = field(default_factory=Nominator)
    client: Any = None
    stream: random.Random = field(default_factory=lambda: random.Random(0))
    engine: Any = None


class Framework:
    """One profile. plugins: {extension point: plugins in order}; weights: {plugin name: weight of its score}.

    extenders: webhooks (`extender.Extender`) that are asked after the plugins.
    """

    def __init__(
        self,
        scheduler_name: str,
        plugins: Mapping[str, Sequence[Plugin]],
        weights: Mapping[str, int],
        percentage_of_nodes_to_score: int | None = None,
        extenders: Sequence[Any] = (),
    ) -> None:
        self.scheduler_name = scheduler_name
        self.percentage_of_nodes_to_score = percentage_of_nodes_to_score
        points: dict[str, list[Any]] = {point: list(plugins.get(point) or ()) for point in EXTENSION_POINTS}
        self.points = points
        self.weights = dict(weights)
        self.filtering_extenders = [each for each in extenders if "filter" in each]
        self.preempting_extenders = [each for each in extenders if "preempt" in each]
        (self.queue_sort,) = points["queueSort"]
        self.filters: list[FilterPlugin] = points["filter"]
        self._movers = [each for each in points["preFilter"] if hasattr(each, "add_pod")]
        #: Filters whose columns depend on the pod's shape only, and so can be kept for the pods alike.
        self.kept_filters = [each for each in points["filter"] if _kept(each, ColumnFilter)]
        self.late_filters = [each for each in points["filter"] if not _kept(each, ColumnFilter)]
        #: What must run for every pod: filters that look further than the node, and PreFilters without a filter.
        self.late = self.late_filters + [each for each in points["preFilter"] if each not in self.filters]
        self.late_tests = [(plugin, getattr(plugin, "applies", None)) for plugin in self.late]
        self.guarded = [each for each in self.plugins() if hasattr(each, "warnings")]
        self.kept_scores = [each for each in points["score"] if _kept(each, ColumnScore)]
        self.late_scores = [each for each in points["score"] if not _kept(each, ColumnScore)]
        self.late_score_tests = [(plugin, getattr(plugin, "applies_to_score", None)) for plugin in self.late_scores]

    def plugins(self) -> list[Any]:
        """Every plugin once, in the order of the extension points."""
        found: list[Any] = []
        for plugins in self.points.values():
            found += [plugin for plugin in plugins if not any(plugin is each for each in found)]
        return found

    def weight(self, plugin: Plugin) -> int:
        return self.weights.get(plugin.name) or 1

    @property
    def scores_nothing(self) -> bool:
        return not self.points["score"] and not self.filtering_extenders

    # -- the plain forms, one node a call -------------------------------------------------------------------------

    def pre_filter(
        self, state: CycleState, pod: PodInfo, columns: Columns
    ) -> tuple[Status | None, frozenset[str] | None]:
        """Run every PreFilter: (a refusal, the only candidates); whose filters are skipped is in the state."""
        names: frozenset[str] | None = None
        skipped = state["skipped"] = set[str]()
        for plugin in self.points["preFilter"]:
            answer = plugin.pre_filter(state, pod, columns)
            if isinstance(answer, frozenset):
                names = answer if names is None else names & answer
            elif answer is not None and answer.code is Code.SKIP:
                skipped.add(plugin.name)
            elif answer is not None and answer.code is not Code.SUCCESS:
                return answer.by(plugin.name), names
        return None, names

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """The first refusal of this node."""
        skipped = state["skipped"]
        for plugin in self.points["filter"]:
            if plugin.name not in skipped:
                status = plugin.filter(state, pod, node)
                if status is not None and status.code is not Code.SUCCESS:
                    refusal: Status = status.by(plugin.name)
                    return refusal
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo) -> None:
        """Put a pod on a copied node, and tell the plugins that prepared for its absence."""
        node.add_pod(added)
        for plugin in self._movers:
            if plugin.name not in state["skipped"]:
                plugin.add_pod(state, pod, added, node)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo) -> None:
        """The reverse of `add_pod`."""
        node.remove_pod(removed)
        for plugin in self._movers:
            if plugin.name not in state["skipped"]:
                plugin.remove_pod(state, pod, removed, node)

    def filter_with_nominated(
        self, state: CycleState, pod: PodInfo, node: NodeInfo, nominated: Sequence[PodInfo]
    ) -> Status | None:
        """Filter twice if pods of no lower priority are promised this node: with them on it, and without.

        Models RunFilterPluginsWithNominatedPods.
        """
        higher = [each for each in nominated if each.priority >= pod.priority and each.uid != pod.uid]
        if higher:
            with_them, copy = state.clone(), node.clone()
            for each in higher:
                self.add_pod(with_them, pod, each, copy)
            refusal = self.filter(with_them, pod, copy)
            if refusal is not None:
                return refusal
        return self.filter(state, pod, node)


def _kept(plugin: Any, protocol: type) -> bool:
    return isinstance(plugin, protocol) and plugin.scope is not Scope.CLUSTER  # type: ignore[attr-defined]  # both column protocols have it
