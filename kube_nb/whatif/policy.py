"""`Policy`: how a node is chosen; a profile of scheduler plugins with a tie rule, known by its name.

A policy is a recipe: `Policy.build` makes an engine of its own for one run, so that runs never share state. Built-in
ones pickle by name; a user's function must be importable to run in other processes.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj
from kube_nb.scheduler.columns import Columns
from kube_nb.scheduler.config import Configuration
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.interface import EXTENSION_POINTS, Plugin
from kube_nb.scheduler.framework.runtime import Framework, Handle
from kube_nb.scheduler.plugins.registry import REGISTRY
from kube_nb.scheduler.pod_info import PodInfo, PodShapes
from kube_nb.scheduler.selection import TieBreaker
from kube_nb.whatif import scores
from kube_nb.whatif.fgd import FragmentationGradient, typical_pods
from kube_nb.whatif.gpu import MODEL, Chooser, Devices, GpuShare, any_fit, asked, tightest_fit
from kube_nb.whatif.listing import ObjectLister
from kube_nb.whatif.workload import Workload

#: Filters of the policies that are not kube-scheduler profiles.
_FILTERS = ("NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit")

#: makes the score plugins: (columns, devices, workload, chosen GPU rule) -> plugins, GPU rule.
Maker = Callable[[Columns, Devices, Workload, random.Random], tuple[Sequence[Plugin], Chooser]]


@dataclass(frozen=True)
class Policy:
    """name: in results. ties: see `scheduler.selection.TIES`. percentage: of nodes to score, 0: adaptive.

    score_cache, equivalence_classes, relaxed_randomization: Borg's three techniques (EuroSys 2015, section 3.4). The
    first keeps what is known of the nodes from pod to pod; the second shares it among pods alike; the third looks at
    nodes from a random start until enough fit, in place of all. Results are the same with and without the first two.
    """

    name: str
    config: Any = None
    function: Callable[[Mapping[str, int], Any, Any], Any] | None = None
    maker: str = ""
    ties: str = "heap"
    percentage: int = 0
    version: tuple[int, int] = (1, 37)
    preempts: bool = True
    score_cache: bool = True
    equivalence_classes: bool = True
    relaxed_randomization: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_options(self, **changes: Any) -> "Policy":
        """A variant: ``with_options(ties="random", name="FGD, random ties")``."""
        return replace(self, **changes)

    @classmethod
    def profile(cls, name: str, config: "Obj | str | None" = None, **options: Any) -> "Policy":
        """From a KubeSchedulerConfiguration (its first profile)."""
        Configuration.of(config)
        return cls(name, config=config, **options)

    @classmethod
    def score(cls, name: str, function: Callable[[Mapping[str, int], Any, Any], Any], **options: Any) -> "Policy":
        """From a function(requests, free, capacity) that answers a score per node from columns; most wins."""
        return cls(
            name, function=function, maker="formula", percentage=100, ties=options.pop("ties", "first"), **options
        )

    def build(self, workload: Workload, seed: int, *, explain: bool = False) -> Engine:
        """An engine with the workload's nodes and the pods that stay on them, and none of its tasks."""
        columns = Columns()
        columns.namespaces.update(workload.namespaces)
        for node in workload.nodes:
            columns.add_node(node)
        columns.refresh()
        handle = Handle(columns, self.version, lister=ObjectLister(workload.objects))
        handle.stream = random.Random(f"{seed}/preemption")
        stream = random.Random(f"{seed}/{self.name}")
        if self.maker:
            profiles = {"default-scheduler": self._framework(columns, handle, workload, stream)}
        else:
            configured = Configuration.of(self.config).profiles_for(handle)
            profiles = {"default-scheduler": next(iter(configured.values()))}
        percentage = self.percentage or None
        if self.relaxed_randomization:
            percentage = None
        elif not self.maker and percentage is None:
            percentage = Configuration.of(self.config).percentage_of_nodes_to_score
        engine = Engine(
            handle,
            profiles,
            percentage_of_nodes_to_score=percentage,
            ties=TieBreaker(self.ties, stream),
            explain=explain,
            score_cache=self.score_cache,
            equivalence_classes=self.equivalence_classes,
            random_start=random.Random(f"{seed}/start") if self.relaxed_randomization else None,
        )
        for pod in workload.staying:
            engine.assume(engine.pod(pod), pod["spec"]["nodeName"])
        return engine

    def _framework(self, columns: Columns, handle: Handle, workload: Workload, stream: random.Random) -> Framework:
        devices = Devices(columns)
        made, choose = MAKERS[self.maker](self, columns, devices, workload, stream)
        names = ["PrioritySort", *_FILTERS, *(["DefaultPreemption"] if self.preempts else []), "DefaultBinder"]
        plugins: list[Any] = [REGISTRY[name]({}, handle) for name in names]
        plugins += [GpuShare(devices, choose), *made]
        points: dict[str, list[Any]] = {
            point: [plugin for plugin in plugins if isinstance(plugin, protocol)]
            for point, protocol in EXTENSION_POINTS.items()
        }
        points["score"] = list(made)
        points["preScore"] = [plugin for plugin in made if hasattr(plugin, "pre_score")]
        return Framework("default-scheduler", points, {})


# -- the built-in ones -------------------------------------------------------------------------------------------------


def _simple(score: type[scores.RowScore]) -> Any:
    return lambda policy, columns, devices, workload, stream: ([score(columns)], tightest_fit)


def _gpu(score: type[scores.GpuScore]) -> Any:
    return lambda policy, columns, devices, workload, stream: ([score(columns, devices)], tightest_fit)


def _random(policy: Policy, columns: Columns, devices: Devices, workload: Workload, stream: random.Random) -> Any:
    return [scores.Flat(columns)], any_fit(stream)


def _fgd(policy: Policy, columns: Columns, devices: Devices, workload: Workload, stream: random.Random) -> Any:
    plugin = FragmentationGradient(columns, devices, typical_of(workload))
    return [plugin], plugin.choose


def _formula(policy: Policy, columns: Columns, devices: Devices, workload: Workload, stream: random.Random) -> Any:
    assert policy.function is not None
    return [scores.Formula(columns, policy.function)], tightest_fit


def typical_of(workload: Workload) -> Any:
    """The typical pods of a workload: copies made by `inflated` do not count."""
    engine_shapes: dict[int, tuple[int, int, int, tuple[str, ...]]] = {}
    found = []
    shapes = PodShapes()
    for task in workload.tasks:
        if "-copy-" in task.name:
            continue
        spec = task.obj["spec"]
        if id(spec) not in engine_shapes:
            info = PodInfo(task.obj, shapes.of(spec))
            number, milli = asked(info)
            engine_shapes[id(spec)] = (info.requests.get("cpu", 0), number, milli, _models(info))
        found.append(engine_shapes[id(spec)])
    return typical_pods(found)


def _models(pod: PodInfo) -> tuple[str, ...]:
    required = pod.shape.node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for each in term.get("matchExpressions") or ():
            if each["key"] == MODEL:
                return tuple(each["values"])
    return ()


MAKERS: Mapping[str, Any] = {
    "flat": _simple(scores.Flat),
    "random": _random,
    "worst fit": _simple(scores.WorstFit),
    "best fit": _simple(scores.BestFit),
    "hybrid": _simple(scores.Hybrid),
    "gpu best fit": _gpu(scores.GpuBestFit),
    "dot product": _gpu(scores.GpuDotProduct),
    "gpu packing": _gpu(scores.GpuPacking),
    "gpu clustering": _gpu(scores.GpuClustering),
    "fgd": _fgd,
    "formula": _formula,
}

_PACKING = {
    "profiles": [
        {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}]}
    ]
}

#: Every built-in policy by its name. Those of the openb paper look at all nodes and take the smallest name of equals.
POLICIES: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy("kube-default"),
        Policy(
            "least-allocated",
            config={
                "profiles": [
                    {"plugins": {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": "NodeResourcesFit"}]}}}
                ]
            },
        ),
        Policy("most-allocated", config=_PACKING),
        Policy("worst-fit", maker="worst fit", ties="first", percentage=100),
        Policy("best-fit", maker="best fit", ties="first", percentage=100),
        Policy("hybrid", maker="hybrid", ties="first", percentage=100),
        Policy("first-fit", maker="flat", ties="first", percentage=100),
        Policy("random", maker="random", ties="random", percentage=100),
        Policy("gpu-best-fit", maker="gpu best fit", ties="first", percentage=100),
        Policy("dot-product", maker="dot product", ties="first", percentage=100),
        Policy("gpu-packing", maker="gpu packing", ties="first", percentage=100),
        Policy("gpu-clustering", maker="gpu clustering", ties="first", percentage=100),
        Policy("fgd", maker="fgd", ties="first", percentage=100),
    )
}


def policy_of(given: "Policy | str") -> Policy:
    if isinstance(given, Policy):
        return given
    if given not in POLICIES:
        raise BadArgument(f"no policy {given!r}, there are {', '.join(POLICIES)}")
    return POLICIES[given]
