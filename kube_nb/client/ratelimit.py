"""How long a key waits before its next try."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)


class RateLimiter(Protocol[K_contra]):
    """Models client-go util/workqueue/default_rate_limiters.go."""

    def when(self, key: K_contra) -> float:
        """Seconds until the key may be tried again; counts as one more try."""

    def forget(self, key: K_contra) -> None:
        """The key succeeded or was given up."""

    def num_requeues(self, key: K_contra) -> int:
        """Tries since the last `forget`."""


class ItemExponential(RateLimiter[K]):
    """5 ms, 10 ms, 20 ms ... 1000 s, per key. Models TypedItemExponentialFailureRateLimiter."""

    def __init__(self, first_s: float = 0.005, cap_s: float = 1000.0) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._failures: dict[K, int] = {}

    def when(self, key: K) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # The 1000th doubling would overflow a float; the cap is reached long before.
        return min(self._first_s * 2.0 ** min(failures, 100), self._cap_s)

    def forget(self, key: K) -> None:
        self._failures.pop(key, None)

    def num_requeues(self, key: K) -> int:
        return self._failures.get(key, 0)


class Bucket(RateLimiter[K]):
    """All keys together: `burst` at once, then `qps` a second. Models TypedBucketRateLimiter over x/time/rate."""

    def __init__(self, qps: float = 10.0, burst: int = 100, time_s: Callable[[], float] | None = None) -> None:
        self._qps = qps
        self._burst = burst
        self._time_s = time_s or _loop_time
        self._tokens = float(burst)
        self._last_s: float | None = None

    def when(self, key: K) -> float:
        self._refill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self._qps)

    def allow(self) -> bool:
        """Take a token if there is one."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self) -> None:
        now_s = self._time_s()
        if self._last_s is not None:
            self._tokens = min(float(self._burst), self._tokens + (now_s - self._last_s) * self._qps)
        self._last_s = now_s

    def forget(self, key: K) -> None:
        """Tokens are nobody's."""

    def num_requeues(self, key: K) -> int:
        return 0


class MaxOf(RateLimiter[K]):
    """The longest of several delays. Models TypedMaxOfRateLimiter."""

    def __init__(self, *limiters: RateLimiter[K]) -> None:
        self._limiters = limiters

    def when(self, key: K) -> float:
        return max([limiter.when(key) for limiter in self._limiters])

    def forget(self, key: K) -> None:
        for limiter in self._limiters:
            limiter.forget(key)

    def num_requeues(self, key: K) -> int:
        return max(limiter.num_requeues(key) for limiter in self._limiters)


def default_controller_rate_limiter() -> RateLimiter[K]:
    """What upstream's controllers use: per key 5 ms to 1000 s, together 10 a second after the first 100."""
    return MaxOf(ItemExponential[K](), Bucket[K]())


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
