"""How long a request may take: the query's ``timeout``, a minute at most, and a minute over sockets that do not say.

Models apiserver pkg/endpoints/filters/request_deadline.go, pkg/server/filters/timeout.go and
pkg/endpoints/handlers/finisher. Differs: in the kernel only those that ask have a limit.
"""

import asyncio
from collections.abc import Awaitable, Callable

from kube_nb.apiserver.call import Call
from kube_nb.apiserver.fairness.waiting import LONG_RUNNING
from kube_nb.machinery import clock, duration, errors
from kube_nb.machinery.exchange import Request, Response

#: Upstream's --request-timeout.
LONGEST_S = 60.0
_WRITING = ("create", "update", "patch", "delete", "deletecollection")


def of(request: Request) -> float:
    """The limit in seconds, 0 for none; 400 for a timeout that is no duration."""
    text = request.param("timeout")
    if not text:
        return request.limit_s
    try:
        asked_s = duration.parse(text)
    except ValueError as error:
        raise errors.bad_request(f"invalid timeout specified in the request URL - {error}") from None
    return min(asked_s, LONGEST_S) if asked_s > 0 else request.limit_s


async def within(call: Call, serve: Callable[[Call], Awaitable[Response]]) -> Response:
    """What `serve` answers in time; 504 if it does not. A write that is given up is not half done."""
    info = call.info
    limit_s = 0.0 if info.verb == "watch" or info.subresource in LONG_RUNNING else of(call.request)
    if not limit_s:
        return await serve(call)
    limit = asyncio.timeout(None)
    try:
        async with limit:
            with clock.periodic():
                limit.reschedule(asyncio.get_running_loop().time() + limit_s)
            return await serve(call)
    except TimeoutError:
        if limit.expired():
            raise _timeout(info.verb) from None
        raise


def _timeout(verb: str) -> errors.ApiError:
    if verb in _WRITING:
        return errors.timeout("request did not complete within requested timeout - context deadline exceeded")
    return errors.timeout("request did not complete within the allotted timeout")
