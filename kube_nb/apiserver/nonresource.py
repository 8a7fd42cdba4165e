"""Paths that are no resource: health, version, discovery, OpenAPI, the index of paths.

Models apiserver pkg/server/{healthz,routes} and pkg/endpoints/discovery.
"""

import hashlib

import orjson

from kube_nb.api import discovery, openapi
from kube_nb.apiserver import metrics
from kube_nb.apiserver.call import Call
from kube_nb.apiserver.fairness import dumps
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Response
from kube_nb.machinery.types import Obj

_TEXT = "text/plain; charset=utf-8"
_HEALTH = ("healthz", "livez", "readyz")
_CHECKS = (
    "ping",
    "log",
    "etcd",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
)

_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


async def serve(call: Call) -> Response:
    """404 for everything that is not there, 405 for everything but reading."""
    path = call.info.path.rstrip("/") or "/"
    first, *rest = path[1:].split("/")
    if first in _HEALTH:
        return _health(call, first, "/".join(rest))
    found = _document(call, path, first, rest)
    if call.request.method not in ("GET", "HEAD"):
        raise call.not_allowed()
    return found


def _document(call: Call, path: str, first: str, rest: list[str]) -> Response:
    if path == "/version":
        return Response(obj=call.server.version_info())
    if path == "/metrics":
        return Response(raw=call.server.metrics.text(call.server).encode(), content_type=metrics.CONTENT_TYPE)
    if path == "/":
        return Response(obj={"paths": _paths(call)})
    if first in ("api", "apis") and len(rest) <= (1 if first == "api" else 2):
        return _discovery(call, first, rest)
    if path in ("/.well-known/openid-configuration", "/openid/v1/jwks") and call.server.service_account_tokens:
        document = call.server.service_account_tokens.document(path)
        return Response(
            obj=document, content_type="application/json", headers={"Cache-Control": "public, max-age=3600"}
        )
    gate = call.server.gate
    if gate is not None and path.startswith(dumps.PATH):
        text = dumps.dump(gate, path.removeprefix(dumps.PATH))
        if text is not None:
            return Response(raw=text.encode(), content_type=_TEXT)
    if first == "openapi":
        return _openapi(call, "/".join(rest))
    raise errors.page_not_found()


def _openapi(call: Call, path: str) -> Response:
    """``v2``, ``v3`` (the index) or ``v3/apis/apps/v1``."""
    registry = call.server.registry
    if path == "v2":
        if _takes_only_protobuf(call):
            return tagged(call, openapi.v2_protobuf(registry), _V2_PROTOBUF)
        return tagged(call, call.server.cached("openapi/v2", lambda: orjson.dumps(openapi.v2(registry))))
    if path == "v3":
        return tagged(call, call.server.cached("openapi/v3", lambda: orjson.dumps(openapi.v3_index(registry))))
    group = path.removeprefix("v3/")
    raw = call.server.cached(f"openapi/{path}", lambda: orjson.dumps(openapi.v3_group(registry, group)))
    if raw == b"null" or group == path:
        raise errors.page_not_found()
    return tagged(call, raw)


def _takes_only_protobuf(call: Call) -> bool:
    accept = call.request.headers.get("accept", "")
    return "proto-openapi" in accept and not any(word in accept for word in ("json", "*/*"))


def _discovery(call: Call, first: str, rest: list[str]) -> Response:
    """``/api``, ``/apis``, a group, or a group's version."""
    registry = call.server.registry
    if not rest:
        return _roots(call, core=first == "api")
    if first == "apis" and len(rest) == 1:
        return _or_404(discovery.group(registry, rest[0]))
    group, version = ("", rest[0]) if first == "api" else (rest[0], rest[1])
    return _or_404(discovery.resource_list(registry, group, version))


def _or_404(document: Obj | None) -> Response:
    if document is None:
        raise errors.page_not_found()
    return Response(obj=document)


def _roots(call: Call, *, core: bool) -> Response:
    """``/api`` or ``/apis``, aggregated if the client asks for that form."""
    server = call.server
    for clause in call.request.headers.get("accept", "").split(","):
        if "as=APIGroupDiscoveryList" in clause:
            return _aggregated(call, core, "v2beta1" if "v=v2beta1" in clause else "v2")
    address = f"{server.advertised[0]}:{server.advertised[1]}"
    return Response(obj=discovery.core_versions(address) if core else discovery.group_list(server.registry))


def _aggregated(call: Call, core: bool, version: str) -> Response:
    def make() -> bytes:
        return orjson.dumps(discovery.aggregated(call.server.registry, core=core, version=version))

    content_type = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return tagged(call, call.server.cached(f"aggregated/{core}/{version}", make), content_type)


def tagged(call: Call, raw: bytes, content_type: str = "application/json") -> Response:
    """A document with its ETag; 304 without a body for a client that has it."""
    tag = f'"{hashlib.sha512(raw).hexdigest().upper()}"'
    headers = {"ETag": tag, "Vary": "Accept"}
    if call.request.headers.get("if-none-match") == tag:
        return Response(304, raw=b"", content_type=content_type, headers=headers)
    return Response(raw=raw, content_type=content_type, headers=headers)


def _paths(call: Call) -> list[str]:
    """What is served, as ``/`` lists it."""
    groups = call.server.registry.groups()
    found = ["/api", "/api/v1", "/apis"]
    for group, versions in groups.items():
        if group:
            found += [f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)]
    found += [f"/{kind}{check}" for kind in _HEALTH for check in ("", *(f"/{name}" for name in _CHECKS))]
    return sorted([*found, "/metrics", "/openapi/v2", "/openapi/v3", "/version"])


def _health(call: Call, kind: str, check: str) -> Response:
    """``ok``, or with ``?verbose`` a line per check."""
    if check and check not in _CHECKS:
        raise errors.page_not_found()
    if "verbose" not in call.request.query or check:
        return Response(raw=b"ok", content_type=_TEXT)
    excluded = call.request.query.get("exclude", ())
    lines = [f"[+]{name} excluded: ok" if name in excluded else f"[+]{name} ok" for name in _CHECKS]
    return Response(raw="\n".join([*lines, f"{kind} check passed", ""]).encode(), content_type=_TEXT)
