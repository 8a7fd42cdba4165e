"""What a URL asks for: verb, group, version, resource, namespace, name, subresource.

Models apiserver pkg/endpoints/request/requestinfo.go.
"""

import functools
from dataclasses import dataclass

from kube_nb.machinery.exchange import Request

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
#: Path segments below ``namespaces/NAME`` that belong to the namespace itself.
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_TRUE = ("true", "1", "")
#: Longer paths are not remembered: nobody sends them twice but those who want to fill the memory.
LONGEST_KNOWN = 300


@dataclass(slots=True)
class RequestInfo:
    """verb: ``get list watch create update patch delete deletecollection``, or the method in lower case for a path that
    is no resource. rest: what follows a subresource, for proxies (``/healthz`` in ``.../pods/web/proxy/healthz``)."""

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""

    @property
    def resource_with_subresource(self) -> str:
        """``pods/log``, as RBAC rules write it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    @property
    def group_resource(self) -> str:
        """``deployments.apps``, as error messages write it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def parse(request: Request) -> RequestInfo:
    """The info of a request, shared by equal ones; a path outside ``/api`` and ``/apis``, or a discovery path, is no
    resource."""
    watches = "watch" in request.query and request.query["watch"][0] in _TRUE
    parsed = _known if len(request.path) <= LONGEST_KNOWN else _parsed
    return parsed(request.method, request.path, watches)


def _parsed(method: str, path: str, watches: bool) -> RequestInfo:
    info = RequestInfo(path, method.lower())
    parts = [part for part in path.split("/") if part]
    count = len(parts)
    if count >= 3 and parts[0] == "api":
        info.version, parts = parts[1], parts[2:]
    elif count >= 4 and parts[0] == "apis":
        info.group, info.version, parts = parts[1], parts[2], parts[3:]
    else:
        return info
    info.is_resource = True
    info.verb = _VERBS.get(method, "")
    if parts[0] == "watch" and len(parts) > 1:
        info.verb, parts = "watch", parts[1:]
    if parts[0] == "namespaces" and len(parts) > 1:
        info.namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    info.resource, *below = parts
    if below:
        info.name = below[0]
    if len(below) > 1:
        info.subresource = below[1]
        place = count - len(below) + 2
        info.rest = "/".join(["", *path.split("/", place + 1)[place + 1 :]])
    _refine_verb(info, watches)
    return info


_known = functools.lru_cache(maxsize=8192)(_parsed)


def _refine_verb(info: RequestInfo, watches: bool) -> None:
    if info.name:
        if info.verb == "get" and not info.subresource and watches:
            info.verb = "watch"
        return
    if info.verb == "get":
        info.verb = "watch" if watches else "list"
    elif info.verb == "delete":
        info.verb = "deletecollection"
