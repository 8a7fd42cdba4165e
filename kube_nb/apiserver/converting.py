"""Watches of a version that the store does not hold: each change is converted before anybody sees it.

A webhook takes its time, so that changes wait in a queue, and bookmarks with them: none may overtake an event.
"""

import asyncio
from collections.abc import Callable, Iterator

from kube_nb.apiserver.cacher import Change, Watcher
from kube_nb.apiserver.resource import Resource
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import WatchEvent, WatchStream
from kube_nb.machinery.types import Obj


class ConvertingWatcher(Watcher):
    """A `Watcher` whose objects, selector and events are those of the served version."""

    def __init__(
        self,
        resource: Resource,
        stream: WatchStream,
        scope: tuple[str, str],
        matches: Callable[[Obj], bool] | None,
        bookmarks: bool,
        render: Callable[[WatchEvent], WatchEvent] | None,
    ) -> None:
        super().__init__(stream, scope, matches, bookmarks, render=render)
        self._resource = resource
        self._waiting: list[Change | WatchEvent] = []
        self._wake = asyncio.Event()
        self._finished = False
        self._task = asyncio.create_task(self._run())

    def finish(self) -> None:
        self._finished = True
        self._wake.set()

    def end(self) -> None:
        self._task.cancel()

    def push(self, event: WatchEvent) -> None:
        self._wait(event)

    def tell(self, change: Change, events: dict[str, WatchEvent]) -> bool:
        if change.revision <= self.after:
            return False
        self._wait(change)
        return True

    def _wait(self, row: Change | WatchEvent) -> None:
        if len(self._waiting) >= self.stream.limit:
            self._waiting.clear()
            self.stream.overflow()
            return
        self._waiting.append(row)
        self._wake.set()

    async def _run(self) -> None:
        while not self.stream.closed:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            try:
                converted = iter(await self._resource.served([obj for row in waiting for obj in _objects(row)]))
            except errors.ApiError as error:
                self.stream.push(WatchEvent("ERROR", error.status()))
                self.stream.close()
                return
            for row in waiting:
                self._deliver(row, converted)
            if self._finished:
                self.stream.close()

    def _deliver(self, row: Change | WatchEvent, converted: Iterator[Obj]) -> None:
        if isinstance(row, WatchEvent):
            super().push(row)
            return
        old = None if row.old is None else next(converted)
        new = None if row.new is None else next(converted)
        event = self.seen(Change(row.revision, row.key, old, new), {})
        if event is not None:
            super().push(event)


def _objects(row: Change | WatchEvent) -> list[Obj]:
    return [] if isinstance(row, WatchEvent) else [obj for obj in (row.old, row.new) if obj is not None]
