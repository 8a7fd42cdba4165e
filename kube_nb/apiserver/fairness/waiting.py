"""The way of a request through its level: seats at once, seats in its turn, or none.

Models apiserver pkg/server/filters/priority-and-fairness.go and pkg/util/flowcontrol/request (list_work_estimator.go).
"""

import asyncio
import math
from typing import Protocol

from kube_nb.apiserver.fairness.classify import Flow
from kube_nb.apiserver.fairness.levels import Level
from kube_nb.apiserver.fairness.queues import Waiting
from kube_nb.apiserver.requestinfo import RequestInfo
from kube_nb.machinery.exchange import Response, User

#: A quarter of the longest time that a request may take.
LONGEST_WAIT_S = 15.0
OBJECTS_PER_SEAT, MOST_SEATS, MOST_OF_LEVEL = 100, 10, 0.15
#: What runs as long as its client wants is not counted, but for the start of a watch.
LONG_RUNNING = ("attach", "exec", "log", "portforward", "proxy")


class Gate(Protocol):
    """What hands out flows: `Fairness`, or `MaxInFlight` in its place."""

    def flow(self, info: RequestInfo, user: User) -> Flow: ...

    def levels(self) -> list[Level]: ...

    def flows(self) -> list[Flow]: ...

    def before_waiting(self) -> None: ...


def seats_of_list(stored: int, limit: int, level: Level) -> int:
    """How many seats a list takes: one per hundred objects that it goes over, within limits."""
    objects = min(stored, limit) if limit else stored
    most = max(1, min(MOST_SEATS, math.floor(level.nominal * MOST_OF_LEVEL)))
    return max(1, min(most, math.ceil(objects / OBJECTS_PER_SEAT)))


class NoSeat(Exception):
    """The request is not let in; its text is the reason as metrics have it."""


async def turn(
    gate: Gate, flow: Flow, distinguisher: str, seats: int, wait_s: float = LONGEST_WAIT_S
) -> Waiting | None:
    """Wait for seats and take them; None if there are some now. Raises NoSeat."""
    level, loop = flow.level, asyncio.get_running_loop()
    level.peak = max(level.peak, level.in_use + level.waiting + seats)
    gate.before_waiting()
    if level.try_take(seats):
        return None
    if level.queues is None:
        raise NoSeat("concurrency-limit")
    ready = loop.create_future()
    found = level.queues.enqueue((flow.schema, distinguisher), seats, ready, loop.time(), level.limit)
    if found is None:
        raise NoSeat("queue-full")
    try:
        async with asyncio.timeout(wait_s):
            await ready
    except BaseException as error:
        if not found.queues.withdraw(found) and ready.done() and not ready.cancelled():
            finish(level, seats, found)  # it was its turn just now
        if isinstance(error, TimeoutError):
            raise NoSeat("time-out") from None
        raise
    return found


def finish(level: Level, seats: int, waited: Waiting | None) -> None:
    """Give seats back; whoever waits next gets them."""
    level.in_use -= seats
    level.executing -= 1
    queues = level.queues
    if queues is None or (waited is None and not queues.length):
        return
    now_s = asyncio.get_running_loop().time()
    if waited is not None:
        waited.queues.finish(waited, now_s, level.limit)
    while queues.length and (waiting := queues.dispatch(level.free, now_s, level.limit)) is not None:
        if not waiting.ready.done():
            level.take(waiting.seats)
            waiting.ready.set_result(None)


def too_many(flow: Flow, reason: str) -> Response:
    """429 as upstream says it; counted by its reason."""
    flow.level.refuse(flow.schema, reason)
    text = b"Too many requests, please try again later.\n"
    headers = {"Retry-After": "1", **flow.headers}
    return Response(429, raw=text, content_type="text/plain; charset=utf-8", headers=headers)
