"""Python's garbage collector while a cluster works.

A cluster's objects are dicts without cycles, and most of them stay: a collection looks through all of them and finds
nothing. With Python's usual thresholds that is a fifth of the time of a large command.
"""

import contextlib
import gc
import threading
from collections.abc import Iterator

#: Collections while a command runs: the youngest generation's every 50,000 new objects (some MB) instead of 700.
THRESHOLDS = (50_000, 20, 10)

_lock = threading.Lock()
_running = 0
_before = (0, 0, 0)


@contextlib.contextmanager
def collecting_rarely() -> Iterator[None]:
    """Apply `THRESHOLDS` while the body runs, in any number of threads; the last to end restores what was before.

    A collector that is off, or that somebody made rarer still, stays as it is.
    """
    global _running, _before
    with _lock:
        _running += 1
        if _running == 1:
            _before = gc.get_threshold()
            if 0 < _before[0] < THRESHOLDS[0]:
                gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0 and gc.get_threshold() == THRESHOLDS:
                gc.set_threshold(*_before)
