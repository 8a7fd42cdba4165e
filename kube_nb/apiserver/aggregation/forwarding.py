"""Requests that another server answers: a pod's program behind a service, a function in this kernel, a real server.

The APIService names a service. One of type ExternalName leads out of the virtual network: ``NAME.kernel`` to the
function registered under that name in `ApiServer.programs`, any other name to a real HTTPS server.

The request goes on as it came, with X-Remote-User, X-Remote-Group, X-Remote-Uid and X-Remote-Extra-* in place of
credentials. Models kube-aggregator pkg/apiserver/handler_proxy.go and apiserver pkg/util/proxy.
Differs: no client certificate is shown; pods are reached over HTTP, and several groups are one header there; a watch
through a pod is answered when it has ended.
"""

import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from kube_nb.api.registry import Remote
from kube_nb.apiserver.callout import KERNEL
from kube_nb.apiserver.connecting import service_response
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Request, Response, User

if TYPE_CHECKING:
    from kube_nb.apiserver.call import Call
    from kube_nb.apiserver.server import ApiServer

#: A server in this kernel.
Program = Callable[[Request], Awaitable[Response]]
TIMEOUT_S = 60.0
#: Headers that stay behind: credentials, and what is about one connection only.
_KEPT_BACK = frozenset(
    ("authorization", "connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade")
)
_TEXT = "text/plain; charset=utf-8"


def of(server: "ApiServer", path: str) -> Remote | None:
    """The remote version that a path belongs to: ``/apis/GROUP/VERSION/...`` or its OpenAPI document."""
    parts = path.removeprefix("/openapi/v3").split("/")
    return server.registry.remote.get((parts[2], parts[3])) if len(parts) > 3 and parts[1] == "apis" else None


async def proxy(call: "Call", remote: Remote) -> Response:
    """What the other server answers; 503 in plain text if it cannot be reached."""
    if not remote.is_available:
        return _plain("service unavailable")
    asked = call.request
    kept = {name: value for name, value in asked.headers.items() if _goes_on(name)}
    headers = {**kept, **identity(call.user)}
    request = Request(asked.method, asked.path, asked.query, headers, _body(asked), call.user)
    try:
        return await forward(call.server, remote, request)
    except errors.ApiError as error:
        return _plain(error.message if error.code == 503 else "service unavailable")
    except OSError as error:
        return _plain(f"error trying to reach service: {error}")


def _goes_on(name: str) -> bool:
    return name not in _KEPT_BACK and not name.startswith("x-remote-")


def _body(request: Request) -> bytes | None:
    return request.body if request.body is None or isinstance(request.body, bytes) else orjson.dumps(request.body)


def _plain(text: str) -> Response:
    return Response(503, raw=text.encode() + b"\n", content_type=_TEXT)


def identity(user: User) -> dict[str, str]:
    """The headers that tell another server who asks. Models client-go transport.SetAuthProxyHeaders."""
    found = {"x-remote-user": user.name}
    if user.uid:
        found["x-remote-uid"] = user.uid
    if user.groups:
        found["x-remote-group"] = ",".join(user.groups)
    for key, values in user.extra.items():
        found[f"x-remote-extra-{quote(key.lower(), safe='')}"] = ",".join(values)
    return found


async def forward(server: "ApiServer", remote: Remote, request: Request) -> Response:
    """One request to a remote's service. Raises ApiError or OSError if it cannot be reached."""
    namespace, name = remote.service["namespace"], remote.service["name"]
    port = str(remote.service.get("port") or 443)
    service = server.cacher("services").get(f"{namespace}/{name}")
    spec = service.obj["spec"] if service is not None else {}
    if spec.get("type") != "ExternalName":
        return await service_response(server, namespace, name, port, request)
    host = str(spec["externalName"])
    if not host.endswith(KERNEL):
        return await _fetch(remote, f"https://{host}:{port}", request)
    program = server.programs.get(host.removesuffix(KERNEL))
    if program is None:
        raise OSError(f"dial tcp: lookup {host}: no such host")
    return await program(request)


async def _fetch(remote: Remote, url: str, request: Request) -> Response:
    """One request to a real server; a watch is passed on as it comes."""
    import aiohttp
    from multidict import CIMultiDict
    from yarl import URL

    headers = CIMultiDict({name: value for name, value in request.headers.items() if name != "x-remote-group"})
    for group in (request.user or User("")).groups:
        headers.add("X-Remote-Group", group)
    streams = request.param("watch") in ("true", "1")
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=_trust(remote)),
        timeout=aiohttp.ClientTimeout(total=None if streams else TIMEOUT_S),
        auto_decompress=False,
    )
    target = URL(url).with_path(request.path)
    query = [(name, value) for name, values in request.query.items() for value in values]
    try:
        response = await session.request(request.method, target, params=query, headers=headers, data=request.body)
        kind = response.headers.get("content-type", "application/json")
        kept = {name: value for name, value in response.headers.items() if _comes_back(name.lower())}
        if streams:
            return Response(response.status, chunks=_chunks(session, response), content_type=kind, headers=kept)
        raw = await response.read()
        await session.close()
        return Response(response.status, raw=raw, content_type=kind, headers=kept)
    except aiohttp.ClientError as error:
        await session.close()
        raise OSError(str(error)) from None


def _trust(remote: Remote) -> ssl.SSLContext:
    if remote.spec.get("caBundle"):
        return ssl.create_default_context(cadata=b64decode(remote.spec["caBundle"]).decode())
    context = ssl.create_default_context()
    if remote.spec.get("insecureSkipTLSVerify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _comes_back(name: str) -> bool:
    return name not in ("connection", "content-length", "content-type", "transfer-encoding", "date", "server")


async def _chunks(session: Any, response: Any) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    finally:
        response.close()
        await session.close()
