"""The queues of one priority level: shuffle sharding deals each flow a hand of them, fair queuing picks the next.

A queue's virtual start is the level's virtual time at which its next request would begin if all queues were served at
once; each dispatch moves it on by the work that the request is guessed to be, each end by what it really was.
Models apiserver pkg/util/flowcontrol/{shufflesharding,fairqueuing/queueset}.
"""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field

#: How long a request is guessed to take, in seconds.
GUESS_S = 0.003
#: A virtual start that cannot come.
_NEVER = float("inf")


@dataclass(slots=True, eq=False)
class Waiting:
    """A request in a queue. ready: done when it may run; flow: (schema, distinguisher)."""

    flow: tuple[str, str]
    seats: int
    arrived_s: float
    ready: "asyncio.Future[None]"
    queue: "Queue"
    queues: "Queues"
    started_s: float = 0.0


@dataclass(slots=True, eq=False)
class Queue:
    """index: its place among the level's; start: virtual seconds; executing: seats of requests that came through it."""

    index: int
    waiting: deque[Waiting] = field(default_factory=deque)
    start: float = 0.0
    executing: int = 0

    @property
    def work(self) -> int:
        return self.executing + sum(each.seats for each in self.waiting)


def deal(value: int, deck: int, hand: int) -> list[int]:
    """`hand` different cards of ``range(deck)``, the same for equal values. Models Dealer.DealIntoHand."""
    rests = []
    for dealt in range(hand):
        value, rest = divmod(value, deck - dealt)
        rests.append(rest)
    cards: list[int] = []
    for place, card in enumerate(rests):
        for before in reversed(rests[:place]):
            if card >= before:
                card += 1
        cards.append(card)
    return cards


def flow_hash(flow: tuple[str, str]) -> int:
    """Models hashFlowID."""
    digest = hashlib.sha256(b"\x00".join(part.encode() for part in flow)).digest()
    return int.from_bytes(digest[:8], "little")


class Queues:
    """The queues of a level with ``limitResponse.queuing``."""

    def __init__(self, count: int, hand_size: int, length_limit: int) -> None:
        self.queues = [Queue(index) for index in range(count)]
        self.hand_size = hand_size
        self.length_limit = length_limit
        self.length = 0  #: how many requests wait in all queues
        self._enqueued = 0
        self._turn = 0
        self._virtual_s = 0.0
        self._seen_s = 0.0

    def enqueue(
        self, flow: tuple[str, str], seats: int, ready: "asyncio.Future[None]", now_s: float, limit: int
    ) -> Waiting | None:
        """Let a request wait in the shortest queue of its flow's hand; None if that is full. limit: seats there are."""
        self._advance(now_s, limit)
        queue = self._choose(flow)
        if len(queue.waiting) >= self.length_limit:
            return None
        waiting = Waiting(flow, seats, now_s, ready, queue, self)
        self._append(waiting)
        return waiting

    def adopt(self, waiting: Waiting) -> None:
        """Let a request of other queues go on waiting in these, however full they are."""
        waiting.queues, waiting.queue = self, self._choose(waiting.flow)
        self._append(waiting)

    def _append(self, waiting: Waiting) -> None:
        queue = waiting.queue
        if not queue.waiting and not queue.executing:
            queue.start = self._virtual_s
        queue.waiting.append(waiting)
        self.length += 1

    def _choose(self, flow: tuple[str, str]) -> Queue:
        hand = deal(flow_hash(flow), len(self.queues), self.hand_size)
        offset = self._enqueued % len(hand)
        self._enqueued += 1
        return min((self.queues[card] for card in hand[offset:] + hand[:offset]), key=lambda queue: queue.work)

    def dispatch(self, free: int, now_s: float, limit: int) -> Waiting | None:
        """The next request to run, if it fits into the free seats."""
        self._advance(now_s, limit)
        count = len(self.queues)
        order = (self.queues[(self._turn + step) % count] for step in range(1, count + 1))
        queue = min(order, key=lambda each: each.start + each.waiting[0].seats * GUESS_S if each.waiting else _NEVER)
        if not queue.waiting or queue.waiting[0].seats > free:
            return None
        waiting = queue.waiting.popleft()
        self.length -= 1
        self._turn = queue.index
        queue.start += waiting.seats * GUESS_S
        queue.executing += waiting.seats
        waiting.started_s = now_s
        return waiting

    def finish(self, waiting: Waiting, now_s: float, limit: int) -> None:
        """A request that was dispatched has been answered."""
        self._advance(now_s, limit)
        waiting.queue.executing -= waiting.seats
        waiting.queue.start += waiting.seats * (now_s - waiting.started_s - GUESS_S)

    def withdraw(self, waiting: Waiting) -> bool:
        """Take a request out that waits no longer; False if it does not wait."""
        try:
            waiting.queue.waiting.remove(waiting)
        except ValueError:
            return False
        self.length -= 1
        return True

    def all_waiting(self) -> list[Waiting]:
        """Every request that waits, in the order of their coming."""
        return sorted((each for queue in self.queues for each in queue.waiting), key=lambda each: each.arrived_s)

    def _advance(self, now_s: float, limit: int) -> None:
        """Virtual time runs as fast as an active queue would be served if all were at once."""
        active = [queue for queue in self.queues if queue.waiting or queue.executing]
        if active:
            wanted = sum(queue.work for queue in active)
            self._virtual_s += (now_s - self._seen_s) * min(wanted, limit) / len(active)
        self._seen_s = now_s
