"""What components may know of time and chance: a clock in cluster seconds and named streams of random numbers."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Protocol

#: Where a cluster's calendar starts at ``pace="max"``, so that equal seeds give equal timestamps: 2026-01-01T00:00:00Z.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

_periodic: ContextVar[bool] = ContextVar("periodic", default=False)


class Clock(Protocol):
    """The loop's face for components: `ClusterLoop` is one, `ManualClock` another."""

    def time(self) -> float:
        """Seconds of cluster time since the cluster's loop was made."""

    def now(self) -> datetime:
        """The cluster's calendar time, UTC."""

    def timestamp(self) -> str:
        """`now` as metav1.Time: RFC 3339 in whole seconds, ``2026-01-01T00:00:05Z``."""

    def timestamp_micro(self) -> str:
        """`now` as metav1.MicroTime: RFC 3339 in microseconds, ``2026-01-01T00:00:05.000000Z``."""

    def stream(self, name: str) -> random.Random:
        """The random stream of this name; its numbers depend on the seed and the name only."""


def descendant(seed: int, name: object) -> int:
    """The seed of something that goes on from another: equal for equal pairs, and no stream repeats what the other's
    streams have given."""
    return int.from_bytes(hashlib.sha256(f"{seed}/from/{name}".encode()).digest()[:8], "big")


class Calendar:
    """Dates and random streams over any `time()`; the common part of every clock."""

    def __init__(self, seed: int, epoch: datetime = EPOCH) -> None:
        self.seed = seed
        self._epoch = epoch
        self._streams: dict[str, random.Random] = {}
        self._stamp, self._stamped_s = "", float("nan")  # the last timestamp, and when it was made

    def time(self) -> float:
        raise NotImplementedError

    def now(self) -> datetime:
        return self._epoch + timedelta(seconds=self.time())

    def timestamp(self) -> str:
        # Every write asks, and thousands of writes may happen at one moment of a cluster's time.
        now_s = self.time()
        if now_s != self._stamped_s:
            self._stamp = self.now().isoformat(timespec="seconds")[:19] + "Z"
            self._stamped_s = now_s
        return self._stamp

    def timestamp_micro(self) -> str:
        return self.now().isoformat(timespec="microseconds")[:26] + "Z"

    @property
    def epoch(self) -> datetime:
        """When `time` was 0."""
        return self._epoch

    def take_up(self, moment: datetime, seed: int) -> None:
        """Go on from a moment that is later than now, with streams of another seed; before anything has happened."""
        self._epoch = max(moment - timedelta(seconds=self.time()), self._epoch)
        self._stamped_s = float("nan")
        self.seed = seed
        self._streams.clear()

    def stream(self, name: str) -> random.Random:
        stream = self._streams.get(name)
        if stream is None:
            digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
            stream = self._streams[name] = random.Random(int.from_bytes(digest[:16], "big"))
        return stream


class ManualClock(Calendar):
    """A clock that stands still until told otherwise; for tests of plain logic."""

    def __init__(self, seed: int = 0, epoch: datetime = EPOCH) -> None:
        super().__init__(seed, epoch)
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def is_periodic() -> bool:
    """Whether timers started here belong to housekeeping; see `periodic`."""
    return _periodic.get()


@contextlib.contextmanager
def periodic() -> Iterator[None]:
    """Mark the timers started inside as housekeeping (lease renewal, probes of a ready container, resyncs).

    A cluster counts as settled when only such timers are left. The mark is a context variable: tasks created inside
    inherit it, so wrap the sleep, not the work that follows it.
    """
    token = _periodic.set(True)
    try:
        yield
    finally:
        _periodic.reset(token)


async def periodic_sleep(delay_s: float) -> None:
    """Sleep as housekeeping; nobody who waits for the cluster to settle waits for this."""
    with periodic():
        await asyncio.sleep(delay_s)
