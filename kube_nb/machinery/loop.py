"""The event loop whose `time()` is the cluster's clock.

With a finite pace the loop waits on its selector, `pace` cluster seconds per wall second. At ``pace="max"`` it never
waits for time: it jumps to the next timer, and only while somebody asked for time to move:

- `free_time`: a command is waiting for something, so every timer may fire until it is done;
- `advance`: every timer up to a moment may fire;
- `settle`: timers may fire as long as one that is not housekeeping (`clock.periodic`) is due before a limit.

Timers due at the same moment fire in the order in which they were made. Together with the seeded streams this makes
a run at ``pace="max"`` a pure function of the seed and the commands.
"""

import asyncio
import contextlib
import heapq
import selectors
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

from kube_nb.machinery.clock import EPOCH, Calendar, is_periodic

Pace: TypeAlias = float | Literal["max"]
T = TypeVar("T")

#: How long `settle` follows what a command set in motion, in cluster seconds.
SETTLE_LIMIT_S = 60.0


class NothingLeftToHappen(RuntimeError):
    """A command waits at ``pace="max"``, but no timer and no connection is left that could ever wake it."""


class _Timer(asyncio.TimerHandle):
    """A timer that orders by (when, number), so that ties fire in the order in which they were made."""

    __slots__ = ("_number",)

    def __init__(
        self,
        number: int,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self._number = number

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


class ClusterLoop(asyncio.SelectorEventLoop, Calendar):
    """An event loop of its own for one cluster; see the module's docstring.

    pace: cluster seconds per wall second, or "max". seed: of every `stream`. With a finite pace the calendar starts at
    the wall clock's now, at "max" at `EPOCH`.
    """

    def __init__(self, *, pace: Pace = "max", seed: int = 0) -> None:
        self._pace: Pace = pace
        self._base_s = 0.0
        self._anchor_s = time.monotonic()
        self._numbers = 0
        self._wanted: list[_Timer] = []  # a heap of the timers that are not housekeeping
        self._free = 0
        self._advance_to_s = 0.0
        self._settle_to_s = 0.0
        self._quiet: list[asyncio.Future[None]] = []
        Calendar.__init__(self, seed, EPOCH if pace == "max" else datetime.now(UTC))
        selector = _PacedSelector()
        selector.loop = self
        asyncio.SelectorEventLoop.__init__(self, selector)
        self._clock_resolution = 1e-9

    # -- time ----------------------------------------------------------------------------------------------------

    @property
    def pace(self) -> Pace:
        return self._pace

    def set_pace(self, pace: Pace) -> None:
        """Go on at another pace from the present cluster time."""
        self._base_s = self.time()
        self._anchor_s = time.monotonic()
        self._pace = pace

    def time(self) -> float:
        if self._pace == "max":
            return self._base_s
        return self._base_s + (time.monotonic() - self._anchor_s) * self._pace

    def call_at(  # type: ignore[override]  # the variadic generics of typeshed add nothing here
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_closed()  # type: ignore[attr-defined]  # BaseEventLoop's own, which typeshed does not list
        self._numbers += 1
        timer = _Timer(self._numbers, when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # as above
        timer._scheduled = True  # type: ignore[attr-defined]  # as above
        if not is_periodic():
            heapq.heappush(self._wanted, timer)
        return timer

    # -- moving time at pace="max" -------------------------------------------------------------------------------

    def move_time(self) -> bool:
        """Jump to the next timer if somebody wants it, else tell those who wait for quiet; False: nothing to do."""
        timers: list[_Timer] = self._scheduled  # type: ignore[attr-defined]  # as above
        if timers and (self._free or timers[0].when() <= self._advance_to_s or self._unsettled()):
            self._base_s = max(self._base_s, timers[0].when())
            return True
        self._base_s = max(self._base_s, self._advance_to_s)
        if self._quiet:
            quiet, self._quiet = self._quiet, []
            for future in quiet:
                if not future.done():
                    future.set_result(None)
            return True
        if self._free and not timers and self._default_executor is None and len(self._selector.get_map()) == 1:  # type: ignore[attr-defined]
            self.stop()
            return True
        return False

    def _unsettled(self) -> bool:
        wanted = self._wanted
        while wanted and (wanted[0].cancelled() or wanted[0].when() <= self._base_s):
            heapq.heappop(wanted)
        return bool(wanted) and wanted[0].when() <= self._settle_to_s

    @contextlib.contextmanager
    def free_time(self) -> Iterator[None]:
        """Let time move as far as it must while the body waits."""
        self._free += 1
        try:
            yield
        finally:
            self._free -= 1

    async def settle(self, limit_s: float = SETTLE_LIMIT_S) -> None:
        """Return when nothing but housekeeping is due within `limit_s` cluster seconds; at finite pace at once."""
        if self._pace == "max":
            self._settle_to_s = max(self._settle_to_s, self._base_s + limit_s)
            await self._when_quiet()
            self._settle_to_s = self._base_s

    async def advance(self, seconds: float) -> None:
        """Let exactly this much cluster time pass; everything due in it happens."""
        if self._pace != "max":
            await asyncio.sleep(seconds)
            return
        self._advance_to_s = max(self._advance_to_s, self._base_s + seconds)
        await self._when_quiet()

    def allow_settling(self, limit_s: float = SETTLE_LIMIT_S) -> None:
        """What `settle` allows, without waiting for it: for requests that come in over a socket."""
        self._settle_to_s = max(self._settle_to_s, self.time() + limit_s)

    async def _when_quiet(self) -> None:
        future: asyncio.Future[None] = self.create_future()
        self._quiet.append(future)
        await future

    # -- the inline driver ---------------------------------------------------------------------------------------

    def run_command(self, command: Coroutine[Any, Any, T]) -> T:
        """Run a command in this thread until it is done.

        Ctrl-C cancels the command at its next wait and raises KeyboardInterrupt; every other task lives on. A wait
        that nothing can end raises `NothingLeftToHappen`.
        """
        task = self.create_task(command)
        with _interrupts(self, task) as interrupted:
            try:
                return self.run_until_complete(task)
            except asyncio.CancelledError:
                if interrupted():
                    raise KeyboardInterrupt from None
                raise
            except RuntimeError as error:
                if task.done():
                    raise
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    self.run_until_complete(task)
                why = f"nothing is left to happen at {self._base_s:g} s, yet a command waits"
                raise NothingLeftToHappen(why) from error


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
            loop.run_until_complete(cancel_all_tasks())
        finally:
            loop.close()


async def cancel_all_tasks() -> None:
    """Cancel every other task of the running loop and wait until all have ended."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
