"""Who turns a cluster's loop: the calling thread, or a thread of the loop's own.

`InlineDriver` runs each command in the calling thread, so debuggers, tracebacks and profilers see plain code; between
commands the cluster stands still, as ``pace="max"`` wants. `ThreadDriver` turns the loop all the time, as a finite pace
and servers need. Both are safe to call from any thread but the loop's own callbacks.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from kube_nb.machinery import loop as cluster_loop
from kube_nb.machinery.refusals import WrongMoment

T = TypeVar("T")


class Driver(Protocol):
    """Runs commands on a `ClusterLoop`."""

    def call(self, command: Coroutine[Any, Any, T]) -> T:
        """Run `command` on the loop and wait; KeyboardInterrupt cancels it and leaves the rest running."""

    def stop(self) -> None:
        """Turn the loop no more; it stays open."""


class InlineDriver:
    """Turns the loop in the calling thread, inside that thread's own running loop if there is one (a notebook's)."""

    def __init__(self, loop: cluster_loop.ClusterLoop) -> None:
        self._loop = loop
        self._turn = threading.RLock()

    def call(self, command: Coroutine[Any, Any, T]) -> T:
        with self._turn:
            if self._loop.is_running():
                command.close()
                raise WrongMoment("the cluster is already running a command; inside it, use the async twin: c.aio")
            _allow_nesting(self._loop)
            return self._loop.run_command(command)

    def stop(self) -> None:
        pass


def _allow_nesting(loop: cluster_loop.ClusterLoop) -> None:
    """Make our loop runnable while this thread's own loop runs; that one itself is never re-entered."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    import nest_asyncio

    nest_asyncio.apply(loop)


class ThreadDriver:
    """Turns the loop in one background thread until `stop`."""

    def __init__(self, loop: cluster_loop.ClusterLoop, name: str) -> None:
        self._loop = loop
        started = threading.Event()
        loop.call_soon(started.set)
        self._thread = threading.Thread(target=loop.run_forever, name=f"kube_nb-{name}", daemon=True)
        self._thread.start()
        started.wait()

    def call(self, command: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread:
            command.close()
            raise WrongMoment("this runs on the cluster's own loop; there, use the async twin: c.aio")
        future = asyncio.run_coroutine_threadsafe(command, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
