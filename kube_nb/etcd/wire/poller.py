"""Keeping quiet about what grpcio tells every loop but one.

All event loops of a process share grpcio's poller; each is woken for events that another one has taken already, and
reading nothing raises BlockingIOError in a callback, which asyncio would log. Source: grpc/grpc issue 25364. Likewise
one that takes what comes late for a loop that is closed by now: nobody waits for it any more.
"""

import asyncio
from typing import Any


class _Handler:
    """The loop's exception handler with those cases left out."""

    def __init__(self, previous: Any) -> None:
        self._previous = previous

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        harmless = isinstance(error, BlockingIOError) or str(error) == "Event loop is closed"
        if harmless and "PollerCompletionQueue" in str(context.get("message")):
            return
        if self._previous is not None:
            self._previous(loop, context)
        else:
            loop.default_exception_handler(context)


def keep_quiet(loop: asyncio.AbstractEventLoop) -> None:
    previous = loop.get_exception_handler()
    if not isinstance(previous, _Handler):
        loop.set_exception_handler(_Handler(previous))
