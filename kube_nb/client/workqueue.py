"""`WorkQueue`: the keys that a controller has still to look at.

- Fair: keys are handed out in the order in which they were added.
- Stingy: a key added several times before it is handed out is handed out once; a key added while it is worked on is
  handed out again after `done`, never to two workers at once.
- Delaying: `add_after`; of several delays for one key the earliest counts. One timer, whatever waits.
- Rate limited: `add_rate_limited` asks a `RateLimiter` for the delay.

Models client-go util/workqueue: queue.go, delaying_queue.go and rate_limiting_queue.go in one.
"""

import asyncio
import contextlib
import heapq
from collections import deque
from collections.abc import Hashable
from contextvars import Context
from typing import Generic, TypeVar

from kube_nb.client import trigger
from kube_nb.client.errors import ShutDown
from kube_nb.client.ratelimit import RateLimiter, default_controller_rate_limiter
from kube_nb.machinery import clock as clocks

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """See the module. All methods but `get` are synchronous; use it on one loop only."""

    def __init__(self, rate_limiter: RateLimiter[K] | None = None) -> None:
        self.rate_limiter: RateLimiter[K] = default_controller_rate_limiter() if rate_limiter is None else rate_limiter
        self._queue: deque[K] = deque()
        self._dirty: dict[K, None] = {}  # added and not handed out; a superset of the queue
        self._processing: dict[K, int] = {}  # handed out and not done: the revision that made them interesting
        self._triggers: dict[K, int] = {}  # the newest revision that added a key which is not handed out
        self._getters: deque[asyncio.Future[None]] = deque()
        # Housekeeping delays must not keep a cluster from settling, other ones must: a timer for each sort.
        self._delays = {periodic: _Delays(self, periodic) for periodic in (False, True)}
        self.shutting_down = False

    def __len__(self) -> int:
        """How many keys are ready to be handed out."""
        return len(self._queue)

    def add(self, key: K) -> None:
        """Hand the key out once more, now or after it is done."""
        if self.shutting_down:
            return
        revision = trigger.current.get()
        if revision > self._triggers.get(key, 0):
            self._triggers[key] = revision
        if key in self._dirty:
            return
        self._dirty[key] = None
        if key not in self._processing:
            self._queue.append(key)
            self._wake()

    def add_after(self, key: K, delay_s: float) -> None:
        """Add the key when the delay has passed; at once for no delay."""
        if delay_s <= 0:
            self.add(key)
        elif not self.shutting_down:
            revision = trigger.current.get()
            if revision > self._triggers.get(key, 0):
                self._triggers[key] = revision
            self._delays[clocks.is_periodic()].add(key, delay_s)

    def add_rate_limited(self, key: K) -> None:
        """Add the key when its rate limiter says that it is all right."""
        self.add_after(key, self.rate_limiter.when(key))

    def forget(self, key: K) -> None:
        """The key succeeded or is given up: its next failure counts as the first."""
        self.rate_limiter.forget(key)

    def num_requeues(self, key: K) -> int:
        return self.rate_limiter.num_requeues(key)

    async def get(self) -> K:
        """The next key, once there is one; `errors.ShutDown` when there will be none."""
        while not self._queue:
            if self.shutting_down:
                raise ShutDown
            await self._wait()
        key = self._queue.popleft()
        del self._dirty[key]
        self._processing[key] = self._triggers.pop(key, 0)
        return key

    async def _wait(self) -> None:
        getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            if getter in self._getters:
                self._getters.remove(getter)
            elif self._queue:
                self._wake()  # the key that we were woken for is another getter's now
            raise

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def trigger(self, key: K) -> int:
        """The newest revision that made the key interesting before it was handed out; 0 if none did."""
        return self._processing.get(key, 0)

    def done(self, key: K) -> None:
        """The worker has finished with the key, well or badly."""
        self._processing.pop(key, None)
        if key in self._dirty:
            self._queue.append(key)
            self._wake()

    def shut_down(self) -> None:
        """Take no more keys; `get` hands out those that are ready, then raises `errors.ShutDown`."""
        self.shutting_down = True
        for delays in self._delays.values():
            delays.clear()
        while self._getters:
            self._wake()


class _Delays(Generic[K]):
    """Keys that wait for their time: a heap, and one timer at its earliest entry."""

    def __init__(self, queue: WorkQueue[K], periodic: bool) -> None:
        self._queue = queue
        self._periodic = periodic
        self._heap: list[tuple[float, int, K]] = []
        self._ready_s: dict[K, float] = {}  # the entry of the heap that counts, per key
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, key: K, delay_s: float) -> None:
        at_s = asyncio.get_running_loop().time() + delay_s
        if at_s >= self._ready_s.get(key, float("inf")):
            return
        self._ready_s[key] = at_s
        self._number += 1
        heapq.heappush(self._heap, (at_s, self._number, key))
        self._arm()

    def _arm(self) -> None:
        at_s = self._heap[0][0] if self._heap else None
        if self._timer is not None:
            if self._timer.when() == at_s:
                return
            self._timer.cancel()
            self._timer = None
        if at_s is not None:
            # In a context of its own: whoever happens to arm the timer is not what the other keys' wait is about.
            with clocks.periodic() if self._periodic else contextlib.nullcontext():
                self._timer = asyncio.get_running_loop().call_at(at_s, self._fire, context=Context())

    def _fire(self) -> None:
        self._timer = None
        now_s = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now_s:
            at_s, _, key = heapq.heappop(self._heap)
            if self._ready_s.get(key) == at_s:
                del self._ready_s[key]
                self._queue.add(key)
        self._arm()

    def clear(self) -> None:
        self._heap.clear()
        self._ready_s.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
