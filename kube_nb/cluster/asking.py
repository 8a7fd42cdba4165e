"""One request, told station by station: who asked, whether it may, what admission made of it, what was stored, who saw.

The request is really made; `kube_nb.apiserver.story` records its way.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import yaml

from kube_nb.client.errors import Unreachable
from kube_nb.kubectl.mapper import Mapper
from kube_nb.machinery.exchange import Request, Response, User
from kube_nb.machinery.refusals import BadArgument
from kube_nb.machinery.types import Obj

if TYPE_CHECKING:
    from kube_nb.cluster.engine import Engine

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: What a PATCH's body may be, by kubectl's names for it.
PATCH_TYPES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Station(TypedDict):
    """seconds: of the processor's time."""

    name: str
    effect: str
    seconds: float


class Told(TypedDict):
    """status: HTTP code. obj: what came back. stations: in the order in which they were passed."""

    method: str
    path: str
    user: str
    status: int
    obj: Any
    stations: list[Station]


async def ask(
    engine: "Engine",
    method: str,
    what: str,
    *,
    user: User,
    namespace: str = "default",
    body: "Obj | str | None" = None,
    patch_type: str = "strategic",
    query: Mapping[str, str] | None = None,
) -> Told:
    """Make a request and tell its way.

    what: a path, or a kind with perhaps a name: ``/api/v1/nodes``, ``pods``, ``deployment web``, ``pod/web/log``.
    ValueError for a method, a kind or a body that cannot be; Unreachable without an API server.
    """
    if method not in METHODS:
        raise BadArgument(f'"{method}" is no method of the API; there are {", ".join(METHODS)}')
    if patch_type not in PATCH_TYPES:
        raise BadArgument(f'"{patch_type}" is no type of patch; there are {", ".join(PATCH_TYPES)}')
    server = engine.apiserver
    if server is None:
        raise Unreachable("dial tcp 127.0.0.1:6443: connect: connection refused")
    path = what if what.startswith("/") else await _path(Mapper(engine.admin), what, namespace)
    kind = PATCH_TYPES[patch_type] if method == "PATCH" else "application/json"
    headers = {"accept": "application/json", "content-type": kind, "user-agent": "kubectl/v1.37.0"}
    options = dict(query or {})
    if patch_type == "apply" and method == "PATCH":
        options.setdefault("fieldManager", "kubectl")
    request = Request(
        method, path, {name: [value] for name, value in options.items()}, headers, _body(method, body), user=user
    )
    response, stations = await server.story(request)
    return {
        "method": method,
        "path": path,
        "user": user.name,
        "status": response.status,
        "obj": _answer(response),
        "stations": _in_order([{"name": s.name, "effect": s.effect, "seconds": s.seconds} for s in stations]),
    }


def _in_order(stations: list[Station]) -> list[Station]:
    """The store before its watchers, who in this kernel are told within the store's commit and so told of first."""
    names = [station["name"] for station in stations]
    if "store" in names and "watchers" in names and (place := names.index("store")) > names.index("watchers"):
        stations.insert(names.index("watchers"), stations.pop(place))
    return stations


def _answer(response: Response) -> Any:
    """The object that came back; None for a stream and for what is no JSON."""
    if response.obj is None and (response.raw is None or not response.content_type.startswith("application/json")):
        return None
    return response.object()


async def _path(mapper: Mapper, what: str, namespace: str) -> str:
    """``/api/v1/namespaces/default/pods/web`` for ``pod web`` or ``pod/web``."""
    kind, *rest = what.replace("/", " ").split()
    resource = await mapper.resource(kind)
    name, subresource = [*rest, "", ""][:2]
    return resource.gvr.path(namespace if resource.namespaced else None, name or None, subresource or None)


def _body(method: str, body: "Obj | str | None") -> Any:
    if isinstance(body, str):
        try:
            body = yaml.safe_load(body)
        except yaml.YAMLError as error:
            raise BadArgument(f"the body is no YAML: {error}") from None
    if body is None and method in ("POST", "PUT", "PATCH"):
        raise BadArgument(f"a {method} wants a body: give it in the cell, below %%kube request {method} ...")
    return body
