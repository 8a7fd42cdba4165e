"""``--command-timeout``: a store that does not answer in time is given up.

In this kernel that is cluster time; an etcd elsewhere counts by the wall clock, for it knows no other. Which commands
have no limit follows what etcdctl does. Models commandCtx of etcdctl/ctlv3/command/util.go. Differs: each call has the
limit for itself, and ``snapshot save`` takes as long as it takes.
"""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, cast

from kube_nb.etcd.backend import Backend
from kube_nb.etcd.errors import DeadlineExceeded

#: Commands, or groups of them, that wait as long as it takes.
_PATIENT = (
    "check",
    "elect",
    "lease keep-alive",
    "lease list",
    "lease timetolive",
    "lock",
    "make-mirror",
    "role",
    "txn",
    "user",
    "watch",
)


def is_patient(path: str) -> bool:
    """Whether a command has no limit. path: its words, ``lease list``."""
    return any(f"{path} ".startswith(f"{each} ") for each in _PATIENT)


def limited(backend: Backend, limit_s: float | None) -> Backend:
    """The backend with a limit for every answer; None for no limit. A remote one has to be this command's own."""
    if hasattr(type(backend), "timeout_s"):
        cast(Any, backend).timeout_s = limit_s
        return backend
    return backend if limit_s is None else cast(Backend, _Limited(backend, limit_s))


class _Limited:
    """A backend whose answers are waited for up to a limit; streams are left alone."""

    def __init__(self, backend: Any, limit_s: float) -> None:
        self._backend = backend
        self._limit_s = limit_s

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._backend, name)
        if name == "at":
            return lambda endpoint: _Limited(found(endpoint), self._limit_s)
        return self._in_time(found) if inspect.iscoroutinefunction(found) else found

    def _in_time(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(*arguments: Any, **options: Any) -> Any:
            try:
                async with asyncio.timeout(self._limit_s):
                    return await call(*arguments, **options)
            except TimeoutError:
                raise DeadlineExceeded from None

        return answer
