"""The cluster as it was at a revision, for everything that reads.

An API server of its own stands on a fork of the store, at the moment of that revision: lists, single objects, tables
with their ages, custom resources, all as they were. It lives as long as the command that asks, and loads only the
kinds that the command looks at.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from kube_nb.apiserver import ApiServer
from kube_nb.client import Client, InKernelTransport
from kube_nb.cluster import forking
from kube_nb.etcd.backend import Range
from kube_nb.etcd.lease import FIRST_ID, Leases
from kube_nb.etcd.local import LocalBackend
from kube_nb.machinery import errors
from kube_nb.machinery.clock import ManualClock
from kube_nb.machinery.exchange import Handler, Request, Response, User

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

_READER = User("kubernetes-admin", ("system:masters", "system:authenticated"))
_STANDS_STILL = "the past cannot be changed: fork the cluster at that revision, and change the fork"


class Past:
    """client: of the administrator. clock: stands at the moment of the revision."""

    def __init__(self, client: Client, clock: ManualClock) -> None:
        self.client = client
        self.clock = clock


@contextlib.asynccontextmanager
async def opened(engine: "Engine", at: int) -> AsyncIterator[Past]:
    """The past at a revision; ValueError if the store does not have it."""
    store, moment_s = await forking.store_at(engine, at)
    store.leases = Leases(lambda: FIRST_ID)  # nothing ends while one looks
    clock = ManualClock(epoch=engine.clock.epoch)
    clock.now_s = moment_s
    server = ApiServer(
        LocalBackend(store, clock),
        clock,
        version=engine.version,
        at_hand=lambda start, end: store.range(Range(start, end)).kvs,
    )
    await server.start()
    try:
        yield Past(Client(InKernelTransport(lambda: _Reading(server.handle), _READER), user_agent="kubectl"), clock)
    finally:
        await server.stop()


class _Reading:
    """A handler that refuses what would write, and what would wait for something to happen."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle

    async def __call__(self, request: Request) -> Response:
        watches = request.param("watch") in ("1", "true")
        if request.method not in ("GET", "HEAD") or watches:
            return Response.of_error(errors.ApiError(405, "MethodNotAllowed", _STANDS_STILL))
        return await self._handle(request)
