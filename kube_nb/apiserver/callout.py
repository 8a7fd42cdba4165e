"""Reviews sent to somebody else's program: a function in this kernel, a service of the cluster, or a real HTTPS URL.

A ``clientConfig.url`` of ``https://NAME.kernel`` calls the function that is registered under that name in
`ApiServer.webhooks`: it takes a review's request and returns its response. Models apiserver pkg/util/webhook.
Differs: a service is reached through the proxy of one of its pods, over HTTP.
"""

import asyncio
import base64
import errno
import inspect
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from kube_nb.apiserver.connecting import service_response
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.apiserver.server import ApiServer

#: The domain of the functions in this kernel.
KERNEL = ".kernel"
#: A webhook's function: a review's request in, its response out, at once or awaited.
Function = Callable[[Obj], Obj | Awaitable[Obj]]
_JSON = {"content-type": "application/json", "accept": "application/json"}


class Unreachable(Exception):
    """Nobody answered, or not as a webhook must; its text is Go's."""


async def review(server: "ApiServer", config: Obj, sent: Obj, timeout_s: float) -> Obj:
    """The review that comes back for one sent. config: a WebhookClientConfig. Raises `Unreachable`."""
    url = _url(config)
    asked = f'Post "{url}?timeout={timeout_s:g}s": '
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _send(server, config, url, sent, timeout_s)
    except TimeoutError:
        raise Unreachable(asked + "context deadline exceeded") from None
    except errors.ApiError as error:
        missing = error.reason == "NotFound" and "service" in config
        why = f'service "{config["service"]["name"]}" not found' if missing else error.message
        raise Unreachable(asked + why) from None
    except OSError as error:
        raise Unreachable(asked + _dialled(url, error)) from None
    if not isinstance(answer, dict):
        raise Unreachable("couldn't get version/kind; json parse error: the answer is no object")
    return answer


def _url(config: Obj) -> str:
    if config.get("url"):
        return str(config["url"])
    service = config["service"]
    path = "/" + str(service.get("path") or "").lstrip("/")
    return f"https://{service['name']}.{service['namespace']}.svc:{service.get('port') or 443}{path}"


async def _send(server: "ApiServer", config: Obj, url: str, sent: Obj, timeout_s: float) -> object:
    host = urlsplit(url).hostname or ""
    if host.endswith(KERNEL):
        return await _call(server, host, sent)
    body = orjson.dumps(sent)
    raw = await (_post(url, config, body, timeout_s) if config.get("url") else _post_to_service(server, config, body))
    try:
        return orjson.loads(raw)
    except ValueError as error:
        raise Unreachable(f"couldn't get version/kind; json parse error: {error}") from None


async def _call(server: "ApiServer", host: str, sent: Obj) -> Obj:
    function = server.webhooks.get(host.removesuffix(KERNEL))
    if function is None:
        raise OSError(errno.ENOENT, f"dial tcp: lookup {host}: no such host")
    request = sent["request"]
    response = function(request)
    if inspect.isawaitable(response):
        response = await response
    return {"kind": sent["kind"], "apiVersion": sent["apiVersion"], "response": {"uid": request["uid"], **response}}


async def _post(url: str, config: Obj, body: bytes, timeout_s: float) -> bytes:
    import aiohttp

    trusted = base64.b64decode(config["caBundle"]).decode() if config.get("caBundle") else None
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=trusted))
    asked = {"timeout": f"{timeout_s:g}s"}
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(url, data=body, headers=_JSON, params=asked) as response,
        ):
            return _body(response.status, await response.read())
    except aiohttp.ClientOSError:
        raise
    except aiohttp.ClientError as error:
        raise OSError(0, str(error) or "EOF") from None


async def _post_to_service(server: "ApiServer", config: Obj, body: bytes) -> bytes:
    service = config["service"]
    request = Request("POST", service.get("path") or "/", {}, _JSON, body)
    port = str(service.get("port") or 443)
    response = await service_response(server, service["namespace"], service["name"], port, request)
    return _body(response.status, response.encode())


def _body(status: int, raw: bytes) -> bytes:
    if status // 100 != 2:
        raise Unreachable(raw.decode("utf-8", "replace").strip()[:1000] or f"the server answered with status {status}")
    return raw


def _dialled(url: str, error: OSError) -> str:
    """What Go says of a failed connection."""
    parts = urlsplit(url)
    if error.errno == errno.ECONNREFUSED:
        return f"dial tcp {parts.hostname}:{parts.port or 443}: connect: connection refused"
    if isinstance(getattr(error, "certificate_error", None), ssl.SSLError) or isinstance(error, ssl.SSLError):
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    return error.strerror or str(error)
