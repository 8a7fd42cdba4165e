r"""The scheduling queue: which pod is tried next, which wait, and what brings them back.

::

    add ---> gated (PreEnqueue refuses) --gates gone--> active
    add ---> active --pop--> in flight --refused by plugins--> unschedulable --event with a hint, or 5 min--.
               ^                    \--fault---> backoff                                                     |
               |-- time is up, or nothing else to do -- backoff <-- still backing off --------------------- '

Plain and synchronous: time is handed in, `wake` is called when there may be something to pop.
Models pkg/scheduler/backend/queue/{scheduling_queue,active_queue,backoff_queue}.go.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kube_nb.machinery.types import Obj
from kube_nb.scheduler.framework.events import UNSCHEDULED_POD, Action, ClusterEvent, Registration
from kube_nb.scheduler.framework.status import Status
from kube_nb.scheduler.pod_info import PodInfo

INITIAL_BACKOFF_S = 1.0
MAX_BACKOFF_S = 10.0
#: How long a pod stays in the unschedulable pool without any event, and how often that is looked at.
MAX_IN_UNSCHEDULABLE_S = 300.0
SWEEP_S = 30.0
#: How many events are remembered for pods that are in flight.
MAX_EVENTS = 8192


class QueuedPod:
    """A pod in the queue. refused_by: plugins that refused it at its last attempt; gated_by: the PreEnqueue plugin that
    keeps it out; refusals and faults count the attempts that ended so in a row, for the backoff; seen: how many events
    there had been when it was popped."""

    __slots__ = (
        *("added_s", "attempts", "faults", "gated_by", "number", "pod", "refusals", "refused_by", "seen"),
        "timestamp_s",
    )

    def __init__(self, pod: PodInfo, now_s: float, number: int) -> None:
        self.pod = pod
        self.added_s = self.timestamp_s = now_s
        self.number = number
        self.attempts = self.refusals = self.faults = self.seen = 0
        self.refused_by: tuple[str, ...] = ()
        self.gated_by = ""


class _Heap:
    """Pods by a key; removal marks, popping skips."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, int, QueuedPod]] = []
        self._entry: dict[str, int] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._entry)

    def __contains__(self, key: str) -> bool:
        return key in self._entry

    def push(self, order: Any, queued: QueuedPod) -> None:
        number = next(self._numbers)
        self._entry[queued.pod.key] = number
        heapq.heappush(self._rows, (order, number, queued))

    def remove(self, key: str) -> bool:
        return self._entry.pop(key, None) is not None

    def peek(self) -> tuple[Any, QueuedPod] | None:
        rows = self._rows
        while rows:
            order, number, queued = rows[0]
            if self._entry.get(queued.pod.key) == number:
                return order, queued
            heapq.heappop(rows)
        return None

    def pop(self) -> QueuedPod | None:
        found = self.peek()
        if found is None:
            return None
        heapq.heappop(self._rows)
        del self._entry[found[1].pod.key]
        return found[1]

    def __iter__(self) -> Iterator[QueuedPod]:
        rows = sorted((order, number, queued) for order, number, queued in self._rows if self._live(number, queued))
        return (queued for _, _, queued in rows)

    def _live(self, number: int, queued: QueuedPod) -> bool:
        return self._entry.get(queued.pod.key) == number


class SchedulingQueue:
    """See the module. sort_key: QueueSort; pre_enqueue: the first refusal, if any; registrations: {plugin: events}."""

    def __init__(
        self,
        sort_key: Callable[[PodInfo, float], Any],
        pre_enqueue: Callable[[PodInfo], Status | None],
        registrations: Mapping[str, Sequence[Registration]],
        wake: Callable[[], None] = lambda: None,
        *,
        initial_backoff_s: float = INITIAL_BACKOFF_S,
        max_backoff_s: float = MAX_BACKOFF_S,
    ) -> None:
        self._sort_key = sort_key
        self._pre_enqueue = pre_enqueue
        self._registrations = registrations
        self._wake = wake
        self._initial_backoff_s = initial_backoff_s
        self._max_backoff_s = max_backoff_s
        self._active = _Heap()
        self._backoff = _Heap()
        self._faulted = _Heap()
        self._unschedulable: dict[str, QueuedPod] = {}
        self._in_flight: dict[str, QueuedPod] = {}
        #: What happened while some pod was in flight, for its return; empty while none is.
        self._events: list[tuple[ClusterEvent, Obj | None, Obj | None]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._active) + len(self._backoff) + len(self._faulted) + len(self._unschedulable)

    def __contains__(self, key: str) -> bool:
        heaps = (self._active, self._backoff, self._faulted)
        return key in self._unschedulable or any(key in heap for heap in heaps)

    def get(self, key: str) -> PodInfo | None:
        """The pod as it waits here."""
        queued = self._unschedulable.get(key) or self._in_flight.get(key)
        for heap in (self._active, self._backoff, self._faulted):
            if queued is None and key in heap:
                queued = next(each for each in heap if each.pod.key == key)
        return None if queued is None else queued.pod

    def pending(self) -> dict[str, list[str]]:
        """{"active": pod keys in order, "backoff": ..., "unschedulable": ..., "gated": ...}."""
        waiting = self._unschedulable.values()
        return {
            "active": [queued.pod.key for queued in self._active],
            "backoff": [queued.pod.key for heap in (self._backoff, self._faulted) for queued in heap],
            "unschedulable": [queued.pod.key for queued in waiting if not queued.gated_by],
            "gated": [queued.pod.key for queued in waiting if queued.gated_by],
        }

    # -- pods come, change and go ----------------------------------------------------------------------------------

    def add(self, pod: PodInfo, now_s: float) -> None:
        """A pod that nobody has placed yet."""
        if pod.key in self or pod.key in self._in_flight:
            self.update(pod, now_s)
            return
        self._number += 1
        self._to_active(QueuedPod(pod, now_s, self._number))

    def update(self, pod: PodInfo, now_s: float, old: Obj | None = None) -> None:
        """The pod's object changed; a pod refused for something that changed with it is tried again."""
        for heap in (self._active, self._backoff, self._faulted):
            if pod.key in heap:
                for queued in heap:
                    if queued.pod.key == pod.key:
                        queued.pod = pod
                        heap.remove(pod.key)
                        self._put(heap, queued)
                return
        queued_pod = self._unschedulable.get(pod.key)
        if queued_pod is not None:
            before = old if old is not None else queued_pod.pod.obj
            queued_pod.pod = pod
            if queued_pod.gated_by:
                del self._unschedulable[pod.key]
                self._to_active(queued_pod)
            elif (event := _own_change(before, pod.obj)) and self._worth_trying(queued_pod, event, before, pod.obj):
                self._requeue(queued_pod, now_s)
        elif pod.key in self._in_flight:
            self._in_flight[pod.key].pod = pod
        else:
            self.add(pod, now_s)

    def delete(self, key: str) -> None:
        self._unschedulable.pop(key, None)
        self._land(key)
        for heap in (self._active, self._backoff, self._faulted):
            heap.remove(key)

    # -- trying ----------------------------------------------------------------------------------------------------

    def pop(self, now_s: float) -> QueuedPod | None:
        """The next pod to try; with nothing active one that is backing off after a refusal is tried early."""
        self.flush_backoff(now_s)
        queued = self._active.pop() or self._backoff.pop()
        if queued is None:
            return None
        queued.attempts += 1
        queued.seen = len(self._events)
        self._in_flight[queued.pod.key] = queued
        return queued

    def done(self, key: str) -> None:
        """The pod has been placed."""
        self._land(key)

    def _land(self, key: str) -> QueuedPod | None:
        found = self._in_flight.pop(key, None)
        if not self._in_flight and self._events:
            self._events = []
        return found

    def add_unschedulable(self, queued: QueuedPod, refused_by: Sequence[str], now_s: float) -> None:
        """The attempt failed. refused_by: the plugins that refused the pod; none means a fault, which backs off.

        What happened during the attempt counts as if it happened now.
        """
        missed, some_forgotten = self._events[max(0, queued.seen) :], queued.seen < 0
        if self._land(queued.pod.key) is None:
            return
        queued.timestamp_s = now_s
        queued.refused_by = tuple(refused_by)
        if refused_by:
            queued.refusals += 1
            queued.faults = 0
            self._unschedulable[queued.pod.key] = queued
            if some_forgotten or any(self._worth_trying(queued, *event) for event in missed):
                self._requeue(queued, now_s)
        else:
            queued.faults += 1
            self._put(self._faulted, queued)
            self._wake()

    # -- events ----------------------------------------------------------------------------------------------------

    def move(self, event: ClusterEvent, old: Obj | None, new: Obj | None, now_s: float) -> None:
        """Try again every pod that some plugin refused which this event may have convinced."""
        if self._in_flight:
            self._note(event, old, new)
        if not self._unschedulable:
            return
        for queued in list(self._unschedulable.values()):
            if not queued.gated_by and self._worth_trying(queued, event, old, new):
                self._requeue(queued, now_s)

    def _note(self, event: ClusterEvent, old: Obj | None, new: Obj | None) -> None:
        """A pod that is in flight for so long that its first events are forgotten has a negative `seen`."""
        self._events.append((event, old, new))
        if len(self._events) > MAX_EVENTS:
            dropped = MAX_EVENTS // 2
            del self._events[:dropped]
            for queued in self._in_flight.values():
                queued.seen -= dropped

    def activate(self, key: str) -> None:
        """Try this pod next, whatever it waits for."""
        queued = self._unschedulable.pop(key, None)
        if queued is not None:
            self._to_active(queued)

    def flush_backoff(self, now_s: float) -> None:
        for heap in (self._backoff, self._faulted):
            while (first := heap.peek()) is not None and first[0][0] <= now_s:
                heap.pop()
                self._to_active(first[1])

    def flush_unschedulable(self, now_s: float) -> None:
        """Try again who waited 5 minutes without any event."""
        for queued in list(self._unschedulable.values()):
            if not queued.gated_by and now_s - queued.timestamp_s > MAX_IN_UNSCHEDULABLE_S:
                self._requeue(queued, now_s)

    def next_due_s(self) -> float | None:
        """When the next pod's backoff after a fault ends."""
        first = self._faulted.peek()
        return None if first is None else float(first[0][0])

    def backoff_s(self, queued: QueuedPod) -> float:
        count = max(queued.refusals, queued.faults)
        return min(self._max_backoff_s, self._initial_backoff_s * 2 ** min(count - 1, 30)) if count else 0.0

    # -- inside ----------------------------------------------------------------------------------------------------

    def _worth_trying(self, queued: QueuedPod, event: ClusterEvent, old: Obj | None, new: Obj | None) -> bool:
        for plugin in queued.refused_by:
            for registration in self._registrations.get(plugin) or ():
                hint = registration.hint
                if registration.event.covers(event) and (hint is None or hint(queued.pod, old, new)):
                    return True
        return False

    def _requeue(self, queued: QueuedPod, now_s: float) -> None:
        del self._unschedulable[queued.pod.key]
        if self._due_s(queued) > now_s:
            self._put(self._backoff, queued)
            self._wake()
        else:
            self._to_active(queued)

    def _to_active(self, queued: QueuedPod) -> None:
        refusal = self._pre_enqueue(queued.pod)
        if refusal is not None:
            queued.gated_by = refusal.plugin or "PreEnqueue"
            self._unschedulable[queued.pod.key] = queued
            return
        queued.gated_by = ""
        self._put(self._active, queued)
        self._wake()

    def _due_s(self, queued: QueuedPod) -> float:
        """In whole seconds, so that within a second the order is QueueSort's."""
        return float(int(queued.timestamp_s + self.backoff_s(queued)))

    def _put(self, heap: _Heap, queued: QueuedPod) -> None:
        order = (self._sort_key(queued.pod, queued.timestamp_s), queued.number)
        heap.push(order if heap is self._active else (self._due_s(queued), order), queued)


def _own_change(old: Obj, new: Obj) -> ClusterEvent | None:
    """What about the pod itself changed, as far as it matters for where it can go."""
    action = Action(0)
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        action |= Action.UPDATE_POD_LABEL
    if before.get("tolerations") != after.get("tolerations"):
        action |= Action.UPDATE_POD_TOLERATIONS
    if before.get("schedulingGates") and not after.get("schedulingGates"):
        action |= Action.UPDATE_POD_GATES_ELIMINATED
    if before.get("containers") != after.get("containers") or before.get("resources") != after.get("resources"):
        action |= Action.UPDATE_POD_SCALE_DOWN
    return ClusterEvent(UNSCHEDULED_POD, action, "PodUpdate") if action else None
