"""`Controller`: takes keys from a work queue and reconciles them, one worker per key at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context

from kube_nb.client import errors, trigger
from kube_nb.client.informer import Informer
from kube_nb.client.workqueue import WorkQueue
from kube_nb.machinery import cause, objects
from kube_nb.machinery.cause import Cause
from kube_nb.machinery.clock import Clock
from kube_nb.machinery.types import Obj

_log = logging.getLogger(__name__)

Reconcile = Callable[[str], Awaitable[float | None]]


class Controller:
    """Runs ``reconcile(key)`` for every key that was enqueued.

    What reconcile does, and what follows:

    - returns None: done; the key's failures are forgotten;
    - returns a number: as None, and the key is enqueued again after so many seconds;
    - raises: logged, and enqueued again with the queue's growing delay; given up after `max_retries` in a row, if set.

    Reconcile is about levels: a key says where to look, not what happened. While it runs, `machinery.cause.current` is
    ``Cause(actor=name, trigger=<newest revision that enqueued the key>)``. After each key the other tasks of the loop
    get their turn. Models controller-runtime internal/controller.
    """

    def __init__(
        self,
        name: str,
        reconcile: Reconcile,
        *,
        workers: int = 1,
        clock: Clock | None = None,
        queue: WorkQueue[str] | None = None,
        max_retries: int | None = None,
    ) -> None:
        self.name = name
        self.queue: WorkQueue[str] = WorkQueue() if queue is None else queue
        self._reconcile = reconcile
        self._workers = workers
        self._clock = clock
        self._max_retries = max_retries

    def enqueue(self, what: str | Obj) -> None:
        """what: a key, or an object for its own key. Fits as an informer's `on_add` and `on_delete`."""
        self.queue.add(what if isinstance(what, str) else objects.key(what))

    def enqueue_after(self, what: str | Obj, delay_s: float) -> None:
        self.queue.add_after(what if isinstance(what, str) else objects.key(what), delay_s)

    def watch(self, informer: Informer, keys: Callable[[Obj], list[str]] | None = None) -> None:
        """Enqueue for each change of the informer's objects: their own key, or `keys` of their old and new state."""
        if keys is None:
            informer.add_handler(self.enqueue, lambda old, new: self.enqueue(new), self.enqueue)
            return

        def add_all(*objs: Obj) -> None:
            for obj in objs:
                for key in keys(obj):
                    self.queue.add(key)

        informer.add_handler(add_all, add_all, add_all)

    async def run(self) -> None:
        """Reconcile until cancelled, or until the queue is shut down and empty."""
        loop = asyncio.get_running_loop()
        workers = [
            loop.create_task(self._work(), name=f"{self.name} worker {number}", context=Context())
            for number in range(self._workers)
        ]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            for worker in workers:
                if worker.done():
                    worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except errors.ShutDown:
                return
            revision = self.queue.trigger(key)
            cause.current.set(Cause(self.name, revision))
            trigger.current.set(revision)
            try:
                await self._process(key)
            finally:
                self.queue.done(key)
            await asyncio.sleep(0)

    async def _process(self, key: str) -> None:
        try:
            requeue_after_s = await self._reconcile(key)
        except Exception as error:
            self._retry(key, error)
            return
        self.queue.forget(key)
        if requeue_after_s is not None:
            self.queue.add_after(key, requeue_after_s)

    def _retry(self, key: str, error: Exception) -> None:
        extra = {"controller": self.name, "key": key}
        expected = errors.is_conflict(error) or isinstance(error, errors.Unreachable)
        if self._max_retries is not None and self.queue.num_requeues(key) >= self._max_retries:
            _log.warning("dropping %s %s out of the queue: %s", self.name, key, error, extra=extra)
            self.queue.forget(key)
            return
        _log.log(
            logging.DEBUG if expected else logging.ERROR,
            "reconciling %s %s failed: %s",
            self.name,
            key,
            error,
            extra=extra,
            exc_info=None if expected else error,
        )
        self.queue.add_rate_limited(key)
