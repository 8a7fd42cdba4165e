"""Timed replay: tasks arrive and leave in virtual time, wait in a queue by priority, and may preempt others."""

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kube_nb.scheduler.engine import Engine
from kube_nb.scheduler.framework.interface import CycleState
from kube_nb.scheduler.pod_info import PodInfo
from kube_nb.whatif.fill import put, take_off
from kube_nb.whatif.policy import Policy, policy_of
from kube_nb.whatif.workload import Task, Workload

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Replay:
    """rows: per task {task, priority, arrival_s, start_s (last start, None: never), wait_s, preemptions, node}."""

    workload: str
    policy: str
    seed: int
    ties: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    utilization: list[tuple[float, float]] = field(default_factory=list)

    @property
    def df(self) -> "pd.DataFrame":
        import pandas as pd  # here: it is slow to import

        return pd.DataFrame(self.rows)

    def row(self) -> dict[str, Any]:
        """The replay in numbers: waits in seconds, utilization of the cpu in per cent of it, mean over time."""
        waits = sorted(row["wait_s"] for row in self.rows if row["wait_s"] is not None)
        return {
            "workload": self.workload,
            "policy": self.policy,
            "seed": self.seed,
            "ties": self.ties,
            "mean_wait_s": self.mean_wait_s,
            "p95_wait_s": waits[int(0.95 * (len(waits) - 1))] if waits else 0.0,
            "preemptions": self.preemptions,
            "never_ran": len(self.rows) - len(waits),
            "utilization": 100 * self.mean_utilization,
        }

    @property
    def mean_utilization(self) -> float:
        """Of the cpu, over the time from the first event to the last."""
        spans = zip(self.utilization, self.utilization[1:], strict=False)
        used = sum(share * (after - now) for (now, share), (after, _) in spans)
        length = self.utilization[-1][0] - self.utilization[0][0] if self.utilization else 0.0
        return used / length if length else 0.0

    @property
    def preemptions(self) -> int:
        return sum(row["preemptions"] for row in self.rows)

    @property
    def mean_wait_s(self) -> float:
        waits = [row["wait_s"] for row in self.rows if row["wait_s"] is not None]
        return sum(waits) / len(waits) if waits else 0.0


_ARRIVES, _LEAVES = 1, 0


class _Course:
    """The state of one replay. waiting: a heap of (-priority, arrival, number)."""

    def __init__(self, engine: Engine, workload: Workload) -> None:
        self.engine = engine
        self.tasks = workload.tasks
        self.pods = [engine.pod(task.obj) for task in workload.tasks]
        self.number_of = {pod.key: number for number, pod in enumerate(self.pods)}
        self.start_s: list[float | None] = [None] * len(self.pods)
        self.first_s: list[float | None] = [None] * len(self.pods)
        self.lives = [0] * len(self.pods)
        self.preempted = [0] * len(self.pods)
        self.waiting: list[tuple[int, float, int]] = []
        self.events: list[tuple[float, int, int, int]] = [
            (task.arrival_s, _ARRIVES, number, 0) for number, task in enumerate(self.tasks)
        ]
        heapq.heapify(self.events)

    def wait(self, number: int) -> None:
        task: Task = self.tasks[number]
        heapq.heappush(self.waiting, (-task.priority, task.arrival_s, number))

    def try_waiting(self, now_s: float) -> None:
        """All that wait, the more important first; shapes that found no place are not tried twice."""
        hopeless: set[tuple[int, int]] = set()
        left = []
        while self.waiting:
            entry = heapq.heappop(self.waiting)
            pod = self.pods[entry[2]]
            key = (pod.shape.number, pod.priority)
            if key in hopeless or not self._start(entry[2], pod, now_s):
                hopeless.add(key)
                left.append(entry)
        for entry in left:
            heapq.heappush(self.waiting, entry)

    def _start(self, number: int, pod: PodInfo, now_s: float) -> bool:
        attempt = self.engine.schedule(pod, now_s)
        node = attempt.node or self._preempt(pod, attempt)
        if not node:
            return False
        put(self.engine, pod, node)
        self.start_s[number] = now_s
        if self.first_s[number] is None:
            self.first_s[number] = now_s
        self.lives[number] += 1
        lasts = self.tasks[number].duration_s
        if lasts is not None:
            heapq.heappush(self.events, (now_s + lasts, _LEAVES, number, self.lives[number]))
        return True

    def _preempt(self, pod: PodInfo, attempt: Any) -> str:
        for plugin in self.engine.framework_of(pod).points["postFilter"]:
            result = plugin.post_filter(CycleState(), pod, attempt)
            if result is not None and result.node:
                for victim in result.victims:
                    number = self.number_of[victim.key]
                    take_off(self.engine, victim)
                    self.preempted[number] += 1
                    self.lives[number] += 1
                    self.start_s[number] = None
                    self.wait(number)
                return str(result.node)
        return ""

    def leave(self, number: int, life: int) -> None:
        if self.lives[number] == life and self.start_s[number] is not None:
            take_off(self.engine, self.pods[number])
            self.lives[number] += 1


def replay(workload: Workload, policy: "Policy | str", seed: int = 0, *, compress: float = 1.0) -> Replay:
    """Follow the workload's own times. compress: divide the times between arrivals by this (the openb trace is sparse).

    A preempted task waits again and starts from the beginning. WorkloadError if a task is larger than any node.
    """
    chosen = policy_of(policy)
    workload.check_sizes()
    if compress != 1.0:
        tasks = [Task(task.obj, task.arrival_s / compress, task.duration_s) for task in workload.tasks]
        workload = workload.with_tasks(tasks)
    engine = chosen.build(workload, seed)
    course = _Course(engine, workload)
    result = Replay(workload.name, chosen.name, seed, chosen.ties)
    columns, row = engine.columns, 2
    capacity = float(columns.capacity[row].sum()) or 1.0
    while course.events:
        now_s = course.events[0][0]
        left = False
        while course.events and course.events[0][0] == now_s:
            _, kind, number, life = heapq.heappop(course.events)
            if kind == _LEAVES:
                course.leave(number, life)
                left = True
            else:
                course.wait(number)
                left = left or len(course.waiting) == 1
        course.try_waiting(now_s)
        result.utilization.append((now_s, float(columns.load[row].sum()) / capacity))
    result.rows = [_row(course, number) for number in range(len(course.pods))]
    return result


def _row(course: _Course, number: int) -> dict[str, Any]:
    task, first_s = course.tasks[number], course.first_s[number]
    return {
        "task": task.name,
        "priority": task.priority,
        "arrival_s": task.arrival_s,
        "start_s": first_s,
        "wait_s": None if first_s is None else first_s - task.arrival_s,
        "preemptions": course.preempted[number],
        "node": course.pods[number].node_name,
    }
