"""`Pending`: names whose objects have to be brought up to date, each once however often it changed meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kube_nb.machinery import errors


class Pending:
    """Names in the order in which they were first added."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._wake = asyncio.Event()

    def add(self, name: str) -> None:
        self._names[name] = None
        self._wake.set()

    async def work(self, sync: Callable[[str], Awaitable[None]], kind: str, logger: logging.Logger) -> None:
        """Call `sync` for one name after the other until cancelled; refusals are logged."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._names:
                name = next(iter(self._names))
                del self._names[name]
                try:
                    await sync(name)
                except errors.ApiError as error:
                    logger.warning(
                        "An object could not be brought up to date, kind=%s name=%s err=%s", kind, name, error
                    )
