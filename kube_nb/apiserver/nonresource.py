"""Paths that are no resource: health, version, discovery, OpenAPI.

Models apiserver pkg/server/{healthz,routes} and pkg/endpoints/discovery.
"""

from kube_nb.apiserver.call import Call
from kube_nb.machinery import errors
from kube_nb.machinery.exchange import Response


async def serve(call: Call) -> Response:
    """404 for everything else."""
    path = call.info.path.rstrip("/") or "/"
    if path == "/version":
        return Response(obj=call.server.version_info())
    first, _, rest = path[1:].partition("/")
    if first in ("healthz", "livez", "readyz"):
        return _health(call, first, rest)
    raise errors.page_not_found()


_CHECKS = (
    "ping",
    "log",
    "etcd",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
)


def _health(call: Call, kind: str, check: str) -> Response:
    if check and check not in _CHECKS:
        raise errors.page_not_found()
    if "verbose" not in call.request.query or check:
        return Response(raw=b"ok", content_type="text/plain; charset=utf-8")
    lines = [f"[+]{name} ok" for name in _CHECKS]
    return Response(
        raw="\n".join([*lines, f"{kind} check passed", ""]).encode(), content_type="text/plain; charset=utf-8"
    )
