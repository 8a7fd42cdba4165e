"""What a person asks at /debug/api_priority_and_fairness: levels, queues and waiting requests as tables.

Models apiserver pkg/util/flowcontrol/apf_controller_debug.go.
"""

from collections.abc import Iterable

from kube_nb.apiserver.fairness.levels import Level
from kube_nb.apiserver.fairness.waiting import Gate
from kube_nb.machinery import tabwriter

PATH = "/debug/api_priority_and_fairness/"


def dump(gate: Gate, name: str) -> str | None:
    """``dump_priority_levels``, ``dump_queues`` or ``dump_requests``; None for another name."""
    make = _DUMPS.get(name)
    return None if make is None else make(gate)


def _table(head: str, rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head.split(), *([_shown(cell) for cell in row] for row in rows)]
    return tabwriter.align("".join(",\t".join(line) + "\n" for line in lines), min_width=8, padding=1)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.8f}" if isinstance(value, float) else str(value)


_LEVELS = (
    "PriorityLevelName ActiveQueues IsIdle IsQuiescing WaitingRequests ExecutingRequests DispatchedRequests "
    "RejectedRequests TimedoutRequests CancelledRequests"
)


def _priority_levels(gate: Gate) -> str:
    ran: dict[Level, int] = {}
    for flow in gate.flows():
        ran[flow.level] = ran.get(flow.level, 0) + flow.dispatched
    return _table(_LEVELS, (_level(level, ran.get(level, 0)) for level in gate.levels()))


def _level(level: Level, ran: int) -> tuple[object, ...]:
    active = sum(1 for queue in level.queues.queues if queue.waiting) if level.queues is not None else 0
    timed_out = sum(count for (_, reason), count in level.rejected.items() if reason == "time-out")
    rejected = sum(level.rejected.values()) - timed_out
    idle = not level.executing and not level.waiting
    return level.name, active, idle, False, level.waiting, level.executing, ran, rejected, timed_out, 0


def _queues(gate: Gate) -> str:
    rows = (
        (level.name, queue.index, len(queue.waiting), queue.executing, queue.executing, queue.start)
        for level in gate.levels()
        if level.queues is not None
        for queue in level.queues.queues
    )
    return _table("PriorityLevelName Index PendingRequests ExecutingRequests SeatsInUse NextDispatchR", rows)


def _requests(gate: Gate) -> str:
    head = "PriorityLevelName FlowSchemaName QueueIndex RequestIndexInQueue FlowDistingsher ArriveTime InitialSeats"
    rows = (
        (level.name, each.flow[0], queue.index, place, each.flow[1], each.arrived_s, each.seats)
        for level in gate.levels()
        if level.queues is not None
        for queue in level.queues.queues
        for place, each in enumerate(queue.waiting)
    )
    return _table(head, rows)


_DUMPS = {"dump_priority_levels": _priority_levels, "dump_queues": _queues, "dump_requests": _requests}
