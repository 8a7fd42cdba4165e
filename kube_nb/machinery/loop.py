"""The event loop whose `time()` is the cluster's clock.

With a finite pace the loop waits on its selector, `pace` cluster seconds per wall second. At ``pace="max"`` it never
waits for time: it jumps to the next timer, and only while somebody asked for time to move:

- `free_time`: a command is waiting for something, so every timer may fire until it is done;
- `advance`: every timer up to a moment may fire;
- `settle`: timers may fire as long as one that is not housekeeping (`clock.periodic`) is due before a limit.

They may be used at the same time, by commands from several threads: each ends as soon as its own condition holds,
whatever the others still wait for, and time stops when the last of them has ended or was cancelled. A command in free
time that nothing can wake any more ends with `NothingLeftToHappen`.

Timers due at the same moment fire in the order in which they were made. Together with the seeded streams this makes
a run at ``pace="max"`` a pure function of the seed and the commands.
"""

import asyncio
import contextlib
import heapq
import math
import selectors
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

from kube_nb.machinery.clock import EPOCH, Calendar, is_periodic
from kube_nb.machinery.collector import collecting_rarely
from kube_nb.machinery.refusals import WrongMoment

Pace: TypeAlias = float | Literal["max"]
T = TypeVar("T")

#: How long `settle` follows what a command set in motion, in cluster seconds.
SETTLE_LIMIT_S = 60.0


class NothingLeftToHappen(WrongMoment):
    """A command waits at ``pace="max"``, but no timer and no connection is left that could ever wake it."""


class _Timer(asyncio.TimerHandle):
    """A timer that orders by (when, number), so that ties fire in the order in which they were made."""

    __slots__ = ("_number", "is_wanted")

    def __init__(
        self,
        number: int,
        is_wanted: bool,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self._number = number
        self.is_wanted = is_wanted  # not housekeeping

    def __lt__(self, other: object) -> bool:
        assert isinstance(other, _Timer)
        return (self.when(), self._number) < (other.when(), other._number)

    __hash__ = asyncio.TimerHandle.__hash__


class _PacedSelector(selectors.DefaultSelector):
    """A selector that asks the loop how long it may really wait."""

    loop: "ClusterLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if self.loop.pace != "max":
            return super().select(None if timeout is None else timeout / self.loop.pace)
        events = super().select(0)
        if events or self.loop.move_time():
            return events
        return super().select(None)


@dataclass(slots=True, eq=False)
class _Wait:
    """Somebody who waits until time has come to a moment, or until nothing that is wanted is due before it."""

    until_s: float
    settles: bool
    over: asyncio.Future[None]


@dataclass(slots=True, eq=False)
class _Freed:
    """A command in free time; is_stuck once nothing is left that could wake it."""

    task: "asyncio.Task[Any] | None"
    is_stuck: bool = False


class ClusterLoop(asyncio.SelectorEventLoop, Calendar):
    """An event loop of its own for one cluster; see the module's docstring.

    pace: cluster seconds per wall second, or "max". seed: of every `stream`. With a finite pace the calendar starts at
    the wall clock's now, at "max" at `EPOCH`, unless it goes on from another's: epoch, start_s.
    """

    def __init__(
        self, *, pace: Pace = "max", seed: int = 0, epoch: datetime | None = None, start_s: float = 0.0
    ) -> None:
        self._pace: Pace = pace
        self._base_s = start_s
        self._anchor_s = time.monotonic()
        self._numbers = 0
        self._wanted: list[_Timer] = []  # a heap of the timers that are not housekeeping
        self._free: list[_Freed] = []
        self._waits: list[_Wait] = []
        self._allowed_to_s = 0.0
        Calendar.__init__(self, seed, epoch or (EPOCH if pace == "max" else datetime.now(UTC)))
        selector = _PacedSelector()
        selector.loop = self
        asyncio.SelectorEventLoop.__init__(self, selector)
        self._clock_resolution = 1e-9

    # -- time ----------------------------------------------------------------------------------------------------

    @property
    def pace(self) -> Pace:
        return self._pace

    def set_pace(self, pace: Pace) -> None:
        """Go on at another pace from the present cluster time; to be called on the loop.

        Who waits in `settle` is let go, who waits in `advance` goes on at the new pace.
        """
        self._base_s = self.time()
        self._anchor_s = time.monotonic()
        self._pace = pace
        self._release(list(self._waits))

    def time(self) -> float:
        if self._pace == "max":
            return self._base_s
        return self._base_s + (time.monotonic() - self._anchor_s) * self._pace

    @staticmethod
    def wall_now() -> datetime:
        """The wall clock's UTC, for what real clients check by theirs (certificates)."""
        return datetime.now(UTC)

    def call_at(  # type: ignore[override]  # the variadic generics of typeshed add nothing here
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_closed()  # type: ignore[attr-defined]  # BaseEventLoop's own, which typeshed does not list
        self._numbers += 1
        timer = _Timer(self._numbers, not is_periodic(), when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # as above
        timer._scheduled = True  # type: ignore[attr-defined]  # as above
        if timer.is_wanted:
            heapq.heappush(self._wanted, timer)
            if len(self._wanted) > 100 + 2 * len(self._scheduled):  # type: ignore[attr-defined]  # as above
                self._forget_past_timers()
        return timer

    def _forget_past_timers(self) -> None:
        """Drop what fired or was cancelled from the heap of wanted timers, which would else keep it all alive."""
        timers: list[_Timer] = self._scheduled  # type: ignore[attr-defined]  # as above
        self._wanted = [timer for timer in timers if timer.is_wanted and not timer.cancelled()]
        heapq.heapify(self._wanted)

    # -- moving time at pace="max" -------------------------------------------------------------------------------

    def move_time(self) -> bool:
        """End a wait that is over, else jump to the next timer if somebody wants it; False: nothing to do."""
        timers: list[_Timer] = self._scheduled  # type: ignore[attr-defined]  # as above
        next_s = timers[0].when() if timers else math.inf
        wanted_s = self._next_wanted_s()
        if settled := [wait for wait in self._waits if wait.settles and wanted_s > wait.until_s]:
            return self._release(settled)
        arrival_s = min((wait.until_s for wait in self._waits if not wait.settles), default=math.inf)
        if arrival_s < next_s:
            self._jump(arrival_s)
            return self._release([wait for wait in self._waits if not wait.settles and wait.until_s <= arrival_s])
        if timers and (self._free or self._waits or wanted_s <= self._allowed_to_s):
            self._jump(next_s)
            return True
        return bool(self._free) and not timers and self._tell_who_is_stuck()

    def _jump(self, to_s: float) -> None:
        """Set the time; what counts as the same moment grows with it as the gaps between floats do."""
        self._base_s = max(self._base_s, to_s)
        self._clock_resolution = max(1e-9, 4 * math.ulp(self._base_s))

    def _next_wanted_s(self) -> float:
        """When the next timer that is not housekeeping is due."""
        wanted = self._wanted
        while wanted and (wanted[0].cancelled() or wanted[0].when() <= self._base_s):
            heapq.heappop(wanted)
        return wanted[0].when() if wanted else math.inf

    def _release(self, waits: list[_Wait]) -> bool:
        for wait in waits:
            self._waits.remove(wait)
            if not wait.over.done():
                wait.over.set_result(None)
        return True

    def _tell_who_is_stuck(self) -> bool:
        """Cancel the commands in free time if neither a socket nor a thread can wake them; once each."""
        if self._default_executor is not None or len(self._selector.get_map()) > 1:  # type: ignore[attr-defined]
            return False
        found = False
        for freed in self._free:
            if freed.task is not None and not freed.is_stuck:
                found = freed.is_stuck = True
                freed.task.cancel()
        return found

    @contextlib.contextmanager
    def free_time(self) -> Iterator[None]:
        """Let time move as far as it must while the body waits; raises `NothingLeftToHappen` on a dead wait."""
        freed = _Freed(asyncio.current_task(self))
        self._free.append(freed)
        try:
            yield
        except asyncio.CancelledError:
            if not freed.is_stuck or freed.task is None:
                raise
            freed.task.uncancel()
            why = f"nothing is left to happen at {self._base_s:g} s, yet a command waits"
            raise NothingLeftToHappen(why) from None
        finally:
            self._free.remove(freed)

    async def settle(self, limit_s: float = SETTLE_LIMIT_S) -> None:
        """Return when nothing but housekeeping is due within `limit_s` cluster seconds; at finite pace at once."""
        if self._pace == "max":
            await self._wait(self._base_s + limit_s, settles=True)

    async def advance(self, seconds: float) -> None:
        """Let exactly this much cluster time pass; everything due in it happens."""
        until_s = self.time() + seconds
        await self._wait(until_s, settles=False)
        while self.time() < until_s:
            await self._wait(until_s, settles=False)

    def allow_settling(self, limit_s: float = SETTLE_LIMIT_S) -> None:
        """What `settle` allows, without waiting for it: for requests that come in over a socket."""
        self._allowed_to_s = max(self._allowed_to_s, self.time() + limit_s)

    async def _wait(self, until_s: float, *, settles: bool) -> None:
        """Until the condition holds, or the pace changes."""
        wait = _Wait(until_s, settles, self.create_future())
        self._waits.append(wait)
        timer = self.call_at(until_s, self._release_at_pace, wait) if self._pace != "max" else None
        try:
            await wait.over
        finally:
            if wait in self._waits:
                self._waits.remove(wait)
            if timer is not None:
                timer.cancel()

    def _release_at_pace(self, wait: _Wait) -> None:
        if wait in self._waits:
            self._release([wait])

    # -- the inline driver ---------------------------------------------------------------------------------------

    def run_command(self, command: Coroutine[Any, Any, T]) -> T:
        """Run a command in this thread until it is done.

        Ctrl-C cancels the command at its next wait and raises KeyboardInterrupt; every other task lives on.
        """
        task = self.create_task(command)
        with _interrupts(self, task) as interrupted, collecting_rarely():
            try:
                return self.run_until_complete(task)
            except asyncio.CancelledError:
                if interrupted():
                    raise KeyboardInterrupt from None
                raise


@contextlib.contextmanager
def _interrupts(loop: ClusterLoop, task: "asyncio.Task[Any]") -> Iterator[Callable[[], bool]]:
    """Turn the first SIGINT into a cancellation of `task`; a second one interrupts wherever the code stands.

    Models asyncio.Runner, which likewise keeps KeyboardInterrupt out of the tasks that happen to run. Applies only in
    the main thread and where Python's own handler is in force.
    """
    count = 0

    def on_sigint(number: int, frame: object) -> None:
        nonlocal count
        count += 1
        if count > 1 or task.done():
            raise KeyboardInterrupt
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)

    ours = threading.current_thread() is threading.main_thread()
    ours = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, on_sigint)
    try:
        yield lambda: count > 0
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


async def with_free_time(command: Coroutine[Any, Any, T]) -> T:
    """Await `command` on the running `ClusterLoop` while time may move as far as it must."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClusterLoop)
    with loop.free_time():
        return await command


def run(command: Coroutine[Any, Any, T], *, seed: int = 0) -> T:
    """`asyncio.run` on a fresh `ClusterLoop` at ``pace="max"``; for tests and scripts."""
    loop = ClusterLoop(seed=seed)
    try:
        return loop.run_command(with_free_time(command))
    finally:
        try:
            loop.run_command(with_free_time(cancel_all_tasks()))
        finally:
            loop.close()


async def cancel_all_tasks() -> None:
    """Cancel every other task of the running loop and wait until all have ended; connections that are left are cut.

    Those are what a peer was just opening: until TLS is agreed on they belong to no server that could close them.
    """
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop: Any = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    for transport in list(loop._transports.values()):  # asyncio keeps them by file descriptor, weakly
        transport.abort()
    await asyncio.sleep(0)  # abort closes the socket in the loop's next turn, and TLS on top of it in the one after
    await asyncio.sleep(0)
