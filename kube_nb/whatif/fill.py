"""Place every task once, in order, nothing leaves: the experiment behind allocation and fragmentation curves."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kube_nb.scheduler import requests
from kube_nb.scheduler.columns import Floats
from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.whatif.fgd import Fragmentation
from kube_nb.whatif.gpu import RESOURCE, GpuShare
from kube_nb.whatif.policy import Policy, policy_of, typical_of
from kube_nb.whatif.workload import Workload

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Run:
    """placements: {task: node, "" if it found none}, in order. arrived and allocated: of `resource` after each task.

    fragmented: with GPUs, {arrived per cent, in steps of 5: share of the idle GPUs that typical pods cannot use}.
    """

    workload: str
    policy: str
    seed: int
    ties: str
    resource: str
    capacity: float
    placements: dict[str, str] = field(default_factory=dict)
    arrived: Floats = field(default_factory=lambda: np.zeros(0))
    allocated: Floats = field(default_factory=lambda: np.zeros(0))
    stranded_cpu: float = 0.0
    stranded_memory: float = 0.0
    utilization: dict[str, float] = field(default_factory=dict)
    fragmented: dict[int, float] = field(default_factory=dict)

    @property
    def pending(self) -> list[str]:
        return [task for task, node in self.placements.items() if not node]

    def allocation_at(self, percent: float) -> float:
        """Allocated share of the capacity, in per cent, once so much of it has arrived."""
        if not len(self.arrived):
            return 0.0
        place = int(np.searchsorted(self.arrived, percent / 100 * self.capacity, side="right")) - 1
        return float(100 * self.allocated[max(place, 0)] / self.capacity)

    def row(self) -> dict[str, Any]:
        """The run in numbers; shares in per cent."""
        return {
            "workload": self.workload,
            "policy": self.policy,
            "seed": self.seed,
            "ties": self.ties,
            "resource": self.resource,
            "tasks": len(self.placements),
            "pending": len(self.pending),
            "allocation_100": self.allocation_at(100),
            "allocation_end": self.allocation_at(1e9),
            "stranded_cpu": 100 * self.stranded_cpu,
            "stranded_memory": 100 * self.stranded_memory,
            "fragmented_90": 100 * self.fragmented.get(90, float("nan")),
            **{f"used_{name.rpartition('/')[2]}": 100 * share for name, share in self.utilization.items()},
        }

    def curve(self) -> "pd.DataFrame":
        """A row per arrived per cent: policy, workload, seed, ties, arrived, allocation."""
        import pandas as pd  # here: it is slow to import

        last = int(100 * self.arrived[-1] / self.capacity) if len(self.arrived) and self.capacity else 0
        rows = [
            {
                "arrived": percent,
                "allocation": self.allocation_at(percent),
                "fragmented": 100 * self.fragmented.get(percent, float("nan")),
            }
            for percent in range(last + 1)
        ]
        frame = pd.DataFrame(rows)
        return frame.assign(workload=self.workload, policy=self.policy, seed=self.seed, ties=self.ties)


def place(engine: Engine, pod: PodInfo) -> str:
    """One pod: schedule, reserve, assume. Answers the node, or ""."""
    attempt = engine.schedule(pod)
    if not attempt.node:
        if attempt.fault:
            raise RuntimeError(attempt.fault)
        return ""
    put(engine, pod, attempt.node)
    return attempt.node


def put(engine: Engine, pod: PodInfo, node: str) -> None:
    for plugin in engine.framework_of(pod).points["reserve"]:
        plugin.reserve(CycleState(), pod, node)
    engine.assume(pod, node)


def take_off(engine: Engine, pod: PodInfo) -> None:
    node = pod.node_name
    for plugin in engine.framework_of(pod).points["reserve"]:
        plugin.unreserve(CycleState(), pod, node)
    engine.forget(pod)


def fill(
    workload: Workload,
    policy: "Policy | str",
    seed: int = 0,
    *,
    resource: str = "",
    explain: bool = False,
    engine: Engine | None = None,
    oversized: bool = False,
) -> Run:
    """Place all tasks in their order. resource: what the curves show; GPUs if there are any, else cpu.

    A task that fits nowhere stays pending and is not tried again; one that is larger than any node is a WorkloadError,
    unless `oversized` says that such may be. The engine, if given, must be fresh.
    """
    policy = policy_of(policy)
    if not oversized:
        workload.check_sizes()
    engine = engine or policy.build(workload, seed, explain=explain)
    resource = resource or (RESOURCE if workload.total(RESOURCE) else requests.CPU)
    run = Run(workload.name, policy.name, seed, policy.ties, resource, float(workload.total(resource)))
    arrived, allocated = np.zeros(len(workload.tasks)), np.zeros(len(workload.tasks))
    came = got = 0
    fragmentation = fragmentation_of(engine, workload) if resource == RESOURCE else None
    next_sample = 0
    for number, task in enumerate(workload.tasks):
        pod = engine.pod(task.obj)
        amount = pod.shape.requests.get(resource, 0)
        came += amount
        node = place(engine, pod)
        if node:
            got += amount
        if explain and engine.last is not None:
            engine.decisions.append(engine.last)
        if fragmentation is not None and 100 * came >= next_sample * run.capacity:
            run.fragmented[next_sample] = fragmentation.share_of_idle()
            next_sample += 5
        run.placements[pod.name] = node
        arrived[number], allocated[number] = came, got
    run.arrived, run.allocated = arrived, allocated
    _measure(engine, run)
    return run


def fragmentation_of(engine: Engine, workload: Workload) -> Fragmentation | None:
    """How much of the idle GPUs the workload's typical pods cannot use; None if the policy does not share GPUs."""
    for framework in engine.profiles.values():
        for plugin in framework.points["reserve"]:
            if isinstance(plugin, GpuShare):
                return Fragmentation(engine.columns, plugin.devices, typical_of(workload))
    return None


def _measure(engine: Engine, run: Run) -> None:
    """Utilization per resource; stranded: free cpu on nodes whose memory is full (under 5 % left), and the reverse."""
    columns = engine.columns
    free: dict[str, Any] = {}
    for name in (requests.CPU, requests.MEMORY, RESOURCE):
        row = columns.resource_row(name)
        if row >= 0 and columns.capacity[row].sum():
            run.utilization[name] = float(columns.load[row].sum() / columns.capacity[row].sum())
            free[name] = columns.capacity[row] - columns.load[row], columns.capacity[row]
    if requests.CPU in free and requests.MEMORY in free:
        (cpu, cpus), (memory, memories) = free[requests.CPU], free[requests.MEMORY]
        run.stranded_cpu = float(cpu[memory < 0.05 * memories].sum() / cpus.sum())
        run.stranded_memory = float(memory[cpu < 0.05 * cpus].sum() / memories.sum())
