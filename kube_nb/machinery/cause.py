"""What made a write happen: carried by a context variable from whoever acts to the store's record of the write."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """actor: who writes ("deployment-controller", "kubectl", a user name). trigger: the revision of the event that it
    was reacting to, 0 if none. cell: the notebook cell's execution count that set it off, if one did."""

    actor: str = ""
    trigger: int = 0
    cell: int | None = None


UNKNOWN = Cause()
current: ContextVar[Cause] = ContextVar("cause", default=UNKNOWN)


@contextlib.contextmanager
def because(cause: Cause) -> Iterator[None]:
    """Everything written inside is recorded as caused by `cause`."""
    token = current.set(cause)
    try:
        yield
    finally:
        current.reset(token)
