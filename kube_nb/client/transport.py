"""What carries requests to an apiserver, and the transport that is a function call."""

from collections.abc import Callable
from typing import Protocol

from kube_nb.client.errors import Unreachable
from kube_nb.machinery.exchange import ConnectionCut, Handler, Request, Response, User


class Transport(Protocol):
    """One road to one apiserver. A refusal is a Response; `Unreachable` means that nobody answered."""

    async def __call__(self, request: Request) -> Response:
        """Carry the request; the response may still be streaming."""

    async def close(self) -> None:
        """Release connections."""


class InKernelTransport:
    """Calls an apiserver of this process; it never suspends unless the server does.

    handler: gives the server of the moment, None while there is none (not started, stopped by a user). user: as whom
    the requests come; None leaves it to the server (anonymous, or a bearer token in the headers).
    """

    def __init__(
        self, handler: Callable[[], Handler | None], user: User | None = None, *, address: str = "127.0.0.1:6443"
    ) -> None:
        self._handler = handler
        self._user = user
        self._refused = f"dial tcp {address}: connect: connection refused"

    async def __call__(self, request: Request) -> Response:
        handler = self._handler()
        if handler is None:
            raise Unreachable(self._refused)
        if request.user is None:
            request.user = self._user
        try:
            return await handler(request)
        except ConnectionCut:
            raise Unreachable("EOF") from None

    async def close(self) -> None:
        """Nothing is held."""
